import { readWord } from "../bytes.ts";
import type { ElfData } from "../elf/object.ts";
import type { ArgumentValue, CodeModel, Effect, GetRegister, ResolvedReference } from "./code.ts";
import { type BranchForm, distance, is } from "./instruction.ts";

/** What is particular to an instruction set whose instructions all have four bytes. */
export interface WordRules {
  readonly branches: readonly BranchForm[];
  /** Bytes that the program counter is ahead of the instruction; default 0. */
  readonly bias?: number;
  /** Whether constants lie between the instructions, reached by distances that `branches` does not list. */
  readonly hasPools?: true;
  /** Instructions behind which execution does not go on: which bits decide, and what they are. */
  readonly ends: readonly (readonly [mask: number, bits: number])[];
  /** Whether the instruction behind a call or jump runs before it leads away. */
  readonly hasDelaySlot?: true;
  /** The register that an instruction loads, where it loads one. */
  readonly destination: (instruction: number) => number;
  /** The constant that an instruction loads (the low part of one, behind the instruction that loads its high part). */
  readonly constant: (instruction: number, before: number) => number | undefined;
  /** Bits that hold it. */
  readonly constantBits: number;
  /** What an instruction does to the registers. */
  readonly effect: (instruction: number, get: GetRegister) => Omit<Effect, "length">;
}

type WordCode = Pick<
  CodeModel,
  | "instructions"
  | "alignment"
  | "unitSize"
  | "branches"
  | "destination"
  | "loadedConstant"
  | "step"
  | "endsFlow"
  | "hasDelaySlot"
>;

/** The part of a code model that follows from instructions of four aligned bytes in a byte order. */
export function wordCode(order: ElfData, rules: WordRules): WordCode {
  const little = order === "lsb";
  const { bias = 0, constantBits } = rules;
  return {
    instructions: { kind: "words", hasPools: rules.hasPools ?? false },
    alignment: 4,
    unitSize: () => 4,
    branches(code, from, to) {
      const found: ResolvedReference[] = [];
      for (let at = (from + 3) & ~3; at + 4 <= to; at += 4) {
        const word = readWord(code, at, little);
        for (const candidate of rules.branches) {
          if ((word & candidate.mask) >>> 0 !== candidate.bits) continue;
          found.push({ offset: at, type: candidate.type, target: at + bias + distance(word, candidate) });
          break;
        }
      }
      return found;
    },
    destination: (code, field) => rules.destination(readWord(code, field & ~3, little)),
    loadedConstant(code, offset) {
      const start = offset & ~3;
      if (start + 4 > code.length) return undefined;
      const instruction = readWord(code, start, little);
      const value = rules.constant(instruction, start < 4 ? 0 : readWord(code, start - 4, little));
      if (value === undefined || value <= 0) return undefined;
      return { offset: start, size: 4, value, rest: (instruction & ~constantBits) >>> 0 };
    },
    endsFlow(code, from, to) {
      const at = to - 4 - (rules.hasDelaySlot ? 4 : 0);
      if (at < from) return false;
      const word = readWord(code, at, little);
      return rules.ends.some(([mask, bits]) => is(word, mask, bits));
    },
    hasDelaySlot: rules.hasDelaySlot ?? false,
    step(code, at, get, relocated) {
      const made = rules.effect(at + 4 <= code.length ? readWord(code, at, little) : 0, get);
      const isRelocated = [0, 1, 2, 3].some((i) => relocated.has(at + i));
      const writes = isRelocated ? made.writes.map(([register]) => [register, "address"] as const) : made.writes;
      return { ...made, writes, length: 4 };
    },
  };
}

/** A value with a constant added, where the value is a constant. */
export function plus(value: ArgumentValue, more: number): ArgumentValue {
  return typeof value === "number" ? value + more : value;
}
