import { type UpdateDescription, updateDescription } from "../contract/description.ts";
import { SCHEMA_VERSION } from "../contract/names/rungs.ts";
import { jsonPath, type Problem } from "./problem.ts";

/** A description whose shape is proven, or what is wrong with it. */
export type Validation =
  | { readonly update: UpdateDescription; readonly problems: readonly [] }
  | { readonly update: undefined; readonly problems: readonly Problem[] };

/** Whether a document says that it is of this version's major part, whatever its minor one: additions are optional. */
export function isSameMajor(version: string): boolean {
  return version.split(".")[0] === SCHEMA_VERSION.split(".")[0];
}

/**
 * Holds a value against the schema. Of a document with another minor version, fields that are not known here are passed
 * over: additions raise the minor part only.
 */
export function validateDescription(value: unknown): Validation {
  const result = updateDescription.safeParse(value);
  if (result.success) return { update: result.data, problems: [] };
  const version = (value as { schemaVersion?: unknown } | null)?.schemaVersion;
  const isOther = typeof version === "string" && version !== SCHEMA_VERSION && isSameMajor(version);
  const issues = result.error.issues.filter(
    ({ code, path }) =>
      !(isOther && (code === "unrecognized_keys" || (path.length === 1 && path[0] === "schemaVersion"))),
  );
  if (issues.length === 0) return { update: value as UpdateDescription, problems: [] };
  return {
    update: undefined,
    problems: issues.map(({ path, message }) => ({
      check: "schema",
      path: jsonPath(path),
      message: sentence(message),
    })),
  };
}

/** The words of zod without their opening. */
function sentence(message: string): string {
  const plain = message.replace(/^Invalid (?:input|string|option): /, "");
  return `${plain.charAt(0).toLowerCase()}${plain.slice(1)}`;
}
