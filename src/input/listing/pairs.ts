/*
 * From two inputs (files, archives or trees) to the list of pairs. A file is opened once: the read that tells what it is also
 * compares it with its twin, because a tree of which a few files differ is mostly reading.
 */

import { type Stats, statSync } from "node:fs";
import { UsageError } from "../../errors.ts";
import { pathTestOf } from "../../glob.ts";
import { sortByText, sortedUnion } from "../../order.ts";
import { withSlashes } from "../../paths.ts";
import { isCompression, type Kind } from "../kind.ts";
import { objectName } from "../object-name.ts";
import { moduleNameOfPath, readTargetRules, VMLINUX } from "../target.ts";
import { requireAlignment } from "./alignment.ts";
import { type InputRef, readInput, sameStored, unreadable } from "./file.ts";
import { type Kbuild, readKbuild } from "./kbuild.ts";
import { nonKernelObjects } from "./kernel-parts.ts";
import { createProbe, type ProbedFile, type ProbedPair } from "./look.ts";
import { type Member, readMembers } from "./members.ts";
import { pairMembersOf } from "./namesakes.ts";
import { type Skipped, walkTree } from "./tree.ts";

/** Two inputs that belong together; one of them is missing where an object was added or removed. Structured-cloneable. */
export interface PairTask {
  /** Path inside the tree and `(member)`, without the ending of a compressed module: pairs are sorted and shared out by it. */
  readonly key: string;
  readonly pre?: InputRef;
  readonly post?: InputRef;
  readonly target: string;
  /** Who said so; after `default` the object itself may still say otherwise: see moduleNameOf(). */
  readonly targetFrom: "option" | "kbuild" | "name" | "default";
  /** Other modules that the same object is linked into. */
  readonly alsoIn?: readonly string[];
  /** Whether both sides hold the same bytes, where that is settled already. */
  readonly same?: boolean;
}

export interface PairOptions {
  /** Globs; with any, nothing else is looked at. */
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  /** `PATTERN=NAME`, the first that matches counts. */
  readonly targets?: readonly string[];
  readonly onlyTargets?: readonly string[];
  /** Compare the bytes of these pairs while listing; by default of all. */
  readonly settle?: boolean | ((key: string) => boolean);
  /** Is told each pair as soon as it is known, in the order in which the files are read. */
  readonly onTask?: (task: PairTask) => void;
}

/** How far a listing is: files of the trees that were looked at, and how many there are; both 0 while folders are read. */
export interface ListingStep {
  readonly done: number;
  readonly of: number;
}

export interface PairList {
  /** By key, in the order of code points. */
  readonly tasks: readonly PairTask[];
  readonly skipped: readonly Skipped[];
  /** Files of the trees that are not objects, files that the globs left out, and pairs of targets that were not asked for. */
  readonly others: number;
  readonly excluded: number;
  readonly untargeted: number;
}

/** One side: its files by key. */
interface Side {
  /** As given, with `/`, without one at its end. */
  readonly root: string;
  readonly files: ReadonlyMap<string, InputRef>;
  readonly kbuild: Kbuild;
  /** By path: why an object is neither in the kernel nor in a module. */
  readonly strangers: ReadonlyMap<string, string>;
}

const COMPRESSED_MODULE = /\.ko\.(?:gz|xz|zst)$/;
const OBJECT_NAME = /\.(?:o|ko|a)$/;
const NO_KBUILD: Kbuild = { modules: new Map(), covered: new Map(), hasObjects: false };
/** A `.mod` file lists a few paths; what is larger is none. */
const LARGEST_MOD = 1 << 20;

/**
 * Lists the pairs of two files, two archives or two folders. In a folder, a file that is not an object is counted, and an object whose
 * code other files hold is skipped; of two files, one that is not an object is left to its reader. Throws FormatError for
 * what cannot be read, UsageError for inputs of different kinds and for wrong patterns.
 */
