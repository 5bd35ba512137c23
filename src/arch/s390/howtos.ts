import type { HowtoRole } from "../arch.ts";
import { absolute, type HowtoRow, hint, howtoTable, none, once, relative, runs } from "../howto.ts";

const got = { role: "got" } as const;
const tls = { role: "tls" } as const;
const branch = { role: "branch" } as const;

/** DL, the low 12 bits, then DH, the high 8. Principles of Operation, "RXY format". */
const LONG_DISPLACEMENT = runs("27:16 15:8");

const displacement12 = (type: number, role: HowtoRole): HowtoRow => ({ type, size: 2, mask: 0xfffn, role, insn: true });
const displacement20 = (type: number, role: HowtoRole): HowtoRow => ({
  type,
  size: 4,
  bits: LONG_DISPLACEMENT,
  signed: true,
  role,
  insn: true,
});
/** Relative offsets in instructions count halfwords. */
const halfwords = (type: number, bits: 12 | 16 | 24 | 32, role: HowtoRole = "address", family?: string): HowtoRow => ({
  ...relative(type, Math.ceil(bits / 8), { role, insn: true, rightshift: 1 }),
  mask: (1n << BigInt(bits)) - 1n,
  ...(family && { family }),
});

/** z/Architecture ELF ABI supplement, "Relocation Types"; the GNU_VT types are binutils' own. */
export const s390Howtos = once(() =>
  howtoTable({
    R_390_NONE: none(0),
    R_390_8: absolute(1, 1),
    R_390_12: displacement12(2, "address"),
    R_390_16: absolute(3, 2),
    R_390_32: absolute(4, 4),
    R_390_PC32: relative(5, 4),
    R_390_GOT12: displacement12(6, "got"),
    R_390_GOT32: absolute(7, 4, got),
    R_390_PLT32: relative(8, 4, { role: "branch", family: "R_390_PC32" }),
    R_390_COPY: { type: 9 },
    R_390_GLOB_DAT: absolute(10, 8),
    R_390_JMP_SLOT: absolute(11, 8, branch),
    R_390_RELATIVE: absolute(12, 8),
    R_390_GOTOFF32: absolute(13, 4),
    R_390_GOTPC: relative(14, 4),
    R_390_GOT16: absolute(15, 2, got),
    R_390_PC16: relative(16, 2),
    R_390_PC16DBL: halfwords(17, 16),
    R_390_PLT16DBL: halfwords(18, 16, "branch", "R_390_PC16DBL"),
    R_390_PC32DBL: halfwords(19, 32),
    R_390_PLT32DBL: halfwords(20, 32, "branch", "R_390_PC32DBL"),
    R_390_GOTPCDBL: halfwords(21, 32),
    R_390_64: absolute(22, 8),
    R_390_PC64: relative(23, 8),
    R_390_GOT64: absolute(24, 8, got),
    R_390_PLT64: relative(25, 8, { role: "branch", family: "R_390_PC64" }),
    R_390_GOTENT: halfwords(26, 32, "got"),
    R_390_GOTOFF16: absolute(27, 2),
    R_390_GOTOFF64: absolute(28, 8),
    R_390_GOTPLT12: displacement12(29, "got"),
    R_390_GOTPLT16: absolute(30, 2, got),
    R_390_GOTPLT32: absolute(31, 4, got),
    R_390_GOTPLT64: absolute(32, 8, got),
    R_390_GOTPLTENT: halfwords(33, 32, "got"),
    R_390_PLTOFF16: absolute(34, 2, branch),
    R_390_PLTOFF32: absolute(35, 4, branch),
    R_390_PLTOFF64: absolute(36, 8, branch),
    R_390_TLS_LOAD: hint(37),
    R_390_TLS_GDCALL: hint(38),
    R_390_TLS_LDCALL: hint(39),
    R_390_TLS_GD32: absolute(40, 4, tls),
    R_390_TLS_GD64: absolute(41, 8, tls),
    R_390_TLS_GOTIE12: displacement12(42, "tls"),
    R_390_TLS_GOTIE32: absolute(43, 4, tls),
    R_390_TLS_GOTIE64: absolute(44, 8, tls),
    R_390_TLS_LDM32: absolute(45, 4, tls),
    R_390_TLS_LDM64: absolute(46, 8, tls),
    R_390_TLS_IE32: absolute(47, 4, tls),
    R_390_TLS_IE64: absolute(48, 8, tls),
    R_390_TLS_IEENT: halfwords(49, 32, "tls"),
    R_390_TLS_LE32: absolute(50, 4, tls),
    R_390_TLS_LE64: absolute(51, 8, tls),
    R_390_TLS_LDO32: absolute(52, 4, tls),
    R_390_TLS_LDO64: absolute(53, 8, tls),
    R_390_TLS_DTPMOD: absolute(54, 8, tls),
    R_390_TLS_DTPOFF: absolute(55, 8, tls),
    R_390_TLS_TPOFF: absolute(56, 8, tls),
    R_390_20: displacement20(57, "address"),
    R_390_GOT20: displacement20(58, "got"),
    R_390_GOTPLT20: displacement20(59, "got"),
    R_390_TLS_GOTIE20: displacement20(60, "tls"),
    R_390_IRELATIVE: absolute(61, 8),
    R_390_PC12DBL: halfwords(62, 12, "branch"),
    R_390_PLT12DBL: halfwords(63, 12, "branch", "R_390_PC12DBL"),
    R_390_PC24DBL: halfwords(64, 24, "branch"),
    R_390_PLT24DBL: halfwords(65, 24, "branch", "R_390_PC24DBL"),
    R_390_GNU_VTINHERIT: hint(250),
    R_390_GNU_VTENTRY: hint(251),
  }),
);
