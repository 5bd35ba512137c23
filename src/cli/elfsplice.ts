#!/usr/bin/env node
import { describeSystemError } from "../errors.ts";
import { EXIT } from "./exit-status.ts";
import { main } from "./main.ts";
import { isReaderGone } from "./reader.ts";

/* The program: arguments and streams of the process. What all commands have in common when a stream fails is here. */

// Node ends a process with a stack trace for an error of a stream that has no listener.
let failure: Error | undefined;
process.stdout.on("error", (error) => {
  if (!isReaderGone(error)) failure ??= error;
});
process.stderr.on("error", () => {});
// Help is printed without waiting for it, so that it may fail after everything else is done.
process.on("exit", () => {
  if (failure === undefined || process.exitCode === EXIT.failed) return;
  process.stderr.write(`elfsplice: cannot write standard output: ${describeSystemError(failure)}\n`);
  process.exitCode = EXIT.failed;
});

process.exitCode = await main(process.argv.slice(2));
