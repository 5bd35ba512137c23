/** What `check` looks at; each problem says which of these found it. */
type CheckName =
  | "schema"
  | "statement"
  | "reference"
  | "duplicate"
  | "order"
  | "bounds"
  | "contents"
  | "naming"
  | "verdict"
  | "accounting"
  | "object"
  | "require"
  | "fail-on"
  | "max-functions"
  | "allow-functions"
  | "allow-targets";

/** One thing that is wrong with a description, or a gate that it does not meet. */
export interface Problem {
  readonly check: CheckName;
  /** Where in the document: `$.changes[0].patches[2].oldLabel`. Absent for a gate, which judges the whole. */
  readonly path?: string;
  readonly message: string;
}

/** Takes what a check finds. */
export type Report = (check: CheckName, path: string, message: string) => void;

/** A path in a JSON document from its keys, as JSONPath writes it. RFC 9535, 2.7. */
export function jsonPath(keys: readonly PropertyKey[]): string {
  const steps = keys.map((key) => {
    if (typeof key === "number") return `[${key}]`;
    const name = String(key);
    return /^[A-Za-z_]\w*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
  });
  return `$${steps.join("")}`;
}
