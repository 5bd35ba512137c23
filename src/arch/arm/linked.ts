import {
  Flow,
  type Held,
  type LinkedCode,
  type LinkedReference,
  readFunctions,
  signExtend,
  wordAt,
} from "../linked.ts";
import { isUsedAsNumber } from "./number-use.ts";

/** ELF for the Arm Architecture: ABS32, REL32, GOT_BREL, MOVW_ABS_NC, MOVT_ABS and their Thumb forms, TLS_LE32. */
const ABS32 = 2;
const REL32 = 3;
const GOT_BREL = 26;
const MOVW = 43;
const MOVT = 44;
const THUMB_MOVW = 47;
const THUMB_MOVT = 48;
const THREAD_OFFSET = 108;
const MODULE_OFFSET = 106;

/** R_ARM_CALL and R_ARM_THM_CALL, for branches that change the instruction set, and for those that come back. */
const ARM_CALL = 28;
const THUMB_CALL = 10;

/** r0 and r1, what veneers change, and the return address. Procedure Call Standard for the Arm Architecture, 6.4. */
const CALL_RESULTS = [0, 1, 12, 14];

/** Half an address, a word of a literal pool, an address, the thread pointer, or where the module's thread-locals begin. The makers are the instruction, or the word in the pool. */
interface ArmHeld extends Held {
  readonly kind: "half" | "literal" | "address" | "thread" | "module";
}

/** Reads Arm and Thumb code: branches, movw with movt, jump tables, literal pools with what pc, the GOT pointer or the thread pointer adds. Arm ARM, A8.8. */
export function armReferences(linked: LinkedCode): LinkedReference[] {
  return new ArmReader(linked).read();
}

class ArmReader {
  readonly #found: LinkedReference[] = [];
  readonly #linked: LinkedCode;
  readonly #held = new Flow<ArmHeld>();
  readonly #told = new Set<number>();
  readonly #targets = new Map<number, number>();
  /** Instructions that the last IT makes conditional. */
  #conditional = 0;

  constructor(linked: LinkedCode) {
    this.#linked = linked;
  }

  read(): LinkedReference[] {
    readFunctions(this.#linked, this.#held, this.#found, this.#told, (from, to) => this.#function(from, to));
    return this.#found;
  }

  /** A function, in stretches of one instruction set or of constants. */
  #function(from: number, to: number): void {
    const stateAt = this.#linked.stateAt ?? (() => "arm" as const);
    this.#conditional = 0;
    for (let start = from; start < to; ) {
      const state = stateAt(start);
      let end = start + 2;
      while (end < to && stateAt(end) === state) end += 2;
      if (state === "arm") this.#readArm(start, end);
      else if (state === "thumb") this.#readThumb(start, end);
      start = end;
    }
  }

