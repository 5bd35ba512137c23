import type { Arch } from "./arch.ts";
import { decodeX86, type X86Mode } from "./x86-decode.ts";

/**
 * A reference inside one section that the assembler resolved, as if it still had its relocation. Without
 * -ffunction-sections most calls between static functions are like this: their bytes change when a neighbour grows.
 */
export interface ResolvedReference {
  /** Offset of the field a relocation would name. */
  readonly offset: number;
  /** The relocation type that says the same. */
  readonly type: number;
  /** Offset of the target in the section. */
  readonly target: number;
}

type Reader = (code: Uint8Array, from: number, to: number, little: boolean) => ResolvedReference[];

/** Branches with 8 or 32 bits and %rip-relative operands. Intel SDM volume 2. */
function x86(mode: X86Mode, pc8: number, pc32: number): Reader {
  return (code, from, to) => {
    const found: ResolvedReference[] = [];
    for (let at = from; at < to; ) {
      const instruction = decodeX86(code, at, mode);
      if (instruction === undefined) {
        at++;
        continue;
      }
      const end = at + instruction.length;
      const { immediateSize, displacementOffset } = instruction;
      if (instruction.branch && (immediateSize === 1 || immediateSize === 4)) {
        const offset = end - immediateSize;
        found.push({
          offset,
          type: immediateSize === 1 ? pc8 : pc32,
          target: end + signed(code, offset, immediateSize),
        });
      }
      if (instruction.ripRelative) {
        const offset = at + displacementOffset;
        found.push({ offset, type: pc32, target: end + signed(code, offset, 4) });
      }
      at = end;
    }
    return found;
  };
}

/** A signed little-endian number of one or four bytes. */
function signed(code: Uint8Array, offset: number, size: number): number {
  if (size === 1) return ((code[offset] as number) << 24) >> 24;
  const byte = (i: number): number => code[offset + i] as number;
  return byte(0) | (byte(1) << 8) | (byte(2) << 16) | (byte(3) << 24);
}

/** One form of a branch in a fixed-width instruction set: which instructions, where the distance lies, and its unit. */
interface Form {
  readonly mask: number;
  readonly bits: number;
  readonly type: number;
  /** Runs of the distance's bits, lowest first: position and width. */
  readonly runs: readonly (readonly [low: number, width: number])[];
  /** Bits the distance is shifted left. */
  readonly shift: number;
}

function form(mask: number, bits: number, type: number, shift: number, ...runs: Form["runs"]): Form {
  return { mask, bits, type, shift, runs };
}

function distance(word: number, { runs, shift }: Form): number {
  let value = 0;
  let at = 0;
  for (const [low, width] of runs) {
    value += ((word >>> low) & (2 ** width - 1)) * 2 ** at;
    at += width;
  }
  if (value >= 2 ** (at - 1)) value -= 2 ** at;
  return value * 2 ** shift;
}

/** Instructions of four aligned bytes; `bias` is what the program counter is ahead of the instruction. */
function fixedWidth(forms: readonly Form[], bias = 0): Reader {
  return (code, from, to, little) => {
    const found: ResolvedReference[] = [];
    for (let at = (from + 3) & ~3; at + 4 <= to; at += 4) {
      const byte = (i: number): number => code[at + (little ? i : 3 - i)] as number;
      const word = (byte(0) | (byte(1) << 8) | (byte(2) << 16) | (byte(3) << 24)) >>> 0;
      for (const candidate of forms) {
        if ((word & candidate.mask) >>> 0 !== candidate.bits) continue;
        found.push({ offset: at, type: candidate.type, target: at + bias + distance(word, candidate) });
        break;
      }
    }
    return found;
  };
}

