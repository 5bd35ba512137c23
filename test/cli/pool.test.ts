import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { Pool } from "../../src/cli/pool.ts";
import type { PairTask } from "../../src/input/listing/pairs.ts";

const SETTINGS = {
  contents: false,
  oldCode: "needed",
  mode: { kind: "build", hashes: false },
  style: undefined,
  rows: false,
  cache: undefined,
} as const;
const task = (key: string): PairTask => ({ key, target: "vmlinux", targetFrom: "default" });

/** A pool whose threads run a script in place of the program; it is given `parentPort` and answers to messages. */
function poolOf(script: string, resourceLimits = {}): { pool: Pool; started: string[]; done: string[] } {
  const started: string[] = [];
  const done: string[] = [];
  const pool = new Pool(
    SETTINGS,
    { onStart: ({ key }) => started.push(key), onResult: ({ key }) => done.push(key) },
    () =>
      new Worker(`const { parentPort } = require("node:worker_threads");\n${script}`, { eval: true, resourceLimits }),
  );
  return { pool, started, done };
}

const ECHO = `parentPort.on("message", (job) => job === undefined ? parentPort.close() : parentPort.postMessage({ result: { fragment: {} } }));`;

describe("a pool of threads", () => {
  it("does the largest pair first, and everything once", async () => {
    const { pool, started, done } = poolOf(ECHO);
    for (const [index, weight] of [30, 10, 50, 20].entries()) pool.submit(task(`${index}`), weight * 1e6);
    pool.grow(1);
    await pool.drained();
    expect(started).toEqual(["2", "0", "3", "1"]);
    expect(done).toEqual(started);
    await pool.close();
  });

  it("has no more threads than there are pairs, and gives the smallest back", async () => {
    const { pool, started } = poolOf(ECHO);
    for (const [index, weight] of [3, 1, 2].entries()) pool.submit(task(`${index}`), weight * 2e6);
    expect(pool.threads()).toBe(0);
    expect(pool.takeBack()?.key).toBe("1");
    expect(pool.waiting()).toEqual({ pairs: 2, bytes: 10e6 });
    pool.grow(8);
    expect(pool.threads()).toBe(2);
    await pool.drained();
    expect(started).toEqual(["0", "2"]);
    pool.end();
  });

  const HUNGRY = `parentPort.on("message", () => { const all = []; for (;;) all.push(new Array(1000).fill({})); });`;
  it.each([
    [
      "ends without a word",
      'parentPort.on("message", () => process.exit(3));',
      {},
      "b.o: its thread ended with status 3",
    ],
    ["throws outside of its work", 'parentPort.on("message", () => { throw new Error("lost"); });', {}, "b.o: lost"],
    [
      "runs out of memory",
      HUNGRY,
      { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 4 },
      /^b\.o: comparing it takes more memory/,
    ],
    [
      "meets an error of ours",
      'parentPort.on("message", () => parentPort.postMessage({ expected: "b.o: cannot be read" }));',
      {},
      "b.o: cannot be read",
    ],
    [
      "meets an error that is our fault",
      'parentPort.on("message", () => parentPort.postMessage({ message: "oops" }));',
      {},
      "b.o: oops",
    ],
  ])("a thread that %s is an error that names the object, not a hang", async (_what, script, limits, words) => {
    const { pool } = poolOf(script, limits);
    pool.submit(task("a.o"), 1);
    pool.submit(task("b.o"), 2e6);
    pool.grow(1);
    await expect(pool.drained()).rejects.toThrow(words);
    await pool.close();
  });

  it("ends, whatever its threads do", async () => {
    const { pool } = poolOf('parentPort.on("message", () => { for (;;); });');
    pool.submit(task("a.o"), 1);
    pool.grow(1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await pool.close();
    expect(pool.threads()).toBe(0);
  });
});
