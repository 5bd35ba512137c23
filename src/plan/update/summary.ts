import type { Change, DataChange, ExportChange, FunctionChange, ObjectPair } from "../../contract/description.ts";
import type { Summary } from "../../contract/summary.ts";
import type { Severity } from "../../findings/table.ts";

/** What a summary counts. */
interface Counted {
  readonly objects: readonly Pick<ObjectPair, "status">[];
  readonly functions: readonly FunctionChange[];
  readonly data: readonly DataChange[];
  readonly exports: readonly ExportChange[];
  readonly changes: readonly Pick<Change, "newCode" | "patches">[];
  readonly findings: readonly { readonly severity: Severity; readonly suppressed?: string | undefined }[];
}

/** Inlined functions told at most. */
const MOST_INLINED = 20;

/** Counts and sizes of an update. */
export function summarise({ objects, functions, data, exports, changes, findings }: Counted): Summary {
  const moved = functions.filter((one) => one.suppressed === undefined && one.movedTo !== undefined);
  const own = functions.filter((one) => isHeeded(one) && one.movedTo === undefined && one.movedFrom === undefined);
  const replaced = own.filter(({ status }) => status === "changed" || status === "deleted" || status === "new");
  const sections = changes.flatMap(({ newCode }) => newCode.sections);
  const sizeOf = (list: readonly { readonly size: number }[]): number => list.reduce((sum, { size }) => sum + size, 0);
  return {
    objects: countBy(objects, ({ status }) => status),
    functions: countBy(own, ({ status }) => status),
    data: countBy(data.filter(isHeeded), ({ status }) => status),
    exports: countBy(exports.filter(isHeeded), ({ status }) => status),
    findings: countBy(findings.filter(isHeeded), ({ severity }) => severity),
    patches: countBy(
      changes.flatMap(({ patches }) => patches),
      ({ type }) => type,
    ),
    moved: moved.length,
    suppressed: functions.filter((one) => !isHeeded(one)).length,
    size: {
      pre: sizeOf(replaced.flatMap(({ status, pre }) => (status === "new" ? [] : (pre ?? [])))),
      post: sizeOf(replaced.flatMap(({ status, post }) => (status === "deleted" ? [] : (post ?? [])))),
    },
    newCode: {
      bytes: sizeOf(sections),
      text: sizeOf(sections.filter(({ kind }) => kind === "text")),
      sections: sections.length,
      imports: changes.reduce((sum, { newCode }) => sum + importsOf(newCode).length, 0),
    },
    inlined: inlinedIn(own),
  };
}

/** Labels of the symbols that new code needs and does not define. */
export function importsOf({ symbols }: Pick<Change["newCode"], "symbols">): string[] {
  return symbols.flatMap(({ section, label, type }) => (section === null && type !== "absolute" ? [label] : []));
}

function isHeeded({ suppressed }: { readonly suppressed?: string | undefined }): boolean {
  return suppressed === undefined;
}

function countBy<T, K extends string>(items: readonly T[], keyOf: (item: T) => K): Partial<Record<K, number>> {
  const counts: Partial<Record<K, number>> = {};
  for (const item of items) counts[keyOf(item)] = (counts[keyOf(item)] ?? 0) + 1;
  return counts;
}

/** Inlined functions that several functions changed with: said once, not once for each. */
function inlinedIn(functions: readonly FunctionChange[]): Summary["inlined"] {
  const counts = new Map<string, number>();
  for (const { causes = [] } of functions)
    for (const { kind, name } of causes)
      if (kind === "inlined-change" && name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts]
    .filter(([, count]) => count > 1)
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    .slice(0, MOST_INLINED)
    .map(([name, count]) => ({ name, functions: count }));
}
