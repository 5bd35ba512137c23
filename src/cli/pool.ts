/*
 * Threads that describe pairs. A thread costs some forty milliseconds to start and as much to load the analysis, so
 * threads start only when the caller, which knows how much there is to do, asks for them. The largest pair goes first: a large one that is
 * left for the end is what all others wait for.
 */
import type { Worker } from "node:worker_threads";
import { UnsupportedError, UsageError } from "../errors.ts";
import type { PairTask } from "../input/listing/pairs.ts";
import type { PairResult, PairSettings } from "./describe-task.ts";
import { takeThread } from "./thread.ts";
import type { Answer, Job } from "./worker.ts";

interface Waiting {
  readonly task: PairTask;
  readonly weight: number;
}

/** Bytes of a pair up to which a thread gets the next one before it has answered: the thread that hands them out may be reading. */
const LIGHT = 1_000_000;

/** What a pool tells of each pair. */
export interface PoolEvents {
  onStart(task: PairTask): void;
  onResult(task: PairTask, result: PairResult): void;
}

/** Begins without threads. `start` makes one. */
export class Pool {
  readonly #settings: PairSettings;
  readonly #on: PoolEvents;
  readonly #start: () => Worker;
  /** From the smallest to the largest once it is sorted. */
  #queue: Waiting[] = [];
  #isSorted = true;
  /** What each thread was given and has not answered, the oldest first. */
  readonly #busy = new Map<Worker, Waiting[]>();
  #failure: Error | undefined;
  #isClosed = false;
  #submitted = 0;
  /** Ends the wait for drained(), if there is nothing left to do. */
  #checkDrained: (() => void) | undefined;

  constructor(settings: PairSettings, on: PoolEvents, start: () => Worker = takeThread) {
    this.#settings = settings;
    this.#on = on;
    this.#start = start;
  }

  /** Adds a pair; `weight` is its bytes. */
  submit(task: PairTask, weight: number): void {
    this.#queue.push({ task, weight });
    this.#submitted++;
    this.#isSorted = false;
    this.#feed();
  }

  /** Sees to it that there are this many threads, if there is work for them. */
  grow(count: number): void {
    const working = [...this.#busy.values()].filter(({ length }) => length > 0).length;
    const wanted = Math.min(count, this.#queue.length + working);
    while (this.#busy.size < wanted && this.#failure === undefined) this.#addWorker();
    this.#feed();
  }

  /** Takes back the smallest pair that no thread has begun. */
  takeBack(): PairTask | undefined {
    this.#sort();
    return this.#queue.shift()?.task;
  }

  /** Pairs and bytes that no thread has begun. */
  waiting(): { readonly pairs: number; readonly bytes: number } {
    return { pairs: this.#queue.length, bytes: this.#queue.reduce((sum, { weight }) => sum + weight, 0) };
  }

  threads(): number {
    return this.#busy.size;
  }

  /** Pairs that were ever submitted. */
  submitted(): number {
    return this.#submitted;
  }

  /** Resolves when everything that was submitted is done; rejects with the first error. */
  drained(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#checkDrained = () => {
        if (this.#failure !== undefined) reject(this.#failure);
        else if (this.#queue.length === 0 && [...this.#busy.values()].every(({ length }) => length === 0)) resolve();
      };
      this.#checkDrained();
    });
  }

  /** Lets all threads come to their end, without waiting for it. */
  end(): void {
    this.#isClosed = true;
    for (const worker of this.#busy.keys()) worker.postMessage(undefined);
  }

  /** Ends all threads, whatever they do. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#busy.keys()].map((worker) => worker.terminate()));
  }

  #sort(): void {
    if (this.#isSorted) return;
    this.#queue = this.#queue.sort((a, b) => a.weight - b.weight || (a.task.key < b.task.key ? 1 : -1));
    this.#isSorted = true;
  }

  #feed(): void {
    if (this.#failure !== undefined || this.#isClosed) return;
    for (const [worker, given] of this.#busy) if (given.length === 0) this.#give(worker, given);
    for (const [worker, given] of this.#busy) {
      const [only, second] = given;
      if (only !== undefined && second === undefined && only.weight <= LIGHT) this.#give(worker, given);
    }
  }

  #give(worker: Worker, given: Waiting[]): void {
    this.#sort();
    const next = this.#queue.pop();
    if (next === undefined) return;
    given.push(next);
    this.#on.onStart(next.task);
    worker.postMessage({ task: next.task, settings: this.#settings } satisfies Job);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#checkDrained?.();
  }

  #addWorker(): void {
    const worker = this.#start();
    const given: Waiting[] = [];
    this.#busy.set(worker, given);
    worker.on("message", (answer: Answer) => {
      const { task } = given.shift() as Waiting;
      if ("result" in answer) {
        this.#on.onResult(task, answer.result);
        this.#feed();
        this.#checkDrained?.();
      } else this.#fail("expected" in answer ? new UsageError(answer.expected) : internalError(task, answer));
    });
    worker.on("error", (error: NodeJS.ErrnoException) => this.#fail(threadError(given[0]?.task, error)));
    worker.on("exit", (code) => {
      this.#busy.delete(worker);
      if (!this.#isClosed) this.#fail(threadError(given[0]?.task, { message: `its thread ended with status ${code}` }));
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
