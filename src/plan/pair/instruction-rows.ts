import type { InstructionRow, SourceLine } from "../../contract/cause.ts";
import { disassemblerFor } from "../../disasm/disassembler.ts";
import type { Instruction } from "../../disasm/instruction.ts";
import { mnemonicOf, rowsOf } from "../../disasm/rows.ts";
import { targetKeys } from "../../disasm/targets.ts";
import type { Span } from "../../spans/span.ts";
import type { PlannedPair } from "./pair.ts";
import { type PairSources, sourceAt } from "./sources.ts";

/** Equal instructions kept before and after each difference. */
const CONTEXT = 3;
/** Differing rows kept of one function. */
const MOST_ROWS = 200;

type Side = NonNullable<InstructionRow["pre"]>;

/** The instructions in which two functions differ and what stands around them, for a person: with mnemonics where they are known. */
export function describeInstructions(
  { diff }: PlannedPair,
  pre: Span,
  post: Span,
  sources: PairSources | undefined,
): InstructionRow[] {
  const disassemble = disassemblerFor(diff.pre.table.arch);
  const before = disassemble(pre, targetKeys(diff.pairing, "pre"));
  const after = disassemble(post, targetKeys(diff.pairing, "post"));
  const rows = rowsOf(before, after, mnemonicOf);
  const differing = rows.flatMap(({ marker }, index) => (marker === " " ? [] : [index])).slice(0, MOST_ROWS);
  const kept = new Set<number>();
  for (const index of differing)
    for (let at = Math.max(0, index - CONTEXT); at <= Math.min(rows.length - 1, index + CONTEXT); at++) kept.add(at);
  const sideOf = (view: "pre" | "post", span: Span): ((one: Instruction) => Side) => {
    let last = "";
    return (one) => {
      const source = sourceAt(sources?.[view], span, one.offset);
      const words = source === undefined ? "" : lineText(source);
      const isOther = words !== last;
      last = words;
      return {
        offset: one.offset - span.entry,
        text: one.text,
        ...(source !== undefined && isOther ? { source } : {}),
      };
    };
  };
  const [left, right] = [sideOf("pre", pre), sideOf("post", post)];
  let next = 0;
  return [...kept].map((index) => {
    const row = rows[index] as (typeof rows)[number];
    const gap = index - next;
    next = index + 1;
    return {
      marker: row.marker,
      ...(row.pre === undefined ? {} : { pre: left(row.pre) }),
      ...(row.post === undefined ? {} : { post: right(row.post) }),
      ...(gap === 0 ? {} : { gap }),
    };
  });
}

function lineText({ file, line, inlined }: SourceLine): string {
  return `${file}:${line ?? ""} ${inlined ?? ""}`;
}
