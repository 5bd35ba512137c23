import type { CodeRelocation, Patch, UpdateDescription } from "./description.ts";
import { byText } from "./pair.ts";

/* The orders of the description's tables, which a consumer may search by bisection. */

type Order<T> = (a: T, b: T) => number;
type Finding = UpdateDescription["findings"][number];

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

export const WEIGHT = { error: 0, warning: 1, note: 2 } as const;

/** Errors first, then by code and place. */
export const bySeverityAndPlace: Order<Finding> = (a, b) =>
  WEIGHT[a.severity] - WEIGHT[b.severity] ||
  byText(a.code, b.code) ||
  byText(placeKey(a.where), placeKey(b.where)) ||
  (a.where.offset ?? 0) - (b.where.offset ?? 0);

export function placeKey({ label, name, section }: Finding["where"]): string {
  return `${label ?? ""}\0${name ?? ""}\0${section ?? ""}`;
}

/** Index of the first item that stands before its predecessor; -1 when all are in order. */
export function firstOutOfOrder<T>(list: readonly T[], order: Order<T>): number {
  return list.findIndex((item, index) => index > 0 && order(list[index - 1] as T, item) > 0);
}
