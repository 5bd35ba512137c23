/*
 * Threads that describe pairs. A thread costs some forty milliseconds to start and as much to load the analysis, so there is
 * none until a caller asks, who knows how much there is to do. The largest pair goes first: a large one that is
 * left for the end is what everybody waits for.
 */
import type { Worker } from "node:worker_threads";
import { UnsupportedError, UsageError } from "../errors.ts";
import type { PairTask } from "../input/listing/pairs.ts";
import type { PairResult, PairSettings } from "./describe-task.ts";
import { takeThread } from "./thread.ts";
import type { Answer, Job } from "./worker.ts";

export interface Pool {
  /** Adds a pair; `weight` is its bytes. */
  submit(task: PairTask, weight: number): void;
  /** Sees to it that there are this many threads, if there is work for them. */
  grow(count: number): void;
  /** Takes back the smallest pair that no thread has begun. */
  takeBack(): PairTask | undefined;
  /** Pairs and bytes that no thread has begun. */
  waiting(): { readonly pairs: number; readonly bytes: number };
  threads(): number;
  /** Pairs that were ever submitted. */
  submitted(): number;
  /** Resolves when everything that was submitted is done; rejects with the first error. */
  drained(): Promise<void>;
  /** Lets all threads come to their end, without waiting for it. */
  end(): void;
  /** Ends all threads, whatever they do. */
  close(): Promise<void>;
}

interface Waiting {
  readonly task: PairTask;
  readonly weight: number;
}

/** Bytes of a pair up to which a thread gets the next one before it has answered: the thread that hands them out may be reading. */
const LIGHT = 1_000_000;

/** A pool without threads. `onStart` and `onResult` are told of each pair. */
export function createPool(
  settings: PairSettings,
  { onStart, onResult }: { onStart: (task: PairTask) => void; onResult: (task: PairTask, result: PairResult) => void },
  start: () => Worker = takeThread,
): Pool {
  /** From the smallest to the largest once it is sorted. */
  let queue: Waiting[] = [];
  let isSorted = true;
  /** What each thread was given and has not answered, the oldest first. */
  const busy = new Map<Worker, Waiting[]>();
  let failure: Error | undefined;
  let isClosed = false;
  let submitted = 0;
  let settle: (() => void) | undefined;

  return {
    submit(task, weight) {
      queue.push({ task, weight });
      submitted++;
      isSorted = false;
      feed();
    },
    grow(count) {
      const wanted = Math.min(count, queue.length + [...busy.values()].filter(({ length }) => length > 0).length);
      while (busy.size < wanted && failure === undefined) addWorker();
      feed();
    },
    takeBack() {
      sort();
      return queue.shift()?.task;
    },
    waiting: () => ({ pairs: queue.length, bytes: queue.reduce((sum, { weight }) => sum + weight, 0) }),
    threads: () => busy.size,
    submitted: () => submitted,
    drained: () =>
      new Promise((resolve, reject) => {
        settle = () => {
          if (failure !== undefined) reject(failure);
          else if (queue.length === 0 && [...busy.values()].every(({ length }) => length === 0)) resolve();
        };
        settle();
      }),
    end() {
      isClosed = true;
      for (const worker of busy.keys()) worker.postMessage(undefined);
    },
    async close() {
      isClosed = true;
      await Promise.all([...busy.keys()].map((worker) => worker.terminate()));
    },
  };

  function sort(): void {
    if (isSorted) return;
    queue = queue.sort((a, b) => a.weight - b.weight || (a.task.key < b.task.key ? 1 : -1));
    isSorted = true;
  }

  function feed(): void {
    if (failure !== undefined || isClosed) return;
    for (const [worker, given] of busy) if (given.length === 0) give(worker, given);
    for (const [worker, given] of busy) {
      const [only, second] = given;
      if (only !== undefined && second === undefined && only.weight <= LIGHT) give(worker, given);
    }
  }

  function give(worker: Worker, given: Waiting[]): void {
    sort();
    const next = queue.pop();
    if (next === undefined) return;
    given.push(next);
    onStart(next.task);
    worker.postMessage({ task: next.task, settings } satisfies Job);
  }

  function fail(error: Error): void {
    failure ??= error;
    settle?.();
  }

  function addWorker(): void {
    const worker = start();
    const given: Waiting[] = [];
    busy.set(worker, given);
    worker.on("message", (answer: Answer) => {
      const { task } = given.shift() as Waiting;
      if ("result" in answer) {
        onResult(task, answer.result);
        feed();
        settle?.();
      } else fail("expected" in answer ? new UsageError(answer.expected) : internalError(task, answer));
    });
    worker.on("error", (error: NodeJS.ErrnoException) => fail(threadError(given[0]?.task, error)));
    worker.on("exit", (code) => {
      busy.delete(worker);
      if (!isClosed) fail(threadError(given[0]?.task, { message: `its thread ended with status ${code}` }));
    });
  }
}

/** An error that is our fault, with the object that brought it about. */
export function internalError(
  { key }: PairTask,
  answer: { readonly message: string; readonly stack?: string | undefined },
): Error {
  const error = new Error(`${key}: ${answer.message}`);
  if (answer.stack !== undefined) error.stack = `${key}: ${answer.stack}`;
  return error;
}

/** A thread that ends without an answer takes its pair with it: an update without that pair would be wrong. */
function threadError(
  task: PairTask | undefined,
  { code, message }: { readonly code?: string | undefined; readonly message: string },
): Error {
  const file = task?.key ?? "a thread that was to compare objects";
  if (code === "ERR_WORKER_OUT_OF_MEMORY")
    return new UnsupportedError({ file }, "comparing it takes more memory than there is; see --jobs");
  return new Error(`${file}: ${message}`);
}
