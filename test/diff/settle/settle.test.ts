import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { describePair, readObject } from "../../../src/index.ts";
import { READ } from "../../../src/spans/selection.ts";
import { syntheticPair } from "../../bench/synthetic-pair.ts";
import { CORPUS, FIXTURES, fixtureCases, HAS_CORPUS, join, objectsBelow, relative } from "../../support/paths.ts";
import { sampled } from "../../support/sample.ts";
import { flipped } from "./flipped.ts";

/*
 * A pair of objects is described in two ways: from spans of everything, and from spans of what differs and what that has to do
 * with. Whatever differs, both must say the same, to the byte.
 */

interface Described {
  readonly text: string;
  /** Sections of pre that were settled without spans; undefined where everything was read. */
  readonly settled: number | undefined;
}

async function described(pre: Uint8Array, post: Uint8Array, manySections: number): Promise<Described> {
  try {
    const [before, after] = [readObject(pre, "pre.o"), readObject(post, "post.o")];
    const { fragment, pair } = await describePair(before, after, { manySections });
    const levels = pair.diff.pre.table.selection?.levels;
    return { text: JSON.stringify(fragment), settled: levels?.filter((level) => level === READ.settled).length };
  } catch (error) {
    return { text: String(error), settled: undefined };
  }
}

/** Describes in both ways; returns how many sections were settled. */
async function bothWays(pre: Uint8Array, post: Uint8Array): Promise<number | undefined> {
  const { text, settled } = await described(pre, post, 0);
  expect(text).toBe((await described(pre, post, Number.POSITIVE_INFINITY)).text);
  return settled;
}

const cases = fixtureCases();
const read = (name: string, side: "pre" | "post"): Uint8Array => readFileSync(join(FIXTURES, name, `${side}.o`));

describe("a pair of fixtures says the same with and without spans of what is equal", () => {
  it.each(sampled(cases, 3))("%s", async (name) => {
    await bothWays(read(name, "pre"), read(name, "post"));
  });

  it("settles sections in many of them", async () => {
    const settled = await Promise.all(cases.map((name) => described(read(name, "pre"), read(name, "post"), 0)));
    expect(settled.filter((one) => one.settled !== undefined).length).toBeGreaterThan(cases.length / 5);
  });
});

describe("an object and itself with one bit of a section, a record or a symbol turned over", () => {
  it.each(sampled(cases, 6))("%s", async (name) => {
    const bytes = read(name, "post");
    for (const [what, other] of flipped(bytes, name))
      try {
        await bothWays(bytes, other);
      } catch (error) {
        throw new Error(`${what}: ${error}`);
      }
  });
});

describe.skipIf(!HAS_CORPUS)("real objects (skipped where the corpus is absent)", () => {
  const folder = join(CORPUS, "kernel-pairs");
  const objects = HAS_CORPUS ? objectsBelow(folder).filter((path) => path.includes("/pre/")) : [];

  it.each(sampled(objects, 2).map((path) => relative(folder, path)))("%s", async (path) => {
    const pre = join(folder, path);
    await bothWays(readFileSync(pre), readFileSync(pre.replace("/pre/", "/post/")));
  });
});

describe("what is made no spans of", () => {
  it("is nearly all of a large object, when one function has changed that no table leads to", async () => {
    const { pre, post } = syntheticPair(500, { tables: false });
    const settled = await bothWays(pre, post);
    expect(settled).toBeGreaterThan(450);
  });

  it("is nothing where a table of functions leads to what has changed: a switch-over tells of all variables", async () => {
    const { pre, post } = syntheticPair(60);
    expect(await bothWays(pre, post)).toBeUndefined();
  });

  it("is nothing in objects of few sections, and nothing where all old code is wanted", async () => {
    const { pre, post } = syntheticPair(500, { tables: false });
    const small = await described(read("text/body", "pre"), read("text/body", "post"), 400);
    expect(small.settled).toBeUndefined();
    const objects = [readObject(pre, "pre.o"), readObject(post, "post.o")] as const;
    const { pair } = await describePair(...objects, { oldCode: "all", manySections: 0 });
    expect(pair.diff.pre.table.selection).toBeUndefined();
  });
});
