import { access, computes, fourBytes, lowPart, type Meaning, NOTHING, writes } from "../anchors/meaning.ts";
import type { Scanner } from "../anchors/scan.ts";
import { signExtend } from "../instruction.ts";

const toOf = (i: number): number => (i >>> 21) & 31;
const baseOf = (i: number): number => (i >>> 16) & 31;
const distanceOf = (i: number): number => signExtend(i & 0xffff, 16);
/** Of DS and DQ forms, whose two low bits are part of the opcode. */
const alignedDistanceOf = (i: number): number => distanceOf(i) & ~3;
const extendedOf = (i: number): number => (i >>> 1) & 1023;

/** Logical and rotating X-form instructions have their destination where others have a source. Power ISA, book I, 3.3.13. */
const LOGICAL: ReadonlySet<number> = new Set([
  24, 26, 27, 28, 58, 60, 124, 284, 316, 412, 444, 476, 536, 539, 792, 794, 824, 826, 827, 922, 954, 986,
]);
/** X-form stores, and moves to special registers: they write no general register. Compares and traps have 0 or 4 in their low bits. */
const STORES: ReadonlySet<number> = new Set([144, 149, 151, 181, 183, 215, 247, 407, 439, 467]);

const load = (i: number): Meaning => access(baseOf(i), distanceOf(i), toOf(i));
const store = (i: number): Meaning => access(baseOf(i), distanceOf(i), -1);
const arithmetic = (i: number): Meaning => computes(toOf(i), baseOf(i));

function extended(i: number): Meaning {
  const operation = extendedOf(i);
  if ((operation & 31) === 0 || (operation & 31) === 4 || STORES.has(operation)) return NOTHING;
  return LOGICAL.has(operation) ? writes(baseOf(i)) : arithmetic(i);
}

/** By primary opcode: D, DS, DQ and X forms. Power ISA, book I, 1.6.1, 3.3; appendix "Opcode Maps". */
const MEANINGS: readonly (readonly [first: number, last: number, meaning: (instruction: number) => Meaning])[] = [
  [7, 8, arithmetic],
  [12, 13, arithmetic],
  [14, 14, (i) => access(baseOf(i), distanceOf(i), toOf(i), true)],
  [15, 15, arithmetic],
  [20, 30, (i) => writes(baseOf(i))],
  [31, 31, extended],
  [32, 35, load],
  [36, 39, store],
  [40, 43, load],
  [44, 45, store],
  [46, 46, load],
  [47, 55, store],
  [57, 57, (i) => access(baseOf(i), alignedDistanceOf(i), -1)],
  [58, 58, (i) => access(baseOf(i), alignedDistanceOf(i), toOf(i))],
  [61, 62, (i) => access(baseOf(i), alignedDistanceOf(i), -1)],
];

const BY_OPCODE = Array.from(
  { length: 64 },
  (_, opcode) => MEANINGS.find(([first, last]) => first <= opcode && opcode <= last)?.[2],
);

function meaning(instruction: number): Meaning {
  return BY_OPCODE[instruction >>> 26]?.(instruction) ?? NOTHING;
}

/** Addresses are completed by `addi`. */
export const powerScanner = (little: boolean): Scanner => ({
  decode: fourBytes(meaning, little),
  loads: lowPart(little, (i) => i >>> 26 === 14, toOf),
});
