import { access, computes, fourBytes, lowPart, type Meaning, NOTHING, writes } from "../anchors/meaning.ts";
import type { Scanner } from "../anchors/scan.ts";
import { signExtend } from "../instruction.ts";

/** Bits 31 to 22 of accesses that write no general register: stores, PRELD, and those of other register files. */
const WRITE_NOTHING: ReadonlySet<number> = new Set([
  0xa4, 0xa5, 0xa6, 0xa7, 0xab, 0xac, 0xad, 0xae, 0xaf, 0xb0, 0xb1, 0xb2, 0xb3,
]);

/** Accesses and sums with a 12-bit immediate, accesses with 14 bits of words. LoongArch reference manual, volume 1, 2.2. */
function meaning(i: number): Meaning {
  const to = i & 31;
  const base = (i >>> 5) & 31;
  const operation = i >>> 22;
  const distance = signExtend((i >>> 10) & 0xfff, 12);
  // ADDI.W, ADDI.D.
  if (operation === 0x0a || operation === 0x0b) return access(base, distance, to, true);
  if (operation >= 0xa0 && operation <= 0xb3) return access(base, distance, WRITE_NOTHING.has(operation) ? -1 : to);
  // LL, SC, LDPTR, STPTR; SC tells in its register whether it stored.
  if (i >>> 24 >= 0x20 && i >>> 24 <= 0x27) {
    const isStore = i >>> 24 === 0x25 || i >>> 24 === 0x27;
    return access(base, signExtend((i >>> 10) & 0x3fff, 14) * 4, isStore ? -1 : to);
  }
  // Branches: JIRL links to a register, BL to $ra.
  if (i >>> 26 >= 0x10 && i >>> 26 <= 0x1b)
    return i >>> 26 === 0x13 ? writes(to) : i >>> 26 === 0x15 ? writes(1) : NOTHING;
  // ADD.W, ADD.D.
  if (i >>> 15 === 0x20 || i >>> 15 === 0x21) return computes(to, base, (i >>> 10) & 31);
  // Floating point.
  if (i >>> 24 === 0x01) return NOTHING;
  return computes(to, base);
}

/** Addresses are completed by `addi`. */
export const loongarchScanner: Scanner = {
  decode: fourBytes(meaning, true),
  loads: lowPart(
    true,
    (i) => i >>> 22 === 0x0a || i >>> 22 === 0x0b,
    (i) => i & 31,
  ),
};
