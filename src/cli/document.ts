import { integrityProblems } from "../check/integrity.ts";
import type { Problem } from "../check/problem.ts";
import { isSameMajor, validateDescription } from "../check/validate.ts";
import type { UpdateDescription } from "../contract/description.ts";
import { SCHEMA_VERSION } from "../contract/names/rungs.ts";
import { describeSystemError, FormatError, UnsupportedError } from "../errors.ts";
import { readGivenText } from "../input/listing/file.ts";
import { foreignStatement, isStatement, subjectProblems } from "../report/statement.ts";
import { nameOfFile } from "./document-kind.ts";

/** An update description as it was read, and what the schema has against it; `update` only when that is nothing. */
export interface UpdateDocument {
  readonly update: UpdateDescription | undefined;
  readonly problems: readonly Problem[];
  /** Path of the description in the document: `$`, or `$.predicate` in a statement. */
  readonly root: string;
}

/**
 * Reads an update description, bare or in an in-toto statement, from a file or (`-`) standard input. Anything that is not JSON, not a
 * description, or a description of another major version is refused.
 */
export async function readDocument(file: string): Promise<UpdateDocument> {
  const name = nameOfFile(file);
  const value = await readJson(file);
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
  throw new FormatError({ file: nameOfFile(file) }, `${first?.path}: ${first?.message}${more}`);
}

/** Like readSoundUpdate, for those who follow its references: each label, howto and index must lead somewhere. */
export async function readWholeUpdate(file: string): Promise<UpdateDescription> {
  const update = await readSoundUpdate(file);
  const broken = integrityProblems(update).find(({ check }) => check === "reference" || check === "bounds");
  if (broken === undefined) return update;
  throw new FormatError({ file: nameOfFile(file) }, `${broken.path}: ${broken.message} (see elfsplice check)`);
}

/** The value of a JSON file, or of standard input (`-`). Throws FormatError. */
export async function readJson(file: string): Promise<unknown> {
  const name = nameOfFile(file);
  return parse(await readText(file, name), name);
}

/** The path of a problem in the document, of which the description may be a part. */
export function rooted(problem: Problem, root: string): Problem {
  return problem.path === undefined ? problem : { ...problem, path: `${root}${problem.path.slice(1)}` };
}

async function readText(file: string, name: string): Promise<string> {
  if (file !== "-") return readGivenText(file, "a JSON document");
  try {
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
  const { schemaVersion, payloadType } = (value ?? {}) as { readonly [field: string]: unknown };
  if (payloadType !== undefined && schemaVersion === undefined)
    throw new UnsupportedError({ file }, "a signed envelope: verify its signature first, and check the payload");
  if (typeof value !== "object" || value === null || typeof schemaVersion !== "string")
    throw new FormatError({ file }, "not an update description: it has no schemaVersion");
  if (/^\d+\.\d+$/.test(schemaVersion) && !isSameMajor(schemaVersion))
    throw new UnsupportedError(
      { file },
      `an update description of version ${schemaVersion}; this elfsplice knows ${SCHEMA_VERSION.replace(/\..*/, ".x")}`,
    );
  const { update, problems } = validateDescription(value);
  return { update, problems: problems.map((problem) => rooted(problem, root)), root };
}
