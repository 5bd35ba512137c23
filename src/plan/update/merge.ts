import type { ChangeTables, CodeSymbol, CodeTables, Hooks } from "../../contract/code.ts";
import { byText } from "../../order.ts";
import { byField, byLabel, byPatchedPlace } from "./order.ts";
import { ownersIn } from "./piece.ts";

/*
 * Several objects of one target make one change. Labels of locals carry the object's name, so only globals can meet:
 *
 *   a.o loads a new `f`, b.o's new code calls `f`, which it does not define   → b.o's symbol becomes the one of a.o
 *   a.o and b.o both have a copy of the inline function `g` and load it       → one copy is kept, as a linker would
 */

const STAGES = [
  "preApply",
  "checkApply",
  "apply",
  "postApply",
  "failApply",
  "preReverse",
  "checkReverse",
  "reverse",
  "postReverse",
  "failReverse",
] as const satisfies readonly (keyof Hooks)[];

/** Joins what the objects of one target contribute, given in the order of the objects. One contribution is returned as it is. */
export function mergeChanges(parts: readonly ChangeTables[]): ChangeTables {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const old = holdersOf(parts, "oldCode");
  const fresh = holdersOf(parts, "newCode");
  return {
    oldCode: mergeCode(parts, "oldCode", old),
    newCode: mergeCode(parts, "newCode", fresh),
    patches: parts
      .flatMap(({ patches }, part) => patches.filter(({ oldLabel }) => !isLost(old, part, oldLabel)))
      .sort(byPatchedPlace),
    hooks: mergeHooks(parts.map(({ hooks }) => hooks)),
  };
}

type Side = "oldCode" | "newCode";
interface Holders {
  /** By label, for what several objects bring along: the number of the one whose copy counts. */
  readonly byLabel: ReadonlyMap<string, number>;
  /** By number: the owners of table entries, which go with their owner. */
  readonly owners: readonly ReadonlyMap<string, string>[];
}

function isLost({ byLabel, owners }: Holders, part: number, label: string): boolean {
  const holder = byLabel.get(label) ?? byLabel.get(owners[part]?.get(label) ?? label);
  return holder !== undefined && holder !== part;
}

/** Of several copies counts a strong definition before a weak one, then one with old and new code, then the first. */
function holdersOf(parts: readonly ChangeTables[], side: Side): Holders {
  const best = new Map<string, { part: number; rank: number }>();
  const holders = new Map<string, number>();
  for (const [part, change] of parts.entries()) {
    const other = change[side === "oldCode" ? "newCode" : "oldCode"];
    for (const { label } of change[side].sections) {
      const before = best.get(label);
      const isStrong = find(change[side].symbols, label)?.bind === "global";
      const rank = (isStrong ? 2 : 0) + (find(other.sections, label) === undefined ? 0 : 1);
      if (before === undefined || rank > before.rank) best.set(label, { part, rank });
      if (before !== undefined) holders.set(label, (best.get(label) as { part: number }).part);
    }
  }
  return { byLabel: holders, owners: parts.map((change) => ownersIn(change[side])) };
}

/** The entry with a label in a table that is sorted by label. */
export function find<T extends { readonly label: string }>(table: readonly T[], label: string): T | undefined {
  const found = table[lowest(table, (item) => item.label, label)];
  return found?.label === label ? found : undefined;
}

/** Index of the first item whose key is not below the one given, in a table that is sorted by that key. */
export function lowest<T>(table: readonly T[], keyOf: (item: T) => string, key: string): number {
  let low = 0;
  let high = table.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (byText(keyOf(table[middle] as T), key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function mergeCode(parts: readonly ChangeTables[], side: Side, holders: Holders): CodeTables {
  const codes = parts.map((part) => part[side]);
  const lost = (part: number, label: string): boolean => isLost(holders, part, label);
  const symbols = new Map<string, CodeSymbol>();
  for (const [part, code] of codes.entries()) {
    for (const symbol of code.symbols) {
      const { section } = symbol;
      const own = section !== null && lost(part, section) ? { ...symbol, section: null } : symbol;
      const before = symbols.get(symbol.label);
      if (before === undefined || tellsMore(own, before)) symbols.set(symbol.label, own);
    }
  }
  return {
    sections: codes.flatMap(({ sections }, part) => sections.filter(({ label }) => !lost(part, label))).sort(byLabel),
    symbols: [...symbols.values()].sort(byLabel),
    relocations: codes
      .flatMap(({ relocations }, part) => relocations.filter(({ section }) => !lost(part, section)))
      .sort(byField),
  };
}

const BIND = { global: 3, unique: 2, weak: 1, local: 0 } as const;

/** Of two symbols of one label: the definition, else the one that knows its type, else the larger, else the one that binds more strongly. */
function tellsMore(a: CodeSymbol, b: CodeSymbol): boolean {
  const rank = ({ section, type, size, bind }: CodeSymbol): readonly number[] => [
    section === null ? 0 : 1,
    type === "other" ? 0 : 1,
    size,
    BIND[bind],
  ];
  const [of, than] = [rank(a), rank(b)];
  const at = of.findIndex((value, i) => value !== than[i]);
  return at >= 0 && (of[at] as number) > (than[at] as number);
}

function mergeHooks(all: readonly Hooks[]): Hooks {
  const merged: Hooks = {};
  for (const stage of STAGES) {
    const labels = all.flatMap((hooks) => hooks[stage] ?? []);
    if (labels.length > 0) merged[stage] = labels.sort(byText);
  }
  return merged;
}
