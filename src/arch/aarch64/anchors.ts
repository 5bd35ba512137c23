import type { AnchorBase, AnchoredUses, AnchorFlow } from "../anchors/uses.ts";
import { AnchorValues } from "../anchors/values.ts";

/** Registers that hold arguments, and those that a call may overwrite. AAPCS64, 6.1.1. */
const ARGUMENTS = 8;
const SCRATCH = 19;
/** x31 is the stack pointer or zero; x29 points into the frame. */
const STACK = 31;
const FRAME = 29;

/** How often each instruction is looked at, on average; real code needs less than three. */
const STEPS_EACH = 6;

/** Fields that hold the distance: imm12, imm9, imm7. */
const IMM12 = 0x003ffc00;
const IMM9 = 0x001ff000;
const IMM7 = 0x003f8000;

/** What registers 0 to 30 hold before an instruction. */
type State = Int32Array;

/** Follows the addresses that AArch64 code loads; the rule stands at `anchoredUses`. Instruction forms: Arm ARM, C4.1. */
export function followAArch64(code: Uint8Array, bases: readonly AnchorBase[], flow: AnchorFlow): AnchoredUses {
  const walk = new Walk(code, bases, flow);
  walk.run();
  return walk.result();
}

class Walk {
  readonly #code: DataView;
  readonly #size: number;
  readonly #flow: AnchorFlow;
  readonly #baseAt: ReadonlyMap<number, AnchorBase>;
  readonly #values = new AnchorValues();
  readonly #before: (State | undefined)[];
  readonly #queue: number[] = [];
  #now: State = new Int32Array(32);
  #at = 0;
  /** Whether places are told, or only flow is followed. */
  #tells = false;
  #isOpaque: boolean;
  #hasJump = false;
  /** Steps left: made code could have values meet again and again. */
  #left: number;

  constructor(code: Uint8Array, bases: readonly AnchorBase[], flow: AnchorFlow) {
    this.#code = new DataView(code.buffer, code.byteOffset, code.byteLength);
    this.#size = code.length & ~3;
    this.#flow = flow;
    this.#baseAt = new Map(bases.map((base) => [base.offset, base]));
    this.#before = new Array(this.#size / 4);
    this.#isOpaque = flow.isEnteredElsewhere;
    this.#left = STEPS_EACH * (this.#size / 4) + 1000;
  }

  /** To a fixpoint: a register's value only ever becomes less certain, so each instruction is looked at a bounded number of times. */
  run(): void {
    for (const entry of this.#flow.entries) this.#reach(entry, new Int32Array(32));
    this.#drain();
    // Behind an indirect jump only a table tells what is reached, and from where.
    for (let at = 0; at < this.#size; at += 4) {
      if (this.#before[at / 4] !== undefined) continue;
      if (this.#hasJump && this.#word(at) !== 0xd503201f) this.#isOpaque = true;
      this.#reach(at, new Int32Array(32));
      this.#drain();
    }
    this.#tells = true;
    for (let at = 0; at < this.#size; at += 4) this.#step(at);
  }

  result(): AnchoredUses {
    return this.#values.result(this.#isOpaque);
  }

  #word(at: number): number {
    return this.#code.getUint32(at, true);
  }

  #drain(): void {
    for (let at = this.#queue.pop(); at !== undefined; at = this.#queue.pop()) {
      if (this.#left-- <= 0) {
        this.#isOpaque = true;
        this.#queue.length = 0;
        return;
      }
      this.#step(at);
    }
  }

  #reach(at: number, state: State): void {
    if (this.#tells || at < 0 || at >= this.#size || at % 4 !== 0) return;
    const known = this.#before[at / 4];
    if (known === undefined) {
      this.#before[at / 4] = state.slice();
      this.#queue.push(at);
      return;
    }
    let grew = false;
    for (let i = 0; i < STACK; i++) {
      const joined = this.#values.join(known[i] as number, state[i] as number);
      if (joined !== known[i]) {
        known[i] = joined;
        grew = true;
      }
    }
    if (grew) this.#queue.push(at);
  }

  #step(at: number): void {
    const word = this.#word(at);
    this.#at = at;
    this.#now = (this.#before[at / 4] as State).slice();
    const group = (word >>> 25) & 15;
    if ((group & 14) === 10) {
      this.#branch(word);
      return;
    }
    if ((group & 14) === 8) this.#immediate(word);
    else if ((group & 5) === 4) this.#access(word);
    else if ((group & 7) === 5) this.#arithmetic(word);
    else if ((group & 7) === 7) this.#vector(word);
    else this.#escapeAll();
    this.#reach(at + 4, this.#now);
  }

  #get(register: number): number {
    return register === STACK ? 0 : (this.#now[register] as number);
  }

  #set(register: number, value: number): void {
    if (register !== STACK) this.#now[register] = value;
  }

  /** The register's value is used as a value: what it points to itself is meant. */
  #escape(register: number): number {
    const value = this.#get(register);
    if (this.#tells && value !== 0) this.#values.escape(value);
    return value;
  }

