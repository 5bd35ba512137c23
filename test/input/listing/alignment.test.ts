import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { UsageError } from "../../../src/errors.ts";
import { requireAlignment } from "../../../src/input/listing/alignment.ts";
import { listPairs } from "../../../src/input/listing/pairs.ts";
import { join } from "../../support/paths.ts";

const folder = mkdtempSync(join(tmpdir(), "elfsplice-alignment-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** 300 objects below a folder. */
const below = (at: string, from = 0, to = 300): string[] =>
  Array.from({ length: to - from }, (_, index) => `${at}d${(from + index) % 7}/f${from + index}.o`);

/** Why two trees are refused; "" where they are not. */
function refusal(pre: readonly string[], post: readonly string[]): string {
  try {
    requireAlignment("a", "b", pre, post);
    return "";
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
}

describe("two trees that do not lie side by side are refused with the folders that would fit", () => {
  it.each([
    ["the first holds the tree in a folder", below("linux/"), below(""), "did you mean a/linux and b?"],
    ["the second does", below(""), below("linux/"), "did you mean a and b/linux?"],
    [
      "each in a folder of another name",
      below("linux-6.1/"),
      below("linux-6.1-new/"),
      "did you mean a/linux-6.1 and b/linux-6.1-new?",
    ],
    ["two folders too deep", below("build/x86/"), below(""), "did you mean a/build/x86 and b?"],
    [
      "the second is one of many folders of the first",
      [...below("fs/"), ...below("net/", 300, 3000)],
      below(""),
      "did you mean a/fs and b?",
    ],
    ["and the other way round", below(""), [...below("net/", 300, 3000), ...below("fs/")], "did you mean a and b/fs?"],
    [
      "a few paths are the same by chance",
      [...below("fs/"), "built-in.a"],
      [...below(""), "built-in.a"],
      "share only 1 of 301 paths",
    ],
  ])("%s", (_teaches, pre, post, words) => expect(refusal(pre, post)).toContain(words));

  it("nothing fits: the error names one path of each", () => {
    expect(refusal(["x/a.o"], ["y/b.o"])).toBe(
      "a and b share no path: x/a.o is only in the first, y/b.o only in the second",
    );
  });
});

describe("two trees that lie side by side are compared", () => {
  it.each([
    ["all is the same", below(""), below("")],
    ["many objects are new", below("", 0, 30), below("")],
    ["many objects are gone", below(""), below("", 0, 30)],
    [
      "one of many is left, and the others have nothing to do with each other",
      ["a.o", ...below("x", 0, 50)],
      ["a.o", ...below("y", 100, 150)],
    ],
    ["one side has no objects", [], below("")],
  ])("%s", (_teaches, pre, post) => expect(refusal(pre, post)).toBe(""));
});

describe("listPairs", () => {
  const tree = (name: string, ...paths: readonly string[]): string => {
    for (const path of paths) {
      mkdirSync(dirname(join(folder, name, path)), { recursive: true });
      writeFileSync(join(folder, name, path), "\x7fELF");
    }
    return join(folder, name);
  };

  it("refuses them before any object is looked at", () => {
    const pre = tree("pre", "linux/fs/a.o", "linux/fs/b.o", "linux/Makefile");
    const post = tree("post", "fs/a.o", "fs/b.o", "Makefile");
    expect(() => listPairs(pre, post)).toThrow(`did you mean ${pre}/linux and ${post}?`);
    // What is left out by name does not count.
    expect(() => listPairs(pre, post, { exclude: ["fs/b.o"] })).toThrow(/share no path/);
  });
});
