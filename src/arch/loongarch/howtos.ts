import type { BitRun, HowtoRole } from "../arch.ts";
import { absolute, type HowtoRow, hint, howtoTable, none, once, relative, runs } from "../howto.ts";

const tls = { role: "tls" } as const;

/** Immediates by width, lowest bits first. LoongArch reference manual, "Instruction Coding Formats". */
const I5 = runs("14:10");
const I12 = runs("21:10");
const I16 = runs("25:10");
const I20 = runs("24:5");
const I21 = runs("25:10 4:0");
const I26 = runs("25:10 9:0");
/** jirl's 16 bits in the second word, then pcaddu18i's 20 in the first. */
const PCADDU18I_JIRL = runs("57:42 24:5");
/**
 * The same of the 32-bit architecture, whose pcaddu12i leaves jirl only part of its bits: good for comparison, not for
 * values.
 */
const PCADDU12I_JIRL = PCADDU18I_JIRL;

const insn = (type: number, bits: readonly BitRun[], rightshift: number, role: HowtoRole): HowtoRow => ({
  type,
  size: 4,
  bits,
  rightshift,
  signed: true,
  role,
  insn: true,
});
const pc = (row: HowtoRow): HowtoRow => ({ ...row, pcrel: true });
const rounded = (row: HowtoRow): HowtoRow => ({ ...row, rounding: 0x800n });
const branch = (type: number, bits: readonly BitRun[]): HowtoRow => pc(insn(type, bits, 2, "branch"));
const words = (type: number, role: HowtoRole): HowtoRow => pc(insn(type, I20, 2, role));

/** The four instructions that load parts of an address: bits 12 to 31, 0 to 11, 32 to 51, 52 to 63. */
const hi20 = (type: number, role: HowtoRole = "page") => insn(type, I20, 12, role);
const lo12 = (type: number, role: HowtoRole = "low") => insn(type, I12, 0, role);
const lo20of64 = (type: number, role: HowtoRole = "page") => insn(type, I20, 32, role);
const hi12of64 = (type: number, role: HowtoRole = "page") => insn(type, I12, 52, role);
/**
 * pcalau12i: the page of the target, as seen by a signed low part, less the page of the place; pcaddu12i: less the
 * place.
 */
const page = (type: number, role: HowtoRole = "page") => pc(rounded(hi20(type, role)));

/** An operation of the stack machine of the first ABI: several records for one place make one value. */
const stack = (type: number): HowtoRow => ({ type, role: "difference" });
const pop = (type: number, bits: readonly BitRun[], rightshift = 0): HowtoRow =>
  insn(type, bits, rightshift, "difference");
/** ADD and SUB change the field by a value: two records for one place make a difference of two symbols. */
const difference = (type: number, size: number, mask?: bigint): HowtoRow => ({
  type,
  size,
  role: "difference",
  ...(mask && { mask }),
});

/**
 * ELF for the LoongArch Architecture, "Relocations"; types 101 and 104 were withdrawn. A ULEB128 field has as many
 * bytes as its own continuation bits say: the row describes the first.
 */
