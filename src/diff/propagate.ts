import { addTo } from "../grouping.ts";
import { append } from "../lists.ts";
import { isInstrumentation } from "../spans/instrumentation.ts";
import { parentFunction } from "../spans/names.ts";
import { isCode, isState } from "../spans/section-kind.ts";
import { isEntryPoint, type Span } from "../spans/span.ts";
import { type Comparison, comparePair, type Link } from "./compare.ts";
import { compareContext } from "./compare-context.ts";
import { type Difference, MOST_REASONS, shortTarget } from "./difference.ts";
import { unprovenLines } from "./line-map.ts";
import type { Pairing, Side } from "./pairing.ts";

/**
 * What an update does with a pair. Why this needs a fixpoint: `f` jumps into the middle of `f.cold`; only `f.cold` differs in its bytes.
 * Replacing `f.cold` leaves `f` jumping into the middle of the old one, so `f` is replaced too, so what points into
 * the middle of `f` is, so its jump table is … A table that grows has no place of its own any more: it loses its twin,
 * code that reads it must read the new one, and is replaced in turn.
 *
 * `replaced`: code that is replaced at its entry. `rewritten`: read-only data rewritten where it is. `relocated`: read-only data
 * that needs a new address. `stateful`: data that differs but holds running state, and stays what it is.
 */
export type Outcome = "unchanged" | "replaced" | "rewritten" | "relocated" | "stateful";

/** What the comparison of all pairs comes to, consequences included. */
export interface DiffResult {
  /** By pre span id; undefined for spans without a twin. */
  readonly outcomes: readonly (Outcome | undefined)[];
  /** By pre span id. */
  readonly reasons: readonly (readonly Difference[] | undefined)[];
  /** By pre span id: differences that are only line numbers. */
  readonly lines: readonly (readonly Difference[] | undefined)[];
  /** Pre spans that differ but are left alone because the patch's author said so. */
  readonly exempt: readonly Span[];
  /** Pre spans that differ and are the compiler's instrumentation: no change of the program. */
  readonly instrumented: ReadonlySet<Span>;
}

/** What a difference means for a pair of this kind. */
function outcomeOf(pre: Span, post: Span): Outcome {
  if (isCode(pre.kind)) return "replaced";
  // Constants are told by what they hold: another content is another constant.
  if (pre.kind === "constant" && post.kind === "constant") return "relocated";
  if (pre.kind === "rodata" && post.kind === "rodata") return pre.size === post.size ? "rewritten" : "relocated";
  return "stateful";
}

