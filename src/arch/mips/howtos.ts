import type { BitRun, Howto, HowtoRole } from "../arch.ts";
import { absolute, type HowtoRow, hint, howtoTable, makeHowto, none, once, relative, runs } from "../howto.ts";

const tls = { role: "tls" } as const;
const unused = (type: number): HowtoRow => ({ type });

const IMM16 = runs("15:0");
const IMM26 = runs("25:0");
/** Bit 5 of the shift amount lies apart. */
const SHIFT6 = runs("10:6 2");
/** An extended MIPS16 immediate: 5 bits in the second halfword, the rest in the EXTEND before it. */
const M16_IMM = runs("20:16 10:5 4:0");
/** MIPS16 JAL: 16 bits in the second halfword, and two groups of five, swapped, in the first. */
const M16_JAL = runs("31:16 9:5 4:0");
/** microMIPS, second halfword first. */
const MICRO_IMM = runs("31:16");
const MICRO_JAL = runs("31:16 9:0");

const insn = (type: number, bits: readonly BitRun[], role: HowtoRole, rightshift = 0): HowtoRow => ({
  type,
  size: 4,
  bits,
  role,
  rightshift,
  signed: true,
  insn: true,
});
const imm = (type: number, role: HowtoRole): HowtoRow => insn(type, IMM16, role);
const hi = (type: number, role: HowtoRole = "page"): HowtoRow => ({
  ...insn(type, IMM16, role, 16),
  rounding: 0x8000n,
});
const jump = (type: number, bits: readonly BitRun[], rightshift: number): HowtoRow =>
  insn(type, bits, "branch", rightshift);
const branch = (type: number, bits: readonly BitRun[], rightshift: number): HowtoRow => ({
  ...jump(type, bits, rightshift),
  pcrel: true,
});
const pc = (row: HowtoRow): HowtoRow => ({ ...row, pcrel: true });
const mips16 = (row: HowtoRow): HowtoRow => ({ ...row, bits: M16_IMM, unit: 2 });
const micro = (row: HowtoRow): HowtoRow => ({ ...row, bits: MICRO_IMM, unit: 2 });
const higher = (type: number): HowtoRow => ({ ...hi(type), rightshift: 32, rounding: 0x80008000n });
const highest = (type: number): HowtoRow => ({ ...hi(type), rightshift: 48, rounding: 0x800080008000n });

/**
 * System V ABI, MIPS supplement, "Relocation Types"; 64-bit ELF Object File Specification (SGI); binutils for the rest.
 */
