import { readWord } from "../../bytes.ts";
import type { ElfData } from "../../elf/object.ts";
import { scanned } from "../anchors/scan.ts";
import { type CodeModel, TOLD_BY_TYPE } from "../code.ts";
import { form, is, registers, signExtend } from "../instruction.ts";
import { plus, type WordRules, wordCode } from "../words.ts";
import { powerScanner } from "./anchors.ts";
import { powerReferences } from "./linked.ts";
import { powerOperands } from "./operands.ts";

/** Power ISA, book I: 2.4 (I-form and B-form branches that are not absolute), 3.3.9, 3.3.13. */
const RULES: WordRules = {
  branches: [form(0xfc000002, 0x48000000, 10, 2, [2, 24]), form(0xfc000002, 0x40000000, 11, 2, [2, 14])],
  // b, blr, bctr, rfid, trap.
  ends: [
    [0xfc000003, 0x48000000],
    [0xffe0ffff, 0x4e800020],
    [0xffe0ffff, 0x4e800420],
    [0xffffffff, 0x4c000024],
    [0xffffffff, 0x7fe00008],
  ],
  destination: (i) => (i >>> 21) & 31,
  // `li rD,imm` (addi rD,0,imm), and the low half (ori) of what `lis` of the same register began.
  constant(i, before) {
    const isLow = is(i, 0xfc000000, 0x60000000) && is(before, 0xfc1f0000, 0x3c000000);
    const isSame = ((i >>> 21) & 31) === ((i >>> 16) & 31) && ((i >>> 21) & 31) === ((before >>> 21) & 31);
    return is(i, 0xfc1f0000, 0x38000000) || (isLow && isSame) ? i & 0xffff : undefined;
  },
  constantBits: 0xffff,
  // addi, addis (li, lis), ori, b, blr. Logical instructions have their destination in the second field.
  effect(i, get) {
    const rt = (i >>> 21) & 31;
    const ra = (i >>> 16) & 31;
    if (is(i, 0xfc1f0000, 0x38000000)) return { writes: [[rt, signExtend(i & 0xffff, 16)]] };
    if (is(i, 0xfc1f0000, 0x3c000000)) return { writes: [[rt, signExtend(i & 0xffff, 16) * 0x10000]] };
    if (is(i, 0xfc000000, 0x60000000)) return { writes: [[ra, plus(get(rt), i & 0xffff)]] };
    if (is(i, 0xfc000003, 0x48000000) || i === 0x4e800020) return { writes: [], isEnd: true };
    return {
      writes: [
        [rt, undefined],
        [ra, undefined],
      ],
    };
  },
};

/** A traceback table behind a function begins with a word of zeros, and is not longer than this unless it holds a long name. */
const LONGEST_TABLE = 256;

/** 64-bit Power in either byte order. */
export function powerCode(order: ElfData): CodeModel {
  const little = order === "lsb";
  const words = wordCode(order, RULES);
  return {
    ...words,
    endsFlow(code, from, to) {
      if (words.endsFlow(code, from, to)) return true;
      for (let at = to - 4; at > from && to - at <= LONGEST_TABLE; at -= 4) {
        if (readWord(code, at, little) === 0 && words.endsFlow(code, from, at)) return true;
      }
      return false;
    },
    branchKind: TOLD_BY_TYPE,
    linked: powerReferences,
    argumentRegisters: registers(3, 8),
    operands: powerOperands(little ? "lsb" : "msb"),
    anchors: scanned(/^R_PPC64_TOC16_LO$/, [0, 1, 13], powerScanner(little)),
  };
}
