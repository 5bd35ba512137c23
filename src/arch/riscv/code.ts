import { readHalf, readWord } from "../../bytes.ts";
import { scanned } from "../anchors/scan.ts";
import { type CallStep, type CodeModel, type LoadedConstant, type ResolvedReference, TOLD_BY_TYPE } from "../code.ts";
import { distance, form, is, registers, signExtend } from "../instruction.ts";
import { plus } from "../words.ts";
import { riscvScanner } from "./anchors.ts";
import { riscvReferences } from "./linked.ts";
import { riscvOperands } from "./operands.ts";

/** RISC-V of 32 and 64 bits: instructions of two or four bytes, little-endian whatever the data is. */
export const riscvCode = (): CodeModel => ({
  instructions: { kind: "halfwords" },
  alignment: 2,
  // Instructions of 16 bits end in anything but 11. RISC-V unprivileged ISA, 1.5.
  unitSize: (code, at) => (((code[at] as number) & 3) === 3 ? 4 : 2),
  branches,
  branchKind: TOLD_BY_TYPE,
  linked: riscvReferences,
  argumentRegisters: registers(10, 8),
  // rd of the 32-bit forms.
  destination: (code, field) => (((code[field] ?? 0) | ((code[field + 1] ?? 0) << 8)) >> 7) & 31,
  loadedConstant,
  step,
  endsFlow,
  hasDelaySlot: false,
  operands: riscvOperands,
  anchors: scanned(/^R_RISCV_(PCREL_)?HI20$/, [0, 2, 4], riscvScanner),
});

/** jal and conditional branches; compressed ones among them. RISC-V unprivileged ISA, 2.5 and 16.4. */
const JAL = form(0x7f, 0x6f, 17, 1, [21, 10], [20, 1], [12, 8], [31, 1]);
const BRANCH = form(0x7f, 0x63, 16, 1, [8, 4], [25, 6], [7, 1], [31, 1]);
const C_J = form(0xe003, 0xa001, 45, 1, [3, 3], [11, 1], [2, 1], [7, 1], [6, 1], [9, 2], [8, 1], [12, 1]);
const C_BRANCH = form(0xc003, 0xc001, 44, 1, [3, 2], [10, 2], [2, 1], [5, 2], [12, 1]);

function branches(code: Uint8Array, from: number, to: number): ResolvedReference[] {
  const found: ResolvedReference[] = [];
  for (let at = from; at + 2 <= to; ) {
    const isWide = ((code[at] as number) & 3) === 3;
    if (isWide && at + 4 > to) break;
    const word = isWide ? readWord(code, at, true) : readHalf(code, at, true);
    for (const candidate of isWide ? [JAL, BRANCH] : [C_J, C_BRANCH]) {
      if ((word & candidate.mask) >>> 0 !== candidate.bits) continue;
      found.push({ offset: at, type: candidate.type, target: at + distance(word, candidate) });
      break;
    }
    at += isWide ? 4 : 2;
  }
  return found;
}

/** RISC-V `li`: addi rd,x0,imm, the addi or addiw after a lui, or c.li. RISC-V unprivileged ISA, 2.4.1 and 16.5. */
function loadedConstant(code: Uint8Array, offset: number): LoadedConstant | undefined {
  for (const start of [offset & ~1, (offset & ~1) - 2]) {
    if (start < 0 || start + 4 > code.length) continue;
    const instruction = readWord(code, start, true);
    const isAdd = is(instruction, 0x707f, 0x13) || is(instruction, 0x707f, 0x1b);
    const from = (instruction >>> 15) & 31;
    const to = (instruction >>> 7) & 31;
    const before = start < 4 ? 0 : readWord(code, start - 4, true);
    const afterLui = from === to && is(before, 0x7f, 0x37) && ((before >>> 7) & 31) === to;
    if (isAdd && (from === 0 || afterLui))
      return { offset: start, size: 4, value: (instruction >>> 20) & 0xfff, rest: instruction & 0xfffff };
  }
  return undefined;
}

/** RISC-V unprivileged ISA: ADDI, ADDIW, LUI, C.LI, C.LUI, J, RET. */
const step: CallStep = (code, at, get, relocated) => {
  const low = (code[at] ?? 0) | ((code[at + 1] ?? 0) << 8);
  const length = (low & 3) === 3 ? 4 : 2;
  const rd = (low >> 7) & 31;
  if (relocated.has(at)) return { length, writes: [[rd, "address"]] };
  if (length === 2) {
    const immediate = signExtend(((low >> 2) & 31) | ((low >> 7) & 32), 6);
    if ((low & 0xe003) === 0x4001) return { length, writes: [[rd, immediate]] };
    if ((low & 0xe003) === 0x6001 && rd !== 2) return { length, writes: [[rd, immediate * 0x1000]] };
    if ((low & 0xe003) === 0xa001 || low === 0x8082) return { length, writes: [], isEnd: true };
    // Short forms name one of eight registers in other bits.
    return {
      length,
      writes: [
        [rd, undefined],
        [8 + ((low >> 2) & 7), undefined],
        [8 + ((low >> 7) & 7), undefined],
      ],
    };
  }
  const i = (low | ((code[at + 2] ?? 0) << 16) | ((code[at + 3] ?? 0) << 24)) >>> 0;
  const rs = (i >>> 15) & 31;
  if (is(i, 0x707f, 0x13) || is(i, 0x707f, 0x1b)) {
    const immediate = signExtend(i >>> 20, 12);
    return { length, writes: [[rd, rs === 0 ? immediate : plus(get(rs), immediate)]] };
  }
  if (is(i, 0x7f, 0x37)) return { length, writes: [[rd, signExtend(i >>> 12, 20) * 0x1000]] };
  if (is(i, 0xfff, 0x6f) || i === 0x8067) return { length, writes: [], isEnd: true };
  return { length, writes: [[rd, undefined]] };
};

/** jal and jalr to x0, ebreak, mret and sret, and the compressed forms. RISC-V unprivileged ISA, 2.5 and 16. */
function endsFlow(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from >= 4 && ((bytes[to - 4] as number) & 3) === 3) {
    const word = readWord(bytes, to - 4, true);
    const forms = [
      [0xfff, 0x06f],
      [0xfff, 0x067],
      [0xffffffff, 0x00100073],
      [0xdfffffff, 0x10200073],
    ] as const;
    if (forms.some(([mask, bits]) => is(word, mask, bits))) return true;
  }
  if (to - from < 2) return false;
  const half = readHalf(bytes, to - 2, true);
  return (half & 0xe003) === 0xa001 || ((half & 0xf07f) === 0x8002 && (half & 0xf80) !== 0) || half === 0x9002;
}
