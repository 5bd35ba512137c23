import type { ElfData } from "../../elf/object.ts";
import { scanned } from "../anchors/scan.ts";
import { type CodeModel, TOLD_BY_TYPE } from "../code.ts";
import { form, is, registers, turned } from "../instruction.ts";
import { plus, type WordRules, wordCode } from "../words.ts";
import { armScanner } from "./anchors.ts";
import { armReferences } from "./linked.ts";
import { armOperands } from "./operands.ts";
import { poolDistances } from "./pools.ts";

/** Relocations that complete an address, in either instruction set: MOVT, or a word of a literal pool. */
export const ANCHOR_BASES = /^R_ARM_(MOVT_ABS|THM_MOVT_ABS|ABS32|REL32)$/;

/** A32. Arm ARM, A8.8: B and BL with any condition; MOVW, MOVT, MOV (immediate), BX. */
const RULES: WordRules = {
  branches: [form(0x0f000000, 0x0b000000, 28, 2, [0, 24]), form(0x0f000000, 0x0a000000, 29, 2, [0, 24])],
  bias: 8,
  hasPools: true,
  // B, BX, LDM with pc, MOV to pc, UDF; all without condition.
  ends: [
    [0xff000000, 0xea000000],
    [0xfffffff0, 0xe12fff10],
    [0xfe108000, 0xe8108000],
    [0xfffffff0, 0xe1a0f000],
    [0xfffff000, 0xe49df000],
    [0xfff000f0, 0xe7f000f0],
  ],
  destination: (i) => (i >>> 12) & 15,
  constant(i) {
    if (is(i, 0x0ff00000, 0x03000000)) return ((i >>> 4) & 0xf000) | (i & 0xfff);
    return is(i, 0x0fff0000, 0x03a00000) ? turned(i) : undefined;
  },
  constantBits: 0x000f0fff,
  effect(i, get) {
    const rd = (i >>> 12) & 15;
    const half = ((i >>> 4) & 0xf000) | (i & 0xfff);
    if (is(i, 0x0ff00000, 0x03000000)) return { writes: [[rd, half]] };
    if (is(i, 0x0ff00000, 0x03400000)) return { writes: [[rd, plus(get(rd), half * 0x10000)]] };
    if (is(i, 0x0fff0000, 0x03a00000)) return { writes: [[rd, turned(i)]] };
    if (is(i, 0xff000000, 0xea000000) || is(i, 0xfffffff0, 0xe12fff10)) return { writes: [], isEnd: true };
    return { writes: [[rd, undefined]] };
  },
};

/** Code in Arm state, with instructions in the given byte order. */
export const armCode = (order: ElfData): CodeModel => ({
  ...wordCode(order, RULES),
  branchKind: TOLD_BY_TYPE,
  linked: armReferences,
  poolDistances: (code, stateAt) => poolDistances(code, order === "lsb", stateAt),
  argumentRegisters: registers(0, 4),
  operands: armOperands(order),
  anchors: scanned(ANCHOR_BASES, [13, 15], armScanner(order === "lsb")),
});
