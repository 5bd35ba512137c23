import type { Obstacle, PlanStep, Reach, SwitchOver, TableDescription } from "../../contract/switch-over.ts";
import { type Finding, type FindingCode, findingText } from "../../findings/findings.ts";
import { byText } from "../../order.ts";
import { isCode } from "../../spans/section-kind.ts";
import type { Span } from "../../spans/span.ts";
import { outcomeOfPre, type PlannedPair, spanFinding } from "../pair/pair.ts";
import { byLabel } from "../update/order.ts";
import { compareTables, pairTables, type TablePair, tablesDiffer } from "./ops-compare.ts";
import { findTables, type OpsTable, type TableTypes } from "./ops-tables.ts";
import { type Budget, type Entrances, findEntrances, functionOf } from "./reach.ts";
import { findRegistrations } from "./registrations.ts";
import { findClashes, findSharedState } from "./shared-state.ts";
import { interpositionSteps } from "./steps.ts";

/*
 * Could the whole new object be loaded beside the old one, and the tables that lead to the old one be made to lead to the
 * new one? K42 replaced its objects so; for Linux it was tried with the loop driver, by hand.
 */

/** What a pair contributes: its part of the description, and what stands in the way. */
export interface SwitchOverPlan {
  readonly switchOver: SwitchOver;
  readonly findings: readonly Finding[];
}

const NOTHING: SwitchOverPlan = { switchOver: {}, findings: [] };

/** References that may be followed for each one there is; beyond that, a changed function tells only its own slots. */
const FOLLOWED = 8;

/** Which tables lead to what changed, whether others can take their place, and what both versions would share. */
export function planSwitchOver(pair: PlannedPair, types: TableTypes = {}): SwitchOverPlan {
  const changed = changedFunctions(pair);
  if (changed.length === 0 && !hasChangedData(pair)) return NOTHING;
  const before = findTables(pair.diff.pre.table, types.pre);
  const after = findTables(pair.diff.post.table, types.post);
  if (before.size === 0) return NOTHING;
  const entrances = findEntrances(pair.diff.pre, before);
  const leading = entrances.callersOf(changed, { left: Number.POSITIVE_INFINITY });
  const relevant = pairTables(pair, before, after).filter(
    (tables) => tables.pre !== undefined && (leads(tables.pre, leading) || tablesDiffer(pair, tables)),
  );
  if (relevant.length === 0) return NOTHING;
  const added = pairTables(pair, before, after).filter(({ pre }) => pre === undefined);
  // From here on it is worth looking closer.
  const tables = compareTables(pair, [...relevant, ...added]);
  tables.sort(byLabel);
  const reach = planReach(pair, changed, entrances, before);
  const state = findSharedState(pair, before);
  const clashes = findClashes(pair);
  const registrations = findRegistrations(pair);
  const findings = [
    ...tableFindings(pair, relevant, tables),
    ...reachFindings(pair, changed, reach),
    ...listFinding(
      pair,
      "shared-module-state",
      state.filter(({ harmless }) => harmless === undefined).map(({ label }) => label),
    ),
    ...listFinding(
      pair,
      "names-clash",
      clashes.map(({ name }) => name),
    ),
  ];
  const obstacles = findings.map((finding) => obstacleOf(pair, finding));
  const isPossible = obstacles.every(({ solvedBy }) => solvedBy !== undefined);
  const parts = { tables, reach, state, clashes, registrations };
  const switchOver = {
    ...withoutEmpty(parts),
    ...(isPossible ? { plan: interpositionSteps(pair.index, pair.object, parts) } : {}),
    ...(obstacles.length === 0 ? {} : { obstacles }),
  };
  // vmlinux cannot be swapped out: where its code is entered directly, findings about a switch-over are left out.
  const isOption = pair.target !== "vmlinux" || reach.every(({ through }) => through !== "direct");
  return { switchOver, findings: isOption ? findings : [] };
}

/** Code of the running system that is replaced, cold parts as the functions they belong to. */
function changedFunctions(pair: PlannedPair): Span[] {
  const { pre } = pair.diff;
  const found = new Set<Span>();
  for (const span of pre.table.spans) {
    if (!isCode(span.kind) || span.kind === "fragment" || span.kind === "init-text") continue;
    if (outcomeOfPre(pair, span) === "replaced") found.add(functionOf(pre, span));
  }
  return [...found];
}

function hasChangedData(pair: PlannedPair): boolean {
  return pair.diff.result.outcomes.some(
    (outcome) => outcome === "rewritten" || outcome === "relocated" || outcome === "stateful",
  );
}

function leads({ slots }: OpsTable, leading: ReadonlySet<Span>): boolean {
  for (const { target } of slots.values()) if (target !== undefined && leading.has(target)) return true;
  return false;
}

function planReach(
  pair: PlannedPair,
  changed: readonly Span[],
  entrances: Entrances,
  tables: ReadonlyMap<Span, OpsTable>,
): Reach[] {
  const { spans } = pair.diff.pre.table;
  const budget: Budget = { left: FOLLOWED * spans.reduce((sum, span) => sum + span.relocations.length + 1, 0) };
  return changed.map((span) => reachOf(pair, span, entrances, tables, budget)).sort(byLabel);
}

