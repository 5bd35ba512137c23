import { operandRow, wordOperands } from "../operands.ts";

const [RD, RN, RA, RM] = [
  [0, 5],
  [5, 5],
  [10, 5],
  [16, 5],
] as const;
/** Bytes of what a load or store accesses: bits 31 and 30, or of a vector of 128 bits bit 23. */
const access = (word: number): number => 2 ** ((word >>> 30) + (word & (1 << 26) && word & (1 << 23) ? 4 : 0));
const pair = (word: number): number => (word & (1 << 26) ? 4 << (word >>> 30) : word >>> 31 ? 8 : 4);

/** Twelve bits, and whether they are shifted by twelve. Arm ARM, C6.2.5. */
const shifted = (word: number): bigint => BigInt((word >>> 10) & 0xfff) << (word & (1 << 22) ? 12n : 0n);

/** A run of ones, rotated and repeated. Arm ARM, C6.1.1 and DecodeBitMasks. */
function bitmask(word: number): bigint {
  const [n, rotation, size] = [(word >>> 22) & 1, (word >>> 16) & 63, (word >>> 10) & 63];
  const length = 31 - Math.clz32((n << 6) | (~size & 63));
  const width = BigInt(1 << Math.max(0, length));
  const ones = ((1n << (BigInt(size) & (width - 1n))) << 1n) - 1n;
  const by = BigInt(rotation) & (width - 1n);
  const element = BigInt.asUintN(Number(width), (ones >> by) | (ones << (width - by)));
  let value = 0n;
  for (let at = 0n; at < (word >>> 31 ? 64n : 32n); at += width) value |= element << at;
  return value;
}

/** Arm ARM, C4.1. */
export const aarch64Operands = wordOperands(
  "lsb",
  [
    // ADD, SUB (immediate); logical (immediate); MOVN, MOVZ, MOVK.
    operandRow(0x1f000000, 0x11000000, [RD, RN], { immediate: [[10, 13]], decode: shifted, base: RN }),
    operandRow(0x1f800000, 0x12000000, [RD, RN], { immediate: [[10, 13]], decode: bitmask }),
    operandRow(0x1f800000, 0x12800000, [RD], { immediate: [[5, 16]], isUnsigned: true }),
    // Loads and stores: unsigned offset, other offsets, pairs.
    operandRow(0x3b000000, 0x39000000, [RD, RN], {
      displacement: [[10, 12]],
      scale: access,
      isUnsigned: true,
      base: RN,
    }),
    operandRow(0x3b200000, 0x38000000, [RD, RN], { displacement: [[12, 9]], base: RN }),
    operandRow(0x3a000000, 0x28000000, [RD, RN, RA], { displacement: [[15, 7]], scale: pair, base: RN }),
    operandRow(0x3b200000, 0x38200000, [RD, RN, RM]),
    // CCMP (immediate), then data processing with two, three and one source, and of vectors.
    operandRow(0x1fe00800, 0x1a400800, [RN], { immediate: [[16, 5]], isUnsigned: true }),
    operandRow(0x1f000000, 0x1b000000, [RD, RN, RA, RM]),
    operandRow(0x0e000000, 0x0a000000, [RD, RN, RM]),
    operandRow(0x0e000000, 0x0e000000, [RD, RN, RM]),
  ],
  31,
);
