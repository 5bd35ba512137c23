/** `error`: the update must not be applied as it is; `warning`: a person has to look; `note`: good to know. */
export type Severity = "error" | "warning" | "note";

/** One finding: how grave it is, and the sentence for one case; `detail` is what only that case knows. */
export interface FindingRow {
  readonly severity: Severity;
  readonly text: (name: string, detail: string) => string;
}

export function findingRow(severity: Severity, text: FindingRow["text"]): FindingRow {
  return { severity, text };
}

/** The codes of a table in its order, as a list that has a first item. */
export function codesOf<Code extends string>(table: Readonly<Record<Code, FindingRow>>): [Code, ...Code[]] {
  return Object.keys(table) as [Code, ...Code[]];
}
