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
  /** Whether a whole number in the code may be an address: only in images at a fixed address. */
  isAddress(value: number): boolean;
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

/**
 * What registers hold, followed through a section in the order of its instructions. A forward branch takes its state to its target,
 * where it is joined with what arrives from above; behind an end (a return, a jump) only such states arrive, or, where there are
 * none, the one of the last indirect jump of the function, whose targets a table holds.
 */
export class Flow<T extends Held> {
  #current = new Map<number, T>();
  readonly #waiting = new Map<number, Map<number, T>>();
  #indirect: Map<number, T> | undefined;
  #hasEnded = false;
  readonly #lasting = new Map<number, T>();

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

  /** A function begins. */
  reset(): void {
    this.#lasting.clear();
    this.#current = new Map();
    this.#waiting.clear();
    this.#indirect = undefined;
    this.#hasEnded = false;
  }

  /** Control arrives at an offset, from above unless the instruction there was an end. */
  arrive(at: number): void {
    const brought = this.#waiting.get(at);
    if (brought !== undefined) {
      this.#waiting.delete(at);
      if (this.#hasEnded) this.#current = brought;
      else join(this.#current, brought);
    } else if (this.#hasEnded) this.#current = new Map(this.#indirect);
    this.#hasEnded = false;
  }

  /** A branch from one offset to another. */
  branch(from: number, target: number): void {
    if (target <= from) return;
    const known = this.#waiting.get(target);
    if (known === undefined) this.#waiting.set(target, new Map(this.#current));
    else join(known, this.#current);
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

/** What both hold stays; where two paths made the same value, the instructions of both made it. */
function join<T extends Held>(into: Map<number, T>, other: ReadonlyMap<number, T>): void {
  for (const [register, value] of into) {
    const second = other.get(register);
    if (second === value) continue;
    const isSame = second !== undefined && second.value === value.value && second.kind === value.kind;
    if (isSame) into.set(register, { ...value, makers: [...new Set([...value.makers, ...second.makers])] });
    else into.delete(register);
  }
}
