import { mkdirSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { FormatError, UnsupportedError, UsageError } from "../../src/errors.ts";
import { join } from "../support/paths.ts";
import { type FuzzClass, fuzzClasses } from "./classes.ts";
import { randomOf } from "./random.ts";

/*
 * Feeds damaged files to the code, without a process for each.
 *
 *   npm run fuzz -- --seconds 60 --seed 1 [--class diff] [--keep FOLDER]
 *   npm run fuzz -- --seed 1 --class diff --only 4711 --keep FOLDER      one case again, with its files
 *
 * A case is told by seed, class and number. Whatever comes, there is an answer or one of the three errors, in time that follows
 * the size; what is written is sound; a file is the same as itself; and the same files give the same bytes.
 */

interface Job {
  readonly seed: number;
  readonly names: readonly string[];
  readonly until: number;
  readonly first: number;
  readonly only: number | undefined;
  readonly keep: string | undefined;
  /** Number of the case that runs, for the watchdog. */
  readonly clock: Int32Array;
}

type Counts = Record<"cases" | "refused", number>;

/** Milliseconds for a case however small, and for each megabyte. */
const PATIENCE = 2000;
const EACH_MEGABYTE = 1000;
/** Milliseconds after which a case hangs. */
const HANG = 20_000;
/** Bytes that the heap may have grown by in the end. */
const MEMORY = 1 << 30;

async function work(job: Job): Promise<void> {
  const classes = (await fuzzClasses()).filter(({ name }) => job.names.length === 0 || job.names.includes(name));
  const counts = new Map<string, Counts>(classes.map(({ name }) => [name, { cases: 0, refused: 0 }]));
  for (let number = job.first; Date.now() < job.until || job.only !== undefined; number++) {
    const one = classes[number % classes.length] as FuzzClass;
    const index = job.only ?? Math.floor(number / classes.length);
    Atomics.store(job.clock, 0, number + 1);
    const failure = await runCase(one, job, index, counts.get(one.name) as Counts);
    if (failure !== undefined) parentPort?.postMessage({ failure: `${one.name} ${index}: ${failure}` });
    if (job.only !== undefined) break;
  }
  for (const { close } of classes) close?.();
  parentPort?.postMessage({ counts: Object.fromEntries(counts) });
}

async function runCase(one: FuzzClass, job: Job, index: number, counts: Counts): Promise<string | undefined> {
  const files = new Map<string, Uint8Array | string>();
  const start = performance.now();
  const failure = await judged(one, job.seed, index, counts, (name, bytes) => files.set(name, bytes), start);
  if (job.keep !== undefined && (failure !== undefined || job.only !== undefined)) {
    const folder = join(job.keep, `${one.name}-${job.seed}-${index}`);
    mkdirSync(folder, { recursive: true });
    for (const [name, bytes] of files) writeFileSync(join(folder, name), bytes);
  }
  return failure;
}

async function judged(
  one: FuzzClass,
  seed: number,
  index: number,
  counts: Counts,
  keep: (name: string, bytes: Uint8Array | string) => void,
  start: number,
): Promise<string | undefined> {
  counts.cases++;
  try {
    const { bytes, unsound } = await one.run(randomOf(seed, one.name, index), keep);
    if (unsound.length > 0) return `unsound: ${unsound.slice(0, 3).join("; ")}`;
    const took = performance.now() - start;
    if (took > PATIENCE + (EACH_MEGABYTE * bytes) / 1e6) return `slow: ${Math.round(took)} ms for ${bytes} bytes`;
  } catch (error) {
    const isOurs = error instanceof FormatError || error instanceof UnsupportedError || error instanceof UsageError;
    if (!isOurs) return `crash: ${(error as Error).stack?.split("\n").slice(0, 6).join(" | ")}`;
    counts.refused++;
    if (error.message.length > 20_000) return `a message of ${error.message.length} characters`;
  }
  return undefined;
}

/** Runs a worker until the time is over; one that hangs is ended, and the next begins behind the case. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string", default: "60" },
      seed: { type: "string", default: "1" },
      class: { type: "string", multiple: true, default: [] },
      only: { type: "string" },
      keep: { type: "string" },
    },
  });
  const clock = new Int32Array(new SharedArrayBuffer(4));
  const job = {
    seed: Number(values.seed),
    names: values.class,
    until: Date.now() + Number(values.seconds) * 1000,
    only: values.only === undefined ? undefined : Number(values.only),
    keep: values.keep,
    clock,
  };
  const failures: string[] = [];
  let hangs = 0;
  let counts: Record<string, Counts> = {};
  const before = process.memoryUsage().rss;
  for (let first = 0, isOver = false; !isOver; ) {
    const stuck = await runWorker({ ...job, first }, (message) => {
      if (message.failure !== undefined) failures.push(message.failure);
      if (message.counts !== undefined) counts = message.counts;
    });
    isOver = stuck === undefined || job.only !== undefined || Date.now() >= job.until;
    if (stuck === undefined) continue;
    hangs++;
    failures.push(`case ${stuck - 1} of all classes: hang`);
    first = stuck;
  }
  for (const failure of failures) console.log(failure);
  for (const [name, { cases, refused }] of Object.entries(counts))
    console.log(`${name}: ${cases} cases, ${refused} refused in one line`);
  const grown = process.memoryUsage().rss - before;
  if (grown > MEMORY) failures.push(`memory: ${grown} bytes more than at the start`);
  console.log(`seed ${job.seed}: ${failures.length} failures, ${hangs} of them hangs`);
  process.exitCode = failures.length > 0 ? 1 : 0;
}

interface Message {
  readonly failure?: string;
  readonly counts?: Record<string, Counts>;
}

function runWorker(job: Job, onMessage: (message: Message) => void): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: job });
    let seen = Atomics.load(job.clock, 0);
    let since = Date.now();
    const watch = setInterval(() => {
      const now = Atomics.load(job.clock, 0);
      if (now !== seen) {
        seen = now;
        since = Date.now();
      } else if (Date.now() - since > HANG && seen > 0) {
        clearInterval(watch);
        void worker.terminate().then(() => resolve(now));
      }
    }, 500);
    worker.on("message", onMessage);
    worker.on("error", (error) => {
      clearInterval(watch);
      reject(error);
    });
    worker.on("exit", () => {
      clearInterval(watch);
      resolve(undefined);
    });
  });
}

if (isMainThread) await main();
else await work(workerData as Job);
