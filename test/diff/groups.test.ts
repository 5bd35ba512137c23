import { describe, expect, it } from "vitest";
import { type Group, keyedPairs, narrowedPairs, uniquePairs, zipPairs } from "../../src/diff/groups.ts";
import type { Pair } from "../../src/diff/pairing.ts";
import type { Span } from "../../src/spans/span.ts";

/** Spans whose names are what the keys look at: `a1` has letter a and number 1. */
function group(pre: string, post: string): Group {
  const spans = (names: string): Span[] =>
    names
      .split(" ")
      .filter(Boolean)
      .map((name) => ({ name }) as Span);
  return { pre: spans(pre), post: spans(post) };
}
const shown = (pairs: readonly Pair[]): string =>
  pairs
    .map(([a, b]) => `${a.name}-${b.name}`)
    .sort()
    .join(" ");
const whole = (span: Span): string => span.name;
const letter = (span: Span): string => span.name.charAt(0);

describe("uniquePairs", () => {
  it("takes only groups with one of each", () => {
    expect(shown(uniquePairs([group("a", "b"), group("c d", "e"), group("f", "g h"), group("i", "")]))).toBe("a-b");
  });
});

describe("zipPairs", () => {
  it("goes as far as both sides reach", () => expect(shown(zipPairs(group("a b c", "x y")))).toBe("a-x b-y"));
});

describe("keyedPairs", () => {
  const cases: [string, Group, string][] = [
    ["equal keys pair, whatever the order", group("a1 b1", "b1 a1"), "a1-a1 b1-b1"],
    ["the finer key goes first", group("a1 a2", "a2 a3"), "a1-a3 a2-a2"],
    ["several of one key go in order", group("a1 a2", "a3 a4"), "a1-a3 a2-a4"],
    ["more on one side: the first ones", group("a1 a2 a3", "a7"), "a1-a7"],
    ["what shares no key stays free", group("a1 b1", "c1"), ""],
    ["nothing on one side", group("a1", ""), ""],
  ];
  it.each(cases)("%s", (_what, both, expected) => expect(shown(keyedPairs(both, whole, letter))).toBe(expected));
});

describe("narrowedPairs", () => {
  const cases: [string, Group, string][] = [
    ["one of each pairs whatever the keys say", group("a1", "z9"), "a1-z9"],
    ["what is left goes in order when both sides have as many", group("a1 b1 c1", "x1 a1 y1"), "a1-a1 b1-x1 c1-y1"],
    ["what is left stays free when they have not", group("a1 b1", "a1 x1 y1"), "a1-a1"],
    ["one of each may be left", group("a1 b1", "b1 c1"), "a1-c1 b1-b1"],
  ];
  it.each(cases)("%s", (_what, both, expected) => expect(shown(narrowedPairs(both, whole))).toBe(expected));
});
