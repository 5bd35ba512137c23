import { Worker } from "node:worker_threads";

/** Starts a thread that describes pairs (worker.ts); it keeps the program from ending. */
function startThread(): Worker {
  return new Worker(new URL("./worker.js", import.meta.url), { execArgv: [] });
}

let early: Worker | undefined;

/**
 * Starts a thread that will most likely be wanted, while the program itself is still being loaded: both take some forty
 * milliseconds, and side by side they take no longer than one. Until it is taken, it holds up nothing.
 */
export function startEarly(): void {
  early ??= startThread();
  early.unref();
}

/** The thread that was started early, once; else a new one. */
export function takeThread(): Worker {
  const worker = early ?? startThread();
  early = undefined;
  worker.ref();
  return worker;
}

/** Ends a thread that was not taken. */
export function endEarly(): void {
  void early?.terminate();
  early = undefined;
}
