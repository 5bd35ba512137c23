import { readFileSync } from "node:fs";
import { diffObjects, readObject, type UpdateDescription, type UpdateOptions } from "../../src/index.ts";

/** The description of a pair of files, with the names given instead of where the files lie. */
export async function describePair(
  pre: string,
  post: string,
  options: UpdateOptions & { readonly preName?: string; readonly postName?: string } = {},
): Promise<UpdateDescription> {
  const { preName = "pre.o", postName = "post.o", ...rest } = options;
  return diffObjects(readObject(readFileSync(pre), preName), readObject(readFileSync(post), postName), rest);
}

type FunctionStatus = UpdateDescription["functions"][number]["status"];
type DataStatus = UpdateDescription["data"][number]["status"];

/** Names of the functions with a status, sorted. */
export function functionNames(update: UpdateDescription, status: FunctionStatus): string[] {
  return update.functions
    .filter((change) => change.status === status)
    .map((change) => change.name)
    .sort();
}

/** Names of the data objects with a status, sorted; strings are told by their text elsewhere. */
export function dataNames(update: UpdateDescription, status: DataStatus): string[] {
  return update.data
    .filter((change) => change.status === status && change.kind !== "string")
    .map((change) => change.name)
    .sort();
}

export function findingCodes(update: UpdateDescription): string[] {
  return [...new Set(update.findings.map((finding) => finding.code))].sort();
}

export function rungStatus(update: UpdateDescription, rung: string): string | undefined {
  return update.verdict.rungs.find((candidate) => candidate.rung === rung)?.status;
}
