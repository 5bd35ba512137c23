import { readFileSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isInShard, readShard } from "../../src/cli/shard.ts";
import { join } from "../support/paths.ts";
import { sampled } from "../support/sample.ts";
import { linesOf, useProgram } from "./program.ts";

const { run, folder } = useProgram();
const tree = ["fixtures/trees/moved/pre", "fixtures/trees/moved/post"];

/** The parts of one run, as files. */
function parts(of: number, inputs: readonly string[], ...args: string[]): string[] {
  const place = folder();
  return Array.from({ length: of }, (_none, index) => {
    const file = join(place, `part-${index + 1}.json`);
    const { status, stderr } = run(["diff", ...inputs, ...args, "--shard", `${index + 1}/${of}`, "-o", file]);
    expect([status, stderr]).toEqual([
      0,
      expect.stringMatching(/^elfsplice: part \d\/\d: \d of \d pairs, \d differ\n$/),
    ]);
    return file;
  });
}

describe("shards", () => {
  it("share out every pair once, by its name alone", () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 50 }), (key, of) => {
        const holders = Array.from({ length: of }, (_none, i) => isInShard(key, { index: i + 1, of }));
        expect(holders.filter(Boolean)).toHaveLength(1);
      }),
    );
  });

  it("are of about one size", () => {
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 4000; i++)
      for (let index = 1; index <= 4; index++)
        if (isInShard(`drivers/d${i}/unit.o`, { index, of: 4 })) counts[index - 1] = (counts[index - 1] as number) + 1;
    expect(Math.min(...counts)).toBeGreaterThan(900);
  });

  it.each(["", "1", "0/2", "3/2", "1/0", "-1/2", "1/2/3", "a/b", "1/9999999"])("%s is none", (text) => {
    expect(() => readShard(text)).toThrow(`--shard ${text}: `);
  });
});

describe("merge gives what one run gives, to the byte", () => {
  it.each(sampled([2, 1, 3, 7], 4))("%i parts, in any order, in every format", (of) => {
    const files = parts(of, tree);
    for (const args of [
      [],
      ["--format", "text"],
      ["--format", "text", "--no-instructions"],
      ["-q", "--exit-code"],
      ["--require", "splice"],
    ]) {
      expect(run(["merge", ...files, ...args])).toEqual(run(["diff", ...tree, ...args]));
      expect(run(["merge", ...files.toReversed(), ...args])).toEqual(run(["diff", ...tree, ...args]));
    }
  });

  it.each([
    ["a statement", ["--statement"], ["--statement"]],
    ["contents, all old code, a name", ["--contents", "--old-code", "all", "--id", "x1"], []],
    ["globs and targets", ["--exclude", "fs/spare.o", "--target", "drivers/*=tape"], []],
  ])("%s", (_what, args, again) => {
    expect(run(["merge", ...parts(3, tree, ...args), ...again])).toEqual(run(["diff", ...tree, ...args]));
  });

  it("a suppression file", () => {
    const rules = join(folder(), "rules");
    writeFileSync(rules, "function tape_seek: later\nobject nothing: unused\n");
    const args = ["--suppress", rules];
    expect(run(["merge", ...parts(2, tree, ...args)])).toEqual(run(["diff", ...tree, ...args]));
  });

  it("a tree of which nothing differs", () => {
    const inputs = [tree[0] as string, tree[0] as string];
    expect(run(["merge", ...parts(2, inputs)])).toEqual(run(["diff", ...inputs]));
  });

  it("writes to a file", () => {
    const file = join(folder(), "u.json");
    expect(run(["merge", ...parts(2, tree), "-q", "--output", file])).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(readFileSync(file, "utf8")).toBe(run(["diff", ...tree]).stdout);
  });
});

describe("parts that do not fit are refused in one line", () => {
  const refusal = (files: readonly string[], ...args: string[]): string => {
    const { status, stdout, stderr } = run(["merge", ...files, ...args]);
    expect([status, stdout, linesOf(stderr).length]).toEqual([2, "", 1]);
    return stderr;
  };
  it.each<[string, () => readonly string[], RegExp]>([
    ["one is missing", () => parts(3, tree).slice(1), /part 1\/3 is missing/],
    [
      "one is given twice",
      () => {
        const [a, b] = parts(2, tree);
        return [a, b, a] as string[];
      },
      /part 1\/2 is given twice/,
    ],
    [
      "of runs of another number of parts",
      () => [parts(2, tree)[0], parts(3, tree)[1]] as string[],
      /does not belong to a run of 2 parts/,
    ],
    [
      "of other options",
      () => [parts(2, tree)[0], parts(2, tree, "--contents")[1]] as string[],
      /made with other options/,
    ],
    [
      "of other trees of as many pairs",
      () => [parts(2, tree)[0], parts(2, tree, "--target", "x")[1]] as string[],
      /comes from other trees/,
    ],
    ["no part", () => ["package.json"], /package\.json: not a part of an update/],
    ["no JSON", () => ["README.md"], /README\.md: not JSON/],
    ["no file", () => ["absent.json"], /absent\.json: cannot be read: no such file/],
  ])("%s", (_what, files, words) => {
    expect(refusal(files())).toMatch(words);
  });

  it("a statement of parts without the hashes of what is the same", () => {
    expect(refusal(parts(2, tree), "--statement")).toMatch(/make the parts with --statement/);
    expect(refusal(parts(1, tree), "--statement", "--format", "text")).toMatch(/--statement is JSON/);
  });
});
