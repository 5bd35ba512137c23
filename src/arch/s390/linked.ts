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
  /** Registers that hold a literal, with the index of the load in what was found. */
  const literals = new Map<number, { readonly index: number; readonly value: number; readonly word: number }>();
  for (let at = 0; at + 2 <= code.length; ) {
    if (linked.starts.has(at)) {
      held.clear();
      literals.clear();
    }
    const first = code[at] as number;
    const length = first < 0x40 ? 2 : first < 0xc0 ? 4 : 6;
    if (at + length > code.length) break;
    const second = code[at + 1] as number;
    const low = second & 15;
    const to = second >>> 4;
    if (first === 0xc4 && low !== 0) {
      const value = base + at + 2 * bigEndian(code, at + 2);
      const use = STORES.has(low) ? "address" : "load";
      const literal = low === LOAD_64 && linked.threadSize > 0 ? linked.literalAt(value) : undefined;
      const meant = literal === undefined ? undefined : threadLiteral(literal, linked.threadSize);
      if (literal !== undefined) literals.set(to, { index: found.length, value: literal, word: value });
      else literals.delete(to);
      const read = { offset: at + 2, type: PC32DBL };
      if (literal === undefined || meant === undefined)
        found.push({ ...read, value, use: low === LOAD_64 ? "load" : use });
      else found.push({ ...read, value: literal, use: meant, word: value });
    }
    // The argument of __tls_get_offset: how far the pair for a thread-local is from the GOT.
    const argument = first === 0xc0 && low === 5 ? literals.get(2) : undefined;
    if (argument !== undefined && linked.globalPointer !== undefined) {
      const slot = linked.globalPointer + argument.value;
      const load = found[argument.index];
      if (load !== undefined && linked.isThreadSlot(slot))
        found[argument.index] = { ...load, value: slot, use: "load", word: argument.word };
    }
    if (first === 0xc0 && low === 5) literals.clear();
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

/**
 * What a word of a literal pool says of a thread-local, as far as its value tells: an offset from the thread pointer, or in the module's
 * thread-locals. Numbers as small as these stand in instructions (LGHI, LGFI). ELF Handling for Thread-Local Storage, s390.
 */
function threadLiteral(value: number, threadSize: number): "thread" | "module" | undefined {
  if (value < 0 && value >= -(threadSize + 4096)) return "thread";
  return value >= 0 && value <= threadSize ? "module" : undefined;
}

function bigEndian(code: Uint8Array, offset: number): number {
  const little = signedAt(code, offset, 4);
  return ((little & 0xff) << 24) | ((little & 0xff00) << 8) | ((little >>> 8) & 0xff00) | (little >>> 24);
}
