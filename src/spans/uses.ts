import type { Span, SpanTable } from "./span.ts";

/** One reference to a span. */
export interface Use {
  readonly from: Span;
  /** Index in `from.relocations`; −1 when one of its table entries refers. */
  readonly relocation: number;
}

const NONE: readonly Use[] = [];

/** Who refers to whom: for each span of a table its uses, in the order of the users. References of a span to itself do not count. */
export function usesIn(table: SpanTable): (span: Span) => readonly Use[] {
  const uses: (Use[] | undefined)[] = new Array(table.spans.length);
  const add = (target: Span | undefined, from: Span, relocation: number): void => {
    if (target === undefined || target === from) return;
    const list = uses[target.id];
    if (list === undefined) uses[target.id] = [{ from, relocation }];
    else list.push({ from, relocation });
  };
  for (const span of table.spans) {
    for (let i = 0; i < span.relocations.length; i++) add(span.relocations[i]?.target, span, i);
    for (const entry of span.entries) for (const relocation of entry.relocations) add(relocation.target, span, -1);
  }
  return (span) => uses[span.id] ?? NONE;
}
