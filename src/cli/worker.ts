import { parentPort } from "node:worker_threads";
import { FormatError, UnsupportedError, UsageError } from "../errors.ts";
import type { PairTask } from "../input/listing/pairs.ts";
import { describeTask, type PairResult, type PairSettings } from "./describe-task.ts";

/** What a worker is sent: a pair, and what holds for all pairs. */
export interface Job {
  readonly task: PairTask;
  readonly settings: PairSettings;
}

/** What it sends back. An error of ours keeps its words; of any other the stack is wanted, too. */
export type Answer =
  | { readonly result: PairResult }
  | { readonly expected: string }
  | { readonly message: string; readonly stack: string | undefined };

async function answer({ task, settings }: Job): Promise<Answer> {
  try {
    return { result: await describeTask(task, settings) };
  } catch (error) {
    if (error instanceof FormatError || error instanceof UnsupportedError || error instanceof UsageError)
      return { expected: error.message };
    const { message, stack } = error instanceof Error ? error : { message: String(error), stack: undefined };
    return { message, stack };
  }
}

// The life of a worker: one pair after the other, until it is sent nothing. Answers come in the order of the questions, and
// there is never more than one pair in memory.
let last = Promise.resolve();
parentPort?.on("message", (job: Job | undefined) => {
  last = last.then(async () => {
    if (job === undefined) parentPort?.close();
    else parentPort?.postMessage(await answer(job));
  });
});
