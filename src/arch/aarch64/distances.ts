import { readWord } from "../../bytes.ts";
import type { ElfClass } from "../../elf/object.ts";
import { access, fourBytes, type Meaning, NOTHING } from "../anchors/meaning.ts";
import type { Decoder } from "../anchors/uses.ts";
import { is } from "../instruction.ts";

/** Loads and stores with an immediate, pairs of them, ADD and SUB of an immediate. Arm ARM, C4.1.86, C4.1.92. */
function meaning(word: number, isWide: boolean): Meaning {
  const base = (word >>> 5) & 31;
  const isVector = (word & 0x04000000) !== 0;
  const size = word >>> 30;
  if ((word & 0x1f000000) === 0x11000000) {
    // No address of 64 bits is the sum of 32.
    if (isWide && word >>> 31 === 0) return NOTHING;
    const amount = ((word >>> 10) & 0xfff) * ((word & 0x400000) === 0 ? 1 : 4096);
    return access(base, (word & 0x40000000) === 0 ? amount : -amount, word & 31, true);
  }
  if ((word & 0x3b000000) === 0x39000000) {
    const scale = isVector && (word & 0x00800000) !== 0 ? 4 : size;
    return access(base, ((word >>> 10) & 0xfff) * 2 ** scale, -1);
  }
  if ((word & 0x3b200000) === 0x38000000) return access(base, (word << 11) >> 23, -1);
  if ((word & 0x3a000000) === 0x28000000) {
    const scale = isVector ? 2 + size : size === 2 ? 3 : 2;
    return { ...access(base, ((word << 10) >> 25) * 2 ** scale, -1), width: 2 ** (scale + 1) };
  }
  return NOTHING;
}

/** Instructions of A64 that reach something at a distance from a register. */
export const aarch64Distances = (elfClass: ElfClass): Decoder =>
  fourBytes((word) => meaning(word, elfClass === 64), true);

const FRAME = 29;

/** `add x29, sp, #…`, which GCC keeps for this where it does it at all. AAPCS64, 6.4.6. */
export function aarch64Frame(code: Uint8Array): number | undefined {
  for (let at = 0; at + 4 <= code.length; at += 4)
    if (is(readWord(code, at, true), 0xffc003ff, 0x910003fd)) return FRAME;
  return undefined;
}
