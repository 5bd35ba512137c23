/**
 * What a loader computes for a relocation, before the addend: the symbol's address; the address of a slot in the GOT that holds it, or
 * that holds its page of 64 KiB, or whichever of the two, depending on whether a lower half belongs to it (R_MIPS_GOT16);
 * a thread-local's distance from the thread pointer, the slot that holds that, its offset in the module's thread-locals, the pair of
 * module and offset, the pair for the module alone, or the pair of a function and what it makes the distance from; the GOT itself; the TOC pointer; a size. ELF Handling for Thread-Local Storage, 4.
 */
export type LoadValue =
  | "symbol"
  | "slot"
  | "page-slot"
  | "page-or-slot"
  | "thread-pointer"
  | "thread-pointer-slot"
  | "thread-module"
  | "thread-pair"
  | "thread-module-pair"
  | "thread-descriptor"
  | "got"
  | "toc"
  | "size";

/** What is taken away from the value: nothing, the field's own address or its page, the GOT or its page, the TOC pointer, the symbol. */
type LoadBase = "zero" | "place" | "page" | "got" | "got-page" | "toc" | "symbol";

/** How one relocation type is resolved. */
export interface LoadForm {
  readonly value: LoadValue;
  readonly from: LoadBase;
  /** What becomes of the field's old contents; default: they are replaced. */
  readonly change?: "add" | "subtract";
  /** The value is that of the relocation of the upper half, at the place that the symbol and the addend name. */
  readonly isLowOfHigh?: true;
}

/** Rows in the order in which they are tried: relocation types, by name, that need more than their howto says. */
export type LoadRows = readonly (readonly [types: RegExp, value: LoadValue, from: LoadBase])[];

/** Where thread-locals of the program lie. ELF Handling for Thread-Local Storage, 3.4; psABI supplements. */
export interface ThreadModel {
  /** Below the thread pointer (variant II), or above it (variant I). */
  readonly isBelow: boolean;
  /** Variant I: bytes between the pointer and the first of them, before alignment. */
  readonly header: number;
  /** What the thread pointer, and offsets in a module, count from behind the start. */
  readonly pointerBias: bigint;
  readonly moduleBias: bigint;
}

/** Numbers of relocation types that the dynamic linker applies. psABI supplements. */
interface DynamicTypes {
  /** Default form of records of this machine. */
  readonly isRela: boolean;
  readonly relative: number;
  /** The whole address of a symbol. */
  readonly slot: number;
  readonly threadPointer: number;
  readonly threadModule: number;
  readonly threadOffset: number;
}

/** Code that jumps to the address in a slot, and the field that the slot's address goes into. */
interface StubForm {
  readonly code: readonly number[];
  readonly unit: 1 | 2 | 4;
  /**
   * `fromToc`: the slot's distance from the TOC pointer goes in; `isAbsolute`: its address, so that the program must be loaded where it was linked;
   * `fromPlace`: its distance from the field, also where the type does not say so. */
  readonly fields: readonly {
    readonly offset: number;
    readonly howto: string;
    readonly bias: bigint;
    readonly fromToc?: true;
    readonly isAbsolute?: true;
    readonly fromPlace?: true;
  }[];
}

/**
 * Thread-local descriptors: two words, of which the first is the address of a function that is called with the address of the pair and
 * gives the distance from the thread pointer. `code` gives the second word. AAELF64, "Thread-local storage descriptors".
 */
interface DescriptorForm {
  /** Type of the relocation that has the dynamic linker fill the pair. */
  readonly type: number;
  readonly code: readonly number[];
  readonly unit: 1 | 2 | 4;
}

/** What a loader must know of an architecture beside its howtos. */
export interface LoadModel {
  readonly rows: LoadRows;
  /** Types that name the instruction with the upper half, whose value has their lower half; null where none do. */
  readonly lowOfHigh: RegExp | null;
  readonly threads: ThreadModel;
  readonly dynamic: DynamicTypes;
  /** Whether dynamic symbols may be added behind the others: on MIPS the last of them belong to slots of the GOT, one to one. */
  readonly growsSymbols: boolean;
  /** Whether the linker's stubs for lazy binding need the program's own TOC pointer, or $gp, so that code with another cannot call them. */
  readonly stubsNeedPointer: boolean;
  /** Functions that the linker makes for code that calls them; absent where it makes none. */
  readonly linkerNames?: RegExp;
  /** Whether code finds the GOT, or what the TOC pointer or $gp holds, anew in each function, so that new code may have one of its own. */
  readonly ownGot: boolean;
  /** How far the TOC pointer, or $gp, is behind the start of the GOT. */
  readonly tocBias: bigint;
  readonly stub: StubForm | null;
  readonly descriptor: DescriptorForm | null;
  /**
   * Makes the call in a field one to code of the instruction set that the low bit of its target tells (BL, BLX of Arm), and returns
   * what the field must hold then; undefined where there is no such call.
   */
  readonly changeMode:
    | ((
        code: Uint8Array,
        offset: number,
        unit: number | undefined,
        toTagged: boolean,
        value: bigint,
      ) => bigint | undefined)
    | null;
  /** What stands behind a call through a stub, to get the TOC pointer back, in place of the other. ELF V2 ABI for Power, 3.6. */
  readonly afterStub: {
    readonly nop: number;
    readonly restore: number;
    /** Types of calls that have the TOC pointer; others reach no stub that counts from it. */
    readonly calls: RegExp;
  } | null;
}

export const NO_STUB = null;
export const NO_DESCRIPTORS = null;
export const ONE_MODE = null;
export const NO_HIGH = null;
export const NOTHING_AFTER = null;

/** Machines of which a loader knows nothing: what their howtos say is done. */
export const PLAIN_LOAD: LoadModel = {
  rows: [],
  lowOfHigh: NO_HIGH,
  threads: { isBelow: false, header: 0, pointerBias: 0n, moduleBias: 0n },
  dynamic: { isRela: true, relative: 0, slot: 0, threadPointer: 0, threadModule: 0, threadOffset: 0 },
  growsSymbols: false,
  stubsNeedPointer: false,
  ownGot: false,
  tocBias: 0n,
  stub: NO_STUB,
  descriptor: NO_DESCRIPTORS,
  changeMode: ONE_MODE,
  afterStub: NOTHING_AFTER,
};