/** B, BL; B.cond, CBZ, CBNZ; TBZ, TBNZ; ADR; LDR (literal). Arm ARM, C4.1. */
const AARCH64 = [
  form(0xfc000000, 0x94000000, 283, 2, [0, 26]),
  form(0xfc000000, 0x14000000, 282, 2, [0, 26]),
  form(0xff000000, 0x54000000, 280, 2, [5, 19]),
  form(0x7e000000, 0x34000000, 280, 2, [5, 19]),
  form(0x7e000000, 0x36000000, 279, 2, [5, 14]),
  form(0x9f000000, 0x10000000, 274, 0, [29, 2], [5, 19]),
  form(0x3b000000, 0x18000000, 273, 2, [5, 19]),
];

/** B and BL with any condition. Arm ARM, A8.8.18 and A8.8.25. */
const ARM = [form(0x0f000000, 0x0b000000, 28, 2, [0, 24]), form(0x0f000000, 0x0a000000, 29, 2, [0, 24])];

/** I-form and B-form branches that are not absolute. Power ISA, book I, 2.4. */
const PPC = [form(0xfc000002, 0x48000000, 10, 2, [2, 24]), form(0xfc000002, 0x40000000, 11, 2, [2, 14])];

/** Conditional branches; the distance counts from the delay slot. MIPS32 volume II. */
const MIPS = [
  form(0xf0000000, 0x10000000, 10, 2, [0, 16]),
  form(0xf0000000, 0x50000000, 10, 2, [0, 16]),
  form(0xfc000000, 0x04000000, 10, 2, [0, 16]),
];

/** b, bl; beqz, bnez; beq to bgeu. LoongArch reference manual, 2.2.5. */
const LOONGARCH = [
  form(0xf8000000, 0x50000000, 66, 2, [10, 16], [0, 10]),
  form(0xf8000000, 0x40000000, 65, 2, [10, 16], [0, 5]),
  form(0xfc000000, 0x58000000, 64, 2, [10, 16]),
  form(0xfc000000, 0x5c000000, 64, 2, [10, 16]),
  form(0xf8000000, 0x60000000, 64, 2, [10, 16]),
  form(0xf8000000, 0x68000000, 64, 2, [10, 16]),
];

/** jal and conditional branches; compressed ones among them. RISC-V unprivileged ISA, 2.5 and 16.4. */
const JAL = form(0x7f, 0x6f, 17, 1, [21, 10], [20, 1], [12, 8], [31, 1]);
const BRANCH = form(0x7f, 0x63, 16, 1, [8, 4], [25, 6], [7, 1], [31, 1]);
const C_J = form(0xe003, 0xa001, 45, 1, [3, 3], [11, 1], [2, 1], [7, 1], [6, 1], [9, 2], [8, 1], [12, 1]);
const C_BRANCH = form(0xc003, 0xc001, 44, 1, [3, 2], [10, 2], [2, 1], [5, 2], [12, 1]);

const riscv: Reader = (code, from, to) => {
  const found: ResolvedReference[] = [];
  for (let at = from; at + 2 <= to; ) {
    const isWide = ((code[at] as number) & 3) === 3;
    if (isWide && at + 4 > to) break;
    const word = isWide ? signed(code, at, 4) >>> 0 : (code[at] as number) | ((code[at + 1] as number) << 8);
    for (const candidate of isWide ? [JAL, BRANCH] : [C_J, C_BRANCH]) {
      if ((word & candidate.mask) >>> 0 !== candidate.bits) continue;
      found.push({ offset: at, type: candidate.type, target: at + distance(word, candidate) });
      break;
    }
    at += isWide ? 4 : 2;
  }
  return found;
};

