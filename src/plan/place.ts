import { type Finding, severityOf } from "../findings.ts";
import { byText } from "./pair.ts";

const WEIGHT = { error: 0, warning: 1, note: 2 } as const;

/** Order of findings: errors first, then by code and place. */
export function byPlace(a: Finding, b: Finding): number {
  const key = ({ where }: Finding): string => `${where.label ?? ""}\0${where.name ?? ""}\0${where.section ?? ""}`;
  return (
    WEIGHT[severityOf(a)] - WEIGHT[severityOf(b)] ||
    byText(a.code, b.code) ||
    byText(key(a), key(b)) ||
    (a.where.offset ?? 0) - (b.where.offset ?? 0)
  );
}
