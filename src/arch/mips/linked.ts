import {
  Flow,
  type Held,
  type LinkedCode,
  type LinkedReference,
  readFunctions,
  signExtend,
  tellMakers,
  wordAt,
} from "../linked.ts";

/** MIPS ABI supplement, chapter 4: R_MIPS_26, HI16, LO16, GOT16. ELF Handling for Thread-Local Storage, MIPS: GD, DTPREL and TPREL halves. */
const JUMP = 4;
const HIGH = 5;
const LOW = 6;
const GOT = 9;
const THREAD_SLOT = 42;
const MODULE_HIGH = 44;
const MODULE_LOW = 45;
const THREAD_HIGH = 49;
const THREAD_LOW = 50;

const A0 = 4;
const V0 = 2;
const T9 = 25;
const GP = 28;
const RA = 31;

/** Linkers let dtv pointers point so far into the thread-locals of a module. */
const MODULE_BIAS = 0x8000;

/**
 * `upper`: half an address, or a distance from t9 that was added (`counted`). `page`: 64 KiB out of the GOT. `thread`, `module`: the
 * pointer, and what was added. `descriptor`: the argument of `__tls_get_addr`. `gp`: what the global pointer holds.
 */
interface MipsHeld extends Held {
  readonly kind: "upper" | "counted" | "page" | "thread" | "module" | "descriptor" | "gp";
}

/** Reads MIPS code: branches, jumps in the region, halves, slots and pages of the GOT, thread-locals. MIPS32 and MIPS64, volume II. */
export function mipsReferences(linked: LinkedCode): LinkedReference[] {
  return new MipsReader(linked).read();
}

/** v0 and v1, what a0 told the callee, where that is, and the return address. MIPS ABI supplement, "Function Calling Sequence". */
const CALL_RESULTS = [2, 3, A0, T9, 31];

class MipsReader {
  readonly #linked: LinkedCode;
  readonly #found: LinkedReference[] = [];
  readonly #held = new Flow<MipsHeld>();
  readonly #told = new Set<number>();
  readonly #targets = new Map<number, number>();
  #start = 0;

  constructor(linked: LinkedCode) {
    this.#linked = linked;
    const { base, code } = linked;
    for (const { offset, type, target } of linked.branches(0, code.length)) {
      this.#found.push({ offset, type, value: base + target, use: "branch" });
      this.#targets.set(offset, target);
      this.#held.expect(offset, target);
    }
  }

  read(): LinkedReference[] {
    readFunctions(this.#linked, this.#held, this.#found, this.#told, (from, to) => this.#function(from, to));
    return this.#found;
  }

  #function(from: number, to: number): void {
    const { code, base, little } = this.#linked;
    this.#start = base + from;
    /** What the instruction before does after the one in its delay slot. */
    let delayed: (() => void) | undefined;
    for (let at = from; at + 4 <= to; at += 4) {
      if (delayed === undefined) this.#held.arrive(at);
      const word = wordAt(code, at, little);
      this.#instruction(word, at);
      delayed?.();
      delayed = this.#leaving(word, at);
    }
  }

