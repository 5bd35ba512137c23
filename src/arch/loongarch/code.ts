import { scanned } from "../anchors/scan.ts";
import { type CodeModel, TOLD_BY_TYPE } from "../code.ts";
import { form, is, registers, signExtend } from "../instruction.ts";
import { branchReferences } from "../linked.ts";
import { plus, type WordRules, wordCode } from "../words.ts";
import { loongarchScanner } from "./anchors.ts";
import { loongarchOperands } from "./operands.ts";

/** LoongArch reference manual, volume 1, 2.2. */
const RULES: WordRules = {
  // b, bl; beqz, bnez; beq to bgeu.
  branches: [
    form(0xf8000000, 0x50000000, 66, 2, [10, 16], [0, 10]),
    form(0xf8000000, 0x40000000, 65, 2, [10, 16], [0, 5]),
    form(0xfc000000, 0x58000000, 64, 2, [10, 16]),
    form(0xfc000000, 0x5c000000, 64, 2, [10, 16]),
    form(0xf8000000, 0x60000000, 64, 2, [10, 16]),
    form(0xf8000000, 0x68000000, 64, 2, [10, 16]),
  ],
  // jirl to no register, b, break.
  ends: [
    [0xfc00001f, 0x4c000000],
    [0xfc000000, 0x50000000],
    [0xffff8000, 0x002a0000],
  ],
  destination: (i) => i & 31,
  // `ori rd,$r0,imm12`, `addi.w rd,$r0,imm12`, and the low part (ori) after lu12i.w.
  constant(i, before) {
    const isWhole = is(i, 0xffc003e0, 0x03800000) || is(i, 0xffc003e0, 0x02800000);
    const isLow = is(i, 0xffc00000, 0x03800000) && is(before, 0xfe000000, 0x14000000);
    const isSame = (i & 31) === ((i >>> 5) & 31) && (i & 31) === (before & 31);
    return isWhole || (isLow && isSame) ? (i >>> 10) & 0xfff : undefined;
  },
  constantBits: 0xfff << 10,
  // ADDI.W, ADDI.D, ORI, LU12I.W, MOVE of $r0, B.
  effect(i, get) {
    const rd = i & 31;
    const rj = (i >>> 5) & 31;
    const low = (i >>> 10) & 0xfff;
    const sum = signExtend(low, 12);
    if (is(i, 0xff800000, 0x02800000)) return { writes: [[rd, rj === 0 ? sum : plus(get(rj), sum)]] };
    if (is(i, 0xffc00000, 0x03800000)) return { writes: [[rd, rj === 0 ? low : plus(get(rj), low)]] };
    if (is(i, 0xfe000000, 0x14000000)) return { writes: [[rd, ((i >>> 5) & 0xfffff) * 0x1000]] };
    if (is(i, 0xfffffc1f, 0x00150000) && rj === 0) return { writes: [[rd, 0]] };
    if (is(i, 0xfc000000, 0x50000000)) return { writes: [], isEnd: true };
    return { writes: [[rd, undefined]] };
  },
};

/** LoongArch of 32 and 64 bits. */
export const loongarchCode = (): CodeModel => ({
  ...wordCode("lsb", RULES),
  branchKind: TOLD_BY_TYPE,
  linked: branchReferences,
  argumentRegisters: registers(4, 8),
  operands: loongarchOperands,
  anchors: scanned(/^R_LARCH_PCALA_LO12$/, [0, 2, 3], loongarchScanner),
});
