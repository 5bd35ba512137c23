import type { ComparedRow, TableComparison, UpdateComparison } from "../contract/comparison.ts";
import { joinLines } from "./escape.ts";

const TABLES = ["functions", "data", "exports", "patches", "hooks", "findings", "objects"] as const;
/** Hexadecimal digits of a hash that a person needs. */
const SHOWN_DIGITS = 12;

/** What the newer description adds, drops and alters, for a person; sorted, and silent about what is the same. */
export function renderComparison(comparison: UpdateComparison): string {
  const { a, b, lacking, otherBase, verdict } = comparison;
  const blocks = TABLES.flatMap((name) => block(name, tableLines(comparison[name])));
  const lines = [
    `${a.name} → ${b.name}`,
    ...(blocks.length === 0 ? ["nothing differs"] : blocks),
    ...block(
      "old code that differs",
      otherBase.map(({ target, label }) => `  ${target} ${label}: they are for different systems`),
    ),
    ...block(
      "patched by the older one only",
      lacking.map((row) => `  ${rowText(row)}`),
    ),
    verdictLine(verdict),
    comparison.superset
      ? `superset: yes, ${b.name} patches all that ${a.name} patches`
      : `superset: no, ${lacking.length} of ${a.name}'s patches ${lacking.length === 1 ? "is" : "are"} missing`,
  ];
  return `${joinLines(lines)}\n`;
}

function block(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [title, ...lines];
}

function tableLines({ added, dropped, altered }: TableComparison): string[] {
  return [
    ...added.map((row) => `  added    ${rowText(row)}`),
    ...dropped.map((row) => `  dropped  ${rowText(row)}`),
    ...altered.map(({ what, ...row }) => `  altered  ${rowText(row)}: ${what.map(fieldText).join(", ")}`),
  ];
}

function rowText({ target, name, kind, at }: ComparedRow): string {
  return [target, kind, name, at].filter((part) => part !== undefined && part !== "").join(" ");
}

function fieldText({ field, a, b }: { field: string; a: string; b: string }): string {
  return `${field} ${short(a)} → ${short(b)}`;
}

function short(value: string): string {
  if (value === "") return "none";
  return /^[0-9a-f]{64}$/.test(value) ? value.slice(0, SHOWN_DIGITS) : value;
}

function verdictLine({ recommended, altered }: UpdateComparison["verdict"]): string {
  const [before, after] = [recommended.a ?? "nothing applicable yet", recommended.b ?? "nothing applicable yet"];
  const rungs = altered.map(({ rung, a, b }) => `${rung} ${a} → ${b || "not judged"}`);
  const more = rungs.length === 0 ? "" : `  (${rungs.join(", ")})`;
  return before === after ? `verdict: ${after} in both${more}` : `verdict: ${before} → ${after}${more}`;
}
