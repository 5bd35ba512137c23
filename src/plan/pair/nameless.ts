import type { Noise } from "../../contract/description.ts";
import { targetText } from "../../diff/difference.ts";
import { contentsKey } from "../../diff/mask.ts";
import { isJoined } from "../../elf/notes.ts";
import type { Finding } from "../../findings/findings.ts";
import type { Span, SpanTable } from "../../spans/span.ts";
import { type PlannedPair, spanFinding } from "./pair.ts";

/*
 * Code that no symbol names and nothing leads to. `ld -r` makes it: of a weak function that another file's definition
 * overrides, the name goes and the body stays. Such code is never patched. Where an object was not joined from several files,
 * it is an assembler's, and may be entered in ways that the object does not tell: by its place in the image.
 */

/** Differences of such code: noise where it cannot run, else findings. */
export interface NamelessCode {
  readonly noise: readonly Noise[];
  readonly findings: readonly Finding[];
}

/** Compares what is left of both objects when everything is taken away that has a name or that something with a name leads to. */
export function planNameless(pair: PlannedPair): NamelessCode {
  const { pre, post } = pair.diff;
  const before = unreachable(pre.table);
  const after = unreachable(post.table);
  if (before.length === 0 && after.length === 0) return { noise: [], findings: [] };
  const [gone, come] = withoutEqual(before, after, pair);
  const isDead = isJoined(pre.table.object) && isJoined(post.table.object);
  const noise: Noise[] = [];
  const findings: Finding[] = [];
  for (let i = 0; i < Math.max(gone.length, come.length); i++) {
    const a = gone[i];
    const b = come[i];
    const one = (a ?? b) as Span;
    const side = a === undefined ? "post" : "pre";
    const sizes = { pre: bytesOf(a), post: bytesOf(b) };
    if (isDead) {
      const label = (side === "pre" ? pair.preLabels : pair.postLabels).get(one) as string;
      const evidence = "code without a name that nothing refers to, in an object joined from several files";
      noise.push({ class: "dead-code", label, object: pair.index, ...sizes, evidence });
    } else {
      const detail = `${sizes.pre} become ${sizes.post}`;
      findings.push(spanFinding(pair, "nameless-code-changed", one, side, detail, { offset: one.offset }));
    }
  }
  return { noise, findings };
}

function bytesOf(span: Span | undefined): string {
  return span === undefined ? "nothing" : `${span.size} bytes`;
}

/** Nameless code that nothing leads to but other such code. Sections of replacement code are their tables' business. */
function unreachable(table: SpanTable): Span[] {
  const nameless = table.spans.filter(({ kind, section }) => kind === "fragment" && !isFragments(table, section.index));
  if (nameless.length === 0) return [];
  const waiting = new Set(nameless);
  const reached: Span[] = table.spans.filter((span) => !waiting.has(span));
  // The list grows while we walk it.
  for (const { relocations, entries } of reached) {
    for (const list of [relocations, ...entries.map((entry) => entry.relocations)]) {
      for (const { target } of list) if (target !== undefined && waiting.delete(target)) reached.push(target);
    }
  }
  return [...waiting];
}

function isFragments(table: SpanTable, section: number): boolean {
  return table.kinds[section] === "fragment";
}

/** What only one side has. */
function withoutEqual(before: readonly Span[], after: readonly Span[], pair: PlannedPair): [Span[], Span[]] {
  const { arch } = pair.diff.pre.table;
  const keyOf = ({ section, bytes, relocations }: Span): string => {
    const targets = relocations.map((one) => `${one.offset} ${one.howto.name} ${targetText(one)}`);
    return [section.name, contentsKey({ bytes, relocations }, arch), ...targets].join("\n");
  };
  const counts = new Map<string, number>();
  for (const span of after) counts.set(keyOf(span), (counts.get(keyOf(span)) ?? 0) + 1);
  const take = (span: Span): boolean => {
    const left = counts.get(keyOf(span)) ?? 0;
    if (left > 0) counts.set(keyOf(span), left - 1);
    return left === 0;
  };
  const gone = before.filter(take);
  // From here on the counts are those of what only post has.
  const come = after.filter((span) => !take(span));
  return [gone, come];
}
