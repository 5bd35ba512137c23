import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";

/*
 * The thread in which tests run commands: the program is loaded once, and each message calls its main() once. Its streams are
 * caught, so they are no terminal. Signals, exit and what pipes do are for a process of its own; see test/cli/program.ts.
 */

const { port, done, program } = workerData;
let pieces = { stdout: [], stderr: [] };
for (const name of ["stdout", "stderr"])
  process[name].write = (piece, encoding, callback) => {
    pieces[name].push(typeof piece === "string" ? Buffer.from(piece) : Buffer.from(piece));
    const told = typeof encoding === "function" ? encoding : callback;
    if (told !== undefined) process.nextTick(told);
    return true;
  };

function answer(status) {
  const [stdout, stderr] = [pieces.stdout, pieces.stderr].map((all) => Buffer.concat(all).toString());
  pieces = { stdout: [], stderr: [] };
  for (const signal of ["SIGINT", "SIGTERM"]) process.removeAllListeners(signal);
  port.postMessage({ status, stdout, stderr });
  Atomics.store(done, 0, 1);
  Atomics.notify(done, 0);
}

// What would end a process with a stack trace is no answer of the program.
process.on("uncaughtException", (error) => {
  process.stderr.write(error.stack);
  answer(null);
});

const { main } = await import(program);
parentPort.on("message", async () => answer(await main(receiveMessageOnPort(port).message)));