  #branches(from: number, to: number, isThumb: boolean): void {
    const { branches, base } = this.#linked;
    for (const { offset, type, target } of branches(from, to, isThumb)) {
      this.#found.push({ offset, type, value: base + target, use: "branch" });
      if (type === ARM_CALL || type === THUMB_CALL) continue;
      this.#targets.set(offset, target);
      this.#held.expect(offset, target);
    }
  }

  /** Where control goes from an instruction besides the next one; `isEnd` where it does not go there. */
  #leave(at: number, isEnd: boolean, isIndirect: boolean): void {
    const target = this.#targets.get(at);
    if (target !== undefined) this.#held.branch(at, target);
    if (isIndirect) this.#held.indirect();
    if (isEnd) this.#held.end();
  }

  #readArm(from: number, to: number): void {
    this.#branches(from, to, false);
    const { code, little } = this.#linked;
    for (let at = (from + 3) & ~3; at + 4 <= to; at += 4) {
      this.#held.arrive(at);
      const word = wordAt(code, at, little);
      this.#arm(word, at);
      const isTable = (word & 0x0ffffff0) === 0x079ff100 || (word & 0x0ffffff0) === 0x008ff100;
      const isReturn = (word & 0x0fffffff) === 0x012fff1e;
      const isIndirect = isTable || ((word & 0x0ffffff0) === 0x012fff10 && !isReturn);
      const isEnd =
        (word & 0x0f000000) === 0x0a000000 ||
        isReturn ||
        isIndirect ||
        (word & 0x0e108000) === 0x08108000 ||
        (word & 0x0c10f000) === 0x0410f000 ||
        (word & 0x0ffffff0) === 0x01a0f000;
      this.#leave(at, isEnd && word >>> 28 === 14, isIndirect);
    }
  }

  #arm(word: number, at: number): void {
    const { code, base, little } = this.#linked;
    const rd = (word >>> 12) & 15;
    const rn = (word >>> 16) & 15;
    const rm = word & 15;
    const immediate = ((word >>> 4) & 0xf000) | (word & 0xfff);
    const kind = word & 0x0ff00000;
    const pc = base + at + 8;
    const stub = plt(code, at, little);
    if (stub !== undefined) this.#found.push({ offset: at, type: ABS32, value: base + stub, use: "load" });
    // blx: to Thumb code, at a halfword.
    if (word >>> 25 === 0x7d) {
      const distance = signExtend(word & 0xffffff, 24) * 4 + ((word >>> 23) & 2);
      this.#found.push({ offset: at, type: ARM_CALL, value: pc + distance, use: "branch" });
      this.#call();
    } else if (kind === 0x03000000) this.#half(rd, immediate, at, MOVW);
    else if (kind === 0x03400000) this.#upper(rd, immediate, at, MOVT);
    else if ((word & 0x0f7f0000) === 0x051f0000) {
      const distance = (word & 0x00800000) !== 0 ? word & 0xfff : -(word & 0xfff);
      this.#literal(rd, at + 8 + distance);
    } else if ((word & 0x0fff0000) === 0x028f0000) this.#address(rd, pc + rotated(word));
    else if ((word & 0x0fff0000) === 0x024f0000) this.#address(rd, pc - rotated(word));
    else if ((word & 0x0ffffff0) === 0x079ff100) this.#table(pc);
    else if ((word & 0x0ff00ff0) === 0x00800000) this.#add(rd, rn, rm, pc);
    else if ((word & 0x0fa00ff0) === 0x07800000) this.#access(rd, rn, rm, pc, (word & 0x00100000) !== 0);
    else if ((word & 0x0fff0fff) === 0x0e1d0f70) this.#thread(rd);
    else if ((word & 0x0ffffff0) === 0x01a00000) this.#move(rd, rm);
    else if ((word & 0x0f000000) === 0x0b000000 || (word & 0x0ffffff0) === 0x012fff30) this.#call();
    else if ((word & 0x0e100000) === 0x08100000) this.#forgetList(word & 0xffff);
    else if ((word & 0x0c100000) === 0x04100000) this.#held.delete(rd);
    else if ((word & 0x0e0000f0) === 0x00000090) for (const register of [rd, rn]) this.#held.delete(register);
    else if ((word & 0x0c000000) === 0 && (word & 0x01900000) !== 0x01100000) this.#held.delete(rd);
  }

  #readThumb(from: number, to: number): void {
    this.#branches(from, to, true);
    const { base } = this.#linked;
    const half = (at: number): number => this.#half16(at);
    for (let at = from; at + 2 <= to; ) {
      this.#held.arrive(at);
      const first = half(at);
      const second = half(at + 2);
      const isWide = first >= 0xe800;
      if (isWide) this.#wide(first, second, at, base + at + 4);
      else this.#narrow(first, at, base + at + 4);
      const flow = isWide ? wideFlow(first, second) : narrowFlow(first);
      this.#leave(at, flow.isEnd && this.#conditional === 0, flow.isIndirect);
      if (this.#conditional > 0) this.#conditional--;
      // IT: the lowest bit that is set tells how many follow.
      if ((first & 0xff00) === 0xbf00 && (first & 15) !== 0) this.#conditional = 4 - Math.log2(first & -first);
      at += isWide ? 4 : 2;
    }
  }

  #narrow(first: number, at: number, pc: number): void {
    const aligned = (at + 4) & ~3;
    const low = first & 7;
    const full = low | ((first >>> 4) & 8);
    const rm = (first >>> 3) & 15;
    const above = (first >>> 8) & 7;
    if ((first & 0xf800) === 0x4800) this.#literal(above, aligned + (first & 0xff) * 4);
    else if ((first & 0xf800) === 0xa000) this.#address(above, (pc & ~3) + (first & 0xff) * 4);
    else if ((first & 0xff00) === 0x4400) this.#add(full, full, rm, pc);
    else if ((first & 0xfe00) === 0x1800) this.#add(low, (first >>> 3) & 7, (first >>> 6) & 7, pc);
    else if ((first & 0xf000) === 0x5000)
      this.#access(low, (first >>> 3) & 7, (first >>> 6) & 7, pc, (first & 0x0e00) >= 0x0600);
    else if ((first & 0xff80) === 0x4780) this.#call();
    else if ((first & 0xff00) === 0x4600) this.#move(full, rm);
    else if ((first & 0xe000) === 0x2000) {
      if ((first & 0x1800) !== 0x0800) this.#held.delete(above);
    } else if ((first & 0xe000) === 0x0000 || isNarrowResult(first)) this.#held.delete(low);
    else if ((first & 0xe800) === 0x6800 || (first & 0xf800) === 0x8800) this.#held.delete(low);
    else if ((first & 0xf800) === 0x9800 || (first & 0xf800) === 0xa800) this.#held.delete(above);
    else if ((first & 0xfe00) === 0xbc00 || (first & 0xf800) === 0xc800) this.#forgetList(first & 0xff);
  }

  #wide(first: number, second: number, at: number, pc: number): void {
    const rd = (second >>> 8) & 15;
    const rt = (second >>> 12) & 15;
    const rn = first & 15;
    const small = ((first & 0x400) << 1) | ((second >>> 4) & 0x700) | (second & 0xff);
    const immediate = ((first & 15) << 12) | small;
    const kind = first & 0xfbf0;
    const isPlain = (second & 0x8000) === 0;
    if ((first & 0xf800) === 0xf000 && (second & 0xd001) === 0xc000) {
      this.#found.push({ offset: at, type: THUMB_CALL, value: (pc & ~3) + blxDistance(first, second), use: "branch" });
      this.#call();
    } else if (kind === 0xf240 && isPlain) this.#half(rd, immediate, at, THUMB_MOVW);
    else if (kind === 0xf2c0 && isPlain) this.#upper(rd, immediate, at, THUMB_MOVT);
    else if ((first & 0xfbff) === 0xf20f && isPlain) this.#address(rd, (pc & ~3) + small);
    else if ((first & 0xfbff) === 0xf2af && isPlain) this.#address(rd, (pc & ~3) - small);
    else if ((first & 0xff7f) === 0xf85f) {
      const distance = (first & 0x80) !== 0 ? second & 0xfff : -(second & 0xfff);
      this.#literal(rt, ((at + 4) & ~3) + distance);
    } else if ((first & 0xfff0) === 0xf850 && (second & 0xfff0) === 0xf020) this.#table(this.#held.get(rn)?.value);
    else if ((first & 0xfe80) === 0xf800 && (second & 0x0ff0) === 0)
      this.#access(rt, rn, second & 15, pc, (first & 0x10) !== 0);
    else if ((first & 0xfff0) === 0xeb00 && (second & 0x70f0) === 0) this.#add(rd, rn, second & 15, pc);
    else if (first === 0xee1d && (second & 0x0fff) === 0x0f70) this.#thread(rt);
    else if ((first & 0xf800) === 0xf000 && (second & 0xd000) >= 0xc000) this.#call();
    else if ((first & 0xfe50) === 0xe810) this.#forgetList(second);
    else if ((first & 0xfe50) === 0xe850) for (const register of [rd, rt]) this.#held.delete(register);
    else if ((first & 0xfe10) === 0xf810) this.#held.delete(rt);
    else if ((first & 0xff80) === 0xfb80) for (const register of [rd, rt]) this.#held.delete(register);
    else if (isWideResult(first)) {
      if (isPlain || (first & 0xf800) !== 0xf000) this.#held.delete(rd);
    }
  }

  #half(register: number, value: number, at: number, type: number): void {
    this.#held.set(register, { kind: "half", value, makers: [{ offset: at, type }] });
  }

  #address(register: number, value: number): void {
    this.#held.set(register, { kind: "address", value, makers: [] });
  }

  #thread(register: number): void {
    this.#held.set(register, { kind: "thread", value: 0, makers: [] });
  }

  #forgetList(registers: number): void {
    for (let register = 0; register < 15; register++) if ((registers >>> register) & 1) this.#held.delete(register);
  }

  #move(to: number, from: number): void {
    const held = this.#held.get(from);
    if (held === undefined) this.#held.delete(to);
    else this.#held.set(to, held);
  }

  #half16(at: number): number {
    const { code, little } = this.#linked;
    return (code[little ? at : at + 1] ?? 0) | ((code[little ? at + 1 : at] ?? 0) << 8);
  }

  #upper(register: number, upper: number, at: number, type: number): void {
    const held = this.#held.get(register);
    this.#held.delete(register);
    if (held?.kind !== "half") return;
    const value = upper * 65536 + held.value;
    if (!this.#linked.isAddress(value, at)) return;
    const isThumb = type === THUMB_MOVT;
    if (isThumb && isUsedAsNumber((place) => this.#half16(place), at + 4, this.#linked.code.length, register)) return;
    for (const maker of held.makers) this.#tell(maker.offset, maker.type, value, "address");
    this.#tell(at, type, value, "address");
  }

  #literal(register: number, place: number): void {
    const { code, little } = this.#linked;
    this.#held.delete(register);
    if (place < 0 || place + 4 > code.length) return;
    const value = wordAt(code, place, little);
    this.#held.set(register, { kind: "literal", value, makers: [{ offset: place, type: ABS32 }] });
    if (this.#linked.isAddress(value, place)) this.#tell(place, ABS32, value, "address");
  }

  /** A table of addresses in a pool, to one of which control jumps. Only an image at a fixed address has such ones. */
  #table(address: number | undefined): void {
    const { code, base, little, stateAt } = this.#linked;
    if (address === undefined) return;
    for (let at = address - base; at >= 0 && at + 4 <= code.length && stateAt?.(at) === "data"; at += 4) {
      const value = wordAt(code, at, little);
      if (value < base || value >= base + code.length || !this.#linked.isAddress(value, at)) return;
      this.#tell(at, ABS32, value, "address");
    }
  }

  #tell(offset: number, type: number, value: number, use: LinkedReference["use"]): void {
    if (this.#told.has(offset)) return;
    this.#told.add(offset);
    this.#found.push({ offset, type, value, use });
  }

  /** What the sum of two registers means, one of which holds a literal: told of its word in the pool. */
  #sum(rn: number, rm: number, pc: number): number | undefined {
    for (const [one, other] of [
      [rn, rm],
      [rm, rn],
    ] as const) {
      const literal = this.#held.get(one);
      if (literal?.kind !== "literal") continue;
      const pointer = other === 15 ? undefined : this.#held.get(other);
      if (pointer?.kind === "thread") {
        const isOffset = literal.value < this.#linked.threadSize + 4096 && this.#linked.threadSize > 0;
        for (const { offset } of isOffset ? literal.makers : [])
          this.#tell(offset, THREAD_OFFSET, literal.value, "thread");
        return undefined;
      }
      if (pointer?.kind === "module") {
        for (const { offset } of literal.value <= this.#linked.threadSize ? literal.makers : [])
          this.#tell(offset, MODULE_OFFSET, literal.value, "module");
        return undefined;
      }
      if (other !== 15 && pointer?.kind !== "address") continue;
      const value = (literal.value + (other === 15 ? pc : (pointer?.value ?? 0))) >>> 0;
      if (!this.#linked.isMapped(value)) return undefined;
      // The address of a slot is made to load from it.
      for (const { offset } of literal.makers) this.#tell(offset, other === 15 ? REL32 : GOT_BREL, value, "load");
      return value;
    }
    return undefined;
  }

  #add(rd: number, rn: number, rm: number, pc: number): void {
    const value = this.#sum(rn, rm, pc);
    if (value === undefined) this.#held.delete(rd);
    else this.#address(rd, value);
  }

  #access(rd: number, rn: number, rm: number, pc: number, isLoad: boolean): void {
    this.#sum(rn, rm, pc);
    if (isLoad) this.#held.delete(rd);
  }

  #call(): void {
    const argument = this.#held.get(0);
    const isForModule = argument?.kind === "address" && this.#linked.isModuleSlot(argument.value);
    this.#held.call(CALL_RESULTS);
    if (isForModule) this.#held.set(0, { kind: "module", value: 0, makers: [] });
  }
}

