import { type LinkedCode, type LinkedReference, signExtend, wordAt } from "../linked.ts";

/** ELF for the Arm Architecture: ABS32, REL32, GOT_BREL, GOT_PREL, MOVW_ABS_NC, MOVT_ABS and their Thumb forms. */
const ABS32 = 2;
const REL32 = 3;
const GOT_BREL = 26;
const MOVW = 43;
const MOVT = 44;
const THUMB_MOVW = 47;
const THUMB_MOVT = 48;

/** R_ARM_CALL and R_ARM_THM_CALL, for branches that change the instruction set. */
const ARM_CALL = 28;
const THUMB_CALL = 10;

/** What a register holds: half an address, a word of a literal pool, or an address. */
interface Held {
  readonly kind: "half" | "literal" | "address";
  readonly value: number;
  /** Offset of the instruction (half) or of the word in the pool (literal, address). */
  readonly at: number;
}

/** Reads Arm and Thumb code: branches, movw with movt, literal pools with what pc or the GOT pointer adds. Arm ARM, A8.8. */
export function armReferences(linked: LinkedCode): LinkedReference[] {
  const reader = new ArmReader(linked);
  const { code } = linked;
  const stateAt = linked.stateAt ?? (() => "arm" as const);
  let from = 0;
  while (from < code.length) {
    const state = stateAt(from);
    let to = from + 2;
    while (to < code.length && stateAt(to) === state) to += 2;
    if (state === "arm") reader.readArm(from, to);
    else if (state === "thumb") reader.readThumb(from, to);
    from = to;
  }
  return reader.found;
}

class ArmReader {
  readonly found: LinkedReference[] = [];
  readonly #linked: LinkedCode;
  #held = new Map<number, Held>();
  readonly #told = new Set<number>();

  constructor(linked: LinkedCode) {
    this.#linked = linked;
  }

