/*
 * From two inputs (files, archives or trees) to the list of pairs. A file is opened once: the read that tells what it is also
 * compares it with its twin, because a tree of which a few files differ is mostly reading.
 */

import { UsageError } from "../../errors.ts";
import { type NameTest, pathTestOf } from "../../glob.ts";
import { sortByText, sortedUnion } from "../../order.ts";
import { isCompression } from "../kind.ts";
import { moduleNameOfPath, readTargetRules, type TargetRule, VMLINUX } from "../target.ts";
import { requireAlignment } from "./alignment.ts";
import { type ArchiveOrder, compareOrder } from "./archive-order.ts";
import {
  decide,
  type Inputs,
  isAnalysable,
  isArchive,
  REFUSED,
  whyFileRefused,
  whyMemberRefused,
  withSides,
} from "./decision.ts";
import type { InputRef } from "./file.ts";
import { type Member, readMembers } from "./members.ts";
import { pairMembersOf } from "./namesakes.ts";
import { createProbe, type ProbedFile, type ProbedPair } from "./probe.ts";
import { isFileOf, isFolder, readFileSide, readTreeSide, type Side } from "./sides.ts";
import type { Skipped } from "./tree.ts";

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
  /** Whether both sides hold the same bytes, where that is known already. */
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
  readonly compareBytes?: boolean | ((key: string) => boolean);
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
  /** Archives whose members stand in another order, so far as a linker heeds it. */
  readonly orders: readonly ArchiveOrder[];
}

const OBJECT_NAME = /\.(?:o|ko|a)$/;

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
  const rules = new Rules(options);
  const [isPreTree, isPostTree] = [isFolder(pre), isFolder(post)];
  if (isPreTree !== isPostTree) {
    throw new UsageError(`${isPreTree ? pre : post} is a folder, ${isPreTree ? post : pre} is not`);
  }
  const found = new Found(options.onTask);
  const sides = isPreTree
    ? yield* readTrees(pre, post, rules, found)
    : ([readFileSide(pre, pre, post), readFileSide(post, pre, post)] as const);
  // From here on every file of both sides has its key.
  return yield* new Listing([pre, post], sides, isPreTree, rules, found).walk();
}

/** What the options say, ready to be asked. */
class Rules {
  readonly isIncluded: NameTest;
  readonly isExcluded: NameTest;
  readonly comparesBytes: (key: string) => boolean;
  readonly targets: readonly TargetRule[];
  readonly #onlyTargets: ReadonlySet<string> | undefined;

  constructor({ include, exclude, targets, onlyTargets, compareBytes = true }: PairOptions) {
    this.targets = readTargetRules(targets ?? []);
    this.isIncluded = include?.length ? pathTestOf(include) : () => true;
    this.isExcluded = pathTestOf(exclude ?? []);
    this.#onlyTargets = onlyTargets?.length ? new Set(onlyTargets) : undefined;
    this.comparesBytes = typeof compareBytes === "function" ? compareBytes : () => compareBytes;
  }

  isWanted(target: string): boolean {
    return this.#onlyTargets === undefined || this.#onlyTargets.has(target);
  }
}

/** What a listing has found so far. */
class Found {
  readonly #tasks: PairTask[] = [];
  readonly #skipped = new Map<string, Skipped>();
  readonly #excluded = new Set<string>();
  readonly #onTask: PairOptions["onTask"];
  others = 0;
  untargeted = 0;
  readonly orders: ArchiveOrder[] = [];

  constructor(onTask: PairOptions["onTask"]) {
    this.#onTask = onTask;
  }

  add(task: PairTask): void {
    this.#tasks.push(task);
    this.#onTask?.(task);
  }

