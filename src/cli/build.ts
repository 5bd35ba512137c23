/*
 * All pairs of two builds. Listing them also compares their bytes, and most are done with that; the others are described by
 * threads while the listing goes on, or here, if they are few and small. Results are put in the order of their names, so it
 * does not show who made them, or when.
 */
import { createHash } from "node:crypto";
import { closeSync } from "node:fs";
import { availableParallelism } from "node:os";
import type { PairFragment } from "../contract/part.ts";
import { FormatError, UnsupportedError, UsageError } from "../errors.ts";
import type { Finding } from "../findings/findings.ts";
import { type InputRef, openDescriptor, placeOf, readUpTo } from "../input/listing/file.ts";
import { type ListingStep, type PairList, type PairOptions, type PairTask, walkPairs } from "../input/listing/pairs.ts";
import { sortByText } from "../order.ts";
import { type PairFile, sameFragment } from "../plan/pair/plain-fragment.ts";
import { reportLeftOut } from "../plan/update/left-out.ts";
import type { InstructionLines, PairResult, PairSettings } from "./describe-task.ts";
import { internalError, Pool } from "./pool.ts";
import type { Progress } from "./progress.ts";
import { isInShard, type Shard } from "./shard.ts";
import { endEarly } from "./thread.ts";

export interface BuildRequest {
  readonly selection: Pick<PairOptions, "include" | "exclude" | "targets" | "onlyTargets">;
  readonly settings: PairSettings;
  /** Threads that describe pairs, at most; undefined: one for each processor. */
  readonly jobs: number | undefined;
  readonly shard: Shard | undefined;
  readonly progress: Progress;
}

/** What is known of two builds before it is joined. */
export interface DescribedBuild {
  /** By name. */
  readonly fragments: readonly PairFragment[];
  /** By name of the object. */
  readonly instructions: ReadonlyMap<string, InstructionLines>;
  /** What was left out. */
  readonly findings: readonly Finding[];
  /** Pairs of the whole run, those of other shards too. */
  readonly pairs: number;
  /** SHA-256 over their names and targets. */
  readonly listing: string;
  readonly warnings: readonly string[];
}

/** A run that can be stopped. */
export interface Build {
  readonly done: Promise<DescribedBuild>;
  stop(): Promise<void>;
}

/** Milliseconds after which the reading lets signals and threads have their turn. */
const YIELD_INTERVAL_MS = 25;
/** Files still to be read that take longer than a thread takes to start. */
const WORTH_A_THREAD = 400;
/** Bytes that one thread may as well do alone: another one costs more time than it saves. */
const BYTES_PER_THREAD = 2_000_000;
/** Bytes that are described in the main thread: they take less than a thread takes to start, and signals do not wait long. */
const SMALL = 600_000;

/** Describes all pairs of two files, archives or trees. */
export function describeBuild(pre: string, post: string, request: BuildRequest): Build {
  const results = new Map<string, PairResult>();
  const warnings = new Set<string>();
  const state = { done: 0, of: 0, name: "" };
  const pool = new Pool(request.settings, {
    onStart: ({ key }) => {
      state.name = key;
    },
    onResult,
  });
  let isStopped = false;
  return {
    done: run().catch(async (error) => {
      await pool.close();
      throw error;
    }),
    stop: () => {
      isStopped = true;
      return pool.close();
    },
  };

  function onResult(task: PairTask, result: PairResult): void {
    results.set(task.key, result);
    if (result.warning !== undefined) warnings.add(result.warning);
    state.done++;
    if (state.of > 0) request.progress.report({ verb: "analysing", ...state });
  }

  async function run(): Promise<DescribedBuild> {
    const { list, same } = await listAndSettle(pre, post, request, pool, state);
    if (list.tasks.length === 0) throw new UsageError(nothingToCompare(pre, post, list));
    state.of = pool.submitted();
    await finish(pool, request, onResult, () => isStopped);
    pool.end();
    endEarly();
    const fragments = [...same.map(fragmentOfSame), ...[...results.values()].map(({ fragment }) => fragment)];
    const isArchKnown = fragments.some(({ object, arch }) => object.status !== "identical" && arch !== undefined);
    const complete = isArchKnown ? fragments : await withArches(fragments, same);
    return {
      fragments: sortByText(complete, ({ name }) => name),
      instructions: new Map(
        [...results.values()].flatMap(({ fragment, instructions }) =>
          instructions === undefined ? [] : [[fragment.name, instructions] as const],
        ),
      ),
      findings: reportLeftOut(list),
      pairs: list.tasks.length,
      listing: digestOf(list.tasks),
      warnings: [...warnings],
    };
  }
}

function nothingToCompare(pre: string, post: string, { others, excluded, untargeted, skipped }: PairList): string {
  const counts = [
    [others, "no objects"],
    [skipped.length, "skipped"],
    [excluded, "left out by name"],
    [untargeted, "left out by target"],
  ] as const;
  const seen = counts.flatMap(([count, what]) => (count > 0 ? [`${count} ${what}`] : []));
  const files = seen.length === 0 ? "no files" : seen.join(", ");
  return `${pre} and ${post}: there are no objects to compare (${files})`;
}

