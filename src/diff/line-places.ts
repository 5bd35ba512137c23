import type { Arch } from "../arch/arch.ts";
import { argumentAt } from "../arch/argument.ts";
import { isCallField } from "../arch/branch.ts";
import { callArguments } from "../arch/call-arguments.ts";
import { numberedBase } from "../spans/names.ts";
import type { Span, SpanRelocation } from "../spans/span.ts";
import { stringBytes } from "../spans/strings.ts";
import { isThumb } from "../spans/thumb.ts";
import type { Difference, LineEvidence } from "./difference.ts";
import type { Run } from "./mask.ts";

/** Asked of each stretch of bytes in which two spans differ, in their order. */
export interface LineTest {
  /** Whether the stretch may be part of a line number; once it is not, the pair is changed. */
  accept(run: Run): boolean;
  /** The line numbers that all stretches together are; undefined when one of them is not shown to be one. */
  finish(): Difference[] | undefined;
}

/** The name of the function that a call's field refers to; empty where it has none. */
export function calleeName({ target, symbol }: SpanRelocation): string {
  return target?.symbol?.name ?? symbol?.name ?? "";
}

/** Whether instructions have the x86 form: of any length, the constant last. */
export function isX86(arch: Arch): boolean {
  return arch.code.instructions.kind === "x86";
}

/** Whether a relocation belongs to a call: older x86 assemblers marked calls like any pc-relative field, and a call may go by a GOT slot (`ff /2`, `ff /4`). */
export function isCall(span: Span, { howto, offset }: SpanRelocation, arch: Arch): boolean {
  if (howto.role === "branch") return true;
  if (howto.role === "got" && isX86(arch))
    return span.bytes[offset - 2] === 0xff && [0x15, 0x25].includes(span.bytes[offset - 1] as number);
  return isCallField(arch, howto, span.bytes, offset);
}

/** Where the same field lies on both sides. */
export function storedAt(
  pre: Span,
  preOffset: number,
  post: Span,
  postOffset: number,
  size: number,
): LineEvidence["field"] {
  return {
    pre: { section: pre.section.index, offset: pre.offset + preOffset },
    post: { section: post.section.index, offset: post.offset + postOffset },
    size,
  };
}

/** The file or function that a relocation points to the name of; undefined when it points to anything else. A function's name ends in `()`. */
export function placeName({ target, targetOffset }: SpanRelocation): string | undefined {
  if (target === undefined) return undefined;
  if (target.kind === "toc") {
    const slots = target.relocations.filter((slot) => slot.target?.kind !== "toc");
    return slots.map(placeName).find((name) => name !== undefined);
  }
  const text = stringBytes(target, targetOffset);
  if (target.symbol !== undefined || text === undefined) {
    if (!/^__(func|FUNCTION|PRETTY_FUNCTION)__$/.test(numberedBase(target.name) ?? target.name)) return undefined;
    const name = Buffer.from(target.bytes.subarray(Math.max(targetOffset, 0))).toString("latin1");
    return `${name.replace(/\0.*$/s, "")}()`;
  }
  const name = Buffer.from(text).toString("latin1");
  return /\.(c|h|S|cc|cpp|cxx|hh|hpp|inc|rs)$/.test(name) ? name : undefined;
}

/** Whether a relocation points to the name of a source file or of a function. */
export function namesPlace(relocation: SpanRelocation): boolean {
  return placeName(relocation) !== undefined;
}

/**
 * The function that gets what a reference of some code loads as an argument: the first call behind it, where the register still
 * holds the address. Undefined when no call is known to get it.
 */
export function passedTo(user: Span, reference: number, arch: Arch): string | undefined {
  const { relocations, bytes } = user;
  const isTagged = isThumb(arch, user);
  const loaded = relocations[reference];
  if (loaded === undefined) return undefined;
  const argument = argumentAt(arch, bytes, loaded.offset, isTagged);
  const call = relocations.find((other, i) => i > reference && isCall(user, other, arch));
  if (argument === undefined || call === undefined) return undefined;
  const relocated = new Set(relocations.map(({ offset }) => offset));
  const values = callArguments(arch, bytes, [call.offset], relocated, isTagged).get(call.offset);
  return values?.[argument] === "address" ? calleeName(call) : undefined;
}
