import type { X86Mode } from "../../arch/x86-decode.ts";
import { EM } from "../../elf/constants.ts";
import { isCode } from "../../spans/section-kind.ts";
import type { Span } from "../../spans/span.ts";
import type { Context } from "../context.ts";
import { newTrial, type Trial } from "../values.ts";
import { compareBytewise } from "./bytewise.ts";
import type { Trying } from "./mismatch.ts";
import { walkRelaxed } from "./relaxed-walk.ts";
import { walkText } from "./text-walk.ts";

/** Architectures whose linked code may differ from the object's in its instructions, and the mode of their decoder. */
const WALKED: Readonly<Record<string, X86Mode>> = { x86_64: 64, x32: 64, i386: 32 };

/** Compares a span with one candidate. Text whose bytes are equal needs no second look; elsewhere than on x86 and RISC-V only such text matches. */
export function compareSpan(context: Context, trial: Trial, span: Span, address: bigint): Trying {
  if (!isCode(span.kind)) return compareBytewise(context, trial, span, address, contentSize(span));
  const plain = newTrial();
  for (const [key, known] of trial.addresses) plain.addresses.set(key, known);
  const result = compareBytewise(context, plain, span, address);
  const mode = WALKED[context.arch.name];
  if (result.mismatch !== undefined && mode !== undefined) return walkText(context, trial, span, address, mode);
  if (result.mismatch !== undefined && context.arch.machine === EM.RISCV) {
    return walkRelaxed(context, trial, span, address);
  }
  for (const [key, known] of plain.addresses) trial.addresses.set(key, known);
  trial.landings.push(...plain.landings);
  for (const rule of plain.rules) trial.rules.add(rule);
  return result;
}

/** Zeros behind a string are the section's alignment. */
function contentSize(span: Span): number {
  if (span.kind !== "string" || span.section.entsize > 1) return span.size;
  const end = span.bytes.indexOf(0);
  return end === -1 ? span.size : end + 1;
}
