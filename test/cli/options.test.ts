import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { runDiff } from "../../src/cli/commands/diff.ts";
import type { DiffOptions } from "../../src/cli/diff-options.ts";
import { FIXTURES, join } from "../support/paths.ts";

const folder = mkdtempSync(join(tmpdir(), "elfsplice-options-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
// Every run of the command listens to signals.
afterEach(() => {
  for (const signal of ["SIGINT", "SIGTERM"]) process.removeAllListeners(signal);
});
const [pre, post] = [join(FIXTURES, "text/body/pre.o"), join(FIXTURES, "text/body/post.o")] as const;
const run = (options: Partial<DiffOptions>): Promise<number> =>
  runDiff(pre, post, {
    output: join(folder, "out"),
    quiet: true,
    format: "json",
    oldCode: "needed",
    instructions: true,
    ...options,
  });

describe("diff of two files refuses in one line what chooses among many", () => {
  it.each<[string, Partial<DiffOptions>]>([
    ["--only-targets", { onlyTargets: ["loop"] }],
    ["--include", { include: ["*.o"] }],
    ["--exclude", { exclude: ["*.o"] }],
    ["--shard", { shard: "1/2" }],
  ])("%s", async (option, options) => {
    await expect(run(options)).rejects.toThrow(
      `${option} chooses among the objects of trees or archives; ${pre} and ${post} are two files`,
    );
    await expect(run({ ...options, cache: folder })).rejects.toThrow(option);
  });
});

describe("--jobs is a limit, which one pair keeps as well", () => {
  it.each(["1", "4", "256"])("%s", async (jobs) => expect(await run({ jobs })).toBe(0));
  it.each(["x", "0", "", "-1", "257", "1.5", "0x2"])(
    "%j is not a number of threads, whatever is compared",
    async (jobs) => {
      await expect(run({ jobs })).rejects.toThrow(`--jobs ${jobs}: not a number from 1 to 256`);
    },
  );
});
