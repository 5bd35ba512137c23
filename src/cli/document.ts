import { readFileSync } from "node:fs";
import type { Problem } from "../check/problem.ts";
import { isSameMajor, validateDescription } from "../check/validate.ts";
import type { UpdateDescription } from "../contract/description.ts";
import { SCHEMA_VERSION } from "../contract/names/rungs.ts";
import { describeSystemError, FormatError, UnsupportedError } from "../errors.ts";
import { foreignStatement, isStatement, subjectProblems } from "../report/statement.ts";

/** An update description as it was read, and what the schema has against it; `update` only when that is nothing. */
export interface UpdateDocument {
  readonly update: UpdateDescription | undefined;
  readonly problems: readonly Problem[];
  /** Path of the description in the document: `$`, or `$.predicate` in a statement. */
  readonly root: string;
}

/**
 * Reads an update description, bare or in an in-toto statement, from a file or (`-`) standard input. What is no JSON, no
 * description, or a description of another major version is refused.
 */
export async function readDocument(file: string): Promise<UpdateDocument> {
  const name = file === "-" ? "standard input" : file;
  const value = parse(await readText(file, name), name);
  if (!isStatement(value)) return validated(value, name, "$");
  const problem = foreignStatement(value);
  if (problem !== undefined) throw new UnsupportedError({ file: name }, problem);
  const { update, problems, root } = validated(value["predicate"], name, "$.predicate");
  const subject = update === undefined ? [] : subjectProblems(value["subject"], update);
  return { update, problems: [...problems, ...subject], root };
}

/** Like readDocument, for those who need a sound description: the first problem is an error. */
export async function readSoundUpdate(file: string): Promise<UpdateDescription> {
  const { update, problems } = await readDocument(file);
  const [first] = problems;
  if (update !== undefined && first === undefined) return update;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more problems: see elfsplice check)` : "";
  throw new FormatError({ file }, `${first?.path}: ${first?.message}${more}`);
}

/** The path of a problem in the document, of which the description may be a part. */
export function rooted(problem: Problem, root: string): Problem {
  return problem.path === undefined ? problem : { ...problem, path: `${root}${problem.path.slice(1)}` };
}

async function readText(file: string, name: string): Promise<string> {
  try {
    if (file !== "-") return readFileSync(file, "utf8");
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk);
    return Buffer.concat(chunks).toString("utf8");
  } catch (error) {
    throw new FormatError({ file: name }, `cannot be read: ${describeSystemError(error)}`);
  }
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FormatError({ file }, `not JSON: ${(error as Error).message}`);
  }
}

function validated(value: unknown, file: string, root: string): UpdateDocument {
  const { schemaVersion, changes, payloadType } = (value ?? {}) as { readonly [field: string]: unknown };
  if (payloadType !== undefined && schemaVersion === undefined)
    throw new UnsupportedError({ file }, "a signed envelope: verify its signature first, and check the payload");
  if (typeof value !== "object" || value === null || (schemaVersion === undefined && changes === undefined))
    throw new FormatError({ file }, "not an update description: it has neither a schemaVersion nor changes");
  if (typeof schemaVersion === "string" && /^\d+\.\d+$/.test(schemaVersion) && !isSameMajor(schemaVersion))
    throw new UnsupportedError(
      { file },
      `an update description of version ${schemaVersion}; this elfsplice knows ${SCHEMA_VERSION.replace(/\..*/, ".x")}`,
    );
  const { update, problems } = validateDescription(value);
  return { update, problems: problems.map((problem) => rooted(problem, root)), root };
}
