import { Session } from "node:inspector";
import { parentPort, workerData } from "node:worker_threads";

/*
 * Counts the steps of one piece of work: how often V8 enters the functions, loops and branches of modules below src/ meanwhile, and
 * how many bytes and characters built-in searches and decoders pass over. V8 counts only in code that it compiles after it was
 * told to count, so this is a thread of its own, which loads nothing before. Answers of a session within one thread come at once.
 */
const session = new Session();
session.connect();
session.post("Profiler.enable");
session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });

function entered() {
  let scripts = [];
  session.post("Profiler.takePreciseCoverage", (error, answer) => {
    if (error) throw error;
    scripts = answer.result;
  });
  let sum = 0;
  for (const { url, functions } of scripts)
    if (url.includes("/src/")) for (const { ranges } of functions) for (const { count } of ranges) sum += count;
  return sum;
}

let passed = 0;
const wrap = (prototype, name, lengthOf) => {
  const original = prototype[name];
  prototype[name] = function (...args) {
    const result = original.apply(this, args);
    passed += lengthOf(this, args, result);
    return result;
  };
};
const searched = (self, [, from = 0], found) => (found < 0 ? self.length : found) - from;
for (const prototype of [Uint8Array.prototype, Buffer.prototype, String.prototype])
  wrap(prototype, "indexOf", searched);
wrap(Buffer.prototype, "toString", (self, [, from = 0, to = self.length]) => to - from);
wrap(TextDecoder.prototype, "decode", (_self, [bytes]) => bytes?.byteLength ?? 0);

const { file, name, counts } = workerData;
const { WORK } = await import(file);
const steps = [];
for (const count of counts) {
  const work = WORK[name](count);
  entered();
  passed = 0;
  await work();
  steps.push(entered() + passed);
}
parentPort.postMessage(steps);
