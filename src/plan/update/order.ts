import type { CodeRelocation, Patch } from "../../contract/code.ts";
import type { UpdateDescription } from "../../contract/description.ts";
import { severityOf } from "../../findings/findings.ts";
import type { Severity } from "../../findings/table.ts";
import { byText } from "../../order.ts";

/* The orders of the description's tables, which a consumer may search by bisection: tables are sorted by them when they are written, and checked for them when they are read. */

type Order<T> = (a: T, b: T) => number;
type Finding = UpdateDescription["findings"][number];
type Placed = Pick<Finding, "code" | "where">;

export const byLabel: Order<{ readonly label: string }> = (a, b) => byText(a.label, b.label);

/** Functions and data: two targets may each have their own thing of one name. */
export const byLabelAndTarget: Order<{ readonly label: string; readonly target: string; readonly status: string }> = (
  a,
  b,
) => byText(a.label, b.label) || byText(a.target, b.target) || byText(a.status, b.status);

export const byName: Order<{ readonly name: string }> = (a, b) => byText(a.name, b.name);

export const byTarget: Order<{ readonly target: string }> = (a, b) => byText(a.target, b.target);

export const byField: Order<CodeRelocation> = (a, b) => byText(a.section, b.section) || a.offset - b.offset;

export const byPatchedPlace: Order<Patch> = (a, b) => byText(a.oldLabel, b.oldLabel) || a.oldOffset - b.oldOffset;

/** From what must be seen first to what may be. */
export const WEIGHT: Readonly<Record<Severity, number>> = { error: 0, warning: 1, note: 2 };

/** Errors first, then by code and place. */
function findingOrder<T extends Placed>(severity: (finding: T) => Severity): Order<T> {
  return (a, b) =>
    WEIGHT[severity(a)] - WEIGHT[severity(b)] ||
    byText(a.code, b.code) ||
    byText(placeKey(a.where), placeKey(b.where)) ||
    (a.where.offset ?? 0) - (b.where.offset ?? 0);
}

/** Findings as they are made: the code tells the severity. */
export const byPlace: Order<Placed> = findingOrder(severityOf);

/** Findings as a description has them. */
export const bySeverityAndPlace: Order<Finding> = findingOrder(({ severity }) => severity);

function placeKey({ label, name, section }: Finding["where"]): string {
  return `${label ?? ""}\0${name ?? ""}\0${section ?? ""}`;
}

/** Index of the first item that stands before its predecessor; -1 when all are in order. */
export function firstOutOfOrder<T>(list: readonly T[], order: Order<T>): number {
  return list.findIndex((item, index) => index > 0 && order(list[index - 1] as T, item) > 0);
}