export const loongarchHowtos = once(() =>
  howtoTable({
    R_LARCH_NONE: none(0),
    R_LARCH_32: absolute(1, 4),
    R_LARCH_64: absolute(2, 8),
    R_LARCH_RELATIVE: absolute(3, 8),
    R_LARCH_COPY: { type: 4 },
    R_LARCH_JUMP_SLOT: absolute(5, 8, { role: "branch" }),
    R_LARCH_TLS_DTPMOD32: absolute(6, 4, tls),
    R_LARCH_TLS_DTPMOD64: absolute(7, 8, tls),
    R_LARCH_TLS_DTPREL32: absolute(8, 4, tls),
    R_LARCH_TLS_DTPREL64: absolute(9, 8, tls),
    R_LARCH_TLS_TPREL32: absolute(10, 4, tls),
    R_LARCH_TLS_TPREL64: absolute(11, 8, tls),
    R_LARCH_IRELATIVE: absolute(12, 8),
    R_LARCH_TLS_DESC32: absolute(13, 8, tls),
    R_LARCH_TLS_DESC64: absolute(14, 16, tls),
    R_LARCH_MARK_LA: hint(20),
    R_LARCH_MARK_PCREL: hint(21),
    R_LARCH_SOP_PUSH_PCREL: stack(22),
    R_LARCH_SOP_PUSH_ABSOLUTE: stack(23),
    R_LARCH_SOP_PUSH_DUP: stack(24),
    R_LARCH_SOP_PUSH_GPREL: stack(25),
    R_LARCH_SOP_PUSH_TLS_TPREL: stack(26),
    R_LARCH_SOP_PUSH_TLS_GOT: stack(27),
    R_LARCH_SOP_PUSH_TLS_GD: stack(28),
    R_LARCH_SOP_PUSH_PLT_PCREL: stack(29),
    R_LARCH_SOP_ASSERT: stack(30),
    R_LARCH_SOP_NOT: stack(31),
    R_LARCH_SOP_SUB: stack(32),
    R_LARCH_SOP_SL: stack(33),
    R_LARCH_SOP_SR: stack(34),
    R_LARCH_SOP_ADD: stack(35),
    R_LARCH_SOP_AND: stack(36),
    R_LARCH_SOP_IF_ELSE: stack(37),
    R_LARCH_SOP_POP_32_S_10_5: pop(38, I5),
    R_LARCH_SOP_POP_32_U_10_12: { ...pop(39, I12), signed: false },
    R_LARCH_SOP_POP_32_S_10_12: pop(40, I12),
    R_LARCH_SOP_POP_32_S_10_16: pop(41, I16),
    R_LARCH_SOP_POP_32_S_10_16_S2: pop(42, I16, 2),
    R_LARCH_SOP_POP_32_S_5_20: pop(43, I20),
    R_LARCH_SOP_POP_32_S_0_5_10_16_S2: pop(44, I21, 2),
    R_LARCH_SOP_POP_32_S_0_10_10_16_S2: pop(45, I26, 2),
    R_LARCH_SOP_POP_32_U: difference(46, 4),
    R_LARCH_ADD8: difference(47, 1),
    R_LARCH_ADD16: difference(48, 2),
    R_LARCH_ADD24: difference(49, 3),
    R_LARCH_ADD32: difference(50, 4),
    R_LARCH_ADD64: difference(51, 8),
    R_LARCH_SUB8: difference(52, 1),
    R_LARCH_SUB16: difference(53, 2),
    R_LARCH_SUB24: difference(54, 3),
    R_LARCH_SUB32: difference(55, 4),
    R_LARCH_SUB64: difference(56, 8),
    R_LARCH_GNU_VTINHERIT: hint(57),
    R_LARCH_GNU_VTENTRY: hint(58),
    R_LARCH_B16: branch(64, I16),
    R_LARCH_B21: branch(65, I21),
    R_LARCH_B26: branch(66, I26),
    R_LARCH_ABS_HI20: hi20(67),
    R_LARCH_ABS_LO12: { ...lo12(68), signed: false },
    R_LARCH_ABS64_LO20: lo20of64(69),
    R_LARCH_ABS64_HI12: hi12of64(70),
    R_LARCH_PCALA_HI20: page(71),
    R_LARCH_PCALA_LO12: lo12(72),
    R_LARCH_PCALA64_LO20: pc(lo20of64(73)),
    R_LARCH_PCALA64_HI12: pc(hi12of64(74)),
    R_LARCH_GOT_PC_HI20: page(75, "got"),
    R_LARCH_GOT_PC_LO12: lo12(76, "got"),
    R_LARCH_GOT64_PC_LO20: pc(lo20of64(77, "got")),
    R_LARCH_GOT64_PC_HI12: pc(hi12of64(78, "got")),
    R_LARCH_GOT_HI20: hi20(79, "got"),
    R_LARCH_GOT_LO12: { ...lo12(80, "got"), signed: false },
    R_LARCH_GOT64_LO20: lo20of64(81, "got"),
    R_LARCH_GOT64_HI12: hi12of64(82, "got"),
    R_LARCH_TLS_LE_HI20: hi20(83, "tls"),
    R_LARCH_TLS_LE_LO12: { ...lo12(84, "tls"), signed: false },
    R_LARCH_TLS_LE64_LO20: lo20of64(85, "tls"),
    R_LARCH_TLS_LE64_HI12: hi12of64(86, "tls"),
    R_LARCH_TLS_IE_PC_HI20: page(87, "tls"),
    R_LARCH_TLS_IE_PC_LO12: lo12(88, "tls"),
    R_LARCH_TLS_IE64_PC_LO20: pc(lo20of64(89, "tls")),
    R_LARCH_TLS_IE64_PC_HI12: pc(hi12of64(90, "tls")),
    R_LARCH_TLS_IE_HI20: hi20(91, "tls"),
    R_LARCH_TLS_IE_LO12: { ...lo12(92, "tls"), signed: false },
    R_LARCH_TLS_IE64_LO20: lo20of64(93, "tls"),
    R_LARCH_TLS_IE64_HI12: hi12of64(94, "tls"),
    R_LARCH_TLS_LD_PC_HI20: page(95, "tls"),
    R_LARCH_TLS_LD_HI20: hi20(96, "tls"),
    R_LARCH_TLS_GD_PC_HI20: page(97, "tls"),
    R_LARCH_TLS_GD_HI20: hi20(98, "tls"),
    R_LARCH_32_PCREL: relative(99, 4),
    R_LARCH_RELAX: hint(100),
    R_LARCH_DELETE: hint(101),
    R_LARCH_ALIGN: hint(102),
    R_LARCH_PCREL20_S2: words(103, "address"),
    R_LARCH_CFA: hint(104),
    R_LARCH_ADD6: difference(105, 1, 0x3fn),
    R_LARCH_SUB6: difference(106, 1, 0x3fn),
    R_LARCH_ADD_ULEB128: difference(107, 1, 0x7fn),
    R_LARCH_SUB_ULEB128: difference(108, 1, 0x7fn),
    R_LARCH_64_PCREL: relative(109, 8),
    R_LARCH_CALL36: { ...branch(110, PCADDU18I_JIRL), size: 8, encoding: "paired" },
    R_LARCH_TLS_DESC_PC_HI20: page(111, "tls"),
    R_LARCH_TLS_DESC_PC_LO12: lo12(112, "tls"),
    R_LARCH_TLS_DESC64_PC_LO20: pc(lo20of64(113, "tls")),
    R_LARCH_TLS_DESC64_PC_HI12: pc(hi12of64(114, "tls")),
    R_LARCH_TLS_DESC_HI20: hi20(115, "tls"),
    R_LARCH_TLS_DESC_LO12: { ...lo12(116, "tls"), signed: false },
    R_LARCH_TLS_DESC64_LO20: lo20of64(117, "tls"),
    R_LARCH_TLS_DESC64_HI12: hi12of64(118, "tls"),
    R_LARCH_TLS_DESC_LD: hint(119),
    R_LARCH_TLS_DESC_CALL: hint(120),
    R_LARCH_TLS_LE_HI20_R: rounded(hi20(121, "tls")),
    R_LARCH_TLS_LE_ADD_R: hint(122),
    R_LARCH_TLS_LE_LO12_R: lo12(123, "tls"),
    R_LARCH_TLS_LD_PCREL20_S2: words(124, "tls"),
    R_LARCH_TLS_GD_PCREL20_S2: words(125, "tls"),
    R_LARCH_TLS_DESC_PCREL20_S2: words(126, "tls"),
    R_LARCH_CALL30: { ...branch(127, PCADDU12I_JIRL), size: 8 },
    R_LARCH_PCADD_HI20: page(128),
    R_LARCH_PCADD_LO12: lo12(129),
    R_LARCH_GOT_PCADD_HI20: page(130, "got"),
    R_LARCH_GOT_PCADD_LO12: lo12(131, "got"),
    R_LARCH_TLS_IE_PCADD_HI20: page(132, "tls"),
    R_LARCH_TLS_IE_PCADD_LO12: lo12(133, "tls"),
    R_LARCH_TLS_LD_PCADD_HI20: page(134, "tls"),
    R_LARCH_TLS_LD_PCADD_LO12: lo12(135, "tls"),
    R_LARCH_TLS_GD_PCADD_HI20: page(136, "tls"),
    R_LARCH_TLS_GD_PCADD_LO12: lo12(137, "tls"),
    R_LARCH_TLS_DESC_PCADD_HI20: page(138, "tls"),
    R_LARCH_TLS_DESC_PCADD_LO12: lo12(139, "tls"),
  }),
);
