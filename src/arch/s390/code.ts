import { scanned } from "../anchors/scan.ts";
import type { ArgumentValue, CallStep, CodeModel, LoadedConstant, ResolvedReference } from "../code.ts";
import { registers, signExtend } from "../instruction.ts";
import { s390Scanner } from "./anchors.ts";
import { s390References } from "./linked.ts";
import { s390Operands } from "./operands.ts";

/** z/Architecture, and what is left of it with 31-bit addresses. Principles of Operation, chapters 5 and 7. */
export const s390Code = (): CodeModel => ({
  instructions: { kind: "halfwords" },
  alignment: 2,
  unitSize,
  branches,
  branchKind,
  linked: s390References,
  argumentRegisters: registers(2, 5),
  // R1 stands in the upper half of an instruction's second byte: larl (RIL, field at +2) and lghi (RI, field at +2).
  destination(code, field) {
    const second = code[field - 1];
    return second === undefined ? undefined : second >> 4;
  },
  loadedConstant,
  step,
  operands: s390Operands,
  endsFlow,
  hasDelaySlot: false,
  anchors: scanned(/^R_390_PC32DBL$/, [0, 15], s390Scanner),
});

/** The first two bits tell the length. Chapter 5, "Instruction Formats". */
function unitSize(code: Uint8Array, at: number): 2 | 4 | 6 {
  const first = code[at] ?? 0;
  return first < 0x40 ? 2 : first < 0xc0 ? 4 : 6;
}

/** BRASL and BRAS are c0 x5 and a7 x5, BRCL and BRC c0 x4 and a7 x4. */
function branchKind(code: Uint8Array, offset: number): "call" | "jump" | undefined {
  const [first, second] = [code[offset - 2], (code[offset - 1] ?? 0) & 0xf];
  if (first !== 0xc0 && first !== 0xa7) return undefined;
  return second === 5 ? "call" : second === 4 ? "jump" : undefined;
}

/** Relative branches (RI, RIL, RSI, RIE formats) and larl. Principles of Operation, chapter 5. */
function branches(code: Uint8Array, from: number, to: number): ResolvedReference[] {
  const found: ResolvedReference[] = [];
  const half = (at: number): number => (((code[at] as number) << 24) >> 16) | (code[at + 1] as number);
  for (let at = from; at + 2 <= to; ) {
    const first = code[at] as number;
    const length = unitSize(code, at);
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
}

/** z/Architecture `lhi`/`lghi %r,imm16` (a7x8, a7x9): instructions are four bytes at any even place. Principles of Operation, "LOAD HALFWORD IMMEDIATE". */
function loadedConstant(code: Uint8Array, offset: number): LoadedConstant | undefined {
  for (const field of [offset & ~1, (offset - 1) & ~1]) {
    const low = code[field - 1] ?? 0;
    if (field < 2 || code[field - 2] !== 0xa7 || ((low & 0xf) !== 8 && (low & 0xf) !== 9)) continue;
    const value = (code[field] as number) * 0x100 + (code[field + 1] as number);
    if (value > 0) return { offset: field, size: 2, value, rest: low };
  }
  return undefined;
}

/** z/Architecture Principles of Operation: LHI, LGHI, LGFI, LARL, BCR, J. The first two bits of an instruction tell its length. */
const step: CallStep = (code, at, _get, relocated) => {
  const first = code[at] ?? 0;
  const second = code[at + 1] ?? 0;
  const length = unitSize(code, at);
  const r1 = second >> 4;
  const half = signExtend(((code[at + 2] ?? 0) << 8) | (code[at + 3] ?? 0), 16);
  if (first === 0xc0 && (second & 15) === 0) return { length, writes: [[r1, "address"]] };
  if (relocated.has(at + 2)) return { length, writes: [[r1, "address"]] };
  if (first === 0xa7 && ((second & 15) === 8 || (second & 15) === 9)) return { length, writes: [[r1, half]] };
  if (first === 0xa7 && second === 0xf4) return { length, writes: [], isEnd: true };
  if (first === 0xc0 && (second & 15) === 1) {
    const low = ((code[at + 4] ?? 0) << 8) | (code[at + 5] ?? 0);
    return { length, writes: [[r1, half * 0x10000 + low]] };
  }
  if (first === 0x41) return { length, writes: [[r1, addressOrConstant(code, at)]] };
  if (first === 0x07 && r1 === 15) return { length, writes: [], isEnd: true };
  if (isStore390(first, second, code[at + 5] ?? 0)) return { length, writes: [] };
  if (first === 0xb9) return { length, writes: [[(code[at + 3] ?? 0) >> 4, undefined]] };
  return { length, writes: [[r1, undefined]] };
};

/** Instructions whose second byte names no register that they write: stores, comparisons with memory, branches on a condition. */
function isStore390(first: number, second: number, last: number): boolean {
  if ([0x40, 0x42, 0x50, 0x90, 0x92, 0x95, 0xe5].includes(first) || (first >= 0xd0 && first <= 0xdf)) return true;
  if (first === 0xe3) return [0x24, 0x50, 0x70, 0x72, 0x2f, 0x3e, 0x3f].includes(last);
  if (first === 0xeb) return [0x24, 0x90, 0x6a, 0x7a, 0x52, 0x55].includes(last);
  return (first === 0xa7 || first === 0xc0) && (second & 15) === 4;
}

/** `la %r,d(0,0)` is how GCC loads a small constant. */
function addressOrConstant(code: Uint8Array, at: number): ArgumentValue {
  const index = (code[at + 1] ?? 0) & 15;
  const base = (code[at + 2] ?? 0) >> 4;
  return index === 0 && base === 0 ? (((code[at + 2] ?? 0) & 15) << 8) | (code[at + 3] ?? 0) : "address";
}

/** br, j, jg. Principles of Operation, chapter 7. */
function endsFlow(bytes: Uint8Array, from: number, to: number): boolean {
  const size = to - from;
  if (size >= 6 && bytes[to - 6] === 0xc0 && bytes[to - 5] === 0xf4) return true;
  if (size >= 4 && bytes[to - 4] === 0xa7 && bytes[to - 3] === 0xf4) return true;
  return size >= 2 && bytes[to - 2] === 0x07 && ((bytes[to - 1] as number) & 0xf0) === 0xf0;
}