  /** What happens once the delay slot was run: a call changes registers, a jump ends what comes from above. */
  #leaving(word: number, at: number): (() => void) | undefined {
    const operation = word >>> 26;
    const target = this.#targets.get(at);
    const isJalr = (word & 0xfc00003f) >>> 0 === 9;
    const isLink = (word & 0xfc1f0000) >>> 0 === 0x04110000;
    if (isLink && target === at + 8) return () => this.#here(this.#linked.base + at + 8);
    if (operation === 3 || isLink || (isJalr && ((word >>> 11) & 31) !== 0)) return () => this.#call();
    const isJr = (word & 0xfc00003f) >>> 0 === 8 || isJalr;
    const isEnd = isJr || operation === 2 || (word & 0xffff0000) >>> 0 === 0x10000000;
    if (target === undefined && !isEnd) return undefined;
    return () => {
      if (target !== undefined) this.#held.branch(at, target);
      if (isJr && ((word >>> 21) & 31) !== 31) this.#held.indirect();
      if (isEnd) this.#held.end();
    };
  }

  /** `bal` to the place behind its delay slot tells ra where that is. */
  #here(value: number): void {
    this.#call();
    this.#held.set(RA, { kind: "counted", value, makers: [] });
  }

  #call(): void {
    const isThread = this.#held.get(A0)?.kind === "descriptor";
    this.#held.call(CALL_RESULTS);
    if (isThread) this.#held.set(V0, { kind: "module", value: 0, makers: [] });
  }

  #instruction(word: number, at: number): void {
    const operation = word >>> 26;
    const rs = (word >>> 21) & 31;
    const rt = (word >>> 16) & 31;
    const rd = (word >>> 11) & 31;
    const low = signExtend(word & 0xffff, 16);
    if (operation === 0x0f)
      this.#held.set(rt, { kind: "upper", value: low * 65536, makers: [{ offset: at, type: HIGH }] });
    else if (operation === 2 || operation === 3) {
      const next = this.#linked.base + at + 4;
      const value = next - (next % 2 ** 28) + (word & 0x3ffffff) * 4;
      this.#found.push({ offset: at, type: JUMP, value, use: "branch" });
    } else if (operation === 9 || operation === 0x19) this.#add(rt, rs, low, at);
    else if (operation === 0) {
      const kind = word & 0x7ff;
      if (kind === 0x21 || kind === 0x2d) this.#sum(rd, rs, rt);
      else if (kind === 0x25 && rt === 0) this.#move(rd, rs);
      else if (![0x08, 0x18, 0x19, 0x1a, 0x1b].includes(word & 0x3f)) this.#held.delete(rd);
    }
    // rdhwr rt, $29: the thread pointer.
    else if ((word & 0xffe0ffff) >>> 0 === 0x7c00e83b) this.#held.set(rt, { kind: "thread", value: 0, makers: [] });
    else if (operation >= 0x20 || operation === 0x1a || operation === 0x1b) this.#access(word, rt, rs, low, at);
    else if ((operation >= 8 && operation < 0x0f) || operation === 0x18 || operation === 0x1c || operation === 0x1f) {
      this.#held.delete(operation === 0x1c ? rd : rt);
      if (operation === 0x1f) this.#held.delete(rd);
    } else if (operation === 0x11 && rs < 4) this.#held.delete(rt);
  }

  #move(to: number, from: number): void {
    const held = this.#held.get(from);
    if (held === undefined) this.#held.delete(to);
    else this.#held.set(to, held);
  }

  /** Adds a register: t9, which holds the function's own address, or a pointer to thread-locals. */
  #sum(rd: number, rs: number, rt: number): void {
    const [one, other] = [this.#held.get(rs), this.#held.get(rt)];
    const upper = one?.kind === "upper" ? one : other?.kind === "upper" ? other : undefined;
    const added = upper === one ? rt : rs;
    const pointer = this.#held.get(added);
    this.#held.delete(rd);
    if (upper === undefined) return;
    if (pointer?.kind === "counted" && pointer.makers.length === 0)
      this.#count(rd, { ...upper, kind: "counted", value: pointer.value + upper.value });
    else if (added === T9) this.#count(rd, { ...upper, kind: "counted", value: this.#start + upper.value });
    else if (pointer?.kind === "thread" || pointer?.kind === "module") {
      const type = pointer.kind === "thread" ? THREAD_HIGH : MODULE_HIGH;
      const makers = upper.makers.map(({ offset }) => ({ offset, type }));
      this.#held.set(rd, { ...upper, kind: pointer.kind, makers });
    }
  }

  /** A distance from the function's beginning that may have become the global pointer. */
  #count(register: number, held: MipsHeld): void {
    const { globalPointer } = this.#linked;
    if (held.value !== globalPointer) this.#held.set(register, held);
    else {
      tellMakers(held, globalPointer, "address", this.#told, this.#found);
      this.#held.set(register, { kind: "gp", value: globalPointer, makers: [] });
    }
  }

  #isGlobal(register: number): boolean {
    return this.#held.get(register)?.kind === "gp" || (register === GP && this.#held.get(register) === undefined);
  }

  #add(rt: number, rs: number, low: number, at: number): void {
    const { globalPointer } = this.#linked;
    const held = this.#held.get(rs);
    const isGlobal = this.#isGlobal(rs);
    this.#held.delete(rt);
    if (globalPointer !== undefined && isGlobal) {
      // The argument of __tls_get_addr, or a small variable.
      const value = globalPointer + low;
      this.#found.push({ offset: at, type: THREAD_SLOT, value, use: "address" });
      this.#held.set(rt, { kind: "descriptor", value, makers: [] });
    } else if (held?.kind === "counted") {
      this.#count(rt, { ...held, value: held.value + low, makers: [...held.makers, { offset: at, type: LOW }] });
    } else if (held !== undefined) {
      const isLocal = this.#low(held, low, at, "address");
      if (isLocal) return;
      // lui and addiu of a distance from t9: which it is shows when that is added.
      const value = held.value + low;
      if (held.kind !== "upper") return;
      if (value === globalPointer) {
        this.#held.set(rt, { kind: "gp", value, makers: [] });
        tellMakers(
          { ...held, makers: [...held.makers, { offset: at, type: LOW }] },
          value,
          "address",
          this.#told,
          this.#found,
        );
      } else this.#held.set(rt, { ...held, value, makers: [...held.makers, { offset: at, type: LOW }] });
    }
  }

  #access(word: number, rt: number, rs: number, low: number, at: number): void {
    const operation = word >>> 26;
    const isLoad = (operation >= 0x20 && operation < 0x28) || [0x37, 0x1a, 0x1b, 0x30, 0x34].includes(operation);
    const isFloat = [0x31, 0x35, 0x39, 0x3d].includes(operation);
    const isConditional = operation === 0x38 || operation === 0x3c;
    const { globalPointer } = this.#linked;
    const held = this.#held.get(rs);
    const isGlobal = this.#isGlobal(rs);
    if (isLoad || isConditional) this.#held.delete(rt);
    if (globalPointer !== undefined && isGlobal) {
      const value = globalPointer + low;
      const page = isLoad && !isFloat ? this.#page(value) : undefined;
      if (page === undefined) this.#found.push({ offset: at, type: GOT, value, use: isLoad ? "load" : "address" });
      else this.#held.set(rt, { kind: "page", value: page, makers: [{ offset: at, type: GOT }] });
    } else if (held !== undefined) this.#low(held, low, at, isLoad ? "load" : "address");
  }

  /** What a slot of the GOT's own part holds, where that is the upper half of an address. */
  #page(address: number): number | undefined {
    const { localGot, codeAt, little } = this.#linked;
    if (localGot === undefined || address < localGot.from || address >= localGot.to) return undefined;
    const bytes = codeAt(address);
    const value =
      localGot.size === 4
        ? wordAt(bytes, 0, little)
        : wordAt(bytes, little ? 0 : 4, little) + wordAt(bytes, little ? 4 : 0, little) * 2 ** 32;
    return value % 65536 === 0 ? value : undefined;
  }

  /** Completes an address by its low half; whether it was one. */
  #low(held: MipsHeld, low: number, at: number, use: "load" | "address"): boolean {
    const value = held.value + low;
    const { isAddress, isMapped, threadSize } = this.#linked;
    if (
      held.kind === "page" ? !isMapped(value) : held.kind === "upper" ? !isAddress(value, at) : held.makers.length === 0
    )
      return false;
    if (held.kind === "gp" || held.kind === "descriptor" || held.kind === "counted") return false;
    const isThread = held.kind === "thread" || held.kind === "module";
    if (isThread && threadSize === 0) return false;
    const meant = held.kind === "module" ? value + MODULE_BIAS : value;
    // The contents of a slot are not another slot: the page that a load completes is the variable's.
    const meaning =
      held.kind === "thread" || held.kind === "module" ? held.kind : held.kind === "page" ? "address" : use;
    tellMakers(held, meant, meaning, this.#told, this.#found);
    const type = held.kind === "thread" ? THREAD_LOW : held.kind === "module" ? MODULE_LOW : LOW;
    this.#found.push({ offset: at, type, value: meant, use: meaning });
    return true;
  }
}
