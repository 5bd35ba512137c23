import type { AnchorModel } from "./anchors/uses.ts";
import type { CodeState, LinkedCode, LinkedReference } from "./linked.ts";
import type { OperandReader } from "./operands.ts";
import type { X86Mode } from "./x86/decode.ts";

/**
 * How instructions follow one another: x86 as its decoder finds them, each of one word of four bytes (with pools of
 * constants between them, which loads reach by their distance), or each of one to three halfwords.
 */
type Instructions =
  | { readonly kind: "x86"; readonly mode: X86Mode }
  | { readonly kind: "words"; readonly hasPools: boolean }
  | { readonly kind: "halfwords" }
  | { readonly kind: "unknown" };

/**
 * A reference inside one section that the assembler resolved, as if it still had its relocation. Without
 * -ffunction-sections most calls between static functions are like this: their bytes change when a neighbour grows.
 */
export interface ResolvedReference {
  /** Offset of the field a relocation would name. */
  readonly offset: number;
  /** The relocation type that says the same. */
  readonly type: number;
  /** Offset of the target in the section. */
  readonly target: number;
}

/** A number that an instruction loads into a register: an argument of a call, as it is seen in the code. */
export interface LoadedConstant {
  /** Offset of the bytes that hold it. */
  readonly offset: number;
  readonly size: number;
  readonly value: number;
  /** Every other bit of the instruction: register, operation, condition. */
  readonly rest: number;
}

/** What a register is known to hold when a call is made: a constant, an address, or neither for certain. */
export type ArgumentValue = number | "address" | undefined;

/** What one instruction does to the registers. */
export interface Effect {
  /** Bytes of the instruction. */
  readonly length: number;
  /** Registers that it writes, with what is known of the value. */
  readonly writes: readonly (readonly [register: number, value: ArgumentValue])[];
  /** Whether what follows is not reached from here. */
  readonly isEnd?: boolean;
}

export type GetRegister = (register: number) => ArgumentValue;

/** The effect of the instruction at an offset; `relocated` are the offsets of all relocated fields of the code. */
export type CallStep = (code: Uint8Array, at: number, get: GetRegister, relocated: ReadonlySet<number>) => Effect;

/**
 * What the instructions of one instruction set tell. Widths and byte order are bound in when the record is made, so the
 * relatives of an architecture share every rule. All code is given as bytes of a section or a span, offsets count in it.
 */
export interface CodeModel {
  readonly instructions: Instructions;
  /** Instructions begin at multiples of so many bytes. */
  readonly alignment: 1 | 2 | 4;
  /** Size in bytes of the instruction at an offset, as far as its first bytes tell. */
  unitSize(code: Uint8Array, at: number): number;
  /** Pc-relative references in code[from, to), whether or not a relocation still belongs to them. */
  branches(code: Uint8Array, from: number, to: number): ResolvedReference[];
  /**
   * What a pc-relative field of `size` bytes belongs to, where one relocation type serves branches and addresses;
   * undefined for an address. `TOLD_BY_TYPE` where branches have types of their own.
   */
  branchKind(code: Uint8Array, offset: number, size: number): "call" | "jump" | undefined;
  /** What the code of one section of a linked image refers to, in no order; `branchReferences` where only branches are followed. */
  linked(code: LinkedCode): LinkedReference[];
  /** Registers of a call's first arguments, in order; empty only where arguments lie on the stack. psABI supplements. */
  readonly argumentRegisters: readonly number[];
  /** Register that the instruction around a field loads; undefined when it loads none. */
  destination(code: Uint8Array, field: number): number | undefined;
  /** The constant that the instruction around a byte loads; undefined when it loads none. */
  loadedConstant(code: Uint8Array, offset: number): LoadedConstant | undefined;
  readonly step: CallStep;
  /** The parts of an instruction, to tell what of it changed; `NO_OPERANDS` where they are not told apart. */
  readonly operands: OperandReader | null;
  /** Whether execution certainly does not run past the end of the code in code[from, to): a return, a jump or a trap stands there. */
  endsFlow(code: Uint8Array, from: number, to: number): boolean;
  /** Whether the instruction behind a call or jump runs before the callee does. */
  readonly hasDelaySlot: boolean;
  /**
   * Words of literal pools that hold a distance from where pc is added to them, by offset: how far the word is ahead of that pc. Absent
   * where no such pools are.
   */
  poolDistances?(code: Uint8Array, stateAt: (offset: number) => CodeState): ReadonlyMap<number, number>;
  /** How compilers reach variables by their distance from another one (-fsection-anchors); `NO_ANCHORS` where none does so. */
  readonly anchors: AnchorModel | null;
}

/** Branches have relocation types of their own, and so every other field is an address. */
export const TOLD_BY_TYPE = (): undefined => undefined;

/** GCC makes section anchors only where the back end says how far an access reaches, which this one does not. */
export const NO_ANCHORS = null;

/** The instruction set of a function: the other one where the low bit of its symbol says so (Thumb). */
export function codeFor(
  { code, taggedCode }: { readonly code: CodeModel; readonly taggedCode: CodeModel | null },
  isTagged: boolean,
): CodeModel {
  return isTagged ? (taggedCode ?? code) : code;
}