/** Whether a narrow instruction computes its lowest register: data processing but TST, CMP and CMN. A6.2.2. */
function isNarrowResult(first: number): boolean {
  return (first & 0xfc00) === 0x4000 && ![8, 10, 11].includes((first >>> 6) & 15);
}

/** Whether a wide one computes a register: data processing of both kinds, multiplication. A6.3. */
function isWideResult(first: number): boolean {
  const isImmediate = (first & 0xfa00) === 0xf000 || (first & 0xfa00) === 0xf200;
  return isImmediate || (first & 0xfe00) === 0xea00 || first >>> 8 === 0xfa || first >>> 8 === 0xfb;
}

interface Leaving {
  readonly isEnd: boolean;
  readonly isIndirect: boolean;
}

/** B, BX, POP with pc, MOV and ADD to pc. */
function narrowFlow(first: number): Leaving {
  const isReturn = first === 0x4770 || (first & 0xff00) === 0xbd00;
  const isIndirect = !isReturn && ((first & 0xff87) === 0x4700 || (first & 0xfd87) === 0x4487);
  return { isEnd: isReturn || isIndirect || (first & 0xf800) === 0xe000, isIndirect };
}

/** B.W without condition, LDM and LDR with pc, TBB, TBH. */
function wideFlow(first: number, second: number): Leaving {
  const isTable = (first & 0xfff0) === 0xe8d0 && (second & 0xffe0) === 0xf000;
  const isIndirect = isTable || ((first & 0xfff0) === 0xf850 && (second & 0xfff0) === 0xf020);
  const isLoad = (first & 0xfe50) === 0xe810 && (second & 0x8000) !== 0;
  const isLoadOfPc = (first & 0xff70) === 0xf850 && second >>> 12 === 15;
  const isBranch = (first & 0xf800) === 0xf000 && (second & 0xd000) === 0x9000;
  return { isEnd: isIndirect || isLoad || isLoadOfPc || isBranch, isIndirect };
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
