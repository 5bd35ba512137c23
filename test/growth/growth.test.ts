import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { rolldown } from "rolldown";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { join, ROOT } from "../support/paths.ts";
import type { WORK } from "./work.ts";

/*
 * Twice as much is twice the work, in steps that are counted: no clock can tell that on every machine. Linear work comes out
 * at 2, with a logarithm at a little more; the square at 4.
 */

let folder = "";
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "elfsplice-growth-"));
  const input = join(ROOT, "test/growth/work.ts");
  // Module by module, so that src/ can be told from the rest, and packages as they are.
  const external = /^(?!node:)[^./]/;
  const bundle = await rolldown({ input, platform: "node", cwd: ROOT, external, logLevel: "silent" });
  await bundle.write({ dir: folder, format: "esm", preserveModules: true, preserveModulesRoot: ROOT });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"), "junction");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The steps for twice a count, by those for the count. */
function growthOf(name: keyof typeof WORK, count: number): Promise<number> {
  const file = pathToFileURL(join(folder, "test/growth/work.js")).href;
  const workerData = { file, name, counts: [count, 2 * count] };
  return new Promise((resolve, reject) => {
    const url = new URL("./count-steps.mjs", import.meta.url);
    const worker = new Worker(url, { workerData, execArgv: [] });
    worker.on("message", ([once, twice]: [number, number]) => resolve(twice / once));
    worker.on("error", reject);
  });
}

describe("work grows with the input", () => {
  it.each<[what: string, name: keyof typeof WORK, count: number]>([
    ["sections with a symbol each", "sections", 2000],
    ["relocations", "relocations", 8000],
    ["sections that share a name which does not end", "unfinishedName", 2000],
    ["sections that start each one byte further into a long name", "sectionNames", 5000],
    ["symbols that start each one byte further into a long name", "symbolNames", 10_000],
    ["relocation tables that are all the same bytes", "sharedTables", 2000],
    ["a name of bytes that are no text", "badName", 10_000],
    ["a name of letters", "goodName", 10_000],
    ["uses of one long name", "sharedName", 2000],
    ["a chain of functions that each jump into the middle of the one before", "chain", 300],
    ["pages that change places in one great cycle", "pages", 20_000],
    ["instructions of two sides with nothing in common", "apart", 4000],
    ["instructions of a few kinds", "alike", 4000],
    ["the same instructions in reverse", "reversed", 4000],
  ])("%s", async (_what, name, count) => {
    expect(await growthOf(name, count)).toBeLessThan(2.4);
  });

  it.each(["square", "squareOfSearches"] as const)("and what grows with the square is told: %s", async (name) => {
    expect(await growthOf(name, 300)).toBeGreaterThan(3.5);
  });
});
