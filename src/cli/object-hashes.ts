import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { describeSystemError, UnsupportedError, UsageError } from "../errors.ts";
import type { ObjectPair, UpdateDescription } from "../plan/description.ts";
import type { Problem } from "../plan/problem.ts";

/** What a file is told by. */
interface Fingerprint {
  readonly sha256: string;
  readonly size: number;
}

type ObjectFile = NonNullable<ObjectPair["pre"]>;
/** Reads the fingerprint of an archive's member. */
type ReadMember = (file: string, member: string) => Fingerprint;

const CHUNK = 1 << 20;

/** Objects that are not, under `root`, what the description says: missing ones, and those of another size or SHA-256. */
export function objectProblems(update: UpdateDescription, root: string, readMember: ReadMember = refuse): Problem[] {
  checkRoot(root);
  const buffer = Buffer.allocUnsafe(CHUNK);
  return update.objects.flatMap(({ pre, post }, index) => [
    ...fileProblems(pre, `$.objects[${index}].pre`, root, buffer, readMember),
    ...fileProblems(post, `$.objects[${index}].post`, root, buffer, readMember),
  ]);
}

function checkRoot(root: string): void {
  try {
    if (statSync(root).isDirectory()) return;
  } catch (error) {
    throw new UsageError(`--root ${root}: ${describeSystemError(error)}`);
  }
  throw new UsageError(`--root ${root}: not a directory`);
}

function fileProblems(
  described: ObjectFile | undefined,
  path: string,
  root: string,
  buffer: Buffer,
  readMember: ReadMember,
): Problem[] {
  if (described === undefined) return [];
  const { member, sha256, size } = described;
  const name = member === undefined ? described.path : `${described.path}(${member})`;
  const problem = (field: string, message: string): Problem[] => [
    { check: "object", path: `${path}${field}`, message: `${name}: ${message}` },
  ];
  const file = resolve(root, described.path);
  let actual: Fingerprint;
  try {
    actual = member === undefined ? fingerprint(file, buffer) : readMember(file, member);
  } catch (error) {
    if (error instanceof UnsupportedError) throw error;
    return problem(".path", describeSystemError(error));
  }
  if (actual.size !== size) return problem(".size", `${actual.size} bytes, described as ${size}`);
  // Identical objects of a tree are not hashed.
  return sha256 === undefined || actual.sha256 === sha256
    ? []
    : problem(".sha256", `has SHA-256 ${actual.sha256}, described as ${sha256}`);
}

function fingerprint(file: string, buffer: Buffer): Fingerprint {
  // A pipe would wait for a writer, a device may never end.
  if (!statSync(file).isFile()) throw new Error("not a regular file");
  const descriptor = openSync(file, "r");
  try {
    const hash = createHash("sha256");
    for (let count = readSync(descriptor, buffer); count > 0; count = readSync(descriptor, buffer))
      hash.update(buffer.subarray(0, count));
    return { sha256: hash.digest("hex"), size: fstatSync(descriptor).size };
  } finally {
    closeSync(descriptor);
  }
}

function refuse(file: string, member: string): never {
  throw new UnsupportedError({ file, member }, "members of archives cannot be checked against --root yet");
}
