import { FINDINGS, type Finding, type FindingCode } from "../../findings/findings.ts";

const SHOWN = 6;

/** What findings ask a person to do, those of one code together: `Initialiser of live data changed: lo_fops, max_loop`. */
export function workFor(findings: readonly Finding[], indices: readonly number[]): string[] {
  const byCode = new Map<FindingCode, Set<string>>();
  for (const index of indices) {
    const finding = findings[index];
    if (finding === undefined) continue;
    const { name, section } = finding.where;
    const names = byCode.get(finding.code) ?? new Set();
    names.add(name ?? section ?? "the object");
    byCode.set(finding.code, names);
  }
  return [...byCode].map(([code, names]) => {
    const rest = names.size - SHOWN;
    const shown = [...names].slice(0, SHOWN).join(", ");
    return `${FINDINGS[code].title}: ${shown}${rest > 0 ? ` and ${rest} more` : ""}`;
  });
}
