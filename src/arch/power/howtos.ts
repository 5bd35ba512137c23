import type { HowtoRole } from "../arch.ts";
import { absolute, type HowtoRow, hint, howtoTable, none, once, relative, runs } from "../howto.ts";

const tls = { role: "tls" } as const;

/**
 * A prefixed instruction is two words: the high part lies in the first, 16 bits in the second. Power ISA 3.1, "MLS:D".
 */
const D34 = runs("47:32 17:0");
const D28 = runs("47:32 11:0");
/** d2, d1, d0 of addpcis. Power ISA, "DX-FORM". */
const DX = runs("0 20:16 15:6");

const ADJUST = 0x8000n;
const ADJUST34 = 1n << 33n;

const insn = (type: number, size: number, extra: Omit<HowtoRow, "type" | "size">): HowtoRow => ({
  type,
  size,
  insn: true,
  ...extra,
});
const pc = (row: HowtoRow): HowtoRow => ({ ...row, pcrel: true });

/** A 16-bit immediate with the part of the value that starts at a bit; `adjusted` for a signed part below. */
const half = (type: number, role: HowtoRole): HowtoRow => insn(type, 2, { signed: true, role });
const lo = (type: number, role: HowtoRole = "low"): HowtoRow => insn(type, 2, { role });
const part = (type: number, rightshift: number, role: HowtoRole = "page"): HowtoRow =>
  insn(type, 2, { signed: true, rightshift, role });
const adjusted = (type: number, rightshift: number, role: HowtoRole = "page"): HowtoRow => ({
  ...part(type, rightshift, role),
  rounding: rightshift < 34 || rightshift === 48 ? ADJUST : ADJUST34,
});
/** A DS-form immediate, whose two lowest bits belong to the opcode. */
const ds = (type: number, role: HowtoRole): HowtoRow =>
  insn(type, 2, { bits: runs("15:2"), rightshift: 2, signed: true, role });
const loDs = (type: number, role: HowtoRole = "low"): HowtoRow => ({ ...ds(type, role), signed: false });

const branch24 = (type: number): HowtoRow =>
  insn(type, 4, { bits: runs("25:2"), rightshift: 2, signed: true, role: "branch" });
const branch14 = (type: number): HowtoRow => ({ ...branch24(type), bits: runs("15:2") });
/** The linker also sets the bit that predicts the branch. */
const predicted14 = (type: number): HowtoRow => ({ ...branch14(type), mask: 0x20fffcn });
const prefixed = (type: number, role: HowtoRole, rightshift = 0): HowtoRow =>
  insn(type, 8, { bits: D34, rightshift, signed: true, role, unit: 4 });
const pcPrefixed = (type: number, role: HowtoRole): HowtoRow => pc(prefixed(type, role));

