import type { LoadValue } from "../arch/load.ts";
import type { Program } from "./program.ts";
import { refuse } from "./refuse.ts";
import type { Meaning } from "./values.ts";

/** A record for the dynamic linker. */
export interface DynamicRecord {
  readonly address: bigint;
  readonly type: number;
  /** Index in `.dynsym`; 0 for none. */
  readonly symbol: number;
  readonly addend: bigint;
}

/** A slot, or a pair of slots, of the GOT that new code brings. */
interface Slot {
  readonly kind: LoadValue | "stub";
  readonly meaning: () => Meaning;
  readonly addend: bigint;
  /** Bytes from the start of the table. */
  readonly offset: number;
}

/** What one word holds, and what the dynamic linker has to do with it. */
interface Word {
  readonly value: bigint;
  readonly record?: Omit<DynamicRecord, "address">;
}

const AN_ADDRESS = {
  kind: "address",
  tag: 0n,
  localEntry: 0n,
  lookup: undefined,
  isAbsolute: false,
  isStub: false,
} as const;

/** The GOT of new code: filled while its relocations are looked at, written when all addresses are known. */
export class Slots {
  readonly #program: Program;
  readonly #slots = new Map<string, Slot>();
  #size = 0;
  /** Address of the function that descriptors of the program's own thread-locals name. */
  resolver = 0n;

  constructor(program: Program) {
    this.#program = program;
  }

  get size(): number {
    return this.#size;
  }

  /** Offset of the slot for a value; equal requests share one. */
  offsetOf(kind: LoadValue, key: string, addend: bigint, meaning: () => Meaning): number {
    const whole = kind === "thread-module-pair" ? kind : `${kind} ${addend} ${key}`;
    const known = this.#slots.get(whole);
    if (known !== undefined) return known.offset;
    const word = this.#program.object.class / 8;
    const offset = this.#size;
    this.#slots.set(whole, { kind, meaning, addend, offset });
    this.#size += kind.endsWith("pair") || kind === "thread-descriptor" ? 2 * word : word;
    return offset;
  }

  /** Words by offset, with the records that they need. */
  words(): (Word & { readonly offset: number })[] {
    const size = this.#program.object.class / 8;
    return [...this.#slots.values()].flatMap((slot) =>
      this.#wordsOf(slot).map((word, i) => ({ ...word, offset: slot.offset + i * size })),
    );
  }

  #wordsOf({ kind, meaning, addend }: Slot): Word[] {
    const { arch, isLibrary, file } = this.#program;
    const { dynamic, threads } = arch.load;
    if (kind === "thread-module-pair")
      return [
        isLibrary ? { value: 0n, record: { type: dynamic.threadModule, symbol: 0, addend: 0n } } : { value: 1n },
        { value: 0n },
      ];
    const what = meaning();
    if (kind === "slot") return [wordOf(this.#program, what, addend)];
    if (kind === "page-slot") return [pageOf(this.#program, what, addend)];
    if (what.kind !== "thread") refuse(file, "code for a thread-local refers to something else");
    const { offset, lookup } = what;
    if (lookup !== undefined || offset === undefined) {
      const symbol = lookup?.index ?? 0;
      const record = (type: number): Word => ({ value: 0n, record: { type, symbol, addend } });
      if (kind === "thread-pointer-slot") return [record(dynamic.threadPointer)];
      if (kind === "thread-descriptor") return [record(arch.load.descriptor?.type ?? 0), { value: 0n }];
      return [record(dynamic.threadModule), record(dynamic.threadOffset)];
    }
    if (kind === "thread-descriptor" && !isLibrary)
      return [
        wordOf(this.#program, { ...AN_ADDRESS, address: this.resolver }, 0n),
        { value: threadDistance(this.#program, offset + addend) },
      ];
    const inModule = offset + addend - threads.moduleBias;
    if (kind === "thread-pointer-slot") {
      if (!isLibrary) return [{ value: threadDistance(this.#program, offset + addend) }];
      return [{ value: 0n, record: { type: dynamic.threadPointer, symbol: 0, addend: offset + addend } }];
    }
    if (kind === "thread-descriptor") {
      const type = arch.load.descriptor?.type ?? 0;
      return [{ value: 0n, record: { type, symbol: 0, addend: offset + addend } }, { value: 0n }];
    }
    if (!isLibrary) return [{ value: 1n }, { value: inModule }];
    return [{ value: 0n, record: { type: dynamic.threadModule, symbol: 0, addend: 0n } }, { value: inModule }];
  }
}

/** A word that holds an address. */
export function wordOf(program: Program, what: Meaning, addend: bigint): Word {
  const { dynamic } = program.arch.load;
  if (what.kind === "thread") refuse(program.file, "the address of a thread-local is in no word");
  const { lookup } = what;
  if (lookup?.hasStub && program.arch.load.stubsNeedPointer)
    refuse(
      program.file,
      "new code calls an import that is bound lazily, by a stub that only code with the program's own $gp can enter",
    );
  if (what.kind === "import" || lookup !== undefined)
    return { value: addend, record: { type: dynamic.slot, symbol: lookup?.index ?? 0, addend } };
  const value = (what.address + addend) | what.tag;
  if (program.isFixed || what.isAbsolute) return { value };
  return { value, record: { type: dynamic.relative, symbol: 0, addend: value } };
}

/** A word that holds an address less the lower half, which is added with sign. MIPS ABI supplement, "Global Offset Table". */
function pageOf(program: Program, what: Meaning, addend: bigint): Word {
  if (what.kind !== "address") refuse(program.file, "code reaches in two halves what only the dynamic linker knows");
  const page = (((what.address + addend) | what.tag) + 0x8000n) & ~0xffffn;
  return wordOf(program, { ...what, address: page, tag: 0n, lookup: undefined }, 0n);
}

/** Distance of a thread-local from the thread pointer. ELF Handling for Thread-Local Storage, 3.4. */
export function threadDistance({ arch, threads, file }: Program, offset: bigint): bigint {
  if (threads === undefined) refuse(file, "new code uses a thread-local, and the program has none");
  const { isBelow, header, pointerBias } = arch.load.threads;
  const align = threads.align > 0n ? threads.align : 1n;
  const up = (value: bigint): bigint => ((value + align - 1n) / align) * align;
  if (isBelow) return offset - up(BigInt(threads.memsz));
  return offset + up(BigInt(header)) - pointerBias;
}