/** Compares every pair, then lets each consequence have its own until nothing changes any more; each link is looked at once. */
export function propagate(pre: Side, post: Side, pairing: Pairing): DiffResult {
  const { arch } = pre.table;
  const outcomes: (Outcome | undefined)[] = new Array(pre.table.spans.length);
  const reasons: (Difference[] | undefined)[] = new Array(pre.table.spans.length);
  const lines: (readonly Difference[] | undefined)[] = new Array(pre.table.spans.length);
  const context = compareContext(pairing, arch, { pre, post });
  const links = new Map<Span, Link[]>();
  const queue: Span[] = [];
  const exempt: Span[] = [];
  const shifted: {
    readonly span: Span;
    readonly twin: Span;
    readonly lines: readonly Difference[];
    readonly setAside: readonly Difference[];
  }[] = [];

  const recordChange = (span: Span, twin: Span, difference: readonly Difference[]): void => {
    const known = reasons[span.id];
    if (known !== undefined) {
      if (known.length < MOST_REASONS) append(known, difference);
      return;
    }
    reasons[span.id] = [...difference];
    outcomes[span.id] = outcomeOf(span, twin);
    queue.push(span);
  };

  const instrumented = new Set<Span>();

  /** Instrumentation that differs: the running constructor has run, and new code gets counters of its own. */
  const setApart = (span: Span, twin: Span, differences: readonly Difference[]): void => {
    instrumented.add(span);
    reasons[span.id] = [...differences];
    const isCounted = post.uses(twin).some(({ from }) => isCode(from.kind) && !isInstrumentation(from, post.uses));
    if (isState(span.kind)) outcomes[span.id] = span.size !== twin.size && isCounted ? "relocated" : "stateful";
  };

  const differ = (span: Span, twin: Span, differences: readonly Difference[]): void => {
    const mayBeOwn = isCode(span.kind) || (isState(span.kind) && isState(twin.kind));
    if (post.table.exempt.has(twin)) exempt.push(span);
    else if (mayBeOwn && isInstrumentation(span, pre.uses) && isInstrumentation(twin, post.uses))
      setApart(span, twin, differences);
    else recordChange(span, twin, differences);
  };

  /** Code from which `user` is reached in the middle must move along with it. */
  const forceTargets = (user: Span): void => {
    for (const relocation of user.relocations) {
      const { target } = relocation;
      if (
        target === undefined ||
        target === user ||
        !isCode(target.kind) ||
        isEntryPoint(target, relocation.targetOffset)
      )
        continue;
      const twin = pairing.preOf[target.id];
      if (twin === undefined || target.kind === "fragment" || outcomes[twin.id] === "replaced") continue;
      const text = shortTarget(relocation);
      recordChange(twin, target, [
        {
          kind: "middle-reference",
          offset: relocation.targetOffset,
          pre: text,
          post: `${text} from ${user.name}`,
          within: undefined,
        },
      ]);
    }
  };

  for (const span of pre.table.spans) {
    const twin = pairing.postOf[span.id];
    if (twin === undefined || span.kind === "fragment") continue;
    const comparison: Comparison = comparePair(span, twin, context);
    outcomes[span.id] = "unchanged";
    if (comparison.lines.length > 0) lines[span.id] = comparison.lines;
    if (comparison.differences.length > 0) differ(span, twin, comparison.differences);
    else if (comparison.lines.length > 0) shifted.push({ span, twin, ...comparison });
    for (const link of comparison.links) {
      addTo(links, link.target, link);
    }
  }
  // What looks like a line number is judged by all of them.
  for (const { span, twin, setAside } of unprovenLines(shifted)) {
    lines[span.id] = undefined;
    differ(span, twin, setAside);
  }
  // From here on every pair has been looked at; only consequences are left.
  for (const span of post.table.spans) {
    if (pairing.preOf[span.id] === undefined && !isLeaf(span)) forceTargets(span);
  }
  const preParents = parentsOf(pre);
  for (let span = queue.pop(); span !== undefined; span = queue.pop()) {
    const outcome = outcomes[span.id];
    const twin = pairing.postOf[span.id] as Span;
    for (const link of links.get(span) ?? []) {
      const breaks = link.isMiddle ? outcome === "replaced" : outcome === "relocated";
      const user = pairing.postOf[link.user.id];
      if (!breaks || user === undefined) continue;
      const kind = link.isMiddle ? "middle-reference" : "target-replaced";
      recordChange(link.user, user, [
        { kind, offset: link.offset, pre: link.pre, post: link.post, within: link.within },
      ]);
    }
    if (outcome === "replaced" || outcome === "relocated") forceTargets(twin);
    const parent = outcome === "replaced" ? preParents(span) : undefined;
    const parentTwin = parent && pairing.postOf[parent.id];
    if (parent !== undefined && parentTwin !== undefined && outcomes[parent.id] !== "replaced") {
      recordChange(parent, parentTwin, [
        { kind: "part-changed", offset: 0, pre: span.name, post: twin.name, within: undefined },
      ]);
    }
  }
  return { outcomes, reasons, lines, exempt, instrumented };
}

/** The function a cold part was cut from: the user of that name. A cold part cannot be entered by itself, so its function is what gets replaced. */
function parentsOf(side: Side): (span: Span) => Span | undefined {
  return (span) => {
    const parent = isCode(span.kind) && /\.cold(\.\d+)?$/.test(span.name) ? parentFunction(span.name) : undefined;
    return parent === undefined ? undefined : side.uses(span).find((use) => use.from.name === parent)?.from;
  };
}

/** Strings, constants and fragments refer to nothing that would have to move with them. */
function isLeaf(span: Span): boolean {
  return span.kind === "fragment" || span.kind === "string" || span.kind === "constant" || span.kind === "toc";
}
