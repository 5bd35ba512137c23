import { access, computes, fourBytes, lowPart, type Meaning, NOTHING, writes } from "../anchors/meaning.ts";
import type { Scanner } from "../anchors/scan.ts";
import { signExtend } from "../instruction.ts";

/** Logical and rotating X-form instructions have their destination where others have a source. Power ISA, book I, 3.3.13. */
const PPC_LOGICAL: ReadonlySet<number> = new Set([
  24, 26, 27, 28, 58, 60, 124, 284, 316, 412, 444, 476, 536, 539, 792, 794, 824, 826, 827, 922, 954, 986,
]);

/** D, DS and X forms. Power ISA, book I, 1.6.1, 3.3. */
function ppcMeaning(i: number): Meaning {
  const operation = i >>> 26;
  const to = (i >>> 21) & 31;
  const base = (i >>> 16) & 31;
  const distance = signExtend(i & 0xffff, 16);
  if (operation === 14) return access(base, distance, to, true);
  if (operation >= 32 && operation <= 55) {
    const isStore = (operation >= 36 && operation <= 39) || operation === 44 || operation === 45 || operation >= 47;
    return access(base, distance, isStore ? -1 : to);
  }
  if (operation === 57 || operation === 58 || operation === 62 || operation === 61)
    return access(base, distance & ~3, operation === 58 ? to : -1);
  if (operation === 15 || operation === 7 || operation === 8 || operation === 12 || operation === 13)
    return computes(to, base);
  if (operation === 31) {
    const extended = (i >>> 1) & 1023;
    // Stores, compares, moves to special registers and caches write no register.
    if (
      (extended & 31) === 0 ||
      (extended & 31) === 4 ||
      /^(149|151|181|183|215|247|407|439|467|144)$/.test(String(extended))
    )
      return NOTHING;
    return PPC_LOGICAL.has(extended) ? writes(base) : computes(to, base);
  }
  if (operation >= 20 && operation <= 30) return writes(base);
  return NOTHING;
}

/** Addresses are completed by `addi`. */
export const powerScanner = (little: boolean): Scanner => ({
  decode: fourBytes(ppcMeaning, little),
  loads: lowPart(
    little,
    (i) => i >>> 26 === 14,
    (i) => (i >>> 21) & 31,
  ),
});
