/* One side of a listing: the files of a tree by the keys by which they are paired, or a single file. */

import { type Stats, statSync } from "node:fs";
import { withSlashes } from "../../paths.ts";
import { objectName } from "../object-name.ts";
import { type InputRef, readInput, sameStored, unreadable } from "./file.ts";
import { type Kbuild, readKbuild } from "./kbuild.ts";
import { nonKernelObjects } from "./kernel-parts.ts";
import type { Member } from "./members.ts";
import { type Skipped, walkTree } from "./tree.ts";

export interface Side {
  /** As given, with `/`, without one at its end. */
  readonly root: string;
  readonly files: ReadonlyMap<string, InputRef>;
  readonly kbuild: Kbuild;
  /** By path: why an object is neither in the kernel nor in a module. */
  readonly notInKernel: ReadonlyMap<string, string>;
}

/** What a tree holds that is in no side. */
export interface LeftAside {
  isIncluded(path: string): boolean;
  skip(path: string, kind: Skipped["kind"], why: string): void;
  exclude(path: string): void;
}

const COMPRESSED_MODULE = /\.ko\.(?:gz|xz|zst)$/;
const NO_KBUILD: Kbuild = { modules: new Map(), covered: new Map(), hasObjects: false };
/** A `.mod` file lists a few paths; a larger file is not one of Kbuild's. */
const LARGEST_MOD = 1 << 20;

/** A single file, whose key is the end of the paths that both files share. */
export function readFileSide(given: string, pre: string, post: string): Side {
  const path = withSlashes(given);
  const stats = statusOfPath(given);
  const { size, mtimeMs } = stats;
  const known = { path, file: given };
  const ref: InputRef = stats.isFile() ? { ...known, size, mtimeMs } : { ...known, size: 0, pipe: true };
  const [preName, postName] = [pre, post].map((name) => withoutCompression(withSlashes(name))) as [string, string];
  return {
    root: path.slice(0, path.lastIndexOf("/") + 1) || ".",
    files: new Map([[objectName(preName, postName), ref]]),
    kbuild: NO_KBUILD,
    notInKernel: new Map(),
  };
}

/** A tree, in steps. Throws FormatError for a folder that cannot be read. */
export function* readTreeSide(given: string, aside: LeftAside): Generator<undefined, Side, undefined> {
  const root = withSlashes(given).replace(/(?<=.)\/+$/, "");
  const tree = yield* walkTree(root);
  const files = new Map<string, InputRef>();
  const mods: string[] = [];
  for (const item of tree.skipped) if (aside.isIncluded(item.path)) aside.skip(item.path, item.kind, item.why);
  for (const path of tree.paths) {
    if (path.endsWith(".mod")) mods.push(path);
    if (!aside.isIncluded(path)) {
      aside.exclude(path);
      continue;
    }
    const key = withoutCompression(path);
    // Paths are sorted: the plain module comes first.
    if (files.has(key)) aside.skip(path, "covered", `${files.get(key)?.path.slice(root.length + 1)} is there too`);
    else {
      const place = root.endsWith("/") ? root + path : `${root}/${path}`;
      files.set(key, { path: place, file: place, size: 0 });
    }
  }
  const texts = mods.map((path) => ({ path, text: readMod(`${root}/${path}`) }));
  const kbuild = readKbuild(new Set(files.keys()), texts);
  const isKnown = (path: string): boolean =>
    kbuild.modules.has(path) || kbuild.covered.has(path) || path.endsWith(".mod.o");
  return { root, files, kbuild, notInKernel: nonKernelObjects(files, root, isKnown) };
}

/** Whether a member of the archive `key` is also a file of its tree, so that it is analysed there; true without a member. */
export function isFileOf(side: Side, key: string, member: Member | undefined): boolean {
  if (member === undefined) return true;
  if (member.within !== undefined) return side.files.has(member.within);
  const folder = key.slice(0, key.lastIndexOf("/") + 1);
  const file = side.files.get(folder + (member.ref.member ?? "").replace(/~\d+$/, ""));
  if (file === undefined) return false;
  const { size, mtimeMs } = statusOfPath(file.file);
  return size === member.ref.size && sameStored({ ...file, size, mtimeMs }, member.ref);
}

export function isFolder(path: string): boolean {
  return statusOfPath(path).isDirectory();
}

/** `foo.ko.xz` holds the module `foo.ko`. */
function withoutCompression(path: string): string {
  return COMPRESSED_MODULE.test(path) ? path.slice(0, path.lastIndexOf(".")) : path;
}

function statusOfPath(path: string): Stats {
  try {
    return statSync(path);
  } catch (error) {
    throw unreadable(path, error);
  }
}

function readMod(file: string): string {
  const { size, mtimeMs } = statusOfPath(file);
  if (size > LARGEST_MOD) return "";
  return Buffer.from(readInput({ path: file, file, size, mtimeMs }) as Uint8Array).toString("utf8");
}
