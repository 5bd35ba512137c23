import type { z } from "zod";
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

/** Fields whose sets grow with minor versions, as the contract marks them. */
const OPEN_SETS = /^(findings\.\d+\.code|noise\.\d+\.class|data\.\d+\.kind|(functions|data)\.\d+\.pairedBy)$/;

/**
 * Holds a value against the schema. Of a document with another minor version, fields and members of open sets that are not
 * known here are passed over: additions raise the minor part only.
 */
export function validateDescription(value: unknown): Validation {
  const result = updateDescription.safeParse(value);
  if (result.success) return { update: result.data, problems: [] };
  const version = (value as { schemaVersion?: unknown } | null)?.schemaVersion;
  const isOther = typeof version === "string" && version !== SCHEMA_VERSION && isSameMajor(version);
  const isAddition = ({ code, path }: z.core.$ZodIssue): boolean =>
    code === "unrecognized_keys" ||
    (path.length === 1 && path[0] === "schemaVersion") ||
    (code === "invalid_value" && OPEN_SETS.test(path.join(".")));
  const issues = result.error.issues.filter((issue) => !(isOther && isAddition(issue)));
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
