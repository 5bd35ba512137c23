import type { Problem } from "../check/problem.ts";
import type { UpdateDescription } from "../contract/description.ts";
import { plural } from "../wording.ts";
import { escapeLine } from "./escape.ts";

/** What `check` says, as JSON prints it. */
export interface CheckResult {
  readonly ok: boolean;
  readonly problems: readonly Problem[];
  /** What of the objects was compared; only where they were looked for. */
  readonly objects?: ComparedObjects;
}

/** How many object files were compared with the description, and by what. */
export interface ComparedObjects {
  /** By size and SHA-256. */
  readonly contents: number;
  /** By size only, as the description has no hash of them. */
  readonly sizeOnly: number;
}

/** How many problems of the document are told one by one; gates are always told. */
const SHOWN = 20;

/** One line per problem: the document's first, then every gate that is not met. */
export function renderProblems(problems: readonly Problem[]): string[] {
  const document = problems.filter(({ path }) => path !== undefined);
  const gates = problems.filter(({ path }) => path === undefined);
  const rest = document.length - SHOWN;
  return [
    ...document.slice(0, SHOWN).map(({ check, path, message }) => `${check}: ${path}: ${message}`),
    ...(rest > 0 ? [`and ${rest} more`] : []),
    ...gates.map(({ check, message }) => `gate ${check}: ${message}`),
  ].map(escapeLine);
}

/** The one line that says that all is well, and with what. */
export function renderOk(
  { name, functions, changes, verdict }: UpdateDescription,
  objects: ComparedObjects | undefined,
): string {
  const patches = changes.reduce((sum, change) => sum + change.patches.length, 0);
  const parts = [
    plural(functions.length, "function"),
    plural(patches, "patch", "patches"),
    ...(objects === undefined ? [] : objectWords(objects)),
    `verdict ${verdict.recommended ?? "nothing applicable yet"}`,
  ];
  return escapeLine(`ok: ${name}: ${parts.join(", ")}`);
}

function objectWords({ contents, sizeOnly }: ComparedObjects): string[] {
  const byContents = `${plural(contents, "object file")} as described`;
  return sizeOnly === 0 ? [byContents] : [byContents, `${sizeOnly} checked by size only (no hash: see diff --hashes)`];
}
