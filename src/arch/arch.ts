import type { ElfClass, ElfData } from "../elf/object.ts";
import type { CodeModel } from "./code.ts";
import type { KernelModel } from "./kernel.ts";
import type { LinkModel } from "./link.ts";
import type { LoadModel } from "./load.ts";

/**
 * What the target of a relocation stands for, as far as matching needs it:
 * `address` the symbol itself; `branch` a call or jump to it (a PLT stub may stand between);
 * `got` the GOT slot; `tls` a thread-local offset; `page`/`low` the high and low part of an address;
 * `size` its size; `difference` one half of an ADD/SUB pair; `hint` marks an instruction for the linker
 * and changes no bits by itself; `none` R_*_NONE; `other` the rest.
 */
export type HowtoRole =
  | "address"
  | "branch"
  | "got"
  | "tls"
  | "page"
  | "low"
  | "size"
  | "difference"
  | "hint"
  | "none"
  | "other";

/** How a value becomes the bits of a field, where it is not simply stored; `encoding.ts` says what each does. */
export type Encoding = "paired" | "thumb-branch" | "up-down" | "arm-immediate" | "movz-movn";

/** A run of field bits: position of its lowest bit, and how many. */
export type BitRun = readonly [low: number, width: number];

/** What one relocation type does to a field. One row of an architecture's table. */
export interface Howto {
  readonly name: string;
  /** Number in r_info. */
  readonly type: number;
  /** Bytes the field occupies at r_offset; 0 for hints. */
  readonly size: number;
  /**
   * Bits of the field (read as one number of `size` bytes in the instruction's or the data's byte order) that the
   * relocation rewrites.
   */
  readonly mask: bigint;
  /** Bits the value is shifted right before it is stored. */
  readonly rightshift: number;
  readonly pcrel: boolean;
  /** Whether the stored value is signed. */
  readonly signed: boolean;
  readonly role: HowtoRole;
  /**
   * Types that mean the same to a matcher share a family: R_X86_64_PC32 and R_X86_64_PLT32 on a call differ only in
   * what a linker may put between. Default: the type's own name.
   */
  readonly family: string;
  /** Where the value's bits lie, its lowest bits first, when they are not in the order of the mask's bits. */
  readonly bits?: readonly BitRun[];
  /** Added before the shift, where the low part of the address is added as a signed number later. */
  readonly rounding?: bigint;
  /** Default: the shifted value is stored as it is. */
  readonly encoding?: Encoding;
  /** Whether the field lies in an instruction, and so has `Arch.instructionData` order instead of `Arch.data`. */
  readonly insn?: boolean;
  /**
   * Bytes per unit where an instruction consists of several units (Thumb: 2, prefixed Power: 4): the units follow one
   * another from low to high bits, each in the byte order by itself.
   */
  readonly unit?: number;
  /** False when the type is in no table of this architecture; then `size` is 0 and `role` is `other`. */
  readonly known?: false;
}

/** How a changed function is redirected. */
export interface Trampoline {
  /** Bytes written at the old entry point. */
  readonly size: number;
  /** Farthest target in bytes in either direction. */
  readonly reach: bigint;
}

/** What is particular about a vendor's build attributes. */
export interface BuildAttributes {
  readonly vendor: string;
  /** Tags below 32 whose value is a string; all others have numbers. From 32 on odd tags have strings, for every vendor. */
  readonly strings: ReadonlySet<number>;
  /** `VENDOR TAG` of attributes that are no convention between objects. */
  readonly goals: ReadonlySet<string>;
}

/** Instruction sets, each with all its widths and byte orders; `unknown` is every machine without a folder here. */
export type Family = "x86" | "aarch64" | "arm" | "power" | "mips" | "riscv" | "loongarch" | "s390" | "unknown";

/**
 * One architecture: tables and a few small functions. Every field is required, so the compiler lists what a new
 * architecture lacks; where one truly has nothing, a named constant says so.
 */
export interface Arch {
  /** Name in the update description, as the field calls it: x86_64, aarch64, … */
  readonly name: string;
  readonly family: Family;
  readonly machine: number;
  readonly class: ElfClass;
  readonly data: ElfData;
  readonly howtos: ReadonlyMap<number, Howto>;
  readonly trampoline: Trampoline;
  /**
   * Byte order of instructions: always little-endian on AArch64 and RISC-V; relocatable objects use data order
   * elsewhere (BE8 on Arm is made by the linker).
   */
  readonly instructionData: ElfData;
  /** Whether the low bit of a function symbol's value tells the instruction set (Thumb, MIPS16) instead of the place. */
  readonly functionTagBit?: true;
  /** Meaning of a type number that packs several types (MIPS64); absent where none does. */
  composeHowto?(type: number): Howto | undefined;
  /**
   * Type of a REL record whose field has only the upper half of the addend → type of the record with the lower (MIPS).
   */
  readonly lowParts?: ReadonlyMap<number, number>;
  /** Whether bytes[from,to) are nothing but filler between functions (nops, traps, zeros). */
  isPadding(bytes: Uint8Array, from: number, to: number): boolean;
  /** Whether a symbol only marks the kind of bytes that follow ($x, $d, $t, …) or is local to the assembler (.L…). */
  isMarkerSymbol(name: string): boolean;
  /**
   * The part of a pc-relative addend that comes from the instruction's form: −4 for an x86 call, −5 where one byte of
   * immediate follows the field; 0n where the architecture counts from the instruction's start.
   */
  insnAddend(howto: Howto, code: Uint8Array, offset: number): bigint;
  /** The addend of a REL record, read from its field; sign-extended and unshifted. */
  implicitAddend(howto: Howto, bytes: Uint8Array, offset: number): bigint;
  /** Whether the relocated instruction jumps to another function without coming back; only where that matters to a loader. */
  isSiblingCall?(howto: Howto, code: Uint8Array, offset: number, name: string): boolean;
  /**
   * Offset from a function's symbol to the address where callers inside the module enter (ppc64le local entry); 0
   * elsewhere.
   */
  localEntry(other: number): number;
  /** What instructions tell; of functions whose symbol has the low bit set the second, where there are such functions. */
  readonly code: CodeModel;
  readonly taggedCode: CodeModel | null;
  /** Build attributes that do not follow the form which all vendors share; absent where all do. */
  readonly attributes?: BuildAttributes;
  readonly link: LinkModel;
  readonly load: LoadModel;
  readonly kernel: KernelModel;
}
