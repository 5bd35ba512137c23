import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import type { UpdateDescription } from "../contract/description.ts";
import type { MatchResult } from "../contract/match.ts";
import { describeSystemError, FormatError, UsageError } from "../errors.ts";
import type { MatchFinding } from "../findings/match.ts";
import { objectName } from "../input/object-name.ts";
import { matchSubject, type Subject } from "../match/subject.ts";
import { createObjectReader, loadObjectOf } from "./object-file.ts";

/** The target of an update that has only one. */
export function onlyTarget({ changes }: UpdateDescription): string | undefined {
  if (changes.length > 1)
    throw new UsageError(
      `the update changes ${changes.map(({ target }) => target).join(", ")}: say with --target which of them the image is`,
    );
  return changes[0]?.target;
}

/** What an update does to one of its targets; an image is one of them. What an update with only one calls it does not matter. */
export function partOf(update: UpdateDescription, target: string): UpdateDescription {
  if (update.changes.length < 2) return update;
  const changes = update.changes.filter((change) => change.target === target);
  if (changes.length === 0)
    throw new UsageError(
      `--target ${target}: the update changes only ${update.changes.map((change) => change.target).join(", ")}`,
    );
  return { ...update, changes, objects: update.objects.filter((object) => object.target === target) };
}

/** The pre objects that an update was made from, those that are the same in post left out; one that has changed since is reported. */
export async function subjectsOfUpdate(update: UpdateDescription, findings: MatchFinding[]): Promise<Subject[]> {
  const reader = createObjectReader();
  const subjects: Subject[] = [];
  const differing = update.objects.filter(({ status }) => status !== "identical");
  for (const { name, pre, post } of differing.length > 0 ? differing : update.objects) {
    if (pre === undefined) continue;
    requireRegular(pre.path);
    const object = await loadObjectOf(reader, pre.path, pre.member);
    const sha256 = createHash("sha256").update(object.bytes).digest("hex");
    if (pre.sha256 !== undefined && sha256 !== pre.sha256)
      findings.push({ code: "object-changed", label: pre.path, detail: `its SHA-256 is not ${pre.sha256}` });
    subjects.push(matchSubject(object, name ?? objectName(pre.path, post?.path ?? pre.path)));
  }
  return subjects;
}

/** System errors of files that are read bit by bit, in words. */
export function onFiles(work: () => MatchResult): MatchResult {
  try {
    return work();
  } catch (error) {
    const { path, syscall } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    throw new FormatError({ file: path }, `cannot be read: ${describeSystemError(error)}`);
  }
}

/** A document may name anything: a pipe would be waited for, a device read for ever. */
function requireRegular(file: string): void {
  if (statSync(file, { throwIfNoEntry: false })?.isFile() === false)
    throw new FormatError({ file }, "not a regular file, as an object of a description has to be");
}
