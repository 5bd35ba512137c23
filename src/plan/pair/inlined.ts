/*
 * Which inlined function a caller changed with. A compiler that inlines another body also moves what is around it, so two
 * things are weighed: to which body the differing instructions belong, and whether the body's own lines, counted from its
 * declaration, are other ones than before: a patch elsewhere in the file moves the declaration too, one in the body does not.
 */

import type { ChangeCause } from "../../contract/cause.ts";
import type { Instruction } from "../../disasm/instruction.ts";
import type { Span } from "../../spans/span.ts";
import type { SourceView } from "../../types/source.ts";
import { type CauseContext, type ChangedRow, weightOf } from "./changed-rows.ts";

/** The function itself, among the names of inlined ones. */
const ITSELF = "";
/**
 * How much more an inlined body counts, by what became of its lines and, across, of the function's own: 0 the same, 1 some came
 * or went, as when a compiler moves code, 2 it is longer or shorter, as when a patch adds lines.
 */
const FACTORS = [
  [1, 1, 1],
  [8, 2, 1],
  [32, 32, 4],
] as const;
/** Inlined functions told at most. */
const MOST = 4;

/** Inlined functions that the change is owed to; empty where it is the function's own, or no debug information tells. */
export function inlinedChanges(context: CauseContext, rows: readonly ChangedRow[]): ChangeCause[] {
  const { sources, pre, post } = context;
  if (sources?.pre === undefined || sources.post === undefined || rows.length === 0) return [];
  const [before, after] = [bodiesOf(sources.pre, pre), bodiesOf(sources.post, post)];
  const weights = new Map<string, number>();
  const add = (name: string | undefined, weight: number): void => {
    if (name !== undefined) weights.set(name, (weights.get(name) ?? 0) + weight);
  };
  for (const row of rows) {
    const [a, b] = [bodyOf(sources.pre, pre, row.pre), bodyOf(sources.post, post, row.post)];
    const weight = weightOf(row) / (a === undefined || b === undefined ? 1 : 2);
    add(a, weight);
    add(b, weight);
  }
  const own = linesChange(before.get(ITSELF), after.get(ITSELF));
  const factorOf = (name: string): number =>
    name === ITSELF ? 1 : FACTORS[linesChange(before.get(name), after.get(name))][own];
  const scored = [...weights].map(([name, weight]) => ({
    name,
    was: before.get(name),
    is: after.get(name),
    score: weight * factorOf(name),
  }));
  scored.sort((a, b) => b.score - a.score || (a.name < b.name ? -1 : 1));
  const ownScore = scored.find(({ name }) => name === ITSELF)?.score ?? 0;
  const best = scored[0];
  if (best === undefined || best.name === ITSELF || best.score <= ownScore) return [];
  return scored
    .filter(({ name, score }) => name !== ITSELF && score > ownScore && score * 2 >= best.score)
    .slice(0, MOST)
    .map(({ name, was, is }): ChangeCause => {
      if (was === undefined) return { kind: "inlined-change", name, pre: "", post: "inlined" };
      if (is === undefined) return { kind: "inlined-change", name, pre: "inlined", post: "" };
      return { kind: "inlined-change", name };
    });
}

/** The innermost inlined function at an instruction. */
function bodyOf(view: SourceView, span: Span, instruction: Instruction | undefined): string | undefined {
  if (instruction === undefined) return undefined;
  return view.inlinedAt(span.section.index, span.offset + instruction.offset)[0]?.name ?? ITSELF;
}

/** Lines of each body in a function, counted from its declaration. */
function bodiesOf(view: SourceView, span: Span): ReadonlyMap<string, ReadonlySet<number>> {
  const bodies = new Map<string, Set<number>>();
  const declared = view.declarationAt(span.section.index, span.offset + span.entry);
  for (const { offset, line } of view.linesIn(span.section.index, span.offset, span.offset + span.size)) {
    const inner = view.inlinedAt(span.section.index, offset)[0];
    const origin = inner === undefined ? declared : inner.declaration;
    const name = inner?.name ?? ITSELF;
    const lines = bodies.get(name) ?? new Set();
    bodies.set(name, lines);
    if (origin !== undefined && origin.file === line.file && line.line > 0) lines.add(line.line - origin.line);
  }
  return bodies;
}

/** What became of a body's lines: index into FACTORS. */
function linesChange(was: ReadonlySet<number> | undefined, is: ReadonlySet<number> | undefined): 0 | 1 | 2 {
  if (was === undefined || is === undefined) return 0;
  const last = (lines: ReadonlySet<number>): number => [...lines].reduce((most, line) => Math.max(most, line), 0);
  if (last(was) !== last(is)) return 2;
  return was.size === is.size && [...was].every((line) => is.has(line)) ? 0 : 1;
}
