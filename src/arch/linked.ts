import { sortedNumbers } from "../lists.ts";

/**
 * What an instruction of a linked image refers to, as if its relocation were still there. `load` reads memory at the address and
 * may so read a slot of the GOT; `address` computes, stores or compares it; `thread` is an offset from the thread pointer, `module`
 * one from the beginning of the image's thread-locals.
 */
export interface LinkedReference {
  /** Byte offset in the code of the field a relocation would name. */
  readonly offset: number;
  /** A relocation type that rewrites the same bits. */
  readonly type: number;
  /** Virtual address, or offset for `thread` and `module`. */
  readonly value: number;
  readonly use: "branch" | "load" | "address" | "thread" | "module";
  /** Address of the word of data that says it, from where the instruction loads it. */
  readonly word?: number;
}

/** Instructions of the first or the other set, or constants among them. */
export type CodeState = "arm" | "thumb" | "data";

/** Addresses from and to, and bytes of one slot. */
export interface LocalGot {
  readonly from: number;
  readonly to: number;
  readonly size: number;
}

/** One code section of a linked image, and what is known of the image besides. */
export interface LinkedCode {
  readonly code: Uint8Array;
  /** Virtual address of the first byte. */
  readonly base: number;
  readonly little: boolean;
  /** Where functions begin: what registers hold is not known there. */
  readonly starts: ReadonlySet<number>;
  /** What the code at an offset is: mapping symbols of Arm tell. */
  readonly stateAt: ((offset: number) => CodeState) | undefined;
  /** `__global_pointer$` (RISC-V), `_gp` (MIPS): what the global pointer holds. */
  readonly globalPointer: number | undefined;
  /** Slots of the GOT that hold addresses of the image itself, and bytes of each: of MIPS, whose loader has no relocation for them. */
  readonly localGot: LocalGot | undefined;
  /** What %ebx holds in the stubs of an IA-32 image that may be loaded anywhere. */
  readonly gotPointer: number | undefined;
  /** What r2 holds on Power: 0x8000 behind the start of the GOT. ELFv2 ABI, 2.3.2.2. */
  readonly toc: number | undefined;
  /** Bytes of thread-locals of the image; 0 for none. */
  readonly threadSize: number;
  /** Pc-relative references in code[from, to), those of the other instruction set (Thumb) where asked for. */
  branches(
    from: number,
    to: number,
    isTagged?: boolean,
  ): readonly { readonly offset: number; readonly type: number; readonly target: number }[];
  isPadding(from: number, to: number): boolean;
  /**
   * Whether a whole number that the code holds at an offset may be an address: only in images at a fixed address, and not the inside of
   * another function, which no code has but that of the function.
   */
  isAddress(value: number, at: number): boolean;
  /** Whether a slot of the GOT is the pair for the thread-locals of the module: what `__tls_get_addr` returns for it is where they begin. */
  isModuleSlot(address: number): boolean;
  /** Whether a slot of the GOT is a pair or a descriptor for a thread-local. */
  isThreadSlot(address: number): boolean;
  /**
   * The word that the compiler keeps at an address for itself: of data that no symbol names and that neither code nor the loader writes.
   * Signed; undefined where there is none.
   */
  literalAt(address: number): number | undefined;
  /** The bytes from an address on, up to the end of its section. */
  codeAt(address: number): Uint8Array;
  /** Whether something of the image lies at an address. */
  isMapped(value: number): boolean;
}

/** The pc-relative references of a whole section: all that is read where nothing else is followed. */
export function branchReferences({ branches, base, code }: LinkedCode): LinkedReference[] {
  return branches(0, code.length).map(({ offset, type, target }) => ({
    offset,
    type,
    value: base + target,
    use: "branch",
  }));
}

/** A signed number of one or four bytes. */
export function signedAt(code: Uint8Array, offset: number, size: number): number {
  if (size === 1) return ((code[offset] ?? 0) << 24) >> 24;
  const byte = (i: number): number => code[offset + i] ?? 0;
  return byte(0) | (byte(1) << 8) | (byte(2) << 16) | (byte(3) << 24);
}

/** An instruction or a word of four bytes, unsigned. */
export function wordAt(code: Uint8Array, offset: number, little: boolean): number {
  const byte = (i: number): number => code[offset + (little ? i : 3 - i)] ?? 0;
  return (byte(0) | (byte(1) << 8) | (byte(2) << 16) | (byte(3) << 24)) >>> 0;
}

export function signExtend(value: number, width: number): number {
  return value >= 2 ** (width - 1) ? value - 2 ** width : value;
}

/** What a register holds. */
export interface Held {
  readonly kind: string;
  readonly value: number;
  /** The instructions that made the value's upper part: offset of the field, and its relocation type. */
  readonly makers: readonly Maker[];
}

interface Maker {
  readonly offset: number;
  readonly type: number;
}

/** Tells what the upper parts of a value refer to, each once. */
export function tellMakers(
  { makers }: Held,
  value: number,
  use: LinkedReference["use"],
  told: Set<number>,
  found: LinkedReference[],
): void {
  for (const { offset, type } of makers) {
    if (told.has(offset)) continue;
    told.add(offset);
    found.push({ offset, type, value, use });
  }
}

/** What registers hold at a place; null where paths that meet there disagree. */
type State<T> = Map<number, T | null>;

/** No function of a compiler needs more readings; what then is still missing stays unknown. */
const MOST_READINGS = 6;

/**
 * What registers hold, followed through a function in the order of its instructions. A branch takes its state to its target; behind
 * an end (a return, a jump) only such states arrive, or, where there are none, the one of the last indirect jump of the function, whose
 * targets a table holds. What only one of several paths knows stays: code reads a register behind the place where they meet only where
 * all of them wrote what it needs. A branch back brings what the place it leads to did not know: then the function is read again.
 */
