import { type LinkedCode, type LinkedReference, signedAt } from "../linked.ts";

/** R_390_PC32DBL, and R_390_GOT12 and GOT20 for slots at a distance from the GOT pointer. */
const PC32DBL = 19;
const GOT12 = 6;
const GOT20 = 58;

/** Second opcode digits of C4: loads and stores relative long. C6: exrl, pfdrl, comparisons. Principles of Operation, chapter 7. */
const STORES = new Set([0x7, 0xb, 0xf]);
const LOAD_64 = 0x8;

/** Reads s390x code: relative branches, larl, loads and stores relative long, slots at a distance from the GOT pointer. */
export function s390References(linked: LinkedCode): LinkedReference[] {
  const { code, base } = linked;
  const found: LinkedReference[] = [];
  for (const { offset, type, target } of linked.branches(0, code.length)) {
    const opcode = code[offset - 2] as number;
    const low = (code[offset - 1] as number) & 15;
    const isAddress = (opcode === 0xc0 && low === 0) || (opcode === 0xc6 && low !== 0);
    found.push({ offset, type, value: base + target, use: isAddress ? "address" : "branch" });
  }
  /** Registers that hold a place which larl told. */
  const held = new Map<number, number>();
  for (let at = 0; at + 2 <= code.length; ) {
    if (linked.starts.has(at)) held.clear();
    const first = code[at] as number;
    const length = first < 0x40 ? 2 : first < 0xc0 ? 4 : 6;
    if (at + length > code.length) break;
    const second = code[at + 1] as number;
    const low = second & 15;
    const to = second >>> 4;
    if (first === 0xc4 && low !== 0) {
      const value = base + at + 2 * bigEndian(code, at + 2);
      const use = STORES.has(low) ? "address" : "load";
      found.push({ offset: at + 2, type: PC32DBL, value, use: low === LOAD_64 ? "load" : use });
    }
    if (first === 0xc0 && low === 0) held.set(to, base + at + 2 * bigEndian(code, at + 2));
    else if (first === 0xe3 && (code[at + 5] === 0x04 || code[at + 5] === 0x24)) {
      const pointer = held.get((code[at + 2] as number) >>> 4);
      const index = low;
      const distance = (((code[at + 2] as number) & 15) << 8) | (code[at + 3] as number);
      const upper = ((code[at + 4] as number) << 24) >> 24;
      const value = pointer === undefined ? undefined : pointer + upper * 4096 + distance;
      if (value !== undefined && index === 0 && pointer === linked.globalPointer && code[at + 5] === 0x04)
        found.push({ offset: at + 2, type: upper === 0 ? GOT12 : GOT20, value, use: "load" });
      if (code[at + 5] === 0x04) held.delete(to);
    } else if (first === 0xc0 && low === 5) for (const register of [0, 1, 2, 3, 4, 5, 14]) held.delete(register);
    else if (first !== 0xc4 || !STORES.has(low)) held.delete(to);
    at += length;
  }
  return found;
}

function bigEndian(code: Uint8Array, offset: number): number {
  const little = signedAt(code, offset, 4);
  return ((little & 0xff) << 24) | ((little & 0xff00) << 8) | ((little >>> 8) & 0xff00) | (little >>> 24);
}
