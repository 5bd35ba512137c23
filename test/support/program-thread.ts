import { pathToFileURL } from "node:url";
import { MessageChannel, receiveMessageOnPort, SHARE_ENV, Worker } from "node:worker_threads";
import { join } from "./paths.ts";

/** What a run of the program left behind. */
export interface Outcome {
  /** null where it ended by no exit of its own. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Surroundings {
  readonly cwd: string;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** Address of src/cli/main.ts in the folder that the run of the tests bundled. */
export function mainOf(folder: string): string {
  return pathToFileURL(join(folder, "main.js")).href;
}

/** Milliseconds after which a command counts as one that hangs. */
const PATIENCE = 120_000;

let call: ((args: readonly string[]) => Outcome) | undefined;

/**
 * Runs a command of the program in a thread that stays, and waits for it: no process has to start, and the program is loaded once.
 * `program` is the address of the bundled src/cli/main.ts. Folder and environment are those of the whole process meanwhile.
 */
export function runInThread(program: string, args: readonly string[], { cwd, env = {} }: Surroundings): Outcome {
  call ??= startThread(program);
  const before = { cwd: process.cwd(), env: { ...process.env } };
  process.chdir(cwd);
  Object.assign(process.env, env);
  try {
    return call(args);
  } finally {
    process.chdir(before.cwd);
    for (const name of Object.keys(process.env)) if (!Object.hasOwn(before.env, name)) delete process.env[name];
    Object.assign(process.env, before.env);
  }
}

function startThread(program: string): (args: readonly string[]) => Outcome {
  const { port1: here, port2: port } = new MessageChannel();
  const done = new Int32Array(new SharedArrayBuffer(4));
  const workerData = { port, done, program };
  const url = new URL("./program-thread.mjs", import.meta.url);
  const worker = new Worker(url, { workerData, transferList: [port], env: SHARE_ENV, execArgv: [] });
  worker.unref();
  here.unref();
  return (args) => {
    Atomics.store(done, 0, 0);
    here.postMessage([...args]);
    worker.postMessage("run");
    if (Atomics.wait(done, 0, 0, PATIENCE) === "timed-out")
      throw new Error(`no end within two minutes: ${args.join(" ")}`);
    return receiveMessageOnPort(here)?.message as Outcome;
  };
}