  #escapeAll(): void {
    for (let i = 0; i < STACK; i++) this.#escape(i);
  }

  #use(register: number, distance: number, mask: number, isAddress = false): void {
    const value = this.#get(register);
    if (this.#tells && value !== 0) this.#values.use(value, this.#at, distance, mask, isAddress);
  }

  /** What is made of values by arithmetic points into the same thing, at an offset that is not known. */
  #derive(...registers: readonly number[]): number {
    return registers.reduce((value, register) => {
      const escaped = this.#escape(register);
      return escaped === 0 ? value : this.#values.blend(value, escaped);
    }, 0);
  }

  #branch(word: number): void {
    const next = this.#at + 4;
    const isUnconditional = (word & 0x7c000000) === 0x14000000;
    const isConditional = (word & 0xff000000) >>> 0 === 0x54000000;
    const isTest = (word & 0x7c000000) === 0x34000000;
    if (isUnconditional && word >>> 31 === 1) this.#call();
    else if (isUnconditional) {
      this.#jump(((word << 6) >> 6) * 4, false);
      return;
    } else if (isConditional) this.#jump(((word << 8) >> 13) * 4, true);
    else if (isTest) {
      this.#escape(word & 31);
      const isBit = (word & 0x02000000) !== 0;
      this.#jump((isBit ? (word << 13) >> 18 : (word << 8) >> 13) * 4, true);
    } else if ((word & 0xfe000000) >>> 0 === 0xd6000000) {
      const operation = (word >>> 21) & 15;
      this.#escape((word >>> 5) & 31);
      if ((operation & 7) !== 1) {
        if ((operation & 7) === 2) this.#return();
        else this.#indirect();
        return;
      }
      this.#call();
    } else if ((word & 0xffe00000) >>> 0 === 0xd5200000 || (word & 0xfff00000) >>> 0 === 0xd5300000)
      this.#set(word & 31, 0);
    else if ((word & 0xff000000) >>> 0 === 0xd5000000) this.#escape(word & 31);
    else this.#escapeAll();
    this.#reach(next, this.#now);
  }

  #jump(distance: number, isConditional: boolean): void {
    const target = this.#at + distance;
    const leaving = this.#flow.leaving(this.#at);
    if (leaving === undefined && target >= 0 && target < this.#size) this.#reach(target, this.#now);
    else if (isConditional || leaving !== "function") this.#isOpaque = true;
    else this.#passArguments();
  }

  /** A callee of the same object may be known to leave some of the scratch registers alone (GCC: -fipa-ra). */
  #call(): void {
    this.#passArguments();
    this.#now[0] = 0;
    for (let i = 1; i < SCRATCH; i++) this.#now[i] = this.#values.blend(0, this.#now[i] as number);
    this.#now[30] = 0;
  }

  #return(): void {
    this.#escape(0);
    const second = this.#get(1);
    if (this.#tells && second !== 0) this.#values.escapeAsSecondResult(second);
  }

  #passArguments(): void {
    for (let i = 0; i < ARGUMENTS; i++) {
      const value = this.#get(i);
      if (this.#tells && value !== 0) this.#values.escapeIfDirect(value);
    }
  }

  #indirect(): void {
    this.#hasJump = true;
    this.#escapeAll();
  }

  #immediate(word: number): void {
    const to = word & 31;
    const from = (word >>> 5) & 31;
    const isSum = (word & 0x1f800000) === 0x11000000;
    const base = this.#baseAt.get(this.#at);
    if (base !== undefined) this.#set(to, this.#values.base(base));
    else if (isSum) this.#sum(word, to, from);
    else if ((word & 0x1f000000) === 0x10000000 || (word & 0x1f800000) === 0x12800000) this.#set(to, 0);
    else if ((word & 0x1f800000) === 0x13800000) this.#set(to, this.#derive(from, (word >>> 16) & 31));
    else this.#set(to, this.#derive(from));
  }

  #sum(word: number, to: number, from: number): void {
    const isWide = word >>> 31 === 1;
    const setsFlags = (word & 0x20000000) !== 0;
    const value = this.#get(from);
    if (value === 0) {
      if (!(setsFlags && to === STACK)) this.#set(to, 0);
      return;
    }
    if (setsFlags || !isWide || to === STACK) {
      this.#set(to, this.#derive(from));
      return;
    }
    const amount = ((word >>> 10) & 0xfff) * ((word & 0x400000) === 0 ? 1 : 4096);
    const distance = (word & 0x40000000) === 0 ? amount : -amount;
    this.#use(from, distance, IMM12, true);
    this.#set(to, this.#values.add(value, distance));
  }

  #arithmetic(word: number): void {
    const to = word & 31;
    const from = (word >>> 5) & 31;
    const second = (word >>> 16) & 31;
    if ((word & 0xffe0ffe0) >>> 0 === 0xaa0003e0) this.#set(to, this.#get(second));
    // CCMP and CCMN have flags where others have a destination; so do RMIF and SETF.
    else if ((word & 0x1fe00000) === 0x1a400000) {
      this.#escape(from);
      if ((word & 0x800) === 0) this.#escape(second);
    } else if ((word & 0x1fe00000) === 0x1a000000 && (word & 0xfc00) !== 0) this.#escapeAll();
    else if ((word & 0x1f000000) === 0x1b000000) this.#set(to, this.#derive(from, second, (word >>> 10) & 31));
    else if ((word & 0xff20001f) >>> 0 === 0xeb00001f) {
      if (this.#tells) this.#values.compare(this.#get(from), this.#get(second));
    }
    // One source.
    else if ((word & 0x5fe00000) === 0x5ac00000) this.#set(to, this.#derive(from));
    else this.#set(to, this.#derive(from, second));
  }

  /** Between general and vector registers: conversions, FMOV, UMOV, SMOV, DUP, INS. */
  #vector(word: number): void {
    const to = word & 31;
    const from = (word >>> 5) & 31;
    const operation = (word >>> 16) & 7;
    const isConversion = (word & 0x5f20fc00) === 0x1e200000;
    const isFixed = (word & 0x5f200000) === 0x1e000000;
    if (isConversion || isFixed) {
      if ([2, 3, 7].includes(operation)) this.#escape(from);
      else this.#set(to, 0);
    } else if ((word & 0xbfe0ec00) === 0x0e002c00) this.#set(to, 0);
    else if ((word & 0xbfe0ec00) === 0x0e000c00 || (word & 0xffe0fc00) === 0x4e001c00) this.#escape(from);
  }

  #access(word: number): void {
    const base = (word >>> 5) & 31;
    const isVector = (word & 0x04000000) !== 0;
    const size = word >>> 30;
    const operation = (word >>> 22) & 3;
    const scale = isVector && (operation & 2) !== 0 ? 4 : size;
    if ((word & 0x3b000000) === 0x18000000) {
      if (!isVector) this.#set(word & 31, 0);
    } else if ((word & 0x3b000000) === 0x39000000) {
      if (!this.#flow.isRelocated(this.#at)) this.#use(base, ((word >>> 10) & 0xfff) * 2 ** scale, IMM12);
      this.#transfer(word & 31, base, isVector, operation === 0, size === 3 && operation === 2);
    } else if ((word & 0x3b200000) === 0x38000000) this.#unscaled(word, base, isVector, operation, size);
    else if ((word & 0x3b200c00) === 0x38200800) {
      this.#escape(base);
      this.#escape((word >>> 16) & 31);
      this.#transfer(word & 31, base, isVector, operation === 0, size === 3 && operation === 2);
    } else if ((word & 0x3a000000) === 0x28000000) this.#pair(word, base, isVector);
    // Exclusive, ordered, atomic, structures of vectors.
    else this.#other(word, base);
  }

  #unscaled(word: number, base: number, isVector: boolean, operation: number, size: number): void {
    const distance = (word << 11) >> 23;
    const form = (word >>> 10) & 3;
    const isWriteBack = (form & 1) === 1;
    this.#use(base, form === 1 ? 0 : distance, isWriteBack ? 0 : IMM9);
    this.#transfer(word & 31, base, isVector, operation === 0, size === 3 && operation === 2);
    if (isWriteBack) this.#writeBack(base);
  }

  #writeBack(base: number): void {
    const value = this.#escape(base);
    if (value !== 0) this.#set(base, this.#values.blend(0, value));
  }

  #pair(word: number, base: number, isVector: boolean): void {
    const form = (word >>> 23) & 3;
    const width = word >>> 30;
    const scale = isVector ? 2 + width : width === 2 ? 3 : 2;
    const distance = ((word << 10) >> 25) * 2 ** scale;
    const isWriteBack = (form & 1) === 1;
    this.#use(base, form === 1 ? 0 : distance, isWriteBack ? 0 : IMM7);
    const isStore = (word & 0x00400000) === 0;
    const second = (word >>> 10) & 31;
    this.#transfer(second, base, isVector, isStore, false);
    this.#transfer(word & 31, base, isVector, isStore, false);
    if (isWriteBack && second !== base && (word & 31) !== base) this.#writeBack(base);
  }

  /** What is loaded or stored. A stored address is one that is meant; one put on the stack may be loaded again from there. */
  #transfer(register: number, base: number, isVector: boolean, isStore: boolean, isPrefetch: boolean): void {
    if (isVector || isPrefetch) return;
    if (!isStore) this.#set(register, 0);
    else if (this.#escape(register) !== 0 && (base === STACK || base === FRAME) && this.#tells) this.#isOpaque = true;
  }

  #other(word: number, base: number): void {
    this.#use(base, 0, 0);
    const isVector = (word & 0x04000000) !== 0;
    const third = (word >>> 16) & 31;
    const second = (word >>> 10) & 31;
    if (isVector) {
      this.#escape(third);
      this.#writeBack(base);
      return;
    }
    for (const register of [word & 31, second, third]) {
      const value = this.#escape(register);
      // Each may be loaded, stored, or be the number of something other than a register.
      if (value !== 0) this.#set(register, this.#values.blend(0, value));
    }
  }
}
