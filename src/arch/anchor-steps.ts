import type { Arch } from "./arch.ts";

/** One instruction, as far as accesses by a distance from a register go. */
export interface Step {
  readonly at: number;
  readonly length: number;
  /** Register that it counts from, or −1. */
  readonly base: number;
  readonly access: { readonly distance: number; readonly isAddress: boolean } | undefined;
  /** Register that it overwrites, or −1. */
  readonly writes: number;
}

/** The instruction at an offset; undefined at the end of the code. */
export type Decoder = (code: Uint8Array, at: number) => Step | undefined;

export type Load = readonly [at: number, register: number, ahead?: number];

/** An address is put together by instructions at most so far from each other. */
export const NEAR = 64;

/** How the code of one architecture is looked through. */
export interface Scanner {
  readonly decode: Decoder;
  /** Where the address relocated at an offset gets into a register, and into which; how far a distance in a literal pool is ahead of it. */
  loads(code: Uint8Array, offset: number, steps: readonly Step[]): Load[];
  /** Place in a literal pool that an instruction loads from. */
  readonly pool?: (step: Step, code: Uint8Array) => number | undefined;
  /** How far pc is ahead where it is added to what came from a pool, in position-independent code. */
  readonly bias?: number;
  /** Whether the instruction at an offset adds pc to a register. */
  readonly isSum?: (code: Uint8Array, at: number, register: number) => boolean;
}

