import type { Arch } from "./arch.ts";
import { decodeX86, type X86Mode } from "./x86-decode.ts";

/** Whether the code in bytes[from, to) ends with an instruction behind which execution does not go on. */
type FlowTest = (bytes: Uint8Array, from: number, to: number, little: boolean) => boolean;

/** An instruction word: which bits decide, and what they are. */
type Form = readonly [mask: number, bits: number];

function wordAt(bytes: Uint8Array, at: number, little: boolean): number {
  const byte = (i: number): number => bytes[at + (little ? i : 3 - i)] as number;
  return (byte(0) | (byte(1) << 8) | (byte(2) << 16) | (byte(3) << 24)) >>> 0;
}

function matches(word: number, forms: readonly Form[]): boolean {
  return forms.some(([mask, bits]) => (word & mask) >>> 0 === bits);
}

/** The last of the instructions of four bytes; with a delay slot the one before it. */
function lastWord(forms: readonly Form[], delaySlot = 0): FlowTest {
  return (bytes, from, to, little) => {
    const at = to - 4 - delaySlot;
    return at >= from && matches(wordAt(bytes, at, little), forms);
  };
}

/** RET, IRET, JMP, INT3 and UD2. Intel SDM volume 2. */
function x86(mode: X86Mode): FlowTest {
  return (bytes, from, to) => {
    let last = -1;
    let at = from;
    while (at < to) {
      last = at;
      at += decodeX86(bytes, at, mode)?.length ?? to;
    }
    if (at !== to || last < 0) return false;
    // Prefixes that a return or jump may have: repeat, not tracked, bound, operand size.
    while (last < to - 1 && [0xf2, 0xf3, 0x3e, 0x66].includes(bytes[last] as number)) last++;
    const opcode = bytes[last] as number;
    const next = bytes[last + 1] ?? 0;
    if ([0xc2, 0xc3, 0xca, 0xcb, 0xcc, 0xcf, 0xe9, 0xea, 0xeb].includes(opcode)) return true;
    if (opcode === 0x0f) return next === 0x0b || next === 0xb9;
    return opcode === 0xff && [4, 5].includes((next >> 3) & 7);
  };
}

/** B, BR, RET, ERET, BRK, UDF, the authenticated forms with them. Arm ARM, C4.1. */
const AARCH64: readonly Form[] = [
  [0xfc000000, 0x14000000],
  [0xfefff800, 0xd61f0800],
  [0xfffffc1f, 0xd61f0000],
  [0xfffffc1f, 0xd65f0000],
  [0xfffffbff, 0xd65f0bff],
  [0xffffffff, 0xd69f03e0],
  [0xffe0001f, 0xd4200000],
  [0xffff0000, 0x00000000],
];

/** B, BX, LDM with pc, MOV to pc, UDF; all without condition. Arm ARM, A5. */
const ARM: readonly Form[] = [
  [0xff000000, 0xea000000],
  [0xfffffff0, 0xe12fff10],
  [0xfe108000, 0xe8108000],
  [0xfffffff0, 0xe1a0f000],
  [0xfffff000, 0xe49df000],
  [0xfff000f0, 0xe7f000f0],
];

/** b, blr, bctr, rfid, trap. Power ISA, book I, 2.4. */
const PPC: readonly Form[] = [
  [0xfc000003, 0x48000000],
  [0xffe0ffff, 0x4e800020],
  [0xffe0ffff, 0x4e800420],
  [0xffffffff, 0x4c000024],
  [0xffffffff, 0x7fe00008],
];

/** jr, j, b: with the instruction behind them, which still runs. MIPS32 volume II. */
const MIPS: readonly Form[] = [
  [0xfc1fffff, 0x00000008],
  [0xfc1fffff, 0x00000009],
  [0xfc000000, 0x08000000],
  [0xffff0000, 0x10000000],
];

/** jirl to no register, b, break. LoongArch reference manual, 2.2.5. */
const LOONGARCH: readonly Form[] = [
  [0xfc00001f, 0x4c000000],
  [0xfc000000, 0x50000000],
  [0xffff8000, 0x002a0000],
];

/** jal and jalr to x0, ebreak, mret and sret, and the compressed forms. RISC-V unprivileged ISA, 2.5 and 16. */
const riscv: FlowTest = (bytes, from, to) => {
  if (to - from >= 4 && ((bytes[to - 4] as number) & 3) === 3) {
    const word = wordAt(bytes, to - 4, true);
    const forms: readonly Form[] = [
      [0xfff, 0x06f],
      [0xfff, 0x067],
      [0xffffffff, 0x00100073],
      [0xdfffffff, 0x10200073],
    ];
    if (matches(word, forms)) return true;
  }
  if (to - from < 2) return false;
  const half = (bytes[to - 2] as number) | ((bytes[to - 1] as number) << 8);
  return (half & 0xe003) === 0xa001 || ((half & 0xf07f) === 0x8002 && (half & 0xf80) !== 0) || half === 0x9002;
};

/** br, j, jg. Principles of Operation, chapter 7. */
const s390: FlowTest = (bytes, from, to) => {
  const size = to - from;
  if (size >= 6 && bytes[to - 6] === 0xc0 && bytes[to - 5] === 0xf4) return true;
  if (size >= 4 && bytes[to - 4] === 0xa7 && bytes[to - 3] === 0xf4) return true;
  return size >= 2 && bytes[to - 2] === 0x07 && ((bytes[to - 1] as number) & 0xf0) === 0xf0;
};

const TESTS: readonly (readonly [name: RegExp, test: FlowTest])[] = [
  [/^(x86_64|x32)$/, x86(64)],
  [/^i386$/, x86(32)],
  [/^aarch64/, lastWord(AARCH64)],
  [/^arm(eb)?$/, lastWord(ARM)],
  [/^ppc/, lastWord(PPC)],
  [/^mips/, lastWord(MIPS, 4)],
  [/^loongarch/, lastWord(LOONGARCH)],
  [/^riscv/, riscv],
  [/^s390/, s390],
];

/**
 * Whether execution certainly does not run past the end of the code in bytes[from, to). False where the architecture's jumps
 * and returns are not known, or what stands at the end is none of them.
 */
export function endsFlow(arch: Arch, bytes: Uint8Array, from: number, to: number): boolean {
  const test = TESTS.find(([name]) => name.test(arch.name))?.[1];
  return test?.(bytes, from, to, arch.instructionData === "lsb") ?? false;
}
