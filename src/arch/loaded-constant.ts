import type { Arch } from "./arch.ts";
import { decodeX86 } from "./x86-decode.ts";

/** A number that an instruction loads into a register: an argument of a call, as it is seen in the code. */
export interface LoadedConstant {
  /** Offset of the bytes that hold it. */
  readonly offset: number;
  readonly size: number;
  readonly value: number;
  /** Every other bit of the instruction: register, operation, condition. */
  readonly rest: number;
}

/** No source file has more lines than this. */
const LARGEST_LINE = 0x40000;

type Reader = (arch: Arch, code: Uint8Array, offset: number) => LoadedConstant | undefined;

/** x86 `mov $imm32,%reg` (b8+r), `push $imm32` (68). Intel SDM volume 2, "MOV", "PUSH". Only the start of the code tells where instructions start. */
const x86: Reader = (arch, code, offset) => {
  for (let at = 0; at <= offset; ) {
    const instruction = decodeX86(code, at, arch.class);
    const end = at + (instruction?.length ?? 1);
    if (end <= offset) {
      at = end;
      continue;
    }
    const field = end - 4;
    const opcode = code[field - 1] as number;
    const isLoad = instruction?.immediateSize === 4 && instruction.displacementSize === 0 && field > at;
    // The opcode is all there is before the number, but for a REX prefix.
    if (!isLoad || field - at > 2 || offset < field || !((opcode >= 0xb8 && opcode <= 0xbf) || opcode === 0x68))
      return undefined;
    return {
      offset: field,
      size: 4,
      value: word(code, field, true),
      rest: opcode + 0x100 * (field - at === 2 ? (code[at] as number) : 0),
    };
  }
  return undefined;
};

/** Reads a 32-bit instruction word without sign. */
function word(code: Uint8Array, at: number, little: boolean): number {
  const byte = (i: number): number => code[at + (little ? i : 3 - i)] as number;
  return byte(0) + byte(1) * 0x100 + byte(2) * 0x10000 + byte(3) * 0x1000000;
}

/** A reader for instructions of four aligned bytes; `value` gives the constant (the low part of one after the instruction that loads its high part), or undefined when the instruction loads none; `bits` hold it. */
function fixedWidth(value: (instruction: number, before: number) => number | undefined, bits: number): Reader {
  return (arch, code, offset) => {
    const start = offset & ~3;
    if (start + 4 > code.length) return undefined;
    const little = arch.instructionData === "lsb";
    const instruction = word(code, start, little);
    const constant = value(instruction, start < 4 ? 0 : word(code, start - 4, little));
    if (constant === undefined || constant <= 0) return undefined;
    return { offset: start, size: 4, value: constant, rest: (instruction & ~bits) >>> 0 };
  };
}

function matches(instruction: number, mask: number, bits: number): boolean {
  return (instruction & mask) >>> 0 === bits >>> 0;
}

/** AArch64 `movz wN|xN,#imm16`. Arm ARM, C6.2 "MOVZ". */
const aarch64 = fixedWidth((i) => (matches(i, 0x7fe00000, 0x52800000) ? (i >>> 5) & 0xffff : undefined), 0xffff << 5);

/** Arm `movw rN,#imm16`, `mov rN,#imm8` with rotation. Arm ARM, A8.8.102 "MOV (immediate)". */
const arm = fixedWidth((i) => {
  if (matches(i, 0x0ff00000, 0x03000000)) return ((i >>> 4) & 0xf000) | (i & 0xfff);
  if (!matches(i, 0x0fff0000, 0x03a00000)) return undefined;
  const turn = ((i >>> 8) & 0xf) * 2;
  const byte = i & 0xff;
  return turn === 0 ? byte : ((byte >>> turn) | (byte << (32 - turn))) >>> 0;
}, 0x000f0fff);

