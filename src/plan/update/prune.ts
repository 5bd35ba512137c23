import type { ChangeTables, CodeSymbol, CodeTables, SectionReason } from "../../contract/code.ts";
import { addTo } from "../../grouping.ts";
import { find } from "./merge.ts";
import { ownersIn } from "./piece.ts";

/** New code that refers to a label which was taken out. */
export interface Use {
  /** Label of the code that refers to it. */
  readonly by: string;
  readonly label: string;
  /** Whether it means a place behind the entry, which old and new code do not share. */
  readonly isMiddle: boolean;
}

/** The section that a reason follows from; undefined for a reason that stands on its own. */
function referrerIn(reason: SectionReason): string | undefined {
  return reason.kind === "owner" || reason.kind === "referenced-by" ? reason.label : undefined;
}

/**
 * Takes labels out of a change: their old code goes on running. What only they brought along goes with them; what still
 * refers to them refers to the old code, as is said in `uses`. With `keepsOldCode` the old code stays whole.
 */
export function pruneChange(
  change: ChangeTables,
  dropped: ReadonlySet<string>,
  keepsOldCode: boolean,
): { change: ChangeTables; uses: Use[] } {
  const owners = new Map([...ownersIn(change.oldCode), ...ownersIn(change.newCode)]);
  const isDropped = (label: string): boolean => dropped.has(label) || dropped.has(owners.get(label) ?? "");
  const patches = change.patches.filter(
    ({ oldLabel, replacement }) => !isDropped(oldLabel) && (replacement === null || !dropped.has(replacement)),
  );
  const kept = reach(change.newCode, isDropped);
  const uses = new Map<string, Use>();
  for (const { section, symbol, targetAddend } of change.newCode.relocations) {
    if (!kept.has(section) || !dropped.has(symbol)) continue;
    const by = owners.get(section) ?? section;
    const isMiddle = BigInt(targetAddend) !== 0n && isFunction(find(change.newCode.symbols, symbol));
    const key = `${by}\0${symbol}`;
    if (!uses.get(key)?.isMiddle) uses.set(key, { by, label: symbol, isMiddle });
  }
  const newCode = restrict(change.newCode, kept, isDropped, change.oldCode);
  const oldKept = keepsOldCode ? everything(change.oldCode, isDropped) : reach(change.oldCode, isDropped, newCode);
  const hooks = Object.fromEntries(
    Object.entries(change.hooks).flatMap(([stage, labels]) => {
      const rest = labels?.filter((label) => !dropped.has(label)) ?? [];
      return rest.length === 0 ? [] : [[stage, rest]];
    }),
  );
  return {
    change: {
      oldCode: restrict(change.oldCode, oldKept, keepsOldCode ? () => false : isDropped),
      newCode,
      patches,
      hooks,
    },
    uses: [...uses.values()],
  };
}

type Reasons = Map<string, SectionReason>;

/** Sections that are still asked for, each with why. `others` is code that refers to this one by label. */
function reach(code: CodeTables, isDropped: (label: string) => boolean, others?: CodeTables): Reasons {
  const sections = new Map(code.sections.map((section) => [section.label, section]));
  const elsewhere = new Set(others?.sections.map(({ label }) => label));
  const holder = new Map(code.symbols.map(({ label, section }) => [label, section]));
  const owners = ownersIn(code);
  const entries = new Map<string, string[]>();
  for (const { label, owner } of code.sections) push(entries, owner, label);
  const references = new Map<string, string[]>();
  for (const { section, symbol } of code.relocations)
    if (!isDropped(section)) push(references, section, holder.get(symbol) ?? undefined);
  const reasons: Reasons = new Map();
  for (const { label, because } of code.sections)
    if (!isDropped(label) && referrerIn(because) === undefined) reasons.set(label, because);
  const require = (label: string, referrer: string): void => {
    const section = sections.get(label);
    // New code that is taken out is gone; old code that is taken out is still the place that others mean.
    if (section === undefined || reasons.has(label) || (others === undefined && isDropped(label))) return;
    const statedReferrer = referrerIn(section.because);
    const isStillTrue = statedReferrer !== undefined && (reasons.has(statedReferrer) || elsewhere.has(statedReferrer));
    reasons.set(label, isStillTrue ? section.because : { kind: "referenced-by", label: referrer });
  };
  // The list grows while we walk it.
  for (const [label] of reasons) {
    for (const target of references.get(label) ?? []) require(target, owners.get(label) ?? label);
    for (const entry of entries.get(label) ?? []) {
      const because = sections.get(entry)?.because;
      if (because !== undefined && !isDropped(entry) && !reasons.has(entry)) reasons.set(entry, because);
    }
  }
  if (others === undefined) return reasons;
  const ownersOfOthers = ownersIn(others);
  for (const { section, symbol } of others.relocations) require(symbol, ownersOfOthers.get(section) ?? section);
  return reasons;
}

function isFunction(symbol: CodeTables["symbols"][number] | undefined): boolean {
  return symbol?.type === "function" || symbol?.type === "gnu-ifunc";
}

/** All sections; those taken out are there for the reason for which all old code is. */
function everything({ sections, symbols }: CodeTables, isDropped: (label: string) => boolean): Reasons {
  return new Map(
    sections.map(({ label, owner, because }) => {
      if (!isDropped(label)) return [label, because];
      if (owner !== undefined) return [label, { kind: "owner", label: owner }];
      return [label, { kind: isFunction(find(symbols, label)) ? "text" : "global" }];
    }),
  );
}

function push(lists: Map<string, string[]>, key: string | undefined, value: string | undefined): void {
  if (key === undefined || value === undefined) return;
  addTo(lists, key, value);
}

/** The tables without the sections that are gone, and without symbols that nothing refers to any more; what is gone is found in `old`. */
function restrict(
  code: CodeTables,
  kept: ReadonlyMap<string, SectionReason>,
  isBare: (label: string) => boolean,
  old?: CodeTables,
): CodeTables {
  const relocations = code.relocations.filter(({ section }) => kept.has(section) && !isBare(section));
  const meant = new Set(relocations.map(({ symbol }) => symbol));
  const before = new Map((old?.symbols ?? []).map((symbol) => [symbol.label, symbol]));
  const elsewhere = (symbol: CodeSymbol): CodeSymbol => ({ ...(before.get(symbol.label) ?? symbol), section: null });
  return {
    sections: code.sections.flatMap((section) => {
      const because = kept.get(section.label);
      return because === undefined ? [] : [because === section.because ? section : { ...section, because }];
    }),
    symbols: code.symbols.flatMap((symbol) => {
      const { section, label } = symbol;
      if (section !== null && kept.has(section)) return [symbol];
      if (!meant.has(label)) return [];
      return [section === null ? symbol : elsewhere(symbol)];
    }),
    relocations,
  };
}
