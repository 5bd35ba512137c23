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
  let index: UseIndex | undefined;
  return (span) => {
    index ??= indexUses(table);
    const from = index.starts[span.id] as number;
    const to = index.starts[span.id + 1] as number;
    if (from === to) return NONE;
    const uses: Use[] = [];
    for (let at = from; at < to; at++) {
      uses.push({ from: table.spans[index.users[at] as number] as Span, relocation: index.relocations[at] as number });
    }
    return uses;
  };
}

/** All uses of a table in three arrays: an object for each would cost more than finding them. */
interface UseIndex {
  /** By span: where its uses begin; those of the last one end at the last element. */
  readonly starts: Int32Array;
  readonly users: Int32Array;
  readonly relocations: Int32Array;
}

function indexUses(table: SpanTable): UseIndex {
  const starts = new Int32Array(table.spans.length + 1);
  eachUse(table, (target) => {
    starts[target + 1] = (starts[target + 1] as number) + 1;
  });
  for (let id = 0; id < table.spans.length; id++) {
    starts[id + 1] = (starts[id + 1] as number) + (starts[id] as number);
  }
  const next = starts.slice();
  const users = new Int32Array(starts[table.spans.length] as number);
  const relocations = new Int32Array(users.length);
  eachUse(table, (target, from, relocation) => {
    const at = next[target] as number;
    next[target] = at + 1;
    users[at] = from;
    relocations[at] = relocation;
  });
  return { starts, users, relocations };
}

function eachUse(table: SpanTable, visit: (target: number, from: number, relocation: number) => void): void {
  for (const span of table.spans) {
    const { relocations, entries } = span;
    for (let i = 0; i < relocations.length; i++) {
      const target = relocations[i]?.target;
      if (target !== undefined && target !== span && relocations[i]?.anchor === undefined) visit(target.id, span.id, i);
    }
    for (const entry of entries) {
      for (const { target } of entry.relocations) {
        if (target !== undefined && target !== span) visit(target.id, span.id, -1);
      }
    }
  }
}