export const mipsHowtos = once(() =>
  howtoTable({
    R_MIPS_NONE: none(0),
    R_MIPS_16: imm(1, "address"),
    R_MIPS_32: absolute(2, 4),
    R_MIPS_REL32: absolute(3, 4),
    R_MIPS_26: jump(4, IMM26, 2),
    R_MIPS_HI16: hi(5),
    R_MIPS_LO16: imm(6, "low"),
    R_MIPS_GPREL16: imm(7, "address"),
    R_MIPS_LITERAL: imm(8, "address"),
    R_MIPS_GOT16: imm(9, "got"),
    R_MIPS_PC16: branch(10, IMM16, 2),
    R_MIPS_CALL16: imm(11, "got"),
    R_MIPS_GPREL32: absolute(12, 4, { signed: true }),
    R_MIPS_UNUSED1: unused(13),
    R_MIPS_UNUSED2: unused(14),
    R_MIPS_UNUSED3: unused(15),
    R_MIPS_SHIFT5: { ...insn(16, runs("10:6"), "other"), signed: false },
    R_MIPS_SHIFT6: { ...insn(17, SHIFT6, "other"), signed: false },
    R_MIPS_64: absolute(18, 8),
    R_MIPS_GOT_DISP: imm(19, "got"),
    R_MIPS_GOT_PAGE: imm(20, "got"),
    R_MIPS_GOT_OFST: imm(21, "low"),
    R_MIPS_GOT_HI16: hi(22, "got"),
    R_MIPS_GOT_LO16: imm(23, "got"),
    R_MIPS_SUB: absolute(24, 8, { role: "difference" }),
    R_MIPS_INSERT_A: hint(25),
    R_MIPS_INSERT_B: hint(26),
    R_MIPS_DELETE: hint(27),
    R_MIPS_HIGHER: higher(28),
    R_MIPS_HIGHEST: highest(29),
    R_MIPS_CALL_HI16: hi(30, "got"),
    R_MIPS_CALL_LO16: imm(31, "got"),
    R_MIPS_SCN_DISP: absolute(32, 4),
    R_MIPS_REL16: absolute(33, 2, { signed: true }),
    R_MIPS_ADD_IMMEDIATE: unused(34),
    R_MIPS_PJUMP: hint(35),
    R_MIPS_RELGOT: absolute(36, 4, { role: "got" }),
    R_MIPS_JALR: hint(37),
    R_MIPS_TLS_DTPMOD32: absolute(38, 4, tls),
    R_MIPS_TLS_DTPREL32: absolute(39, 4, tls),
    R_MIPS_TLS_DTPMOD64: absolute(40, 8, tls),
    R_MIPS_TLS_DTPREL64: absolute(41, 8, tls),
    R_MIPS_TLS_GD: imm(42, "tls"),
    R_MIPS_TLS_LDM: imm(43, "tls"),
    R_MIPS_TLS_DTPREL_HI16: hi(44, "tls"),
    R_MIPS_TLS_DTPREL_LO16: imm(45, "tls"),
    R_MIPS_TLS_GOTTPREL: imm(46, "tls"),
    R_MIPS_TLS_TPREL32: absolute(47, 4, tls),
    R_MIPS_TLS_TPREL64: absolute(48, 8, tls),
    R_MIPS_TLS_TPREL_HI16: hi(49, "tls"),
    R_MIPS_TLS_TPREL_LO16: imm(50, "tls"),
    R_MIPS_GLOB_DAT: absolute(51, 4),
    R_MIPS_PC21_S2: branch(60, runs("20:0"), 2),
    R_MIPS_PC26_S2: branch(61, IMM26, 2),
    R_MIPS_PC18_S3: pc(insn(62, runs("17:0"), "address", 3)),
    R_MIPS_PC19_S2: pc(insn(63, runs("18:0"), "address", 2)),
    R_MIPS_PCHI16: pc(hi(64)),
    R_MIPS_PCLO16: pc(imm(65, "low")),
    R_MIPS16_26: { ...jump(100, M16_JAL, 2), unit: 2 },
    R_MIPS16_GPREL: mips16(imm(101, "address")),
    R_MIPS16_GOT16: mips16(imm(102, "got")),
    R_MIPS16_CALL16: mips16(imm(103, "got")),
    R_MIPS16_HI16: mips16(hi(104)),
    R_MIPS16_LO16: mips16(imm(105, "low")),
    R_MIPS16_TLS_GD: mips16(imm(106, "tls")),
    R_MIPS16_TLS_LDM: mips16(imm(107, "tls")),
    R_MIPS16_TLS_DTPREL_HI16: mips16(hi(108, "tls")),
    R_MIPS16_TLS_DTPREL_LO16: mips16(imm(109, "tls")),
    R_MIPS16_TLS_GOTTPREL: mips16(imm(110, "tls")),
    R_MIPS16_TLS_TPREL_HI16: mips16(hi(111, "tls")),
    R_MIPS16_TLS_TPREL_LO16: mips16(imm(112, "tls")),
    R_MIPS16_PC16_S1: mips16(branch(113, IMM16, 1)),
    R_MIPS_COPY: { type: 126 },
    R_MIPS_JUMP_SLOT: absolute(127, 4, { role: "branch" }),
    R_MICROMIPS_26_S1: { ...jump(133, MICRO_JAL, 1), unit: 2 },
    R_MICROMIPS_HI16: micro(hi(134)),
    R_MICROMIPS_LO16: micro(imm(135, "low")),
    R_MICROMIPS_GPREL16: micro(imm(136, "address")),
    R_MICROMIPS_LITERAL: micro(imm(137, "address")),
    R_MICROMIPS_GOT16: micro(imm(138, "got")),
    R_MICROMIPS_PC7_S1: { ...branch(139, runs("6:0"), 1), size: 2 },
    R_MICROMIPS_PC10_S1: { ...branch(140, runs("9:0"), 1), size: 2 },
    R_MICROMIPS_PC16_S1: micro(branch(141, IMM16, 1)),
    R_MICROMIPS_CALL16: micro(imm(142, "got")),
    R_MICROMIPS_GOT_DISP: micro(imm(145, "got")),
    R_MICROMIPS_GOT_PAGE: micro(imm(146, "got")),
    R_MICROMIPS_GOT_OFST: micro(imm(147, "low")),
    R_MICROMIPS_GOT_HI16: micro(hi(148, "got")),
    R_MICROMIPS_GOT_LO16: micro(imm(149, "got")),
    R_MICROMIPS_SUB: absolute(150, 8, { role: "difference" }),
    R_MICROMIPS_HIGHER: micro(higher(151)),
    R_MICROMIPS_HIGHEST: micro(highest(152)),
    R_MICROMIPS_CALL_HI16: micro(hi(153, "got")),
    R_MICROMIPS_CALL_LO16: micro(imm(154, "got")),
    R_MICROMIPS_SCN_DISP: absolute(155, 4),
    R_MICROMIPS_JALR: hint(156),
    R_MICROMIPS_HI0_LO16: micro(imm(157, "low")),
    R_MICROMIPS_TLS_GD: micro(imm(162, "tls")),
    R_MICROMIPS_TLS_LDM: micro(imm(163, "tls")),
    R_MICROMIPS_TLS_DTPREL_HI16: micro(hi(164, "tls")),
    R_MICROMIPS_TLS_DTPREL_LO16: micro(imm(165, "tls")),
    R_MICROMIPS_TLS_GOTTPREL: micro(imm(166, "tls")),
    R_MICROMIPS_TLS_TPREL_HI16: micro(hi(169, "tls")),
    R_MICROMIPS_TLS_TPREL_LO16: micro(imm(170, "tls")),
    R_MICROMIPS_GPREL7_S2: { ...insn(172, runs("6:0"), "address", 2), size: 2 },
    R_MICROMIPS_PC23_S2: { ...pc(insn(173, runs("31:16 6:0"), "address", 2)), unit: 2 },
    R_MIPS_PC32: relative(248, 4),
    R_MIPS_EH: absolute(249, 4),
    R_MIPS_GNU_REL16_S2: branch(250, IMM16, 2),
    R_MIPS_GNU_VTINHERIT: hint(253),
    R_MIPS_GNU_VTENTRY: hint(254),
  }),
);

