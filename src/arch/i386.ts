import { EM } from "../elf/constants.ts";
import type { Arch } from "./arch.ts";
import { readAddend } from "./field.ts";
import { absolute, hint, howtoTable, none, relative } from "./howto.ts";
import { isLocalLabel } from "./marker.ts";
import { x86PaddingTest } from "./padding.ts";

const tls = { role: "tls" } as const;
const got = { role: "got", family: "R_386_GOT32" } as const;

/** System V ABI, Intel386 supplement, "Relocation Types"; types 24 to 31 are Sun's, the GNU_VT types binutils' own. */
const I386_HOWTOS = howtoTable({
  R_386_NONE: none(0),
  R_386_32: absolute(1, 4),
  R_386_PC32: relative(2, 4),
  R_386_GOT32: absolute(3, 4, got),
  R_386_PLT32: relative(4, 4, { role: "branch", family: "R_386_PC32" }),
  R_386_COPY: { type: 5 },
  R_386_GLOB_DAT: absolute(6, 4),
  R_386_JUMP_SLOT: absolute(7, 4, { role: "branch" }),
  R_386_RELATIVE: absolute(8, 4),
  R_386_GOTOFF: absolute(9, 4),
  R_386_GOTPC: relative(10, 4),
  R_386_32PLT: absolute(11, 4, { role: "branch" }),
  R_386_TLS_TPOFF: absolute(14, 4, tls),
  R_386_TLS_IE: absolute(15, 4, tls),
  R_386_TLS_GOTIE: absolute(16, 4, tls),
  R_386_TLS_LE: absolute(17, 4, tls),
  R_386_TLS_GD: absolute(18, 4, tls),
  R_386_TLS_LDM: absolute(19, 4, tls),
  R_386_16: absolute(20, 2),
  R_386_PC16: relative(21, 2),
  R_386_8: absolute(22, 1),
  R_386_PC8: relative(23, 1),
  R_386_TLS_GD_32: absolute(24, 4, tls),
  R_386_TLS_GD_PUSH: hint(25),
  R_386_TLS_GD_CALL: hint(26),
  R_386_TLS_GD_POP: hint(27),
  R_386_TLS_LDM_32: absolute(28, 4, tls),
  R_386_TLS_LDM_PUSH: hint(29),
  R_386_TLS_LDM_CALL: hint(30),
  R_386_TLS_LDM_POP: hint(31),
  R_386_TLS_LDO_32: absolute(32, 4, tls),
  R_386_TLS_IE_32: absolute(33, 4, tls),
  R_386_TLS_LE_32: absolute(34, 4, tls),
  R_386_TLS_DTPMOD32: absolute(35, 4, tls),
  R_386_TLS_DTPOFF32: absolute(36, 4, tls),
  R_386_TLS_TPOFF32: absolute(37, 4, tls),
  R_386_SIZE32: absolute(38, 4, { role: "size" }),
  R_386_TLS_GOTDESC: absolute(39, 4, tls),
  R_386_TLS_DESC_CALL: hint(40),
  R_386_TLS_DESC: absolute(41, 8, tls),
  R_386_IRELATIVE: absolute(42, 4),
  R_386_GOT32X: absolute(43, 4, got),
  R_386_USED_BY_INTEL_200: { type: 200 },
  R_386_GNU_VTINHERIT: hint(250),
  R_386_GNU_VTENTRY: hint(251),
});

/**
 * IA-32: displacements of jumps count from the end of the instruction. A trampoline is `jmp rel32`, which wraps around.
 */
export const i386: Arch = {
  name: "i386",
  machine: EM["386"],
  class: 32,
  data: "lsb",
  howtos: I386_HOWTOS,
  trampoline: { size: 5, reach: 1n << 32n },
  instructionData: "lsb",
  isPadding: x86PaddingTest(32),
  isMarkerSymbol: isLocalLabel,
  insnAddend(howto, code, offset) {
    if (!howto.pcrel) return 0n;
    if (howto === GOTPC) return distanceFromOpcode(code, offset);
    return -BigInt(howto.size);
  },
  implicitAddend: (howto, bytes, offset) => readAddend(bytes, offset, howto, "lsb"),
  localEntry: () => 0,
};

const GOTPC = I386_HOWTOS.get(10);

/**
 * `add $_GLOBAL_OFFSET_TABLE_,%reg` counts from its own start: the field follows one
 * byte in the short form for %eax (05),
 * two bytes in the others.
 */
function distanceFromOpcode(code: Uint8Array, offset: number): bigint {
  return code[offset - 1] === 0x05 ? 1n : 2n;
}
