import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readSync, realpathSync, statSync } from "node:fs";
import { isAbsolute, relative, resolve, sep } from "node:path";
import type { Problem } from "../check/problem.ts";
import type { ObjectPair, UpdateDescription } from "../contract/description.ts";
import { describeSystemError, FormatError, UnsupportedError, UsageError } from "../errors.ts";
import { compressionOf } from "../input/formats/compressed.ts";
import { append } from "../lists.ts";
import { createObjectReader, type ObjectReader } from "./object-file.ts";

/** What a file is told by. */
interface Fingerprint {
  readonly sha256: string;
  readonly size: number;
}

type ObjectFile = NonNullable<ObjectPair["pre"]>;

const CHUNK = 1 << 20;

/** Objects that are not, under `root`, what the description says: missing ones, and those of another size or SHA-256. */
export async function objectProblems(update: UpdateDescription, root: string): Promise<Problem[]> {
  checkRoot(root);
  const buffer = Buffer.allocUnsafe(CHUNK);
  const reader = createObjectReader();
  const problems: Problem[] = [];
  for (const [index, { pre, post }] of update.objects.entries()) {
    append(problems, await fileProblems(pre, `$.objects[${index}].pre`, root, buffer, reader));
    append(problems, await fileProblems(post, `$.objects[${index}].post`, root, buffer, reader));
  }
  return problems;
}

function checkRoot(root: string): void {
  try {
    if (statSync(root).isDirectory()) return;
  } catch (error) {
    throw new UsageError(`--root ${root}: ${describeSystemError(error)}`);
  }
  throw new UsageError(`--root ${root}: not a directory`);
}

async function fileProblems(
  described: ObjectFile | undefined,
  path: string,
  root: string,
  buffer: Buffer,
  reader: ObjectReader,
): Promise<Problem[]> {
  if (described === undefined) return [];
  const { member, sha256, size } = described;
  const name = member === undefined ? described.path : `${described.path}(${member})`;
  const problem = (field: string, message: string): Problem[] => [
    { check: "object", path: `${path}${field}`, message: `${name}: ${message}` },
  ];
  let actual: Fingerprint;
  try {
    const file = placeBelow(root, described.path);
    actual = await fingerprint(file, member, buffer, reader);
  } catch (error) {
    if (error instanceof UnsupportedError) throw error;
    return problem(".path", error instanceof FormatError ? error.problem : describeSystemError(error));
  }
  // Of a file that is not below the root nothing is told but that it is another one.
  const found = isAbsolute(described.path) ? "another size" : `${actual.size} bytes`;
  if (actual.size !== size) return problem(".size", `${found}, described as ${size}`);
  // Identical objects of a tree are not hashed.
  return sha256 === undefined || actual.sha256 === sha256
    ? []
    : problem(".sha256", `has another SHA-256 than the one described, ${sha256}`);
}

/** Where a described file lies. A relative path stays below the root, wherever its links lead; an absolute one is taken as it is. Throws FormatError. */
function placeBelow(root: string, path: string): string {
  if (isAbsolute(path)) return realpathSync(path);
  const file = realpathSync(resolve(root, path));
  const inner = relative(realpathSync(root), file);
  if (inner === ".." || inner.startsWith(`..${sep}`) || isAbsolute(inner))
    throw new FormatError({ file: path }, "its path leads out of the folder given with --root");
  return file;
}

/** The fingerprint of an object's own bytes: a member's, and what a compressed module holds. */
async function fingerprint(
  file: string,
  member: string | undefined,
  buffer: Buffer,
  reader: ObjectReader,
): Promise<Fingerprint> {
  // A pipe would wait for a writer, a device may never end; and what a name stands for may change before it is opened.
  const descriptor = openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0));
  try {
    if (!fstatSync(descriptor).isFile()) throw new FormatError({ file }, "not a regular file");
    if (member !== undefined) return fingerprintOf(await reader.bytes(file, member));
    const hash = createHash("sha256");
    let count = readSync(descriptor, buffer);
    const isCompressed = compressionOf(buffer.subarray(0, count)) !== undefined;
    for (; count > 0; count = readSync(descriptor, buffer)) hash.update(buffer.subarray(0, count));
    const stored = { sha256: hash.digest("hex"), size: fstatSync(descriptor).size };
    return isCompressed ? await unpacked(file, stored, reader) : stored;
  } finally {
    closeSync(descriptor);
  }
}

/** What a compressed file holds; one that cannot be unpacked is described as it is. */
async function unpacked(file: string, stored: Fingerprint, reader: ObjectReader): Promise<Fingerprint> {
  try {
    return fingerprintOf(await reader.bytes(file));
  } catch (error) {
    if (error instanceof FormatError || error instanceof UnsupportedError) return stored;
    throw error;
  }
}

function fingerprintOf(bytes: Uint8Array): Fingerprint {
  return { sha256: createHash("sha256").update(bytes).digest("hex"), size: bytes.length };
}