/**
 * Records whose REL addend has its low half in a later record of another type for the same symbol: MIPS supplement,
 * "AHL". A GOT16 has one only where its symbol is local.
 */
export const lowParts = once(
  (): ReadonlyMap<number, number> =>
    new Map(
      [
        ["R_MIPS_HI16", "R_MIPS_LO16"],
        ["R_MIPS_GOT16", "R_MIPS_LO16"],
        ["R_MIPS_PCHI16", "R_MIPS_PCLO16"],
        ["R_MIPS16_HI16", "R_MIPS16_LO16"],
        ["R_MIPS16_GOT16", "R_MIPS16_LO16"],
        ["R_MICROMIPS_HI16", "R_MICROMIPS_LO16"],
        ["R_MICROMIPS_GOT16", "R_MICROMIPS_LO16"],
      ].map(([high, low]) => [typeOf(high as string), typeOf(low as string)]),
    ),
);

function typeOf(name: string): number {
  for (const howto of mipsHowtos().values()) if (howto.name === name) return howto.type;
  throw new RangeError(`${name} is in no table`);
}

/**
 * A MIPS64 record does up to three operations in turn, each on the result of the one before; only the last one stores.
 * So field and shift are the last one's, and the name tells all, for example R_MIPS_GPREL16/R_MIPS_SUB/R_MIPS_HI16.
 */
export function composeHowto(type: number): Howto | undefined {
  if (type >= 1 << 24) return undefined;
  const steps = [type & 0xff, (type >> 8) & 0xff, type >> 16].map((step) => mipsHowtos().get(step));
  while (steps.length > 1 && steps.at(-1)?.role === "none") steps.pop();
  const last = steps.at(-1);
  if (!last || steps.length < 2 || steps.includes(undefined)) return undefined;
  const name = steps.map((step) => step?.name).join("/");
  return { ...makeHowto(name, last), pcrel: steps.some((step) => step?.pcrel), family: name };
}