/** Index of the first instruction behind an offset. */
export function firstBehind(steps: readonly Step[], offset: number): number {
  let low = 0;
  let high = steps.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((steps[middle] as Step).at <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

type Meaning = Pick<Step, "base" | "access" | "writes">;

const NOTHING: Meaning = { base: -1, access: undefined, writes: -1 };

function access(base: number, distance: number, writes: number, isAddress = false): Meaning {
  return { base, access: { distance, isAddress }, writes };
}

function writes(register: number): Meaning {
  return { ...NOTHING, writes: register };
}

function half(code: Uint8Array, at: number, little: boolean): number {
  return (code[little ? at : at + 1] as number) | ((code[little ? at + 1 : at] as number) << 8);
}

function word(code: Uint8Array, at: number, little: boolean): number {
  const [low, high] = little ? [at, at + 2] : [at + 2, at];
  return (half(code, low, little) | (half(code, high, little) << 16)) >>> 0;
}

/** Four-byte instructions. */
function fixed(meaning: (instruction: number) => Meaning, little: boolean): Decoder {
  return (code, at) => (at + 4 > code.length ? undefined : { at, length: 4, ...meaning(word(code, at, little)) });
}

function signed(value: number, width: number): number {
  return (value << (32 - width)) >> (32 - width);
}

/** Load and store, ADD and SUB of an immediate. Arm ARM, A5.2, A5.3, A7.6. */
function armMeaning(i: number): Meaning {
  const base = (i >>> 16) & 15;
  const to = (i >>> 12) & 15;
  const sign = (i & 0x00800000) !== 0 ? 1 : -1;
  const isLoad = (i & 0x00100000) !== 0;
  const isPre = (i & 0x01000000) !== 0;
  if ((i & 0x0e000000) === 0x04000000) return access(base, isPre ? sign * (i & 0xfff) : 0, isLoad ? to : -1);
  if ((i & 0x0e400090) === 0x00400090 && (i & 0x60) !== 0) {
    const distance = isPre ? sign * (((i >>> 4) & 0xf0) | (i & 15)) : 0;
    return access(base, distance, isLoad || (i & 0x60) === 0x40 ? to : -1);
  }
  if ((i & 0x0f200e00) === 0x0d000a00) return access(base, sign * (i & 0xff) * 4, -1);
  if ((i & 0x0fe00000) === 0x02800000 || (i & 0x0fe00000) === 0x02400000) {
    const turn = ((i >>> 8) & 15) * 2;
    const byte = i & 0xff;
    const amount = turn === 0 ? byte : ((byte >>> turn) | (byte << (32 - turn))) >>> 0;
    return access(base, (i & 0x00800000) !== 0 ? amount : -amount, to, true);
  }
  const isCompare = (i & 0x01900000) === 0x01100000;
  // Additions to the register itself (position-independent: of pc) leave it an address.
  if ((i & 0x0c000000) === 0 && !isCompare)
    return { base: base === to || (i & 15) === to ? to : -1, access: undefined, writes: to };
  if ((i & 0x0c100000) === 0x04100000) return writes(to);
  return NOTHING;
}

function thumbNarrow(i: number): Meaning {
  const base = (i >>> 3) & 7;
  const to = i & 7;
  const distance = (i >>> 6) & 31;
  const form = i >>> 11;
  if (form === 12 || form === 13) return access(base, distance * 4, form === 13 ? to : -1);
  if (form === 14 || form === 15) return access(base, distance, form === 15 ? to : -1);
  if (form === 16 || form === 17) return access(base, distance * 2, form === 17 ? to : -1);
  if ((i & 0xfe00) === 0x1c00) return access(base, (i >>> 6) & 7, to, true);
  if (form === 6) return access((i >>> 8) & 7, i & 0xff, (i >>> 8) & 7, true);
  if ((i & 0xff00) === 0x4400)
    return { base: (i & 7) | ((i >>> 4) & 8), access: undefined, writes: (i & 7) | ((i >>> 4) & 8) };
  if ((i & 0xff00) === 0x4600) return writes((i & 7) | ((i >>> 4) & 8));
  if (form === 4 || form === 9 || form === 19 || form === 20 || form === 21) return writes((i >>> 8) & 7);
  if (form < 4 || ((i & 0xf000) === 0x5000 && (i >>> 9) % 8 > 2)) return writes(to);
  if ((i & 0xfc00) === 0x4000 && ![8, 10, 11].includes((i >>> 6) & 15))
    return { base: to, access: undefined, writes: to };
  return NOTHING;
}

function thumbWide(first: number, second: number): Meaning {
  const base = first & 15;
  const to = second >>> 12;
  const isLoad = (first & 0x10) !== 0;
  if ((first & 0xfe80) === 0xf880) return access(base, second & 0xfff, isLoad ? to : -1);
  if ((first & 0xfe80) === 0xf800 && (second & 0x0c00) === 0x0c00)
    return access(base, (second & 0x200) !== 0 ? second & 0xff : -(second & 0xff), isLoad ? to : -1);
  if ((first & 0xfe40) === 0xe840 && (first & 0x0120) !== 0) {
    const distance = (second & 0xff) * ((first & 0x80) !== 0 ? 4 : -4);
    return access(base, (first & 0x100) !== 0 ? distance : 0, isLoad ? to : -1);
  }
  if ((first & 0xff20) === 0xed00) return access(base, (second & 0xff) * ((first & 0x80) !== 0 ? 4 : -4), -1);
  const amount = ((first & 0x400) << 1) | ((second >>> 4) & 0x700) | (second & 0xff);
  const register = (second >>> 8) & 15;
  if ((first & 0xfbf0) === 0xf200 || ((first & 0xfbe0) === 0xf100 && amount < 0x100))
    return access(base, amount, register, true);
  if ((first & 0xfbf0) === 0xf2a0 || ((first & 0xfbe0) === 0xf1a0 && amount < 0x100))
    return access(base, -amount, register, true);
  if ((first & 0xf800) === 0xf000 && (second & 0x8000) !== 0) return NOTHING;
  if ((first & 0xfe00) === 0xf800) return isLoad ? writes(to) : NOTHING;
  if ((first & 0xfe00) === 0xea00 || (first & 0xf800) === 0xf000 || (first & 0xfe00) === 0xfa00)
    return { base: base === register ? register : -1, access: undefined, writes: register };
  return NOTHING;
}

function thumb(little: boolean): Decoder {
  return (code, at) => {
    if (at + 2 > code.length) return undefined;
    const first = half(code, at, little);
    if (first < 0xe800) return { at, length: 2, ...thumbNarrow(first) };
    if (at + 4 > code.length) return undefined;
    return { at, length: 4, ...thumbWide(first, half(code, at + 2, little)) };
  };
}

/** MOVT completes an address; in a literal pool it is loaded by LDR (literal), whose pc is ahead and, in Thumb, rounded down. */
function armScanner(little: boolean): Scanner {
  return {
    decode: fixed(armMeaning, little),
    loads: (code, offset) => {
      const i = offset + 4 <= code.length ? word(code, offset, little) : 0;
      return (i & 0x0ff00000) === 0x03400000 ? [[offset, (i >>> 12) & 15]] : [];
    },
    pool: ({ at, base, access }) => (base === 15 && access !== undefined ? at + 8 + access.distance : undefined),
    bias: 8,
    // add rd, pc, rd
    isSum: (code, at, to) => (word(code, at, little) & 0x0fff0fff) === (0x008f0000 | (to << 12) | to),
  };
}

function thumbScanner(little: boolean): Scanner {
  return {
    decode: thumb(little),
    loads: (code, offset) => {
      const i = offset + 4 <= code.length ? half(code, offset, little) : 0;
      return (i & 0xfbf0) === 0xf2c0 ? [[offset, (half(code, offset + 2, little) >>> 8) & 15]] : [];
    },
    pool: ({ at, length, base, access }, code) => {
      const first = half(code, at, little);
      const narrow = length === 2 && first >>> 11 === 9 ? (first & 0xff) * 4 : undefined;
      const distance = narrow ?? (base === 15 ? access?.distance : undefined);
      return distance === undefined ? undefined : ((at + 4) & ~3) + distance;
    },
    bias: 4,
    // add rd, pc
    isSum: (code, at, to) => half(code, at, little) === (0x4478 | (to & 7) | ((to & 8) << 4)),
  };
}

/** Logical and rotating X-form instructions have their destination where others have a source. Power ISA, book I, 3.3.13. */
const PPC_LOGICAL: ReadonlySet<number> = new Set([
  24, 26, 27, 28, 58, 60, 124, 284, 316, 412, 444, 476, 536, 539, 792, 794, 824, 826, 827, 922, 954, 986,
]);

/** D, DS and X forms. Power ISA, book I, 1.6.1, 3.3. */
function ppcMeaning(i: number): Meaning {
  const operation = i >>> 26;
  const to = (i >>> 21) & 31;
  const base = (i >>> 16) & 31;
  const distance = signed(i & 0xffff, 16);
  if (operation === 14) return access(base, distance, to, true);
  if (operation >= 32 && operation <= 55) {
    const isStore = (operation >= 36 && operation <= 39) || operation === 44 || operation === 45 || operation >= 47;
    return access(base, distance, isStore ? -1 : to);
  }
  if (operation === 57 || operation === 58 || operation === 62 || operation === 61)
    return access(base, distance & ~3, operation === 58 ? to : -1);
  if (operation === 15 || operation === 7 || operation === 8 || operation === 12 || operation === 13)
    return { base: base === to ? to : -1, access: undefined, writes: to };
  if (operation === 31) {
    const extended = (i >>> 1) & 1023;
    // Stores, compares, moves to special registers and caches write no register.
    if (
      (extended & 31) === 0 ||
      (extended & 31) === 4 ||
      /^(149|151|181|183|215|247|407|439|467|144)$/.test(String(extended))
    )
      return NOTHING;
    const register = PPC_LOGICAL.has(extended) ? base : to;
    return {
      base: register === base && !PPC_LOGICAL.has(extended) ? register : -1,
      access: undefined,
      writes: register,
    };
  }
  if (operation >= 20 && operation <= 30) return writes(base);
  return NOTHING;
}

/** I and R types. MIPS32 volume II. */
function mipsMeaning(i: number): Meaning {
  const operation = i >>> 26;
  const base = (i >>> 21) & 31;
  const to = (i >>> 16) & 31;
  const distance = signed(i & 0xffff, 16);
  if (operation === 9 || operation === 0x19) return access(base, distance, to, true);
  if (operation >= 0x20) return access(base, distance, operation < 0x28 || operation === 0x37 ? to : -1);
  if (operation === 0) {
    const register = (i >>> 11) & 31;
    return { base: register === base || register === to ? register : -1, access: undefined, writes: register };
  }
  if (operation >= 0xa && operation <= 0xf) return writes(to);
  return NOTHING;
}

/** Immediates 0 to 2047 of both signs; compressed forms count from x8 to x15. RISC-V unprivileged ISA, 2.3 and 16.8. */
function riscvWide(i: number): Meaning {
  const operation = i & 0x7f;
  const to = (i >>> 7) & 31;
  const base = (i >>> 15) & 31;
  const isFirst = ((i >>> 12) & 7) === 0;
  if (operation === 0x03 || operation === 0x07) return access(base, i >> 20, operation === 3 ? to : -1);
  if (operation === 0x23 || operation === 0x27) return access(base, ((i >> 25) << 5) | to, -1);
  if (operation === 0x13 && isFirst) return access(base, i >> 20, to, true);
  if ([0x13, 0x1b, 0x33, 0x3b].includes(operation))
    return { base: base === to ? to : -1, access: undefined, writes: to };
  if (operation === 0x37 || operation === 0x17) return writes(to);
  return NOTHING;
}

function riscvNarrow(i: number): Meaning {
  const base = 8 + ((i >>> 7) & 7);
  const to = 8 + ((i >>> 2) & 7);
  const by4 = ((i >>> 7) & 0x38) | ((i >>> 4) & 4) | ((i << 1) & 0x40);
  const by8 = ((i >>> 7) & 0x38) | ((i << 1) & 0xc0);
  const full = (i >>> 7) & 31;
  const immediate = signed(((i >>> 7) & 32) | ((i >>> 2) & 31), 6);
  switch (((i & 3) << 3) | (i >>> 13)) {
    case 0b00_010:
      return access(base, by4, to);
    case 0b00_011:
      return access(base, by8, to);
    case 0b00_001:
    case 0b00_101:
    case 0b00_111:
      return access(base, by8, -1);
    case 0b00_110:
      return access(base, by4, -1);
    case 0b01_000:
      return access(full, immediate, full, true);
    case 0b01_010:
    case 0b01_011:
    case 0b10_010:
    case 0b10_011:
      return writes(full);
    case 0b10_100:
      return ((i >>> 2) & 31) === 0 || (i & 0x1000) !== 0 ? NOTHING : writes(full);
    default:
      return NOTHING;
  }
}

const riscv: Decoder = (code, at) => {
  if (at + 2 > code.length) return undefined;
  const isWide = ((code[at] as number) & 3) === 3;
  if (!isWide) return { at, length: 2, ...riscvNarrow(half(code, at, true)) };
  return at + 4 > code.length ? undefined : { at, length: 4, ...riscvWide(word(code, at, true) | 0) };
};

/** LUI or AUIPC begins an address, ADDI completes it; other instructions with the low part have a relocation of their own. */
function riscvLoads(code: Uint8Array, offset: number, steps: readonly Step[]): Load[] {
  const high = (half(code, offset, true) >>> 7) & 31;
  const found: Load[] = [];
  for (let index = firstBehind(steps, offset), end = index + NEAR; index < end && index < steps.length; index++) {
    const { at, length, base, access, writes } = steps[index] as Step;
    if (base === high && access?.isAddress === true && access.distance === 0 && length === 4) found.push([at, writes]);
    if (writes === high || found.length > 0) break;
  }
  return found;
}

/** RX, RXY, SI, SIL, LA, LAY: base register and displacement stand at one place. Principles of Operation, chapter 5. */
const s390x: Decoder = (code, at) => {
  const first = code[at] as number;
  if (at + 2 > code.length) return undefined;
  const length = first < 0x40 ? 2 : first < 0xc0 ? 4 : 6;
  if (at + length > code.length) return undefined;
  return { at, length, ...s390xMeaning(code, at, length) };
};

const S390X_STORES: ReadonlySet<number> = new Set([
  0x40, 0x42, 0x50, 0x60, 0x70, 0x90, 0x92, 0x95, 0x91, 0x94, 0x96, 0x97,
]);
const S390X_LONG_STORES: ReadonlySet<number> = new Set([0x24, 0x2f, 0x3e, 0x3f, 0x50, 0x70, 0x72, 0x66, 0x67, 0x36]);

function s390xMeaning(code: Uint8Array, at: number, length: number): Meaning {
  const byte = (i: number): number => code[at + i] as number;
  const first = byte(0);
  const to = byte(1) >>> 4;
  if (length === 2) return [0x18, 0x58].includes(first) ? writes(to) : NOTHING;
  const index = byte(1) & 15;
  const base = byte(2) >>> 4;
  const low = ((byte(2) & 15) << 8) | byte(3);
  const isIndexed =
    (first >= 0x40 && first <= 0x7f && first !== 0x4d && first !== 0x45) ||
    first === 0xe3 ||
    first === 0xe7 ||
    first === 0xed;
  const isImmediate =
    (first >= 0x90 && first <= 0x98) || first === 0xe5 || first === 0xeb || (first >= 0xd0 && first <= 0xdf);
  if (isIndexed && index !== 0 && first !== 0xe7)
    return S390X_STORES.has(first) ? NOTHING : writes(first === 0xe3 && S390X_LONG_STORES.has(byte(5)) ? -1 : to);
  if (isIndexed || isImmediate) {
    const isLong = first === 0xe3 || first === 0xeb;
    const distance = isLong ? signed((byte(4) << 12) | low, 20) : low;
    const isAddress = first === 0x41 || (first === 0xe3 && byte(5) === 0x71);
    const loads =
      (first >= 0x40 && first <= 0x5f && !S390X_STORES.has(first)) ||
      (first === 0xe3 && !S390X_LONG_STORES.has(byte(5)));
    return access(base, distance, loads ? to : -1, isAddress);
  }
  if (first === 0xa7 && [8, 9].includes(index)) return writes(to);
  if (first === 0xc0 && index <= 1) return writes(to);
  if (first === 0xc4 && ![7, 11, 15].includes(index)) return writes(to);
  if (first === 0xb9 && [0x04, 0x14, 0x06, 0x07, 0x16, 0x17].includes(byte(1))) return writes(byte(3) >>> 4);
  return NOTHING;
}

/** The register of an instruction that adds the low part, when it is one. */
function lowPart(little: boolean, operations: readonly number[], shift: number): Scanner["loads"] {
  return (code, offset) => {
    const at = offset & ~3;
    if (at + 4 > code.length) return [];
    const i = word(code, at, little);
    return operations.includes(i >>> 26) ? [[at, (i >>> shift) & 31]] : [];
  };
}

/** z/Architecture makes addresses by LARL: the field begins at its third byte. */
const s390xLoads: Scanner["loads"] = (code, offset) => {
  const second = code[offset - 1] as number;
  return code[offset - 2] === 0xc0 && (second & 15) === 0 ? [[offset - 2, second >>> 4]] : [];
};

function ppcScanner(little: boolean): Scanner {
  return { decode: fixed(ppcMeaning, little), loads: lowPart(little, [14], 21) };
}

function mipsScanner(little: boolean): Scanner {
  return { decode: fixed(mipsMeaning, little), loads: lowPart(little, [9, 0x19], 16) };
}

const SCANNERS: Readonly<Record<string, (little: boolean) => Scanner>> = {
  arm: armScanner,
  armeb: armScanner,
  ppc64: ppcScanner,
  ppc64le: ppcScanner,
  mips: mipsScanner,
  mipsel: mipsScanner,
  mips64: mipsScanner,
  mips64el: mipsScanner,
  riscv64: () => ({ decode: riscv, loads: riscvLoads }),
  s390x: () => ({ decode: s390x, loads: s390xLoads }),
};

/** How to look through the code of an architecture on which GCC uses section anchors; undefined elsewhere. */
export function scannerFor(arch: Arch, isThumb: boolean): Scanner | undefined {
  const little = arch.instructionData === "lsb";
  return isThumb ? thumbScanner(little) : SCANNERS[arch.name]?.(little);
}
