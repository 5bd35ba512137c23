import { READ } from "../../spans/selection.ts";
import type { Span, SpanRelocation, SpanTable } from "../../spans/span.ts";
import type { Pairing, Side } from "../pairing.ts";
import type { DiffResult } from "../propagate.ts";
import { isSameStretch } from "./sections.ts";
import type { Selected } from "./settle.ts";

/** A comparison of what was read of two objects. */
interface Compared {
  readonly pre: Side;
  readonly post: Side;
  readonly pairing: Pairing;
  readonly result: DiffResult;
}

/** Sections of pre that were read as context, although something in them is not what it was, or found no twin at its place. */
export function changedContext(
  { sweep, pre: selection }: Selected,
  { pre, post, pairing, result }: Compared,
): number[] {
  const changed: number[] = [];
  for (const { index } of selection.sections) {
    if (selection.levels[index] !== READ.context) continue;
    const others = post.table.spansOf(sweep.postOf[index] as number);
    const isSame = (span: Span, i: number): boolean => {
      const other = others[i] as Span;
      if (span.kind === "fragment") return other.kind === "fragment";
      const isText = span.symbol === undefined && pairing.postOf[span.id]?.section.name === span.section.name;
      if (pairing.postOf[span.id] !== other && !isText) return false;
      return result.outcomes[span.id] === "unchanged" && result.lines[span.id] === undefined;
    };
    const spans = pre.table.spansOf(index);
    if (spans.length !== others.length || !spans.every(isSame)) changed.push(index);
  }
  return changed;
}

/**
 * Whether what was left out is the same in all that was not looked at yet: entries of tables that belong to code that was left
 * out are equal one by one; and nothing that was read whole refers to what was left out.
 */
export function isComplete(selected: Selected, { pre, post }: Compared): boolean {
  return hasSameEntries(selected, pre.table, post.table) && knowsTargets(pre.table) && knowsTargets(post.table);
}

function hasSameEntries({ sweep }: Selected, pre: SpanTable, post: SpanTable): boolean {
  const sections = new Set([...pre.settledEntries.keys()]);
  for (const section of post.settledEntries.keys()) {
    const twin = sweep.preOf[section] as number;
    if (twin < 0 || !sections.has(twin)) return false;
  }
  for (const [section, entries] of pre.settledEntries) {
    const twin = sweep.postOf[section] as number;
    const others = post.settledEntries.get(twin) ?? [];
    if (entries.length !== others.length) return false;
    for (const [i, { offset, size }] of entries.entries()) {
      const other = others[i];
      if (other === undefined || other.size !== size) return false;
      if (!isSameStretch(sweep, section, offset, twin, other.offset, size)) return false;
    }
  }
  return true;
}

/** Whether all that sections read whole refer to was read, too: sections, and entries of tables. */
function knowsTargets({ spans, selection, settledEntries }: SpanTable): boolean {
  const isUnknown = ({ target, symbol, into }: SpanRelocation): boolean => {
    if (target !== undefined) return false;
    if (symbol?.section !== undefined && selection?.levels[symbol.section] === READ.settled) return true;
    return into !== undefined && into.entry === undefined && settledEntries.has(into.section.index);
  };
  const isKnown = ({ relocations, entries }: Span): boolean =>
    !relocations.some(isUnknown) && !entries.some((entry) => entry.relocations.some(isUnknown));
  return spans.every((span) => selection?.levels[span.section.index] !== READ.whole || isKnown(span));
}