/** Relative branches (RI, RIL, RSI, RIE formats) and larl. Principles of Operation, chapter 5. */
const s390x: Reader = (code, from, to) => {
  const found: ResolvedReference[] = [];
  const half = (at: number): number => (((code[at] as number) << 24) >> 16) | (code[at + 1] as number);
  for (let at = from; at + 2 <= to; ) {
    const first = code[at] as number;
    const length = first < 0x40 ? 2 : first < 0xc0 ? 4 : 6;
    if (at + length > to) break;
    const low = (code[at + 1] as number) & 0xf;
    const last = code[at + 5] as number;
    const isShort = (first === 0xa7 && low >= 4 && low <= 7) || first === 0x84 || first === 0x85;
    const isLong = (first === 0xc0 && (low === 0 || low === 4 || low === 5)) || (first === 0xc6 && low !== 0);
    const isCompare = first === 0xec && [0x44, 0x45, 0x64, 0x65, 0x76, 0x77, 0x7c, 0x7d, 0x7e, 0x7f].includes(last);
    if (isShort || isCompare) found.push({ offset: at + 2, type: 17, target: at + 2 * half(at + 2) });
    else if (isLong) {
      const far = (half(at + 2) << 16) | (half(at + 4) & 0xffff);
      found.push({ offset: at + 2, type: 19, target: at + 2 * far });
    }
    at += length;
  }
  return found;
};

/** Thumb: B and BL (T1 to T4), CBZ and CBNZ. Arm ARM, A6.3 and A8.8.18, A8.8.25, A8.8.29; the program counter is four bytes ahead. */
const thumb: Reader = (code, from, to, little) => {
  const found: ResolvedReference[] = [];
  const half = (at: number): number =>
    (code[little ? at : at + 1] as number) | ((code[little ? at + 1 : at] as number) << 8);
  for (let at = from; at + 2 <= to; ) {
    const first = half(at);
    const isWide = first >= 0xe800;
    if (isWide && at + 4 > to) break;
    const reference = isWide ? wideThumb(first, half(at + 2)) : narrowThumb(first);
    if (reference !== undefined) found.push({ offset: at, type: reference.type, target: at + 4 + reference.distance });
    at += isWide ? 4 : 2;
  }
  return found;
};

interface ThumbBranch {
  readonly type: number;
  readonly distance: number;
}

function extend(value: number, width: number): number {
  return value >= 2 ** (width - 1) ? value - 2 ** width : value;
}

function narrowThumb(first: number): ThumbBranch | undefined {
  if ((first & 0xf800) === 0xe000) return { type: 102, distance: extend(first & 0x7ff, 11) * 2 };
  if ((first & 0xf000) === 0xd000 && (first & 0x0e00) !== 0x0e00)
    return { type: 103, distance: extend(first & 0xff, 8) * 2 };
  if ((first & 0xf500) === 0xb100) return { type: 52, distance: (((first >> 3) & 31) | ((first >> 4) & 32)) * 2 };
  return undefined;
}

function wideThumb(first: number, second: number): ThumbBranch | undefined {
  if ((first & 0xf800) !== 0xf000 || (second & 0x8000) === 0) return undefined;
  const sign = (first >> 10) & 1;
  const j1 = (second >> 13) & 1;
  const j2 = (second >> 11) & 1;
  if ((second & 0x1000) === 0) {
    if ((second & 0x4000) !== 0 || (first & 0x0380) === 0x0380) return undefined;
    const value = (sign << 19) | (j2 << 18) | (j1 << 17) | ((first & 0x3f) << 11) | (second & 0x7ff);
    return { type: 51, distance: extend(value, 20) * 2 };
  }
  const value =
    (sign << 23) | ((1 ^ j1 ^ sign) << 22) | ((1 ^ j2 ^ sign) << 21) | ((first & 0x3ff) << 11) | (second & 0x7ff);
  return { type: (second & 0x4000) !== 0 ? 10 : 30, distance: extend(value, 24) * 2 };
}

const READERS: Readonly<Record<string, Reader>> = {
  x86_64: x86(64, 15, 2),
  i386: x86(32, 23, 2),
  aarch64: fixedWidth(AARCH64),
  arm: fixedWidth(ARM, 8),
  armeb: fixedWidth(ARM, 8),
  ppc64le: fixedWidth(PPC),
  ppc64: fixedWidth(PPC),
  mips: fixedWidth(MIPS, 4),
  mipsel: fixedWidth(MIPS, 4),
  mips64: fixedWidth(MIPS, 4),
  mips64el: fixedWidth(MIPS, 4),
  loongarch64: fixedWidth(LOONGARCH),
  riscv64: riscv,
  s390x,
};

