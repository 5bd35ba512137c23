import { type FindingRow, findingRow as row } from "./table.ts";

/** Every finding of run-pre matching: code, severity and words in one row. */
export const MATCH_FINDINGS = {
  "text-unmatched": row("error", (label, detail) => `${label} is not the code of the run system: ${detail}`),
  "text-ambiguous": row("error", (label, detail) => `${label} could be in several places: ${detail}`),
  "data-unmatched": row("error", (label, detail) => `${label} holds something else in the run system: ${detail}`),
  "weak-definition-elsewhere": row(
    "note",
    (label) => `${label} is weak, and the run system has another definition of it: the one of this object is not there`,
  ),
  "run-without-symbols": row(
    "warning",
    (label) => `${label} has no symbols: give --system-map, or --search for the code`,
  ),
  "kallsyms-unreadable": row(
    "warning",
    (label, detail) => `${label}: the kernel's own list of symbols cannot be used: ${detail}`,
  ),
  "patch-too-long": row("error", (label, detail) => `${label} is too short for its patch: ${detail}`),
  "patches-overlap": row("error", (label, detail) => `patches of ${label} overlap: ${detail}`),
  "patch-out-of-reach": row("error", (label, detail) => `${label} cannot reach its replacement: ${detail}`),
  "relocation-overflow": row("error", (label, detail) => `a relocation of ${label} does not fit its field: ${detail}`),
  "export-missing": row("error", (label, detail) => `${label} cannot be changed: ${detail}`),
  "symbol-without-value": row("error", (label, detail) => `${label} has no single value in the run system: ${detail}`),
  "object-changed": row("warning", (label, detail) => `${label} is no longer the file of the update: ${detail}`),
} as const satisfies Readonly<Record<string, FindingRow>>;

type MatchFindingCode = keyof typeof MATCH_FINDINGS;

/** The codes in the order of the table. */
export const MATCH_FINDING_CODES = Object.keys(MATCH_FINDINGS) as [MatchFindingCode, ...MatchFindingCode[]];

/** What matching learned that a person or a gate may act on. */
export interface MatchFinding {
  readonly code: MatchFindingCode;
  readonly label: string;
  readonly detail: string;
}

export function matchFindingMessage({ code, label, detail }: MatchFinding): string {
  return MATCH_FINDINGS[code].text(label, detail);
}
