import { type Finding, severityOf } from "../findings.ts";
import { placeKey, WEIGHT } from "./order.ts";
import { byText } from "./pair.ts";

/** Order of findings: errors first, then by code and place. */
export function byPlace(a: Finding, b: Finding): number {
  return (
    WEIGHT[severityOf(a)] - WEIGHT[severityOf(b)] ||
    byText(a.code, b.code) ||
    byText(placeKey(a.where), placeKey(b.where)) ||
    (a.where.offset ?? 0) - (b.where.offset ?? 0)
  );
}
