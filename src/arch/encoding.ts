import type { Encoding } from "./arch.ts";

/** How a value becomes the bits of a field and back; `width` is the number of field bits. */
export interface Codec {
  /** Bits of the field, lowest first, from a value that is not yet shifted. */
  encode(value: bigint, shift: bigint, width: bigint): bigint;
  /** The value that the bits stand for, as far as they tell. */
  decode(bits: bigint, shift: bigint, width: bigint, signed: boolean): bigint;
}

const plain: Codec = {
  encode: (value, shift) => value >> shift,
  decode: (bits, shift, width, signed) => (signed ? BigInt.asIntN(Number(width), bits) : bits) << shift,
};

/**
 * Lowest 12 (RISC-V) or 16 (LoongArch, after the shift by 2) bits of a pair of instructions are signed by themselves.
 */
const pairedLow = (width: bigint): bigint => (width === 32n ? 12n : 16n);

/** Every rule by which a field differs from a plain number. */
export const codecs: Readonly<Record<Encoding | "plain", Codec>> = {
  plain,

  /** Two instructions, high part and signed low part, that one relocation fills together (auipc + jalr). */
  paired: {
    encode(value, shift, width) {
      const low = pairedLow(width);
      const stored = value >> shift;
      const carry = ((stored >> (low - 1n)) & 1n) << low;
      return stored + carry;
    },
    decode(bits, shift, width) {
      const low = pairedLow(width);
      const carry = ((bits >> (low - 1n)) & 1n) << low;
      return BigInt.asIntN(Number(width), bits - carry) << shift;
    },
  },

  /** Thumb-2 B.W and BL: bits 21 and 22 are stored as NOT (bit XOR sign). Arm ARM, "Encoding T4" of B. */
  "thumb-branch": {
    encode: (value, shift) => swapThumbBits(value >> shift),
    decode: (bits, shift, width) => BigInt.asIntN(Number(width), swapThumbBits(bits)) << shift,
  },

  /** A magnitude, and above it one bit that says "add" (the U bit of Arm's loads). */
  "up-down": {
    encode(value, shift, width) {
      const magnitude = (value < 0n ? -value : value) >> shift;
      return value < 0n ? magnitude : magnitude | (1n << (width - 1n));
    },
    decode(bits, shift, width) {
      const magnitude = BigInt.asUintN(Number(width - 1n), bits) << shift;
      return bits >> (width - 1n) ? magnitude : -magnitude;
    },
  },

  /**
   * Arm's modified immediate: eight bits rotated right by twice the four above them, then SUB and ADD of the opcode. Of
   * a value that needs more, the topmost bits are stored: group 0 of AAELF32, "Group relocations".
   */
  "arm-immediate": {
    encode(value) {
      const sign = value < 0n ? SUB : ADD;
      const magnitude = BigInt.asUintN(32, value < 0n ? -value : value);
      let below = 0n;
      while (magnitude >> below > 0xffn) below += 2n;
      return sign | ((((32n - below) / 2n) & 15n) << 8n) | (magnitude >> below);
    },
    decode(bits) {
      const magnitude = rotateRight(bits & 0xffn, 2n * ((bits >> 8n) & 15n));
      return (bits & ~0xfffn) === SUB ? -magnitude : magnitude;
    },
  },

  /** AArch64 MOVZ, or MOVN with all bits inverted for a negative value; the topmost bit says MOVZ. */
  "movz-movn": {
    encode(value, shift) {
      const number = BigInt.asIntN(64, value);
      const part = BigInt.asUintN(16, (number < 0n ? ~number : number) >> shift);
      return number < 0n ? part : part | 0x10000n;
    },
    decode(bits, shift) {
      const part = (bits & 0xffffn) << shift;
      return bits & 0x10000n ? part : ~part;
    },
  },
};

/**
 * Bits 22 and 23 of an Arm data-processing instruction, which tell ADD from SUB, as they follow 12 bits of immediate.
 */
const SUB = 0x1000n;
const ADD = 0x2000n;

function rotateRight(value: bigint, by: bigint): bigint {
  return BigInt.asUintN(32, (value << (32n - by)) | (value >> by));
}

function swapThumbBits(bits: bigint): bigint {
  const sign = (bits >> 23n) & 1n;
  return sign ? bits : bits ^ 0x600000n;
}