export function listPairs(pre: string, post: string, options: PairOptions = {}): PairList {
  const steps = walkPairs(pre, post, options);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** Like listPairs(), in steps of a few milliseconds, so that the caller can listen to signals in between. */
export function* walkPairs(
  pre: string,
  post: string,
  options: PairOptions = {},
): Generator<ListingStep, PairList, undefined> {
  const rules = readTargetRules(options.targets ?? []);
  const isIncluded = options.include?.length ? pathTestOf(options.include) : () => true;
  const isExcluded = pathTestOf(options.exclude ?? []);
  const wanted = options.onlyTargets?.length ? new Set(options.onlyTargets) : undefined;
  const { settle = true } = options;
  const isSettled = typeof settle === "function" ? settle : () => settle;
  const tasks: PairTask[] = [];
  const skipped = new Map<string, Skipped>();
  const excluded = new Set<string>();
  const counts = { others: 0, untargeted: 0 };
  const skip = (path: string, kind: Skipped["kind"], why: string): void => {
    if (!skipped.has(path)) skipped.set(path, { path, kind, why });
  };

  const [isPreTree, isPostTree] = [isFolder(pre), isFolder(post)];
  if (isPreTree !== isPostTree) {
    throw new UsageError(`${isPreTree ? pre : post} is a folder, ${isPreTree ? post : pre} is not`);
  }
  const isTree = isPreTree;
  const a = isTree ? yield* readSide(pre) : fileSide(pre);
  const b = isTree ? yield* readSide(post) : fileSide(post);
  if (isTree) {
    const [prePaths, postPaths] = [a, b].map(({ files }) => [...files.keys()].filter((key) => !isExcluded(key))) as [
      string[],
      string[],
    ];
    const isNamed = [prePaths, postPaths].every((paths) => paths.some((path) => OBJECT_NAME.test(path)));
    const objectsOf = (paths: string[]) => (isNamed ? paths.filter((path) => OBJECT_NAME.test(path)) : paths);
    requireAlignment(pre, post, objectsOf(prePaths), objectsOf(postPaths));
  }
  const looker = createProbe();
  const step = { done: 0, of: 0 };
  try {
    const keys = sortedUnion(a.files, b.files);
    step.of = keys.length;
    for (const key of keys) {
      if (isTree && isExcluded(key)) excluded.add(key);
      else yield* pairFiles(key, a.files.get(key), b.files.get(key));
      step.done++;
      yield step;
    }
  } finally {
    looker.close();
  }
  return {
    tasks: sortByText(tasks, ({ key }) => key),
    skipped: sortByText([...skipped.values()], ({ path }) => path),
    ...counts,
    excluded: excluded.size,
  };

  function fileSide(given: string): Side {
    const path = withSlashes(given);
    const stats = statusOfPath(given);
    const { size, mtimeMs } = stats;
    const known = { path, file: given };
    const ref: InputRef = stats.isFile() ? { ...known, size, mtimeMs } : { ...known, size: 0, pipe: true };
    const [preName, postName] = [pre, post].map((name) => withoutCompression(withSlashes(name))) as [string, string];
    const key = objectName(preName, postName);
    return {
      root: path.slice(0, path.lastIndexOf("/") + 1) || ".",
      files: new Map([[key, ref]]),
      kbuild: NO_KBUILD,
      strangers: new Map(),
    };
  }

  function* readSide(given: string): Generator<ListingStep, Side, undefined> {
    const root = withSlashes(given).replace(/(?<=.)\/+$/, "");
    const reading = walkTree(root);
    let read = reading.next();
    for (; !read.done; read = reading.next()) yield { done: 0, of: 0 };
    const tree = read.value;
    const files = new Map<string, InputRef>();
    const mods: string[] = [];
    for (const item of tree.skipped) if (isIncluded(item.path)) skip(item.path, item.kind, item.why);
    for (const path of tree.paths) {
      if (path.endsWith(".mod")) mods.push(path);
      if (!isIncluded(path)) {
        excluded.add(path);
        continue;
      }
      const key = withoutCompression(path);
      // Paths are sorted: the plain module comes first.
      if (files.has(key)) skip(path, "covered", `${files.get(key)?.path.slice(root.length + 1)} is there too`);
      else {
        const place = root.endsWith("/") ? root + path : `${root}/${path}`;
        files.set(key, { path: place, file: place, size: 0 });
      }
    }
    const texts = mods.map((path) => ({ path, text: readMod(`${root}/${path}`) }));
    const kbuild = readKbuild(new Set(files.keys()), texts);
    const isKnown = (path: string): boolean =>
      kbuild.modules.has(path) || kbuild.covered.has(path) || path.endsWith(".mod.o");
    const strangers = nonKernelObjects(files, root, isKnown);
    return { root, files, kbuild, strangers };
  }

  function* pairFiles(
    key: string,
    preFile: InputRef | undefined,
    postFile: InputRef | undefined,
  ): Generator<ListingStep, void, undefined> {
    const whyCovered = coveredOnBoth(preFile, postFile, (side) => side.kbuild.covered.get(key));
    if (whyCovered !== undefined) {
      skip(key, "covered", whyCovered);
      return;
    }
    const whyStrange = coveredOnBoth(preFile, postFile, (side) => side.strangers.get(key));
    if (whyStrange !== undefined) {
      skip(key, "stranger", whyStrange);
      return;
    }
    const seen = yield* look(preFile, postFile, isSettled(key));
    if (!isTree && isArchive(seen.pre?.kind) !== isArchive(seen.post?.kind)) {
      throw new UsageError(`${isArchive(seen.pre?.kind) ? pre : post} is an archive, the other file is not`);
    }
    if (isArchive(seen.pre?.kind) || isArchive(seen.post?.kind)) yield* pairMembers(key, seen.pre, seen.post);
    const [left, right] = [pick(key, seen.pre), pick(key, seen.post)];
    const [whyPre, whyPost] = [left ? undefined : whyRefused(seen.pre), right ? undefined : whyRefused(seen.post)];
    const why = whyPost ?? whyPre;
    if (left !== undefined || right !== undefined) {
      if (why !== undefined) skip(key, "differs", `${why}, on one side only`);
      addTask(key, key, left, right, seen.same);
    } else if (why !== undefined && !skipped.has(key)) {
      const isSame = yield* holdSameBytes(seen, preFile, postFile);
      const isNamed =
        isBitcode(seen) || isArchive(seen.pre?.kind) || isArchive(seen.post?.kind) || OBJECT_NAME.test(key);
      if (isNamed) skip(key, isSame ? "no-object" : "differs", isSame ? why : withSides(why, preFile, postFile));
      else if (isSame) counts.others++;
      else skip(key, "other", why);
    }
  }

  /** Whether two files that are not analysed are the same: asked for all of them, also where other shards compare the pair. */
  function* holdSameBytes(
    seen: ProbedPair,
    preFile: InputRef | undefined,
    postFile: InputRef | undefined,
  ): Generator<ListingStep, boolean, undefined> {
    if (preFile === undefined || postFile === undefined) return false;
    return seen.same ?? (yield* look(preFile, postFile, true)).same ?? false;
  }

  function* look(
    preFile: InputRef | undefined,
    postFile: InputRef | undefined,
    settle: boolean,
  ): Generator<ListingStep, ProbedPair, undefined> {
    const looking = looker.look(preFile, postFile, settle);
    let seen = looking.next();
    for (; !seen.done; seen = looking.next()) yield step;
    return seen.value;
  }

  /** The input, unless what was seen is nothing to analyse. */
  function pick(key: string, seen: ProbedFile | undefined): InputRef | undefined {
    if (seen === undefined || isArchive(seen.kind)) return undefined;
    if (!isTree || seen.kind === "object" || (isCompression(seen.kind) && key.endsWith(".ko"))) return seen.ref;
    if (seen.kind === "image") {
      if (!a.kbuild.hasObjects && !b.kbuild.hasObjects) return seen.ref;
      skip(key, "covered", "a linked image; the objects of the tree are analysed");
    }
    return undefined;
  }

  function* pairMembers(
    key: string,
    preFile: ProbedFile | undefined,
    postFile: ProbedFile | undefined,
  ): Generator<ListingStep, void, undefined> {
    const [before, after] = [preFile, postFile].map((looked, index): readonly Member[] =>
      looked === undefined || !isArchive(looked.kind) ? [] : readMembers(looked.ref, (index === 0 ? a : b).root),
    ) as [readonly Member[], readonly Member[]];
    let covered = 0;
    const pairs = pairMembersOf(before, after);
    for (const { name, pre: left, post: right } of sortByText(pairs, ({ name }) => name)) {
      yield step;
      const memberKey = `${key}(${name})`;
      if (isExcluded(memberKey) || isExcluded(name) || (!isTree && !isIncluded(memberKey) && !isIncluded(name))) {
        excluded.add(memberKey);
        continue;
      }
      if (isTree && isFileOf(a, key, left) && isFileOf(b, key, right)) {
        covered++;
        continue;
      }
      const seen = yield* look(left?.ref, right?.ref, isSettled(memberKey));
      const kept = [seen.pre, seen.post].map((looked) => (isAnalysable(looked?.kind) ? looked?.ref : undefined));
      const whys = [seen.pre, seen.post].map((looked, index) => (kept[index] ? undefined : whyRefused(looked, true)));
      const why = whys[1] ?? whys[0];
      if (kept[0] !== undefined || kept[1] !== undefined) {
        if (why !== undefined) skip(memberKey, "differs", `${why}, on one side only`);
        addTask(memberKey, key, kept[0], kept[1], seen.same);
      } else if (why !== undefined) {
        const isSame = yield* holdSameBytes(seen, left?.ref, right?.ref);
        if (!isSame) skip(memberKey, "differs", withSides(why, left?.ref, right?.ref));
        else if (isTree && !OBJECT_NAME.test(name)) counts.others++;
        else skip(memberKey, "no-object", why);
      }
    }
    if (covered > 0) skip(key, "covered", `${covered} of its members are files of the tree`);
  }

  /** Whether a member of the archive `key` is also a file of its tree, so that it is analysed there; nothing is. */
  function isFileOf(side: Side, key: string, member: Member | undefined): boolean {
    if (member === undefined) return true;
    if (member.within !== undefined) return side.files.has(member.within);
    const folder = key.slice(0, key.lastIndexOf("/") + 1);
    const file = side.files.get(folder + (member.ref.member ?? "").replace(/~\d+$/, ""));
    if (file === undefined) return false;
    const { size, mtimeMs } = statusOfPath(file.file);
    return size === member.ref.size && sameStored({ ...file, size, mtimeMs }, member.ref);
  }

  function coveredOnBoth(
    preFile: InputRef | undefined,
    postFile: InputRef | undefined,
    why: (side: Side) => string | undefined,
  ): string | undefined {
    const [left, right] = [preFile && why(a), postFile && why(b)];
    const isAnalysed = (preFile !== undefined && left === undefined) || (postFile !== undefined && right === undefined);
    return isAnalysed ? undefined : (left ?? right);
  }

  /** `path` is the key without the member. */
  function addTask(
    key: string,
    path: string,
    left: InputRef | undefined,
    right: InputRef | undefined,
    same: boolean | undefined,
  ): void {
    const names = b.kbuild.modules.get(path) ?? a.kbuild.modules.get(path) ?? [];
    const rule = rules.find(({ matches }) => matches(path) || matches(key));
    const byName = moduleNameOfPath(path);
    const target = rule?.name ?? names[0] ?? byName ?? VMLINUX;
    if (wanted !== undefined && !wanted.has(target)) {
      counts.untargeted++;
      return;
    }
    const task: PairTask = {
      key,
      ...(left && { pre: left }),
      ...(right && { post: right }),
      target,
      targetFrom: rule ? "option" : names.length > 0 ? "kbuild" : byName ? "name" : "default",
      ...(rule === undefined && names.length > 1 && { alsoIn: names.slice(1) }),
      ...(left && right && same !== undefined && { same }),
    };
    tasks.push(task);
    options.onTask?.(task);
  }
}

/** `foo.ko.xz` holds the module `foo.ko`. */
function withoutCompression(path: string): string {
  return COMPRESSED_MODULE.test(path) ? path.slice(0, path.lastIndexOf(".")) : path;
}

function isArchive(kind: Kind | undefined): boolean {
  return kind === "archive" || kind === "thin";
}

/** Whether a member is an object: members have no names to go by. */
function isAnalysable(kind: Kind | undefined): boolean {
  return kind === "object" || kind === "image";
}

function isBitcode({ pre, post }: ProbedPair): boolean {
  return pre?.kind === "bitcode" || post?.kind === "bitcode";
}

/** Why an input is not analysed; undefined for what is, and for archives, whose members are. */
function whyRefused(seen: ProbedFile | undefined, isMember = false): string | undefined {
  if (seen === undefined || isAnalysable(seen.kind)) return undefined;
  if (isArchive(seen.kind)) return isMember ? "an archive in an archive" : undefined;
  if (seen.kind === "bitcode") return "LLVM bitcode, not machine code";
  return seen.ref.size === 0 ? "an empty file" : "not an ELF file";
}

function withSides(why: string, pre: InputRef | undefined, post: InputRef | undefined): string {
  return pre === undefined ? `${why}, and new` : post === undefined ? `${why}, and gone` : why;
}

function isFolder(path: string): boolean {
  return statusOfPath(path).isDirectory();
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