/** Pc-relative references in code[from, to), whether or not a relocation still belongs to them; Arm functions say whether they are Thumb. */
export function resolvedReferences(
  arch: Arch,
  code: Uint8Array,
  from: number,
  to: number,
  isThumb = false,
): ResolvedReference[] {
  const reader = isThumb ? thumb : READERS[arch.name];
  return reader?.(code, from, to, arch.instructionData === "lsb") ?? [];
}

/** A number in code that may be an address, or be put together to one. */
export interface AddressReference {
  readonly offset: number;
  readonly type: number;
  /** Virtual address. */
  readonly address: number;
}

/** R_AARCH64_ADR_PREL_PG_HI21 and the LO12 types by access size. ELF for the Arm 64-bit Architecture, 5.7.6. */
const PAGE = 275;
const ADD_LO12 = 277;
const LOAD_LO12 = [278, 284, 285, 286] as const;
const LOAD_LO12_128 = 299;

/** Addresses that instructions hold whole (x86 immediates and displacements) or in two halves (adrp with add, ldr or str). */
export function addressReferences(
  arch: Arch,
  code: Uint8Array,
  base: number,
  isAddress: (value: number) => boolean,
): AddressReference[] {
  if (arch.name === "aarch64") return pagePairs(code, base);
  if (arch.name === "x86_64") return absoluteOperands(code, 64, 11, isAddress);
  return arch.name === "i386" ? absoluteOperands(code, 32, 1, isAddress) : [];
}

function absoluteOperands(
  code: Uint8Array,
  mode: X86Mode,
  type: number,
  isAddress: (value: number) => boolean,
): AddressReference[] {
  const found: AddressReference[] = [];
  for (let at = 0; at < code.length; ) {
    const instruction = decodeX86(code, at, mode);
    if (instruction === undefined) {
      at++;
      continue;
    }
    const { length, immediateSize, displacementSize, displacementOffset, branch, ripRelative } = instruction;
    const fields: number[] = [];
    if (displacementSize === 4 && !ripRelative) fields.push(at + displacementOffset);
    if (immediateSize === 4 && !branch) fields.push(at + length - 4);
    for (const offset of fields) {
      const address = signed(code, offset, 4) >>> 0;
      if (isAddress(address)) found.push({ offset, type, address });
    }
    at += length;
  }
  return found;
}

/** Follows each adrp to the instructions that add the low twelve bits. Arm ARM, C6.2 "ADRP". */
function pagePairs(code: Uint8Array, base: number): AddressReference[] {
  const found: AddressReference[] = [];
  const pages = new Map<number, { page: number; at: number }>();
  for (let at = 0; at + 4 <= code.length; at += 4) {
    const word = signed(code, at, 4) >>> 0;
    const to = word & 31;
    const from = (word >>> 5) & 31;
    if ((word & 0x9f000000) >>> 0 === 0x90000000) {
      const pageCount = distance(word, form(0, 0, PAGE, 0, [29, 2], [5, 19]));
      pages.set(to, { page: Math.floor((base + at) / 4096) * 4096 + pageCount * 4096, at });
      continue;
    }
    const page = pages.get(from);
    const isAdd = (word & 0xffc00000) >>> 0 === 0x91000000;
    const isAccess = (word & 0x3b000000) >>> 0 === 0x39000000;
    if (page !== undefined && (isAdd || isAccess)) {
      const size = word >>> 30;
      const is128 = isAccess && (word & 0x04800000) === 0x04800000;
      const low = ((word >>> 10) & 0xfff) * (isAdd ? 1 : is128 ? 16 : 2 ** size);
      const address = page.page + low;
      if (!found.some((reference) => reference.offset === page.at))
        found.push({ offset: page.at, type: PAGE, address });
      found.push({ offset: at, type: isAdd ? ADD_LO12 : is128 ? LOAD_LO12_128 : (LOAD_LO12[size] as number), address });
    }
    if (isAdd || (isAccess && (word & 0x04c00000) !== 0)) pages.delete(to);
  }
  return found;
}
