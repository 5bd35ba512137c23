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

describe("diff of two files refuses in one line what is for many", () => {
  it.each<[string, Partial<DiffOptions>]>([
    ["--only-targets", { onlyTargets: ["loop"] }],
    ["--include", { include: ["*.o"] }],
    ["--exclude", { exclude: ["*.o"] }],
    ["--shard", { shard: "1/2" }],
    ["--jobs", { jobs: "2" }],
    ["--hashes", { hashes: true }],
    ["--progress", { progress: true }],
  ])("%s", async (option, options) => {
    for (const more of [{}, { cache: folder }])
      await expect(run({ ...options, ...more })).rejects.toThrow(
        new RegExp(`^${option} .* of trees or archives.*; \\S+pre\\.o and \\S+post\\.o are two files$`),
      );
  });

  it("--no-instructions, where there are none", async () => {
    await expect(run({ instructions: false })).rejects.toThrow("--no-instructions is for --format text");
    expect(await run({ instructions: false, format: "text" })).toBe(0);
  });
});

describe("--jobs", () => {
  it.each(["x", "0", "", "-1", "257", "1.5", "0x2"])(
    "%j is not a number of threads, whatever is compared",
    async (jobs) => {
      await expect(run({ jobs })).rejects.toThrow(`--jobs ${jobs}: not a number from 1 to 256`);
    },
  );
});
