import type { Problem } from "../check/problem.ts";
import type { ObjectPair, UpdateDescription } from "../contract/description.ts";
import { byText } from "../order.ts";

const STATEMENT_TYPE = "https://in-toto.io/Statement/v1";
/** Names the kind of predicate: an update description of schema version 1, like the schema's own `$id`. */
export const PREDICATE_TYPE = "urn:elfsplice:update:1";

/** One object that a statement is about. in-toto attestation: spec/v1, ResourceDescriptor. */
interface Subject {
  readonly name: string;
  readonly digest: { readonly sha256: string };
}

/** An in-toto Statement v1 whose predicate is an update description. in-toto attestation: spec/v1, Statement. */
export interface Statement {
  readonly _type: typeof STATEMENT_TYPE;
  readonly subject: readonly Subject[];
  readonly predicateType: typeof PREDICATE_TYPE;
  readonly predicate: UpdateDescription;
}

/**
 * Wraps a description for tools that sign. The subject is every object that was compared, of both sides: the description
 * says of each pre object what replaces it, and of each post object what it replaces, and a verifier finds a statement by
 * the digest of the object it holds. Subjects are sorted, their names unique.
 */
export function toStatement(description: UpdateDescription): Statement {
  return {
    _type: STATEMENT_TYPE,
    subject: subjectsOf(description.objects),
    predicateType: PREDICATE_TYPE,
    predicate: description,
  };
}

function subjectsOf(objects: readonly ObjectPair[]): Subject[] {
  const digests = new Map<string, Set<string>>();
  for (const { path, member, sha256 } of objects.flatMap(({ pre, post }) => [pre, post].filter((one) => !!one))) {
    // An identical object of a tree may not have been hashed: the update does not touch it.
    if (sha256 === undefined) continue;
    const name = member === undefined ? path : `${path}(${member})`;
    digests.set(name, (digests.get(name) ?? new Set()).add(sha256));
  }
  const taken = new Set(digests.keys());
  const subjects = [...digests].flatMap(([name, all]) =>
    [...all]
      .sort(byText)
      .map((sha256, index) => ({ name: index === 0 ? name : freeName(name, taken), digest: { sha256 } })),
  );
  return subjects.sort((a, b) => byText(a.name, b.name));
}

/** A second file of the same name is told by a number, as labels are. */
function freeName(name: string, taken: Set<string>): string {
  let free = name;
  for (let i = 1; taken.has(free); i++) free = `${name}~${i}`;
  taken.add(free);
  return free;
}

/** Whether a document is a statement, of whatever version. */
export function isStatement(value: unknown): value is { readonly [field: string]: unknown } {
  const type = (value as { _type?: unknown } | null)?._type;
  return typeof type === "string" && type.startsWith("https://in-toto.io/Statement/");
}

/** Why a statement's predicate cannot be taken for an update description; undefined when it can. */
export function foreignStatement({ _type, predicateType }: { readonly [field: string]: unknown }): string | undefined {
  if (_type !== STATEMENT_TYPE) return `an in-toto statement of type ${_type}; ${STATEMENT_TYPE} is needed`;
  if (predicateType !== PREDICATE_TYPE)
    return `an in-toto statement about ${String(predicateType)}; ${PREDICATE_TYPE} is needed`;
  return undefined;
}

/** Whether a statement is about the objects that its description names, all of them and no others. */
export function subjectProblems(subject: unknown, description: UpdateDescription): Problem[] {
  const problems: Problem[] = [];
  const listed = new Set<string>();
  const known = new Set(subjectsOf(description.objects).map(({ digest }) => digest.sha256));
  for (const [index, one] of (Array.isArray(subject) ? subject : []).entries()) {
    const sha256: unknown = one?.digest?.sha256;
    const path = `$.subject[${index}].digest`;
    if (typeof sha256 !== "string") problems.push({ check: "statement", path, message: "no SHA-256" });
    else if (!known.has(sha256))
      problems.push({ check: "statement", path, message: `no object of the description has SHA-256 ${sha256}` });
    else listed.add(sha256);
  }
  for (const { name, digest } of subjectsOf(description.objects))
    if (!listed.has(digest.sha256))
      problems.push({
        check: "statement",
        path: "$.subject",
        message: `${name} with SHA-256 ${digest.sha256} is missing`,
      });
  return problems;
}
