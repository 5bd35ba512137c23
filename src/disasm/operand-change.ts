import type { Arch } from "../arch/arch.ts";
import { codeFor } from "../arch/code.ts";
import type { Operands } from "../arch/operands.ts";
import { targetTexts } from "../diff/difference.ts";
import type { Pairing } from "../diff/pairing.ts";
import { isCode } from "../spans/section-kind.ts";
import type { Span, SpanRelocation } from "../spans/span.ts";
import { isThumb } from "../spans/thumb.ts";
import type { Instruction } from "./instruction.ts";
import type { OperationOf } from "./rows.ts";
import { type TargetKey, targetKeys } from "./targets.ts";

/** What of an instruction differs from the one that stands for it. */
export type OperandChange =
  /** What is done differs, or more than one thing of it. */
  | { readonly kind: "operation" }
  /** Registers alone, or the place in the stack frame. */
  | { readonly kind: "registers" }
  | { readonly kind: "frame" }
  /** Where a branch in the function leads, or one into the middle of a function that changed. */
  | { readonly kind: "branch" }
  | { readonly kind: "middle" }
  /** One operand: a number, an offset in memory, a text, what is referred to. */
  | { readonly kind: "constant" | "displacement" | "string"; readonly pre: string; readonly post: string }
  | {
      readonly kind: "reference";
      readonly pre: string;
      readonly post: string;
      readonly preName: string;
      readonly postName: string;
    };

/** Tells what differs between instructions of two paired functions. */
export interface OperandComparer {
  /** What an instruction does, without its operands. */
  operationOf: OperationOf;
  compare(before: Instruction, after: Instruction): OperandChange;
}

/** A comparer for the instructions of one pair; where an architecture does not tell operands apart, it knows references only. */
export function operandComparer(pre: Span, pairing: Pairing, arch: Arch): OperandComparer {
  const keys = { pre: targetKeys(pairing, "pre"), post: targetKeys(pairing, "post") };
  const known = new Map<Instruction, Operands | undefined>();
  const { operands: read } = codeFor(arch, isThumb(arch, pre));
  const operandsOf = (instruction: Instruction): Operands | undefined => {
    if (read === null) return undefined;
    if (!known.has(instruction)) known.set(instruction, read(instruction.bytes, 0, instruction.size));
    return known.get(instruction);
  };
  return {
    // Without its operands an instruction is its masked bits, which stand before the keys of what it refers to.
    operationOf: (instruction) =>
      operandsOf(instruction)?.operation ?? instruction.normalised.slice(0, instruction.size),
    compare(before, after) {
      const reference = referenceChange(before, after, keys, pairing);
      if (reference !== undefined) return reference;
      // Of branches within the function the places are no part of what is compared: equal ones lead elsewhere.
      if (before.inner !== undefined && after.inner !== undefined)
        return { kind: before.normalised === after.normalised ? "branch" : "operation" };
      const [a, b] = [operandsOf(before), operandsOf(after)];
      return a === undefined || b === undefined ? { kind: "operation" } : operandsChange(a, b);
    },
  };
}

/** How two operands of one form differ: registers may differ beside a number, which tells more. */
function operandsChange(a: Operands, b: Operands): OperandChange {
  if (a.operation !== b.operation) return { kind: "operation" };
  const onStack = a.onStack && b.onStack;
  if (a.immediate !== b.immediate) {
    if (onStack) return { kind: "frame" };
    return { kind: "constant", pre: String(a.immediate ?? ""), post: String(b.immediate ?? "") };
  }
  if (a.displacement !== b.displacement) {
    if (onStack) return { kind: "frame" };
    return { kind: "displacement", pre: String(a.displacement ?? ""), post: String(b.displacement ?? "") };
  }
  return { kind: "registers" };
}

/** The first reference of an instruction that is another one; undefined where all are the same. */
function referenceChange(
  before: Instruction,
  after: Instruction,
  keys: { readonly pre: TargetKey; readonly post: TargetKey },
  pairing: Pairing,
): OperandChange | undefined {
  if (before.relocations.length !== after.relocations.length) return { kind: "operation" };
  for (const [i, a] of before.relocations.entries()) {
    const b = after.relocations[i] as SpanRelocation;
    if (a.howto.family !== b.howto.family) return { kind: "operation" };
    if (keys.pre(a) === keys.post(b)) continue;
    if (a.target?.kind === "string" && b.target?.kind === "string") {
      const [pre, post] = targetTexts(a, b);
      return { kind: "string", pre, post };
    }
    const isPair = a.target !== undefined && pairing.postOf[a.target.id] === b.target && b.target !== undefined;
    if (isPair && isCode((a.target as Span).kind)) return { kind: "middle" };
    const [pre, post] = targetTexts(a, b);
    return { kind: "reference", pre, post, preName: nameOf(a), postName: nameOf(b) };
  }
  return undefined;
}

function nameOf({ target, symbol }: SpanRelocation): string {
  return target?.name ?? symbol?.name ?? "";
}