function reachOf(
  pair: PlannedPair,
  span: Span,
  entrances: Entrances,
  tables: ReadonlyMap<Span, OpsTable>,
  budget: Budget,
): Reach {
  const label = (of: Span): string => pair.preLabels.get(of) as string;
  const { others, slots: own } = entrances.usesOf(span);
  const slots = [...entrances.callersOf([span], budget)].flatMap((caller) =>
    entrances.usesOf(caller).slots.map(({ table, offset }) => {
      const member = tables.get(table)?.names?.members.get(offset);
      return {
        table: label(table),
        offset,
        ...(member === undefined ? {} : { member }),
        ...(caller === span ? {} : { via: label(caller) }),
      };
    }),
  );
  const isDirect = entrances.rootOf(span) !== undefined;
  const through = isDirect ? "direct" : slots.length === 0 ? "none" : others.length === 0 ? "slots" : "callers";
  return {
    label: label(span),
    object: pair.index,
    through: through === "slots" && own.length === 0 ? "callers" : through,
    slots: slots.sort((a, b) => byText(a.table, b.table) || a.offset - b.offset),
    others: others
      .map(({ by, kind, offset }) => ({ by: label(by), kind, offset, entered: enteredBy(entrances, by) }))
      .sort((a, b) => byText(a.by, b.by) || a.offset - b.offset),
    ...(isDirect ? { enteredBy: wayTo(entrances, span, label) } : {}),
  };
}

function enteredBy(entrances: Entrances, user: Span): Reach["others"][number]["entered"] {
  if (!isCode(user.kind) || entrances.rootOf(user) !== undefined) return "directly";
  if (user.kind === "init-text" || user.kind === "exit-text") return "never";
  const { slots, others } = entrances.usesOf(user);
  return slots.length + others.length === 0 ? "never" : "slots";
}

const LONGEST_WAY = 6;

/** `loop_limit (called by other objects) → lo_resize`: how one gets to a function without a table. */
function wayTo(entrances: Entrances, span: Span, label: (span: Span) => string): string {
  const way: string[] = [];
  let first = span;
  for (let at: Span | undefined = span; at !== undefined; at = entrances.callerOf(at)) {
    first = at;
    way.unshift(label(at));
  }
  const use = entrances.usesOf(first).others.find(({ kind }) => kind !== "call");
  const how =
    use === undefined || use.kind === "export"
      ? "exported"
      : use.kind === "global"
        ? "other objects may call it"
        : `its address is taken by ${label(use.by)}`;
  const shown = way.length > LONGEST_WAY ? [way[0] as string, "…", ...way.slice(-LONGEST_WAY + 2)] : way;
  return [`${shown[0]} (${how})`, ...shown.slice(1)].join(" → ");
}

function tableFindings(pair: PlannedPair, pairs: readonly TablePair[], tables: readonly TableDescription[]): Finding[] {
  const sections = new Map(
    pairs.map(({ pre }) => [pair.preLabels.get((pre as OpsTable).span) as string, (pre as OpsTable).span]),
  );
  return tables.flatMap(({ label, compatibility, reasons }) => {
    const span = sections.get(label);
    if (compatibility === "compatible" || span === undefined) return [];
    const code = compatibility === "incompatible" ? "ops-table-incompatible" : "ops-table-differs";
    return [spanFinding(pair, code, span, "pre", reasons.join("; "))];
  });
}

function reachFindings(pair: PlannedPair, changed: readonly Span[], reach: readonly Reach[]): Finding[] {
  const ways = new Map(reach.map(({ label, enteredBy: way }) => [label, way]));
  return changed.flatMap((span) => {
    const way = ways.get(pair.preLabels.get(span) as string);
    return way === undefined ? [] : [spanFinding(pair, "called-directly", span, "pre", way)];
  });
}

const SHOWN = 6;

/** One finding for a whole list: the description has it in full. */
function listFinding(pair: PlannedPair, code: FindingCode, names: readonly string[]): Finding[] {
  if (names.length === 0) return [];
  const rest = names.length - SHOWN;
  const detail = `${names.slice(0, SHOWN).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
  return [{ code, where: { object: pair.index, side: "pre", name: pair.object }, detail }];
}

/** The step of the plan in which each obstacle is dealt with by hand. */
const SOLVED_BY: Partial<Record<FindingCode, PlanStep["step"]>> = {
  "ops-table-differs": "take-over",
  "shared-module-state": "share-state",
  "names-clash": "rename",
};

function obstacleOf(pair: PlannedPair, finding: Finding): Obstacle {
  const { code, where } = finding;
  const solvedBy = SOLVED_BY[code];
  return {
    code,
    object: pair.index,
    ...(where.label === undefined ? {} : { label: where.label }),
    text: findingText(finding),
    ...(solvedBy === undefined ? {} : { solvedBy }),
  };
}

function withoutEmpty<T extends Record<string, readonly unknown[]>>(parts: T): Partial<T> {
  return Object.fromEntries(Object.entries(parts).filter(([, list]) => list.length > 0)) as Partial<T>;
}
