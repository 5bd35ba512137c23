import type { ElfClass } from "../../elf/object.ts";
import { type CodeModel, TOLD_BY_TYPE } from "../code.ts";
import { form, is, registers } from "../instruction.ts";
import { plus, type WordRules, wordCode } from "../words.ts";
import { followAArch64 } from "./anchors.ts";
import { aarch64Distances, aarch64Frame } from "./distances.ts";
import { aarch64References } from "./linked.ts";
import { aarch64Operands } from "./operands.ts";

/** Arm ARM, C4.1 and C6.2. */
const RULES: WordRules = {
  // BL, B; B.cond, CBZ, CBNZ; TBZ, TBNZ; ADR; LDR (literal).
  branches: [
    form(0xfc000000, 0x94000000, 283, 2, [0, 26]),
    form(0xfc000000, 0x14000000, 282, 2, [0, 26]),
    form(0xff000000, 0x54000000, 280, 2, [5, 19]),
    form(0x7e000000, 0x34000000, 280, 2, [5, 19]),
    form(0x7e000000, 0x36000000, 279, 2, [5, 14]),
    form(0x9f000000, 0x10000000, 274, 0, [29, 2], [5, 19]),
    form(0x3b000000, 0x18000000, 273, 2, [5, 19]),
  ],
  // B, BR, RET, ERET, BRK, UDF, the authenticated forms with them.
  ends: [
    [0xfc000000, 0x14000000],
    [0xfefff800, 0xd61f0800],
    [0xfffffc1f, 0xd61f0000],
    [0xfffffc1f, 0xd65f0000],
    [0xfffffbff, 0xd65f0bff],
    [0xffffffff, 0xd69f03e0],
    [0xffe0001f, 0xd4200000],
    [0xffff0000, 0x00000000],
  ],
  destination: (i) => i & 31,
  // `movz wN|xN,#imm16`
  constant: (i) => (is(i, 0x7fe00000, 0x52800000) ? (i >>> 5) & 0xffff : undefined),
  constantBits: 0xffff << 5,
  // MOVZ, MOVK, MOV (register) of zr, B, RET. Every other instruction may write its low five bits.
  effect(i, get) {
    const rd = i & 31;
    const half = (i >>> 5) & 0xffff;
    const shift = 2 ** (16 * ((i >>> 21) & 3));
    if (is(i, 0x7f800000, 0x52800000)) return { writes: [[rd, half * shift]] };
    if (is(i, 0x7f800000, 0x72800000)) return { writes: [[rd, plus(get(rd), half * shift)]] };
    if (is(i, 0x7fffffe0, 0x2a1f03e0)) return { writes: [[rd, 0]] };
    if (is(i, 0xfc000000, 0x14000000) || is(i, 0xfffffc1f, 0xd65f0000)) return { writes: [], isEnd: true };
    return { writes: [[rd, undefined]] };
  },
};

/** A64, whose instructions are little-endian whatever the data is. */
export const aarch64Code = (elfClass: ElfClass): CodeModel => ({
  ...wordCode("lsb", RULES),
  branchKind: TOLD_BY_TYPE,
  linked: aarch64References,
  argumentRegisters: registers(0, 8),
  operands: aarch64Operands,
  anchors: {
    bases: /^R_AARCH64_(P32_)?ADD_ABS_LO12_NC$/,
    decode: aarch64Distances(elfClass),
    fixed: [31],
    frame: aarch64Frame,
    follow: followAArch64,
  },
});