/** Power `li rD,imm` (addi rD,0,imm), and the low half (ori) of what `lis` of the same register began. Power ISA, book I, 3.3.9. */
const ppc64 = fixedWidth((i, before) => {
  const isLow = matches(i, 0xfc000000, 0x60000000) && matches(before, 0xfc1f0000, 0x3c000000);
  const isSame = ((i >>> 21) & 31) === ((i >>> 16) & 31) && ((i >>> 21) & 31) === ((before >>> 21) & 31);
  return matches(i, 0xfc1f0000, 0x38000000) || (isLow && isSame) ? i & 0xffff : undefined;
}, 0xffff);

/** MIPS `li`: addiu rt,$0,imm or ori rt,$0,imm. MIPS32 volume II, "ADDIU", "ORI". */
const mips = fixedWidth(
  (i) => (matches(i, 0xffe00000, 0x24000000) || matches(i, 0xffe00000, 0x34000000) ? i & 0xffff : undefined),
  0xffff,
);

/** LoongArch `ori rd,$r0,imm12`, `addi.w rd,$r0,imm12`, and the low part (ori) after lu12i.w. LoongArch reference manual, 2.2.1. */
const loongarch = fixedWidth((i, before) => {
  const isWhole = matches(i, 0xffc003e0, 0x03800000) || matches(i, 0xffc003e0, 0x02800000);
  const isLow = matches(i, 0xffc00000, 0x03800000) && matches(before, 0xfe000000, 0x14000000);
  const isSame = (i & 31) === ((i >>> 5) & 31) && (i & 31) === (before & 31);
  return isWhole || (isLow && isSame) ? (i >>> 10) & 0xfff : undefined;
}, 0xfff << 10);

/** z/Architecture `lhi`/`lghi %r,imm16` (a7x8, a7x9): instructions are four bytes at any even place. Principles of Operation, "LOAD HALFWORD IMMEDIATE". */
const s390x: Reader = (_arch, code, offset) => {
  for (const field of [offset & ~1, (offset - 1) & ~1]) {
    const low = code[field - 1] ?? 0;
    if (field < 2 || code[field - 2] !== 0xa7 || ((low & 0xf) !== 8 && (low & 0xf) !== 9)) continue;
    const value = (code[field] as number) * 0x100 + (code[field + 1] as number);
    if (value > 0) return { offset: field, size: 2, value, rest: low };
  }
  return undefined;
};

/** RISC-V `li`: addi rd,x0,imm, the addi or addiw after a lui, or c.li. RISC-V unprivileged ISA, 2.4.1 and 16.5. */
const riscv64: Reader = (_arch, code, offset) => {
  for (const start of [offset & ~1, (offset & ~1) - 2]) {
    if (start < 0 || start + 4 > code.length) continue;
    const instruction = word(code, start, true);
    const isAdd = matches(instruction, 0x707f, 0x13) || matches(instruction, 0x707f, 0x1b);
    const from = (instruction >>> 15) & 31;
    const to = (instruction >>> 7) & 31;
    const before = start < 4 ? 0 : word(code, start - 4, true);
    const afterLui = from === to && matches(before, 0x7f, 0x37) && ((before >>> 7) & 31) === to;
    if (isAdd && (from === 0 || afterLui))
      return { offset: start, size: 4, value: (instruction >>> 20) & 0xfff, rest: instruction & 0xfffff };
  }
  return undefined;
};

const READERS: Readonly<Record<string, Reader>> = {
  x86_64: x86,
  i386: x86,
  aarch64,
  arm,
  ppc64le: ppc64,
  ppc64,
  s390x,
  riscv64,
  loongarch64: loongarch,
  mips,
  mips64: mips,
  mips64el: mips,
  mipsel: mips,
};

/** The constant that the instruction around a byte loads, where it is small enough to be a line number. */
export function loadedConstantAt(arch: Arch, code: Uint8Array, offset: number): LoadedConstant | undefined {
  const constant = READERS[arch.name]?.(arch, code, offset);
  return constant !== undefined && constant.value < LARGEST_LINE ? constant : undefined;
}