export class Flow<T extends Held> {
  #current: State<T> = new Map();
  readonly #waiting = new Map<number, State<T>>();
  #indirect: State<T> | undefined;
  #hasEnded = false;
  readonly #lasting = new Map<number, T>();
  /** Targets of branches back. */
  readonly #loops = new Set<number>();
  /** What was known there when it was read last, and what branches back bring beside that. */
  readonly #seen = new Map<number, State<T>>();
  readonly #brought = new Map<number, State<T>>();
  #readings = 0;
  #isNew = false;

  /** A register that holds the same all through the function. */
  keep(register: number, value: T): void {
    this.#lasting.set(register, value);
  }

  get(register: number): T | undefined {
    return this.#current.get(register) ?? this.#lasting.get(register);
  }

  set(register: number, value: T): void {
    this.#current.set(register, value);
  }

  delete(register: number): void {
    this.#current.delete(register);
  }

  get isEmpty(): boolean {
    return this.#current.size === 0;
  }

  /** A branch that will be followed leads there. */
  expect(from: number, target: number): void {
    if (target <= from) this.#loops.add(target);
  }

  /** Another function begins. */
  begin(): void {
    this.#seen.clear();
    this.#brought.clear();
    this.#readings = 0;
    this.reset();
  }

  /** The same function is read once more, from its beginning. */
  reset(): void {
    this.#lasting.clear();
    this.#current = new Map();
    this.#waiting.clear();
    this.#indirect = undefined;
    this.#hasEnded = false;
    this.#isNew = false;
    this.#readings++;
  }

  /** Whether a branch back brought what was not known before. */
  get isUnfinished(): boolean {
    return this.#isNew && this.#readings < MOST_READINGS;
  }

  /** Control arrives at an offset, from above unless the instruction there was an end. */
  arrive(at: number): void {
    const waiting = this.#waiting.get(at);
    const brought = this.#brought.get(at);
    if (this.#hasEnded)
      this.#current = new Map(waiting === undefined && brought === undefined ? this.#indirect : waiting);
    else if (waiting !== undefined) unite(this.#current, waiting);
    this.#waiting.delete(at);
    if (brought !== undefined) unite(this.#current, brought);
    if (this.#loops.has(at)) this.#seen.set(at, new Map(this.#current));
    this.#hasEnded = false;
  }

  /**
   * A call: what it returns in is told, other registers are as they were. Of those that a callee need not save, code reads one behind
   * a call only where the compiler saw that the callee leaves it alone (GCC, -fipa-ra).
   */
  call(results: readonly number[]): void {
    for (const register of results) this.#current.delete(register);
  }

  /** A branch from one offset to another. */
  branch(from: number, target: number): void {
    if (target <= from) {
      this.#bring(target);
      return;
    }
    const known = this.#waiting.get(target);
    if (known === undefined) this.#waiting.set(target, new Map(this.#current));
    else unite(known, this.#current);
  }

  #bring(target: number): void {
    const seen = this.#seen.get(target);
    if (seen === undefined) return;
    const more: State<T> = new Map();
    for (const [register, value] of this.#current) {
      const before = seen.get(register);
      if (before !== null && (before === undefined || value === null || !includes(before, value)))
        more.set(register, value);
    }
    if (more.size === 0) return;
    const known = this.#brought.get(target);
    if (known === undefined) this.#brought.set(target, more);
    else unite(known, more);
    this.#isNew = true;
  }

  /** A jump to an address in a register. */
  indirect(): void {
    this.#indirect = new Map(this.#current);
  }

  /** Nothing falls through to the next instruction. */
  end(): void {
    this.#hasEnded = true;
  }
}

function isEqual(one: Held, other: Held): boolean {
  return one.value === other.value && one.kind === other.kind;
}

/** Whether it is the same value, and its instructions are among those of the first. */
function includes(one: Held, other: Held): boolean {
  return one === other || (isEqual(one, other) && other.makers.every((maker) => hasMaker(one.makers, maker)));
}

function hasMaker(makers: readonly Maker[], { offset, type }: Maker): boolean {
  return makers.some((one) => one.offset === offset && one.type === type);
}

/** What either of two paths knows; where both made the same value, the instructions of both made it. */
function unite<T extends Held>(into: State<T>, other: ReadonlyMap<number, T | null>): void {
  for (const [register, second] of other) {
    const value = into.get(register);
    if (value === second || value === null) continue;
    if (value === undefined) into.set(register, second);
    else if (second === null || !isEqual(value, second)) into.set(register, null);
    else if (!includes(value, second)) {
      const more = second.makers.filter((maker) => !hasMaker(value.makers, maker));
      into.set(register, { ...value, makers: [...value.makers, ...more] });
    }
  }
}

/**
 * Reads code function by function, each as often as what branches back bring asks for; what earlier readings found and told of it is
 * forgotten. `read` reads code[from, to).
 */
export function readFunctions<T extends Held>(
  { code, starts }: LinkedCode,
  flow: Flow<T>,
  found: LinkedReference[],
  told: Set<number>,
  read: (from: number, to: number) => void,
): void {
  const edges = sortedNumbers(starts).filter((start) => start > 0 && start < code.length);
  let from = 0;
  for (const to of [...edges, code.length]) {
    const mark = found.length;
    flow.begin();
    for (;;) {
      read(from, to);
      if (!flow.isUnfinished) break;
      flow.reset();
      found.length = mark;
      told.clear();
    }
    from = to;
  }
}
