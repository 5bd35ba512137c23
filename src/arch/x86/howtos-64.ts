import { absolute, hint, howtoTable, none, once, relative } from "../howto.ts";

const tls = { role: "tls" } as const;
const got = { role: "got" } as const;
const signed = { signed: true } as const;
const pc32 = { family: "R_X86_64_PC32" } as const;
const gotpcrel = { role: "got", family: "R_X86_64_GOTPCREL" } as const;
const gottpoff = { role: "tls", family: "R_X86_64_GOTTPOFF" } as const;
const gotdesc = { role: "tls", family: "R_X86_64_GOTPC32_TLSDESC" } as const;

/** System V ABI, AMD64 supplement, "Relocation Types"; the GNU_VT types are binutils' own. */
export const x8664Howtos = once(() =>
  howtoTable({
    R_X86_64_NONE: none(0),
    R_X86_64_64: absolute(1, 8),
    R_X86_64_PC32: relative(2, 4),
    R_X86_64_GOT32: absolute(3, 4, { ...got, ...signed }),
    R_X86_64_PLT32: relative(4, 4, { role: "branch", ...pc32 }),
    R_X86_64_COPY: { type: 5 },
    R_X86_64_GLOB_DAT: absolute(6, 8),
    R_X86_64_JUMP_SLOT: absolute(7, 8, { role: "branch" }),
    R_X86_64_RELATIVE: absolute(8, 8),
    R_X86_64_GOTPCREL: relative(9, 4, gotpcrel),
    R_X86_64_32: absolute(10, 4),
    R_X86_64_32S: absolute(11, 4, signed),
    R_X86_64_16: absolute(12, 2),
    R_X86_64_PC16: relative(13, 2),
    R_X86_64_8: absolute(14, 1),
    R_X86_64_PC8: relative(15, 1),
    R_X86_64_DTPMOD64: absolute(16, 8, tls),
    R_X86_64_DTPOFF64: absolute(17, 8, tls),
    R_X86_64_TPOFF64: absolute(18, 8, tls),
    R_X86_64_TLSGD: relative(19, 4, tls),
    R_X86_64_TLSLD: relative(20, 4, tls),
    R_X86_64_DTPOFF32: absolute(21, 4, { ...tls, ...signed }),
    R_X86_64_GOTTPOFF: relative(22, 4, gottpoff),
    R_X86_64_TPOFF32: absolute(23, 4, { ...tls, ...signed }),
    R_X86_64_PC64: relative(24, 8),
    R_X86_64_GOTOFF64: absolute(25, 8),
    R_X86_64_GOTPC32: relative(26, 4),
    R_X86_64_GOT64: absolute(27, 8, got),
    R_X86_64_GOTPCREL64: relative(28, 8, got),
    R_X86_64_GOTPC64: relative(29, 8),
    R_X86_64_GOTPLT64: absolute(30, 8, got),
    R_X86_64_PLTOFF64: absolute(31, 8, { role: "branch" }),
    R_X86_64_SIZE32: absolute(32, 4, { role: "size" }),
    R_X86_64_SIZE64: absolute(33, 8, { role: "size" }),
    R_X86_64_GOTPC32_TLSDESC: relative(34, 4, gotdesc),
    R_X86_64_TLSDESC_CALL: hint(35),
    R_X86_64_TLSDESC: absolute(36, 16, tls),
    R_X86_64_IRELATIVE: absolute(37, 8),
    R_X86_64_RELATIVE64: absolute(38, 8),
    R_X86_64_PC32_BND: relative(39, 4, pc32),
    R_X86_64_PLT32_BND: relative(40, 4, { role: "branch", ...pc32 }),
    R_X86_64_GOTPCRELX: relative(41, 4, gotpcrel),
    R_X86_64_REX_GOTPCRELX: relative(42, 4, gotpcrel),
    R_X86_64_CODE_4_GOTPCRELX: relative(43, 4, gotpcrel),
    R_X86_64_CODE_4_GOTTPOFF: relative(44, 4, gottpoff),
    R_X86_64_CODE_4_GOTPC32_TLSDESC: relative(45, 4, gotdesc),
    R_X86_64_CODE_5_GOTPCRELX: relative(46, 4, gotpcrel),
    R_X86_64_CODE_5_GOTTPOFF: relative(47, 4, gottpoff),
    R_X86_64_CODE_5_GOTPC32_TLSDESC: relative(48, 4, gotdesc),
    R_X86_64_CODE_6_GOTPCRELX: relative(49, 4, gotpcrel),
    R_X86_64_CODE_6_GOTTPOFF: relative(50, 4, gottpoff),
    R_X86_64_CODE_6_GOTPC32_TLSDESC: relative(51, 4, gotdesc),
    R_X86_64_GNU_VTINHERIT: hint(250),
    R_X86_64_GNU_VTENTRY: hint(251),
  }),
);
