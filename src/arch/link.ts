import type { ElfObject } from "../elf/object.ts";
/**
 * What a field says of a thread-local: its distance from the thread pointer, its offset in the module's thread-locals, the address of
 * the slot with its distance, of the pair or descriptor for it, or of the pair for the module. ELF Handling for Thread-Local Storage, 4.
 */
export type ThreadUse = "tp" | "dtp" | "slot" | "pair" | "module";

/** Relocation types of the upper and of the lower half of an address, whose values add up to it. */
export interface AddressHalves {
  readonly high: RegExp;
  readonly low: RegExp;
  /** How the lower half is added: with sign, without, or as its relocation type reads it. */
  readonly lowBits: "signed" | "unsigned" | "as-read";
  /** The upper half counts from the instruction's own page of this size. */
  readonly page?: bigint;
  /** Both halves count from the TOC pointer. */
  readonly toc?: true;
  /** Both halves count from the place of the upper one; the addend of the lower one has their distance in it. */
  readonly fromHigh?: true;
  /** What they make is the address of a slot in the GOT. */
  readonly slot?: true;
  /** What they make is about a thread-local. */
  readonly thread?: ThreadUse;
}

/** One relocation of a trampoline; its value is the new address less the old one, or the new one itself. */
interface TrampolineField {
  readonly offset: number;
  readonly howto: string;
  /** Added to the distance: what the architecture counts from. */
  readonly bias?: bigint;
  readonly isAbsolute?: true;
}

/** What is written over the start of an old function: instructions, and the fields that the new address goes into. */
export interface TrampolineForm {
  /** Instructions in units of this size, in the architecture's order. */
  readonly unit: 1 | 2 | 4;
  readonly code: readonly number[];
  readonly fields: readonly TrampolineField[];
  /** An instruction of the same unit, or two, that the kernel takes for a bug. */
  readonly trap: readonly number[];
  /** Where it is less than the architecture's. */
  readonly reach?: bigint;
}

/** What entries of the compiler's jump tables in linked code are. */
export interface JumpTableForm {
  readonly size: 4 | 8;
  /** The relocation type that says the same. */
  readonly type: number;
  /** Whether entries count from the table's start; otherwise they are whole addresses. */
  readonly isRelative: boolean;
  /** Relative to the GOT instead. */
  readonly isFromGot?: true;
  /** The same for the global pointer. */
  readonly isFromGlobalPointer?: true;
}

/** What linked code and data of one architecture look like. */
export interface LinkModel {
  /** Relocation type of a whole address in data, as wide as a pointer; null where no relocation is known. */
  readonly wordType: number | null;
  /** In the order in which they are tried; `NO_JUMP_TABLES` where tables are not read. */
  readonly jumpTables: readonly JumpTableForm[];
  /** Pairs of relocations that make one address; `NO_HALVES` where one instruction holds a whole address. */
  readonly halves: readonly AddressHalves[];
  /** Distances of local entry points from global ones; `ONE_ENTRY` where functions have one entry. */
  readonly localEntries: readonly bigint[];
  /** Whether symbols of functions may be those of their descriptors, in `.opd`. */
  readonly mayHaveDescriptors: boolean;
  /** Whether the distance of the TOC from a global entry point may stand before it, in eight bytes. ELF V2 ABI for Power, 3.3. */
  readonly hasTocOffsets: boolean;
  /** Makes of a relocatable object one with instructions in the order of this linked image; `KEEPS_ORDER` where linking changes none. */
  readonly reorderCode: ((object: ElfObject) => ElfObject) | null;
  /** Makes of a linked image what it would be without the linker's workarounds for errors of processors; `KEEPS_CODE` where linkers have none. */
  readonly undoErrata: ((object: ElfObject) => ElfObject) | null;
  /** Whether the field of a jump replaces the low bits of its own address. */
  readonly jumpsInRegion: boolean;
  /** The jump from an old function to its new code; for functions of the other instruction set (Thumb) the second. Null where no function can be redirected. */
  readonly trampoline: TrampolineForm | null;
  readonly taggedTrampoline: TrampolineForm | null;
}

export const NO_JUMP_TABLES: readonly JumpTableForm[] = [];
export const NO_HALVES: readonly AddressHalves[] = [];
export const ONE_ENTRY: readonly bigint[] = [];

/** No linker rewrites instructions because of errors of a processor. */
export const KEEPS_CODE = null;

/** Instructions have one byte order before and after linking. */
export const KEEPS_ORDER = null;
