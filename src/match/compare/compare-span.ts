import type { Family } from "../../arch/arch.ts";
import { append } from "../../lists.ts";
import { isCode } from "../../spans/section-kind.ts";
import type { Span } from "../../spans/span.ts";
import type { Context } from "../run-context.ts";
import { newTrial, type Trial } from "../values.ts";
import { compareBytewise } from "./bytewise.ts";
import type { ComparisonResult } from "./mismatch.ts";
import { walkRelaxed } from "./relaxed-walk.ts";
import { walkText } from "./text-walk.ts";

type Walk = (context: Context, trial: Trial, span: Span, address: bigint) => ComparisonResult;

/** Linked code has the object's instructions, but for those that rewrites explain: nothing more is tried. */
const SAME_INSTRUCTIONS = undefined;

const walkX86: Walk = (context, trial, span, address) => {
  const { instructions } = context.arch.code;
  return walkText(context, trial, span, address, instructions.kind === "x86" ? instructions.mode : 64);
};

/** How linked code is compared whose instructions have other lengths than the object's. */
const WALKS: Readonly<Record<Family, Walk | undefined>> = {
  x86: walkX86,
  riscv: walkRelaxed,
  aarch64: SAME_INSTRUCTIONS,
  arm: SAME_INSTRUCTIONS,
  power: SAME_INSTRUCTIONS,
  mips: SAME_INSTRUCTIONS,
  loongarch: SAME_INSTRUCTIONS,
  s390: SAME_INSTRUCTIONS,
  unknown: SAME_INSTRUCTIONS,
};

/** Compares a span with one candidate. Text whose bytes are equal needs no second look; where no walk is known only such text matches. */
export function compareSpan(context: Context, trial: Trial, span: Span, address: bigint): ComparisonResult {
  if (!isCode(span.kind)) return compareBytewise(context, trial, span, address, contentSize(span));
  const plain = newTrial();
  for (const [key, known] of trial.addresses) plain.addresses.set(key, known);
  const result = compareBytewise(context, plain, span, address);
  const walk = WALKS[context.arch.family];
  if (result.mismatch !== undefined && walk !== undefined) return walk(context, trial, span, address);
  for (const [key, known] of plain.addresses) trial.addresses.set(key, known);
  append(trial.landings, plain.landings);
  for (const [name, found] of plain.imports) trial.imports.set(name, { ...trial.imports.get(name), ...found });
  for (const rule of plain.rules) trial.rules.add(rule);
  return result;
}

/** Zeros behind a string are the section's alignment. */
function contentSize(span: Span): number {
  if (span.kind !== "string" || span.section.entsize > 1) return span.size;
  const end = span.bytes.indexOf(0);
  return end === -1 ? span.size : end + 1;
}
