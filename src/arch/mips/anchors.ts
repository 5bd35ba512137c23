import { readWord } from "../../bytes.ts";
import { access, computes, fourBytes, lowPart, type Meaning, NOTHING, writes } from "../anchors/meaning.ts";
import type { Scanner } from "../anchors/scan.ts";
import { is, signExtend } from "../instruction.ts";

/** I and R types. MIPS32 volume II. */
function mipsMeaning(i: number): Meaning {
  const operation = i >>> 26;
  const base = (i >>> 21) & 31;
  const to = (i >>> 16) & 31;
  const distance = signExtend(i & 0xffff, 16);
  if (operation === 9 || operation === 0x19) return access(base, distance, to, true);
  if (operation >= 0x20) return access(base, distance, operation < 0x28 || operation === 0x37 ? to : -1);
  if (operation === 0) {
    const register = (i >>> 11) & 31;
    return computes(register, base, to);
  }
  if (operation >= 0xa && operation <= 0xf) return writes(to);
  return NOTHING;
}

const FRAME = 30;

/** `move $s8, $sp`, and back: or, addu or daddu. */
function frame(code: Uint8Array, little: boolean): number | undefined {
  const has = (instruction: number): boolean => {
    for (let at = 0; at + 4 <= code.length; at += 4)
      if (is(readWord(code, at, little), 0xffffffc0, instruction)) return true;
    return false;
  };
  return has(0x03a0f000) && has(0x03c0e800) ? FRAME : undefined;
}

/** Addresses are completed by `addiu` or `daddiu`. */
export const mipsScanner = (little: boolean): Scanner => ({
  decode: fourBytes(mipsMeaning, little),
  frame: (code) => frame(code, little),
  loads: lowPart(
    little,
    (i) => i >>> 26 === 9 || i >>> 26 === 0x19,
    (i) => (i >>> 16) & 31,
  ),
});