  #branches(from: number, to: number, isThumb: boolean): void {
    const { branches, base } = this.#linked;
    for (const { offset, type, target } of branches(from, to, isThumb))
      this.found.push({ offset, type, value: base + target, use: "branch" });
  }

  readArm(from: number, to: number): void {
    this.#branches(from, to, false);
    const { code, base, little } = this.#linked;
    for (let at = (from + 3) & ~3; at + 4 <= to; at += 4) {
      if (this.#linked.starts.has(at)) this.#held.clear();
      const word = wordAt(code, at, little);
      const rd = (word >>> 12) & 15;
      const rn = (word >>> 16) & 15;
      const rm = word & 15;
      const immediate = ((word >>> 4) & 0xf000) | (word & 0xfff);
      const kind = word & 0x0ff00000;
      const stub = plt(code, at, little);
      if (stub !== undefined) this.found.push({ offset: at, type: ABS32, value: base + stub, use: "load" });
      // blx: to Thumb code, at a halfword.
      if (word >>> 25 === 0x7d) {
        const distance = signExtend(word & 0xffffff, 24) * 4 + ((word >>> 23) & 2);
        this.found.push({ offset: at, type: ARM_CALL, value: base + at + 8 + distance, use: "branch" });
        this.#call();
        continue;
      }
      if (kind === 0x03000000) this.#held.set(rd, { kind: "half", value: immediate, at });
      else if (kind === 0x03400000) this.#upper(rd, immediate, at, MOVW, MOVT);
      else if ((word & 0x0f7f0000) === 0x051f0000) {
        const distance = (word & 0x00800000) !== 0 ? word & 0xfff : -(word & 0xfff);
        this.#literal(rd, at + 8 + distance);
      } else if ((word & 0x0ff00ff0) === 0x00800000) this.#add(rd, rn, rm, base + at + 8);
      else if ((word & 0x0ff00ff0) === 0x07900000) this.#load(rd, rn, rm, base + at + 8);
      else if ((word & 0x0f000000) === 0x0b000000 || (word & 0x0ffffff0) === 0x012fff30) this.#call();
      else if ((word & 0x0c100000) === 0x04100000) this.#held.delete(rd);
      else if ((word & 0x0c000000) === 0 && (word & 0x01900000) !== 0x01100000) this.#held.delete(rd);
    }
  }

  readThumb(from: number, to: number): void {
    this.#branches(from, to, true);
    const { code, base, little } = this.#linked;
    const half = (at: number): number => (code[little ? at : at + 1] ?? 0) | ((code[little ? at + 1 : at] ?? 0) << 8);
    for (let at = from; at + 2 <= to; ) {
      if (this.#linked.starts.has(at)) this.#held.clear();
      const first = half(at);
      if (first < 0xe800) this.#narrow(first, at, base + at + 4);
      else this.#wide(first, half(at + 2), at, base + at + 4);
      at += first < 0xe800 ? 2 : 4;
    }
  }

  #narrow(first: number, at: number, pc: number): void {
    const aligned = (at + 4) & ~3;
    const low = first & 7;
    const full = low | ((first >>> 4) & 8);
    const rm = (first >>> 3) & 15;
    if ((first & 0xf800) === 0x4800) this.#literal((first >>> 8) & 7, aligned + (first & 0xff) * 4);
    else if ((first & 0xff00) === 0x4400) this.#add(full, full, rm, pc);
    else if ((first & 0xfe00) === 0x1800) this.#add(low, (first >>> 3) & 7, (first >>> 6) & 7, pc);
    else if ((first & 0xfe00) === 0x5800) this.#load(low, (first >>> 3) & 7, (first >>> 6) & 7, pc);
    else if ((first & 0xff80) === 0x4780) this.#call();
    else if ((first & 0xff00) === 0x4600) this.#move(full, rm);
    else if ((first & 0xe000) === 0x2000) {
      if ((first & 0x1800) !== 0x0800) this.#held.delete((first >>> 8) & 7);
    } else if ((first & 0xe000) === 0x0000 || (first & 0xfc00) === 0x4000) this.#held.delete(low);
    else if ((first & 0xf000) === 0x5000 || (first & 0xe800) === 0x6800 || (first & 0xf800) === 0x8800)
      this.#held.delete(low);
    else if ((first & 0xf800) === 0x9800 || (first & 0xf000) === 0xa000) this.#held.delete((first >>> 8) & 7);
  }

  #wide(first: number, second: number, at: number, pc: number): void {
    if ((first & 0xf800) === 0xf000 && (second & 0xd001) === 0xc000) {
      this.found.push({ offset: at, type: THUMB_CALL, value: (pc & ~3) + blxDistance(first, second), use: "branch" });
      this.#call();
      return;
    }
    const rd = (second >>> 8) & 15;
    const rt = (second >>> 12) & 15;
    const rn = first & 15;
    const immediate = ((first & 15) << 12) | ((first & 0x400) << 1) | ((second >>> 4) & 0x700) | (second & 0xff);
    const kind = first & 0xfbf0;
    if (kind === 0xf240 && (second & 0x8000) === 0) this.#held.set(rd, { kind: "half", value: immediate, at });
    else if (kind === 0xf2c0 && (second & 0x8000) === 0) this.#upper(rd, immediate, at, THUMB_MOVW, THUMB_MOVT);
    else if ((first & 0xff7f) === 0xf85f) {
      const distance = (first & 0x80) !== 0 ? second & 0xfff : -(second & 0xfff);
      this.#literal(rt, ((at + 4) & ~3) + distance);
    } else if ((first & 0xfff0) === 0xf850 && (second & 0x0ff0) === 0) this.#load(rt, rn, second & 15, pc);
    else if ((first & 0xfff0) === 0xeb00 && (second & 0x70f0) === 0) this.#add(rd, rn, second & 15, pc);
    else if ((first & 0xf800) === 0xf000 && (second & 0xd000) >= 0xc000) this.#call();
    else if ((first & 0xfe10) === 0xf810) this.#held.delete(rt);
    else if (
      (first & 0xfa00) === 0xf000 ||
      (first & 0xfa00) === 0xf200 ||
      (first & 0xfe00) === 0xea00 ||
      first >>> 8 === 0xfa ||
      first >>> 8 === 0xfb
    ) {
      if ((second & 0x8000) === 0 || (first & 0xf800) !== 0xf000) this.#held.delete(rd);
    }
  }

  #move(to: number, from: number): void {
    const held = this.#held.get(from);
    if (held === undefined) this.#held.delete(to);
    else this.#held.set(to, held);
  }

  #upper(register: number, upper: number, at: number, low: number, high: number): void {
    const held = this.#held.get(register);
    this.#held.delete(register);
    if (held?.kind !== "half") return;
    const value = upper * 65536 + held.value;
    if (!this.#linked.isAddress(value)) return;
    this.found.push({ offset: held.at, type: low, value, use: "address" });
    this.found.push({ offset: at, type: high, value, use: "address" });
  }

  #literal(register: number, place: number): void {
    const { code, little } = this.#linked;
    this.#held.delete(register);
    if (place < 0 || place + 4 > code.length) return;
    const value = wordAt(code, place, little);
    this.#held.set(register, { kind: "literal", value, at: place });
    if (this.#linked.isAddress(value)) this.#tell(place, ABS32, value, "address");
  }

  #tell(offset: number, type: number, value: number, use: LinkedReference["use"]): void {
    if (this.#told.has(offset)) return;
    this.#told.add(offset);
    this.found.push({ offset, type, value, use });
  }

  /** The literal of two operands, and what is added to it: pc, or an address made before. */
  #sum(rn: number, rm: number, pc: number): { literal: Held; value: number; isFromPc: boolean } | undefined {
    for (const [one, other] of [
      [rn, rm],
      [rm, rn],
    ] as const) {
      const literal = this.#held.get(one);
      const pointer = other === 15 ? undefined : this.#held.get(other);
      if (literal?.kind !== "literal") continue;
      if (other === 15) return { literal, value: (literal.value + pc) >>> 0, isFromPc: true };
      if (pointer?.kind === "address")
        return { literal, value: (literal.value + pointer.value) >>> 0, isFromPc: false };
    }
    return undefined;
  }

  #add(rd: number, rn: number, rm: number, pc: number): void {
    const sum = this.#sum(rn, rm, pc);
    this.#held.delete(rd);
    if (sum === undefined || !this.#linked.isMapped(sum.value)) return;
    // The address of a slot is made to load from it.
    this.#tell(sum.literal.at, REL32, sum.value, "load");
    this.#held.set(rd, { kind: "address", value: sum.value, at: sum.literal.at });
  }

  #load(rd: number, rn: number, rm: number, pc: number): void {
    const sum = this.#sum(rn, rm, pc);
    this.#held.delete(rd);
    if (sum !== undefined && this.#linked.isMapped(sum.value))
      this.#tell(sum.literal.at, sum.isFromPc ? REL32 : GOT_BREL, sum.value, "load");
  }

  #call(): void {
    for (const register of [0, 1, 2, 3, 12, 14]) this.#held.delete(register);
  }
}

