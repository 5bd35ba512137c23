import type { SectionResult } from "../../contract/match.ts";
import type { Span } from "../../spans/span.ts";

/** The instruction at the start of some bytes of a span, in words. */
export type InstructionFormatter = (span: Span) => string | undefined;

/** Bytes that are looked at as if they were a span of their own. */
function loose(span: Span, hex: string): Span {
  const bytes = Uint8Array.from(Buffer.from(hex, "hex"));
  return { ...span, offset: 0, size: bytes.length, bytes, relocations: [], entries: [], symbols: [], entry: 0 };
}

/** The section with the first differing instruction of both sides in words, where it is code. */
export function withInstructions(section: SectionResult, span: Span, wordsOf: InstructionFormatter): SectionResult {
  const { mismatch } = section;
  if (mismatch === undefined || mismatch.pre === "" || mismatch.run === "") return section;
  const pre = wordsOf(loose(span, mismatch.pre));
  const run = wordsOf(loose(span, mismatch.run));
  if (pre === undefined || run === undefined) return section;
  return { ...section, mismatch: { ...mismatch, instruction: { pre, run } } };
}
