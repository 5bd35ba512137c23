import { readWord } from "../../bytes.ts";
import type { Scanner } from "./scan.ts";
import type { Decoder, Step } from "./uses.ts";

/** What one instruction does, wherever it stands. */
export type Meaning = Pick<Step, "base" | "access" | "second" | "width" | "writes">;

/** Neither an access nor a register that is overwritten. */
export const NOTHING: Meaning = { base: -1, access: undefined, writes: -1 };

/** Reaches a place at a distance from a register. */
export function access(base: number, distance: number, writes: number, isAddress = false): Meaning {
  return { base, access: { distance, isAddress }, writes };
}

/** Overwrites a register. */
export function writes(register: number): Meaning {
  return { ...NOTHING, writes: register };
}

/** Overwrites a register; one that it is computed from remains an address. */
export function computes(register: number, ...sources: readonly number[]): Meaning {
  return { base: sources.includes(register) ? register : -1, access: undefined, writes: register };
}

/** One form of instructions: those whose bits under a mask are the value, and that `when` is true of. */
export interface Form {
  readonly mask: number;
  /** Unsigned. */
  readonly value: number;
  readonly when?: (instruction: number) => boolean;
  readonly meaning: (instruction: number) => Meaning;
}

/** The meaning of the first form that fits; nothing where none does. */
export function byForm(forms: readonly Form[]): (instruction: number) => Meaning {
  return (instruction) =>
    forms
      .find(({ mask, value, when }) => (instruction & mask) >>> 0 === value && (when?.(instruction) ?? true))
      ?.meaning(instruction) ?? NOTHING;
}

/** Decodes instructions of four bytes. */
export function fourBytes(meaning: (instruction: number) => Meaning, little: boolean): Decoder {
  return (code, at) => (at + 4 > code.length ? undefined : { at, length: 4, ...meaning(readWord(code, at, little)) });
}

/** Finds the register of an instruction that adds the low part of an address, told by its bits under a mask. */
export function lowPart(
  little: boolean,
  isSum: (instruction: number) => boolean,
  register: (instruction: number) => number,
): Scanner["loads"] {
  return (code, offset) => {
    const at = offset & ~3;
    if (at + 4 > code.length) return [];
    const instruction = readWord(code, at, little);
    return isSum(instruction) ? [[at, register(instruction)]] : [];
  };
}