/** The distance of `blx` from Thumb code to Arm code. Arm ARM, A8.8.25, encoding T2. */
function blxDistance(first: number, second: number): number {
  const sign = (first >>> 10) & 1;
  const j1 = ((second >>> 13) & 1) ^ sign ^ 1;
  const j2 = ((second >>> 11) & 1) ^ sign ^ 1;
  const words = (sign << 22) | (j1 << 21) | (j2 << 20) | ((first & 0x3ff) << 10) | ((second >>> 1) & 0x3ff);
  return signExtend(words, 23) * 4;
}

/** Where the slot lies that an entry of the PLT at an offset jumps through: `add ip,pc,#a; add ip,ip,#b; ldr pc,[ip,#c]!`. */
function plt(code: Uint8Array, at: number, little: boolean): number | undefined {
  const [first, second, third] = [wordAt(code, at, little), wordAt(code, at + 4, little), wordAt(code, at + 8, little)];
  if (first >>> 12 !== 0xe28fc || second >>> 12 !== 0xe28cc || third >>> 12 !== 0xe5bcf) return undefined;
  return (at + 8 + rotated(first) + rotated(second) + (third & 0xfff)) | 0;
}

function rotated(word: number): number {
  const turn = ((word >>> 8) & 15) * 2;
  const value = word & 0xff;
  return ((value >>> turn) | (value << ((32 - turn) & 31))) >>> 0;
}
