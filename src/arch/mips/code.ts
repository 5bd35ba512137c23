import type { ElfData } from "../../elf/object.ts";
import { scanned } from "../anchors/scan.ts";
import { type CodeModel, TOLD_BY_TYPE } from "../code.ts";
import { form, is, registers, signExtend } from "../instruction.ts";
import { plus, type WordRules, wordCode } from "../words.ts";
import { mipsScanner } from "./anchors.ts";
import { mipsReferences } from "./linked.ts";
import { mipsOperands } from "./operands.ts";

/** MIPS32 and MIPS64, volume II. */
const RULES: WordRules = {
  // Conditional branches; the distance counts from the delay slot.
  branches: [
    form(0xf0000000, 0x10000000, 10, 2, [0, 16]),
    form(0xf0000000, 0x50000000, 10, 2, [0, 16]),
    form(0xfc000000, 0x04000000, 10, 2, [0, 16]),
  ],
  bias: 4,
  // jr, j, b: with the instruction behind them, which still runs.
  ends: [
    [0xfc1fffff, 0x00000008],
    [0xfc1fffff, 0x00000009],
    [0xfc000000, 0x08000000],
    [0xffff0000, 0x10000000],
  ],
  hasDelaySlot: true,
  destination: (i) => (i >>> 16) & 31,
  // `li`: addiu rt,$0,imm or ori rt,$0,imm.
  constant: (i) => (is(i, 0xffe00000, 0x24000000) || is(i, 0xffe00000, 0x34000000) ? i & 0xffff : undefined),
  constantBits: 0xffff,
  // ADDIU, ORI, LUI, OR of $0.
  effect(i, get) {
    const rs = (i >>> 21) & 31;
    const rt = (i >>> 16) & 31;
    const rd = (i >>> 11) & 31;
    const low = i & 0xffff;
    const sum = signExtend(low, 16);
    if (is(i, 0xfc000000, 0x24000000)) return { writes: [[rt, rs === 0 ? sum : plus(get(rs), sum)]] };
    if (is(i, 0xfc000000, 0x34000000)) return { writes: [[rt, rs === 0 ? low : plus(get(rs), low)]] };
    if (is(i, 0xffe00000, 0x3c000000)) return { writes: [[rt, low * 0x10000]] };
    if (is(i, 0xffff07ff, 0x00000025)) return { writes: [[rd, 0]] };
    if (i >>> 26 === 0) return { writes: [[rd, undefined]] };
    return { writes: [[rt, undefined]] };
  },
};

/** MIPS code: four arguments lie in registers with the o32 calling convention, eight with n32 and n64. */
export const mipsCode = (inRegisters: 4 | 8, order: ElfData): CodeModel => ({
  ...wordCode(order, RULES),
  branchKind: TOLD_BY_TYPE,
  linked: mipsReferences,
  argumentRegisters: registers(4, inRegisters),
  operands: mipsOperands(order),
  anchors: scanned(/^R_MIPS_(LO16|GOT_OFST)/, [0, 29], mipsScanner(order === "lsb")),
});