  /** The first reason stays. */
  skip(path: string, kind: Skipped["kind"], why: string): void {
    if (!this.#skipped.has(path)) this.#skipped.set(path, { path, kind, why });
  }

  isSkipped(path: string): boolean {
    return this.#skipped.has(path);
  }

  exclude(path: string): void {
    this.#excluded.add(path);
  }

  list(): PairList {
    return {
      tasks: sortByText(this.#tasks, ({ key }) => key),
      skipped: sortByText([...this.#skipped.values()], ({ path }) => path),
      others: this.others,
      untargeted: this.untargeted,
      excluded: this.#excluded.size,
      orders: this.orders,
    };
  }
}

/** Both trees. Throws UsageError where they have next to nothing in common. */
function* readTrees(
  pre: string,
  post: string,
  { isIncluded, isExcluded }: Rules,
  found: Found,
): Generator<ListingStep, readonly [Side, Side], undefined> {
  const aside = {
    isIncluded,
    skip: found.skip.bind(found),
    exclude: found.exclude.bind(found),
  };
  const nothing = { done: 0, of: 0 };
  const a = yield* inSteps(readTreeSide(pre, aside), nothing);
  const b = yield* inSteps(readTreeSide(post, aside), nothing);
  const [prePaths, postPaths] = [a, b].map(({ files }) => [...files.keys()].filter((key) => !isExcluded(key))) as [
    string[],
    string[],
  ];
  const isNamed = [prePaths, postPaths].every((paths) => paths.some((path) => OBJECT_NAME.test(path)));
  const objectsOf = (paths: string[]) => (isNamed ? paths.filter((path) => OBJECT_NAME.test(path)) : paths);
  requireAlignment(pre, post, objectsOf(prePaths), objectsOf(postPaths));
  return [a, b];
}

/** Work whose pauses are told as one step. */
function* inSteps<T>(
  work: Generator<undefined, T, undefined>,
  step: ListingStep,
): Generator<ListingStep, T, undefined> {
  let state = work.next();
  for (; !state.done; state = work.next()) yield step;
  return state.value;
}

/** Goes through the keys of two sides. */
class Listing {
  readonly #given: readonly [pre: string, post: string];
  readonly #pre: Side;
  readonly #post: Side;
  readonly #isTree: boolean;
  readonly #rules: Rules;
  readonly #found: Found;
  readonly #files = createProbe();
  readonly #step = { done: 0, of: 0 };

  constructor(
    given: readonly [pre: string, post: string],
    [pre, post]: readonly [Side, Side],
    isTree: boolean,
    rules: Rules,
    found: Found,
  ) {
    this.#given = given;
    this.#pre = pre;
    this.#post = post;
    this.#isTree = isTree;
    this.#rules = rules;
    this.#found = found;
  }

  *walk(): Generator<ListingStep, PairList, undefined> {
    try {
      const keys = sortedUnion(this.#pre.files, this.#post.files);
      this.#step.of = keys.length;
      for (const key of keys) {
        if (this.#isTree && this.#rules.isExcluded(key)) this.#found.exclude(key);
        else yield* this.#pairFiles(key, { pre: this.#pre.files.get(key), post: this.#post.files.get(key) });
        this.#step.done++;
        yield this.#step;
      }
    } finally {
      this.#files.close();
    }
    return this.#found.list();
  }

  *#pairFiles(key: string, files: Inputs): Generator<ListingStep, void, undefined> {
    if (this.#isLeftOut(key, files, "covered", (side) => side.kbuild.covered.get(key))) return;
    if (this.#isLeftOut(key, files, "not-in-kernel", (side) => side.notInKernel.get(key))) return;
    const seen = yield* this.#probe(files, this.#rules.comparesBytes(key));
    const [isPreArchive, isPostArchive] = [isArchive(seen.pre?.kind), isArchive(seen.post?.kind)];
    if (!this.#isTree && isPreArchive !== isPostArchive)
      throw new UsageError(`${this.#given[isPreArchive ? 0 : 1]} is an archive, the other file is not`);
    if (isPreArchive || isPostArchive) yield* this.#pairMembers(key, seen);
    const inputs = { pre: this.#pick(key, seen.pre), post: this.#pick(key, seen.post) };
    const decision = decide(inputs, {
      pre: inputs.pre === undefined ? whyFileRefused(seen.pre) : undefined,
      post: inputs.post === undefined ? whyFileRefused(seen.post) : undefined,
    });
    if (decision.kind === "analyse") this.#add(key, key, decision.inputs, decision.refused, seen.same);
    if (decision.kind !== "refuse" || this.#found.isSkipped(key)) return;
    const isBitcode = seen.pre?.kind === "bitcode" || seen.post?.kind === "bitcode";
    const isNamed = isBitcode || isPreArchive || isPostArchive || OBJECT_NAME.test(key);
    const isSame = yield* this.#holdSameBytes(seen, files);
    this.#refuse(key, isNamed && !isSame ? withSides(decision.why, files) : decision.why, { isSame, isNamed });
  }

  *#pairMembers(key: string, files: ProbedPair): Generator<ListingStep, void, undefined> {
    const { isExcluded, isIncluded, comparesBytes } = this.#rules;
    let covered = 0;
    const [before, after] = [membersOf(files.pre, this.#pre), membersOf(files.post, this.#post)];
    const pairs = pairMembersOf(before, after);
    // Of the kernel's archives a linker takes all members.
    const isKernel = this.#pre.kbuild.hasObjects || this.#post.kbuild.hasObjects;
    const order = compareOrder(key, before, after, pairs, !isKernel);
    if (order !== undefined && before.length > 0 && after.length > 0) this.#found.orders.push(order);
    for (const { name, pre, post } of sortByText(pairs, ({ name }) => name)) {
      yield this.#step;
      const memberKey = `${key}(${name})`;
      if (isExcluded(memberKey) || isExcluded(name) || !(this.#isTree || isIncluded(memberKey) || isIncluded(name))) {
        this.#found.exclude(memberKey);
        continue;
      }
      if (this.#isTree && isFileOf(this.#pre, key, pre) && isFileOf(this.#post, key, post)) {
        covered++;
        continue;
      }
      const members = { pre: pre?.ref, post: post?.ref };
      const seen = yield* this.#probe(members, comparesBytes(memberKey));
      const inputs = { pre: analysable(seen.pre), post: analysable(seen.post) };
      const decision = decide(inputs, { pre: whyMemberRefused(seen.pre), post: whyMemberRefused(seen.post) });
      if (decision.kind === "analyse") this.#add(memberKey, key, decision.inputs, decision.refused, seen.same);
      if (decision.kind !== "refuse") continue;
      const isSame = yield* this.#holdSameBytes(seen, members);
      const isNamed = !isSame || !this.#isTree || OBJECT_NAME.test(name);
      this.#refuse(memberKey, isSame ? decision.why : withSides(decision.why, members), { isSame, isNamed });
    }
    if (covered > 0) this.#found.skip(key, "covered", `${covered} of its members are files of the tree`);
  }

  /** Lists a pair of which both sides say why they are left out; an absent side agrees. */
  #isLeftOut(
    key: string,
    { pre, post }: Inputs,
    kind: Skipped["kind"],
    why: (side: Side) => string | undefined,
  ): boolean {
    const [left, right] = [pre && why(this.#pre), post && why(this.#post)];
    const reason = left ?? right;
    const isAnalysed = (pre !== undefined && left === undefined) || (post !== undefined && right === undefined);
    if (isAnalysed || reason === undefined) return false;
    this.#found.skip(key, kind, reason);
    return true;
  }

  #refuse(key: string, why: string, { isSame, isNamed }: { isSame: boolean; isNamed: boolean }): void {
    const kind = REFUSED[isSame ? "same" : "differs"][isNamed ? "named" : "unnamed"];
    if (kind === "count") this.#found.others++;
    else this.#found.skip(key, kind, why);
  }

  /** Whether two files that are not analysed are the same: asked for all of them, also where other shards compare the pair. */
  *#holdSameBytes(seen: ProbedPair, inputs: Inputs): Generator<ListingStep, boolean, undefined> {
    if (inputs.pre === undefined || inputs.post === undefined) return false;
    return seen.same ?? (yield* this.#probe(inputs, true)).same ?? false;
  }

  *#probe({ pre, post }: Inputs, comparesBytes: boolean): Generator<ListingStep, ProbedPair, undefined> {
    return yield* inSteps(this.#files.probe(pre, post, comparesBytes), this.#step);
  }

  /** The input, unless it is nothing to analyse. */
  #pick(key: string, seen: ProbedFile | undefined): InputRef | undefined {
    if (seen === undefined || isArchive(seen.kind)) return undefined;
    if (!this.#isTree || seen.kind === "object" || (isCompression(seen.kind) && key.endsWith(".ko"))) return seen.ref;
    if (seen.kind !== "image") return undefined;
    if (!this.#pre.kbuild.hasObjects && !this.#post.kbuild.hasObjects) return seen.ref;
    this.#found.skip(key, "covered", "a linked image; the objects of the tree are analysed");
    return undefined;
  }

  /** `path` is the key without the member, `refused` says why one of the sides is not analysed. */
  #add(key: string, path: string, { pre, post }: Inputs, refused: string | undefined, same: boolean | undefined): void {
    if (refused !== undefined) this.#found.skip(key, "differs", `${refused}, on one side only`);
    const names = this.#post.kbuild.modules.get(path) ?? this.#pre.kbuild.modules.get(path) ?? [];
    const rule = this.#rules.targets.find(({ matches }) => matches(path) || matches(key));
    const byName = moduleNameOfPath(path);
    const target = rule?.name ?? names[0] ?? byName ?? VMLINUX;
    if (!this.#rules.isWanted(target)) {
      this.#found.untargeted++;
      return;
    }
    this.#found.add({
      key,
      ...(pre && { pre }),
      ...(post && { post }),
      target,
      targetFrom: rule ? "option" : names.length > 0 ? "kbuild" : byName ? "name" : "default",
      ...(rule === undefined && names.length > 1 && { alsoIn: names.slice(1) }),
      ...(pre && post && same !== undefined && { same }),
    });
  }
}

function membersOf(file: ProbedFile | undefined, { root }: Side): readonly Member[] {
  return file === undefined || !isArchive(file.kind) ? [] : readMembers(file.ref, root);
}

function analysable(file: ProbedFile | undefined): InputRef | undefined {
  return isAnalysable(file?.kind) ? file?.ref : undefined;
}
