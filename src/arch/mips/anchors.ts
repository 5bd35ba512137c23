import { access, computes, fourBytes, lowPart, type Meaning, NOTHING, writes } from "../anchors/meaning.ts";
import type { Scanner } from "../anchors/scan.ts";
import { signExtend } from "../instruction.ts";

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

/** Addresses are completed by `addiu` or `daddiu`. */
export const mipsScanner = (little: boolean): Scanner => ({
  decode: fourBytes(mipsMeaning, little),
  loads: lowPart(
    little,
    (i) => i >>> 26 === 9 || i >>> 26 === 0x19,
    (i) => (i >>> 16) & 31,
  ),
});
