import type { ArgumentValue, CallStep, Effect } from "../code.ts";
import { decodeX86, type X86Mode } from "./decode.ts";

/** Opcodes (one byte) with ModRM that write nothing but flags or memory: cmp, test. Intel SDM volume 2, appendix A. */
const X86_READS: ReadonlySet<number> = new Set([0x38, 0x39, 0x3a, 0x3b, 0x84, 0x85]);

/** What one instruction does to the registers, by its opcode. */
export const x86Step =
  (mode: X86Mode): CallStep =>
  (code, start, _get, relocated) => {
    const instruction = decodeX86(code, start, mode);
    if (instruction === undefined) return { length: 1, writes: [], isEnd: true };
    const { length, immediateSize } = instruction;
    let at = start;
    while (isPrefix(code[at] as number) && at < start + length) at++;
    const rex = mode === 64 && ((code[at] as number) & 0xf0) === 0x40 ? (code[at++] as number) : 0;
    const opcode = code[at] as number;
    const modrm = code[at + 1] ?? 0;
    const field = start + length - immediateSize;
    const reg = ((modrm >> 3) & 7) + (rex & 4 ? 8 : 0);
    const rm = (modrm & 7) + (rex & 1 ? 8 : 0);
    const low = (opcode & 7) + (rex & 1 ? 8 : 0);
    const immediate = (): ArgumentValue => (relocated.has(field) ? "address" : signed(code, field, immediateSize));
    if (opcode >= 0xb8 && opcode <= 0xbf) return { length, writes: [[low, immediate()]] };
    if (opcode === 0xc7 && modrm >= 0xc0) return { length, writes: [[rm, immediate()]] };
    if ((opcode === 0x31 || opcode === 0x33) && modrm >= 0xc0 && reg === rm) return { length, writes: [[rm, 0]] };
    if (opcode === 0x8d) return { length, writes: [[reg, "address"]] };
    if (opcode === 0xeb || opcode === 0xe9 || opcode === 0xc3 || opcode === 0xc2)
      return { length, writes: [], isEnd: true };
    if (opcode === 0xe8) return { length, writes: [], isEnd: true };
    if (opcode === 0xff) return { length, writes: [[rm, undefined]], isEnd: [2, 3, 4, 5].includes(reg & 7) };
    if (isWithoutModrm(opcode)) return { length, writes: accumulatorWrites(opcode, low) };
    if (opcode >= 0x58 && opcode <= 0x5f) return { length, writes: [[low, undefined]] };
    if (opcode >= 0x70 && opcode <= 0x7f) return { length, writes: [] };
    if (opcode === 0x0f) {
      const second = modrm;
      const byte = code[at + 2] ?? 0;
      if (second >= 0x80 && second <= 0x8f) return { length, writes: [] };
      return { length, writes: bothOf(byte, rex) };
    }
    if (X86_READS.has(opcode)) return { length, writes: [] };
    // A store or an operation on memory changes no register but those it names as its destination; both are given up.
    return { length, writes: bothOf(modrm, rex) };
  };

/** One-byte opcodes that are followed by no ModRM byte, jumps aside. Intel SDM volume 2, appendix A. */
function isWithoutModrm(opcode: number): boolean {
  if (opcode < 0x40) return (opcode & 7) >= 4;
  if (opcode >= 0x50 && opcode <= 0x57) return true;
  return (opcode >= 0x90 && opcode <= 0xb7) || opcode === 0x68 || opcode === 0x6a || opcode === 0xcc;
}

/** What they write: %rax and %rdx for the most part, a byte register for b0 to b7, both for an exchange. */
function accumulatorWrites(opcode: number, low: number): Effect["writes"] {
  const isTest = opcode === 0x3c || opcode === 0x3d || opcode === 0xa8 || opcode === 0xa9;
  if (isTest || (opcode >= 0x50 && opcode <= 0x57) || opcode === 0x68 || opcode === 0x6a || opcode === 0x90) return [];
  if (opcode >= 0xb0 && opcode <= 0xb7)
    return [
      [low, undefined],
      [low & 3, undefined],
    ];
  return [
    [0, undefined],
    [2, undefined],
    [low, undefined],
  ];
}

function bothOf(modrm: number, rex: number): Effect["writes"] {
  const reg = ((modrm >> 3) & 7) + (rex & 4 ? 8 : 0);
  const rm = (modrm & 7) + (rex & 1 ? 8 : 0);
  return modrm >= 0xc0
    ? [
        [reg, undefined],
        [rm, undefined],
      ]
    : [[reg, undefined]];
}

function isPrefix(byte: number): boolean {
  return [0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65].includes(byte);
}

/** A little-endian number of up to 8 bytes, with sign below 8. */
function signed(code: Uint8Array, at: number, size: number): number {
  let value = 0;
  for (let i = Math.min(size, 6) - 1; i >= 0; i--) value = value * 0x100 + (code[at + i] ?? 0);
  return size === 4 && value >= 0x8000_0000 ? value - 0x1_0000_0000 : value;
}
