import { isCallField } from "../../arch/branch.ts";
import type { Finding } from "../../findings/findings.ts";
import type { Span, SpanTable } from "../../spans/span.ts";
import { EXCEPTION_TABLE } from "../../spans/special.ts";
import { type PlannedPair, spanFinding } from "./pair.ts";

/** Routines that search a frame for handlers, by language, and what throws. Itanium C++ ABI: Exception Handling, 2.5. */
const PERSONALITY =
  /^(DW\.ref\.)?__g\w+_personality_\w+$|^rust_eh_personality$|^_Unwind_(Resume|RaiseException)$|^__cxa_(throw|rethrow)$/;

/**
 * That an exception may pass through new code, and the unwinder knows nothing of it: `.eh_frame` describes the old code only, so the
 * program is terminated. Objects whose language has no exceptions are not concerned.
 */
export function unwindFindings(pair: PlannedPair, loaded: readonly Span[]): Finding[] {
  const { table } = pair.diff.post;
  const handles = (span: Span): boolean => span.entries.some((entry) => entry.table === EXCEPTION_TABLE);
  if (!loaded.some(handles) && !hasExceptions(table)) return [];
  return loaded
    .filter((span) => handles(span) || calls(table, span))
    .map((span) =>
      spanFinding(pair, "unwind-not-registered", span, "post", handles(span) ? "catches or cleans up" : "calls"),
    );
}

function hasExceptions({ object, kinds }: SpanTable): boolean {
  if (!kinds.includes("unwind")) return false;
  return object.symbols.some(({ name }) => PERSONALITY.test(name));
}

function calls({ arch }: SpanTable, span: Span): boolean {
  return span.relocations.some(({ howto, offset }) => isCallField(arch, howto, span.bytes, offset));
}