/** Lists the pairs. Equal ones are returned, the others are handed to the pool, which may begin with them at once. */
async function listAndSettle(
  pre: string,
  post: string,
  { selection, settings, shard, jobs, progress }: BuildRequest,
  pool: Pool,
  state: { name: string },
): Promise<{ list: PairList; same: PairTask[] }> {
  const same: PairTask[] = [];
  let step: ListingStep = { done: 0, of: 0 };
  const isMine = (key: string): boolean => shard === undefined || isInShard(key, shard);
  const mayStart = Math.max(1, Math.min(jobs ?? Number.POSITIVE_INFINITY, availableParallelism() - 1));
  const steps = walkPairs(pre, post, {
    ...selection,
    compareBytes: settings.mode.kind === "pair" ? false : isMine,
    onTask(task) {
      state.name = task.key;
      if (!isMine(task.key)) return;
      if (task.same && !(settings.mode.kind === "build" && settings.mode.hashes) && !isCompressed(task)) {
        same.push(task);
        return;
      }
      pool.submit(task, weightOf(task));
      const { bytes } = pool.waiting();
      if (step.of - step.done >= WORTH_A_THREAD || bytes > BYTES_PER_THREAD)
        pool.grow(Math.min(mayStart, 1 + Math.floor(bytes / BYTES_PER_THREAD)));
    },
  });
  for (let turn = performance.now(); ; ) {
    const { done, value } = steps.next();
    if (done) return { list: value, same };
    step = value;
    if (performance.now() - turn < YIELD_INTERVAL_MS) continue;
    progress.report({ verb: "comparing", done: step.done, of: step.of, name: state.name });
    await nextTurn();
    turn = performance.now();
  }
}

/** Sees what the pool has left through to its end. */
async function finish(
  pool: Pool,
  { jobs = availableParallelism(), settings }: BuildRequest,
  onResult: (task: PairTask, result: PairResult) => void,
  isStopped: () => boolean,
): Promise<void> {
  const { pairs, bytes } = pool.waiting();
  const isFew = bytes <= SMALL;
  if (!isFew) pool.grow(Math.min(jobs, pairs, 1 + Math.floor(bytes / BYTES_PER_THREAD)));
  if (isFew && (pool.threads() === 0 || pool.threads() < jobs)) {
    for (let task = pool.takeBack(); task !== undefined && !isStopped(); task = pool.takeBack()) {
      await nextTurn();
      onResult(task, await describeHere(task, settings));
    }
  }
  await pool.drained();
}

async function describeHere(task: PairTask, settings: PairSettings): Promise<PairResult> {
  const { describeTask } = await import("./describe-task.ts");
  try {
    return await describeTask(task, settings);
  } catch (error) {
    if (error instanceof FormatError || error instanceof UnsupportedError || error instanceof UsageError) throw error;
    throw internalError(task, error instanceof Error ? error : new Error(String(error)));
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function weightOf({ pre, post }: PairTask): number {
  // A compressed file is several times as large unpacked.
  const weight = (ref: InputRef | undefined): number => (ref?.size ?? 0) * (ref?.compression === undefined ? 1 : 4);
  return weight(pre) + weight(post);
}

function isCompressed({ pre, post }: PairTask): boolean {
  return pre?.compression !== undefined || post?.compression !== undefined;
}

function fragmentOfSame({ key: name, target, pre, post }: PairTask): PairFragment {
  return sameFragment({ name, target, ...(pre && { pre: fileOf(pre) }), ...(post && { post: fileOf(post) }) });
}

function fileOf({ path, member, size }: InputRef): PairFile {
  return { path, ...(member === undefined ? {} : { member }), size };
}

/** Nothing differs that has an architecture: then that of most objects counts, and each is asked for its own. */
async function withArches(fragments: readonly PairFragment[], same: readonly PairTask[]): Promise<PairFragment[]> {
  const { archOfHead } = await import("../plan/pair/identical.ts");
  const refs = new Map(same.map(({ key, pre }) => [key, pre as InputRef]));
  const complete: PairFragment[] = [];
  let turn = performance.now();
  for (const fragment of fragments) {
    const ref = refs.get(fragment.name);
    const arch = ref && archOfHead(headOf(ref));
    complete.push(arch === undefined ? fragment : { ...fragment, arch });
    if (performance.now() - turn < YIELD_INTERVAL_MS) continue;
    await nextTurn();
    turn = performance.now();
  }
  return complete;
}

/** An ELF header of either class. */
const HEAD = 64;

function headOf(ref: InputRef): Uint8Array {
  const descriptor = openDescriptor(ref.file, ref.path);
  try {
    const head = new Uint8Array(Math.min(HEAD, ref.size));
    return head.subarray(0, readUpTo(descriptor, head, ref.offset ?? 0, head.length, placeOf(ref)));
  } finally {
    closeSync(descriptor);
  }
}

function digestOf(tasks: readonly PairTask[]): string {
  const hash = createHash("sha256");
  for (const { key, target } of tasks) hash.update(`${key}\0${target}\n`);
  return hash.digest("hex");
}
