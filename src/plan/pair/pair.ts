import type { Reason } from "../../contract/description.ts";
import type { ObjectDiff } from "../../diff/diff.ts";
import type { Difference } from "../../diff/difference.ts";
import type { Outcome } from "../../diff/propagate.ts";
import type { Finding, FindingCode, FindingPlace } from "../../findings/findings.ts";
import { hex } from "../../hex.ts";
import { labelSpans } from "../../spans/labels.ts";
import type { Span } from "../../spans/span.ts";

/** One pair of objects with everything a plan needs to know of it. */
export interface PlannedPair {
  readonly diff: ObjectDiff;
  /** Index into the description's objects. */
  readonly index: number;
  /** What the object is called in labels. */
  readonly object: string;
  readonly target: string;
  readonly preLabels: ReadonlyMap<Span, string>;
  /** A paired post span has its twin's label. */
  readonly postLabels: ReadonlyMap<Span, string>;
}

/** Gives both sides their labels: the same thing has the same label, whatever the compiler called it. */
export function planPair(diff: ObjectDiff, index: number, object: string, target: string): PlannedPair {
  const preLabels = labelSpans(diff.pre.table.spans, object, diff.pre.uses);
  const { preOf } = diff.pairing;
  const fresh = diff.post.table.spans.filter((span) => preOf[span.id] === undefined);
  const own = labelSpans(fresh, object, diff.post.uses, new Set(preLabels.values()));
  const postLabels = new Map<Span, string>();
  for (const span of diff.post.table.spans) {
    const twin = preOf[span.id];
    postLabels.set(span, (twin === undefined ? own.get(span) : preLabels.get(twin)) as string);
  }
  return { diff, index, object, target, preLabels, postLabels };
}

/** Outcome of the pair that a pre span belongs to; undefined when it has no twin. */
export function outcomeOfPre(pair: PlannedPair, span: Span): Outcome | undefined {
  return pair.diff.result.outcomes[span.id];
}

/** What a post span is in the running system: its twin, unless that stays as it is and the post span is a new thing. */
export function runningSpanOf(pair: PlannedPair, post: Span): Span | undefined {
  const twin = pair.diff.pairing.preOf[post.id];
  return twin === undefined || pair.diff.result.outcomes[twin.id] === "relocated" ? undefined : twin;
}

/** Differences of a pair in the description's form, offsets counted from the symbol. */
export function reasonsOf(pair: PlannedPair, span: Span): Reason[] {
  return toReasons(pair.diff.result.reasons[span.id] ?? [], span);
}

export function toReasons(differences: readonly Difference[], span: Span): Reason[] {
  return differences.map(({ kind, offset, within, pre, post }) => ({
    kind,
    offset: offset - span.entry,
    ...(within === undefined ? {} : { within }),
    pre,
    post,
  }));
}

/** A finding about a span. */
export function spanFinding(
  pair: PlannedPair,
  code: FindingCode,
  span: Span,
  side: "pre" | "post",
  detail = "",
  more: FindingPlace = {},
): Finding {
  const labels = side === "pre" ? pair.preLabels : pair.postLabels;
  const where: FindingPlace = {
    object: pair.index,
    side,
    section: span.section.name,
    name: span.name,
    label: labels.get(span),
    ...more,
  };
  return { code, where, detail };
}

/** The first reason in words: `bytes at 0x13: 01 becomes 04`. */
export function firstReason(differences: readonly Difference[] | undefined): string {
  const first = differences?.[0];
  if (first === undefined) return "";
  if (first.kind === "size") return `size ${first.pre} becomes ${first.post}`;
  return `${first.kind} at ${hex(first.offset)}: ${first.pre || "nothing"} becomes ${first.post || "nothing"}`;
}
