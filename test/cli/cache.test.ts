import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { describe, expect, it } from "vitest";
import { type CacheEntry, openCache } from "../../src/cli/cache.ts";
import { builtFragments } from "../support/many-pairs.ts";
import { join } from "../support/paths.ts";
import { linesOf, pairOf, useProgram } from "./program.ts";

const { run, folder } = useProgram();

const fragment = {
  name: "a.o",
  target: "vmlinux",
  object: { name: "a.o", target: "vmlinux", status: "identical" },
  functions: [],
  data: [],
  exports: [],
  noise: [],
  change: null,
  howtos: {},
  findings: [],
  hasChanges: false,
} satisfies CacheEntry["fragment"];
const entry: CacheEntry = { fragment, instructions: { f: ["line"] } };

/** A cache with one entry, and the path of its file. */
function filled(): { place: string; file: string } {
  const place = join(folder(), "cache");
  expect(openCache(place).write("key", entry)).toBeUndefined();
  const [name = ""] = readdirSync(place);
  return { place, file: join(place, name) };
}

describe("the cache", () => {
  it("gives back what was kept, under its key alone, with its keys in their order", async () => {
    const { place } = filled();
    expect(JSON.stringify(await openCache(place).read("key"))).toBe(JSON.stringify(entry));
    expect(await openCache(place).read("another key")).toBeUndefined();
    expect(readdirSync(place)).toHaveLength(1);
  });

  it("takes what the analysis makes", async () => {
    const place = join(folder(), "cache");
    for (const one of builtFragments(["a.o", [], []])) {
      openCache(place).write("x", { fragment: one });
      expect((await openCache(place).read("x"))?.fragment).toEqual(JSON.parse(JSON.stringify(one)));
    }
  });

  /** An entry whose hash is right, whatever is in it. */
  const signed = (body: string): string =>
    `elfsplice cache 1 ${createHash("sha256").update(body).digest("hex")}\n${body}`;
  const bodyOf = (file: string) => JSON.parse(readFileSync(file, "utf8").split("\n")[1] as string);

  it.each<[string, (file: string) => void]>([
    ["is empty", (file) => writeFileSync(file, "")],
    ["was cut short", (file) => truncateSync(file, 120)],
    [
      "has one bit turned",
      (file) => {
        const bytes = readFileSync(file);
        bytes[140] = (bytes[140] as number) ^ 1;
        writeFileSync(file, bytes);
      },
    ],
    ["has something behind it", (file) => writeFileSync(file, `${readFileSync(file, "utf8")} `)],
    ["is of another format", (file) => writeFileSync(file, readFileSync(file, "utf8").replace("cache 1", "cache 2"))],
    ["is no JSON, with a good hash", (file) => writeFileSync(file, signed("{"))],
    ["is null, with a good hash", (file) => writeFileSync(file, signed("null"))],
    [
      "has another key, with a good hash",
      (file) => writeFileSync(file, signed(JSON.stringify({ ...bodyOf(file), key: "x" }))),
    ],
    [
      "is not a fragment, with a good hash",
      (file) => writeFileSync(file, signed(JSON.stringify({ ...bodyOf(file), entry: { fragment: { name: "a.o" } } }))),
    ],
    [
      "has instructions that are none",
      (file) =>
        writeFileSync(file, signed(JSON.stringify({ ...bodyOf(file), entry: { fragment, instructions: { f: 1 } } }))),
    ],
    [
      "is a folder",
      (file) => {
        rmSync(file);
        mkdirSync(file);
      },
    ],
    [
      "is a link to a good one",
      (file) => {
        renameSync(file, `${file}.moved`);
        symlinkSync(`${file}.moved`, file);
      },
    ],
    [
      "is a link to itself",
      (file) => {
        rmSync(file);
        symlinkSync(file, file);
      },
    ],
  ])("ignores a file that %s", async (_what, damage) => {
    const { place, file } = filled();
    damage(file);
    expect(await openCache(place).read("key")).toBeUndefined();
  });
});

describe("diff --cache", () => {
  const tree = ["fixtures/trees/moved/pre", "fixtures/trees/moved/post"];

  it.each([
    ["a tree", tree, []],
    ["a tree as text", tree, ["--format", "text"]],
    ["two objects", pairOf("loop-driver/ioctl"), []],
    ["two objects as text", pairOf("loop-driver/ioctl"), ["--format", "text"]],
    ["contents", tree, ["--contents", "--old-code", "all"]],
  ])("%s: the same bytes without it, with an empty one, and from it", (_what, inputs, args) => {
    const cache = join(folder(), "cache");
    const expected = run(["diff", ...inputs, ...args]);
    for (let round = 0; round < 2; round++)
      expect(run(["diff", ...inputs, ...args, "--cache", cache])).toEqual(expected);
    const kept = readdirSync(cache).length;
    expect(kept).toBeGreaterThan(0);
    // Other options have other results.
    expect(run(["diff", ...inputs, "--contents", "--cache", cache]).stdout).toBe(
      run(["diff", ...inputs, "--contents"]).stdout,
    );
  });

  it("results come from it: what is kept there is not made again", () => {
    const cache = join(folder(), "cache");
    run(["diff", ...tree, "--cache", cache]);
    const [before, after] = [readdirSync(cache), run(["diff", ...tree, "--cache", cache]).stdout];
    expect(readdirSync(cache)).toEqual(before);
    expect(after).toBe(run(["diff", ...tree]).stdout);
  });

  it("every file in it damaged: the same bytes, and the files are mended", () => {
    const cache = join(folder(), "cache");
    const expected = run(["diff", ...tree, "--cache", cache]);
    for (const name of readdirSync(cache)) writeFileSync(join(cache, name), "damaged");
    expect(run(["diff", ...tree, "--cache", cache])).toEqual(expected);
    for (const name of readdirSync(cache))
      expect(readFileSync(join(cache, name), "utf8")).toMatch(/^elfsplice cache 1 /);
  });

  it("a cache that cannot be written is a warning", () => {
    const { status, stdout, stderr } = run(["diff", ...tree, "--cache", "package.json/cache", "-q"]);
    expect([status, stdout]).toEqual([0, run(["diff", ...tree]).stdout]);
    expect(linesOf(stderr)).toEqual([
      expect.stringMatching(/^elfsplice: warning: cannot write to the cache package\.json\/cache: /),
    ]);
    expect(existsSync("package.json/cache")).toBe(false);
  });
});
