import { isCode, isComparedByContents } from "../spans/section-kind.ts";
import type { Span, SpanTable } from "../spans/span.ts";
import { isStringSpan } from "../spans/strings.ts";
import type { Pair, PairingPass, Side } from "./pairing.ts";

/*
 * Data that no symbol covers and that nothing refers to by itself: the rest of a table whose symbol is too short, what
 * assembly reaches from a neighbour. Only its place tells what it is: between two variables that have their twins, as many
 * such pieces on both sides are the same ones, whatever they hold.
 */
export const pairByPlace: PairingPass = (pre, post, pairing) => {
  const byName = sectionsByName(post.table);
  const pairs: Pair[] = [];
  for (const [name, index] of sectionsByName(pre.table)) {
    const other = byName.get(name);
    if (index === undefined || other === undefined) continue;
    const before = gapsOf(pre, index, (span) => pairing.postOf[span.id]);
    if (before.size === 0) continue;
    const after = gapsOf(post, other, (span) => (pairing.preOf[span.id] === undefined ? undefined : span));
    for (const [neighbours, spans] of before) {
      const twins = after.get(neighbours) ?? [];
      if (twins.length !== spans.length) continue;
      for (const [i, span] of spans.entries()) pairs.push([span, twins[i] as Span]);
    }
  }
  return pairs;
};

/** Whether a span is known by its place only. */
function isUnknown(span: Span, side: Side): boolean {
  if (span.symbol !== undefined || isCode(span.kind) || isComparedByContents(span.kind) || isStringSpan(span))
    return false;
  return side.uses(span).length === 0;
}

/** Spans known by place only, by the post twins of what lies before and behind them; the section's ends count as well. */
function gapsOf(side: Side, section: number, twinOf: (span: Span) => Span | undefined): Map<string, Span[]> {
  const gaps = new Map<string, Span[]>();
  let open: Span[] = [];
  let last = "start";
  const close = (next: string): void => {
    if (open.length > 0) gaps.set(`${last} ${next}`, open);
    open = [];
    last = next;
  };
  for (const span of side.table.spansOf(section)) {
    const twin = twinOf(span);
    if (twin !== undefined) close(String(twin.id));
    else if (isUnknown(span, side)) open.push(span);
  }
  close("end");
  return gaps;
}

/** Index of each section that has spans; undefined where several have the name. */
function sectionsByName({ spans }: SpanTable): Map<string, number | undefined> {
  const known = new Map<string, number | undefined>();
  for (const { section } of spans) {
    if (!known.has(section.name)) known.set(section.name, section.index);
    else if (known.get(section.name) !== section.index) known.set(section.name, undefined);
  }
  return known;
}
