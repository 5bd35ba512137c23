import { diffSpans, type ObjectDiff } from "../../src/diff/diff.ts";
import { targetText } from "../../src/diff/difference.ts";
import { disassemblerFor } from "../../src/disasm/disassembler.ts";
import type { Instruction } from "../../src/disasm/instruction.ts";
import { wordDisassembler } from "../../src/disasm/words.ts";
import type { Span } from "../../src/spans/span.ts";
import { type ElfExtra, objectOf, type Part, spansOf } from "../support/elf-parts.ts";

/** Instructions of one function of an object, by the best disassembler there is. */
export function listingOf(parts: readonly Part[], name: string, extra: ElfExtra = {}): Instruction[] {
  const { spans, arch } = spansOf(parts, extra);
  return disassemblerFor(arch)(spanNamed(spans, name), targetText);
}

/** The same in words, whatever the architecture. */
export function wordsOf(parts: readonly Part[], name: string, extra: ElfExtra = {}): Instruction[] {
  const { spans, arch } = spansOf(parts, extra);
  return wordDisassembler(arch)(spanNamed(spans, name), targetText);
}

export function diffOf(pre: readonly Part[], post: readonly Part[], extra: ElfExtra = {}): ObjectDiff {
  return diffSpans(objectOf(pre, extra, "pre/x.o"), objectOf(post, extra, "post/x.o"));
}

/** The span of a name. */
export function spanNamed(spans: readonly Span[], name: string): Span {
  const span = spans.find((candidate) => candidate.name === name);
  if (span === undefined) throw new Error(`no span is called ${name}`);
  return span;
}

/** Texts without the filling of columns. */
export function texts(listing: readonly Instruction[]): string[] {
  return listing.map(({ text }) => text.replace(/ +/g, " "));
}