/** 64-bit ELF V2 ABI for Power, "Relocation Types"; types of the older ABI and of binutils among them. */
export const powerHowtos = once(() =>
  howtoTable({
    R_PPC64_NONE: none(0),
    R_PPC64_ADDR32: absolute(1, 4),
    R_PPC64_ADDR24: branch24(2),
    R_PPC64_ADDR16: half(3, "address"),
    R_PPC64_ADDR16_LO: lo(4),
    R_PPC64_ADDR16_HI: part(5, 16),
    R_PPC64_ADDR16_HA: adjusted(6, 16),
    R_PPC64_ADDR14: branch14(7),
    R_PPC64_ADDR14_BRTAKEN: predicted14(8),
    R_PPC64_ADDR14_BRNTAKEN: predicted14(9),
    R_PPC64_REL24: pc(branch24(10)),
    R_PPC64_REL14: pc(branch14(11)),
    R_PPC64_REL14_BRTAKEN: pc(predicted14(12)),
    R_PPC64_REL14_BRNTAKEN: pc(predicted14(13)),
    R_PPC64_GOT16: half(14, "got"),
    R_PPC64_GOT16_LO: lo(15, "got"),
    R_PPC64_GOT16_HI: part(16, 16, "got"),
    R_PPC64_GOT16_HA: adjusted(17, 16, "got"),
    R_PPC64_COPY: { type: 19 },
    R_PPC64_GLOB_DAT: absolute(20, 8),
    R_PPC64_JMP_SLOT: absolute(21, 8, { role: "branch" }),
    R_PPC64_RELATIVE: absolute(22, 8),
    R_PPC64_UADDR32: absolute(24, 4),
    R_PPC64_UADDR16: absolute(25, 2),
    R_PPC64_REL32: relative(26, 4),
    R_PPC64_PLT32: absolute(27, 4, { role: "branch" }),
    R_PPC64_PLTREL32: relative(28, 4, { role: "branch" }),
    R_PPC64_PLT16_LO: lo(29, "got"),
    R_PPC64_PLT16_HI: part(30, 16, "got"),
    R_PPC64_PLT16_HA: adjusted(31, 16, "got"),
    R_PPC64_SECTOFF: half(33, "address"),
    R_PPC64_SECTOFF_LO: lo(34),
    R_PPC64_SECTOFF_HI: part(35, 16),
    R_PPC64_SECTOFF_HA: adjusted(36, 16),
    R_PPC64_REL30: relative(37, 4, { bits: runs("31:2"), rightshift: 2 }),
    R_PPC64_ADDR64: absolute(38, 8),
    R_PPC64_ADDR16_HIGHER: part(39, 32),
    R_PPC64_ADDR16_HIGHERA: adjusted(40, 32),
    R_PPC64_ADDR16_HIGHEST: part(41, 48),
    R_PPC64_ADDR16_HIGHESTA: adjusted(42, 48),
    R_PPC64_UADDR64: absolute(43, 8),
    R_PPC64_REL64: relative(44, 8),
    R_PPC64_PLT64: absolute(45, 8, { role: "branch" }),
    R_PPC64_PLTREL64: relative(46, 8, { role: "branch" }),
    R_PPC64_TOC16: half(47, "address"),
    R_PPC64_TOC16_LO: lo(48),
    R_PPC64_TOC16_HI: part(49, 16),
    R_PPC64_TOC16_HA: adjusted(50, 16),
    R_PPC64_TOC: absolute(51, 8, { role: "other" }),
    R_PPC64_PLTGOT16: half(52, "got"),
    R_PPC64_PLTGOT16_LO: lo(53, "got"),
    R_PPC64_PLTGOT16_HI: part(54, 16, "got"),
    R_PPC64_PLTGOT16_HA: adjusted(55, 16, "got"),
    R_PPC64_ADDR16_DS: ds(56, "address"),
    R_PPC64_ADDR16_LO_DS: loDs(57),
    R_PPC64_GOT16_DS: ds(58, "got"),
    R_PPC64_GOT16_LO_DS: loDs(59, "got"),
    R_PPC64_PLT16_LO_DS: loDs(60, "got"),
    R_PPC64_SECTOFF_DS: ds(61, "address"),
    R_PPC64_SECTOFF_LO_DS: loDs(62),
    R_PPC64_TOC16_DS: ds(63, "address"),
    R_PPC64_TOC16_LO_DS: loDs(64),
    R_PPC64_PLTGOT16_DS: ds(65, "got"),
    R_PPC64_PLTGOT16_LO_DS: loDs(66, "got"),
    R_PPC64_TLS: hint(67),
    R_PPC64_DTPMOD64: absolute(68, 8, tls),
    R_PPC64_TPREL16: half(69, "tls"),
    R_PPC64_TPREL16_LO: lo(70, "tls"),
    R_PPC64_TPREL16_HI: part(71, 16, "tls"),
    R_PPC64_TPREL16_HA: adjusted(72, 16, "tls"),
    R_PPC64_TPREL64: absolute(73, 8, tls),
    R_PPC64_DTPREL16: half(74, "tls"),
    R_PPC64_DTPREL16_LO: lo(75, "tls"),
    R_PPC64_DTPREL16_HI: part(76, 16, "tls"),
    R_PPC64_DTPREL16_HA: adjusted(77, 16, "tls"),
    R_PPC64_DTPREL64: absolute(78, 8, tls),
    R_PPC64_GOT_TLSGD16: half(79, "tls"),
    R_PPC64_GOT_TLSGD16_LO: lo(80, "tls"),
    R_PPC64_GOT_TLSGD16_HI: part(81, 16, "tls"),
    R_PPC64_GOT_TLSGD16_HA: adjusted(82, 16, "tls"),
    R_PPC64_GOT_TLSLD16: half(83, "tls"),
    R_PPC64_GOT_TLSLD16_LO: lo(84, "tls"),
    R_PPC64_GOT_TLSLD16_HI: part(85, 16, "tls"),
    R_PPC64_GOT_TLSLD16_HA: adjusted(86, 16, "tls"),
    R_PPC64_GOT_TPREL16_DS: ds(87, "tls"),
    R_PPC64_GOT_TPREL16_LO_DS: loDs(88, "tls"),
    R_PPC64_GOT_TPREL16_HI: part(89, 16, "tls"),
    R_PPC64_GOT_TPREL16_HA: adjusted(90, 16, "tls"),
    R_PPC64_GOT_DTPREL16_DS: ds(91, "tls"),
    R_PPC64_GOT_DTPREL16_LO_DS: loDs(92, "tls"),
    R_PPC64_GOT_DTPREL16_HI: part(93, 16, "tls"),
    R_PPC64_GOT_DTPREL16_HA: adjusted(94, 16, "tls"),
    R_PPC64_TPREL16_DS: ds(95, "tls"),
    R_PPC64_TPREL16_LO_DS: loDs(96, "tls"),
    R_PPC64_TPREL16_HIGHER: part(97, 32, "tls"),
    R_PPC64_TPREL16_HIGHERA: adjusted(98, 32, "tls"),
    R_PPC64_TPREL16_HIGHEST: part(99, 48, "tls"),
    R_PPC64_TPREL16_HIGHESTA: adjusted(100, 48, "tls"),
    R_PPC64_DTPREL16_DS: ds(101, "tls"),
    R_PPC64_DTPREL16_LO_DS: loDs(102, "tls"),
    R_PPC64_DTPREL16_HIGHER: part(103, 32, "tls"),
    R_PPC64_DTPREL16_HIGHERA: adjusted(104, 32, "tls"),
    R_PPC64_DTPREL16_HIGHEST: part(105, 48, "tls"),
    R_PPC64_DTPREL16_HIGHESTA: adjusted(106, 48, "tls"),
    R_PPC64_TLSGD: hint(107),
    R_PPC64_TLSLD: hint(108),
    R_PPC64_TOCSAVE: hint(109),
    R_PPC64_ADDR16_HIGH: part(110, 16),
    R_PPC64_ADDR16_HIGHA: adjusted(111, 16),
    R_PPC64_TPREL16_HIGH: part(112, 16, "tls"),
    R_PPC64_TPREL16_HIGHA: adjusted(113, 16, "tls"),
    R_PPC64_DTPREL16_HIGH: part(114, 16, "tls"),
    R_PPC64_DTPREL16_HIGHA: adjusted(115, 16, "tls"),
    R_PPC64_REL24_NOTOC: pc(branch24(116)),
    R_PPC64_ADDR64_LOCAL: absolute(117, 8),
    R_PPC64_ENTRY: hint(118),
    R_PPC64_PLTSEQ: hint(119),
    R_PPC64_PLTCALL: hint(120),
    R_PPC64_PLTSEQ_NOTOC: hint(121),
    R_PPC64_PLTCALL_NOTOC: hint(122),
    R_PPC64_PCREL_OPT: hint(123),
    R_PPC64_REL24_P9NOTOC: pc(branch24(124)),
    R_PPC64_D34: prefixed(128, "address"),
    R_PPC64_D34_LO: { ...prefixed(129, "low"), signed: false },
    R_PPC64_D34_HI30: prefixed(130, "page", 34),
    R_PPC64_D34_HA30: { ...prefixed(131, "page", 34), rounding: ADJUST34 },
    R_PPC64_PCREL34: pcPrefixed(132, "address"),
    R_PPC64_GOT_PCREL34: pcPrefixed(133, "got"),
    R_PPC64_PLT_PCREL34: pcPrefixed(134, "got"),
    R_PPC64_PLT_PCREL34_NOTOC: pcPrefixed(135, "got"),
    R_PPC64_ADDR16_HIGHER34: part(136, 34),
    R_PPC64_ADDR16_HIGHERA34: adjusted(137, 34),
    R_PPC64_ADDR16_HIGHEST34: part(138, 50),
    R_PPC64_ADDR16_HIGHESTA34: adjusted(139, 50),
    R_PPC64_REL16_HIGHER34: pc(part(140, 34)),
    R_PPC64_REL16_HIGHERA34: pc(adjusted(141, 34)),
    R_PPC64_REL16_HIGHEST34: pc(part(142, 50)),
    R_PPC64_REL16_HIGHESTA34: pc(adjusted(143, 50)),
    R_PPC64_D28: { ...prefixed(144, "address"), bits: D28 },
    R_PPC64_PCREL28: { ...pcPrefixed(145, "address"), bits: D28 },
    R_PPC64_TPREL34: prefixed(146, "tls"),
    R_PPC64_DTPREL34: prefixed(147, "tls"),
    R_PPC64_GOT_TLSGD_PCREL34: pcPrefixed(148, "tls"),
    R_PPC64_GOT_TLSLD_PCREL34: pcPrefixed(149, "tls"),
    R_PPC64_GOT_TPREL_PCREL34: pcPrefixed(150, "tls"),
    R_PPC64_GOT_DTPREL_PCREL34: pcPrefixed(151, "tls"),
    R_PPC64_REL16_HIGH: pc(part(240, 16)),
    R_PPC64_REL16_HIGHA: pc(adjusted(241, 16)),
    R_PPC64_REL16_HIGHER: pc(part(242, 32)),
    R_PPC64_REL16_HIGHERA: pc(adjusted(243, 32)),
    R_PPC64_REL16_HIGHEST: pc(part(244, 48)),
    R_PPC64_REL16_HIGHESTA: pc(adjusted(245, 48)),
    R_PPC64_REL16DX_HA: pc({ ...adjusted(246, 16), size: 4, bits: DX }),
    R_PPC64_JMP_IREL: absolute(247, 8),
    R_PPC64_IRELATIVE: absolute(248, 8),
    R_PPC64_REL16: pc(half(249, "address")),
    R_PPC64_REL16_LO: pc(lo(250)),
    R_PPC64_REL16_HI: pc(part(251, 16)),
    R_PPC64_REL16_HA: pc(adjusted(252, 16)),
    R_PPC64_GNU_VTINHERIT: hint(253),
    R_PPC64_GNU_VTENTRY: hint(254),
  }),
);
