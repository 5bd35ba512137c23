import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { align, type Edit } from "../../src/disasm/align.ts";

function applied(pre: readonly string[], post: readonly string[], edits: readonly Edit[]): string[] {
  const result: string[] = [];
  let at = 0;
  for (const edit of edits) {
    result.push(...pre.slice(at, edit.pre), ...post.slice(edit.post, edit.postEnd));
    at = edit.preEnd;
  }
  return [...result, ...pre.slice(at)];
}

function size(edits: readonly Edit[]): number {
  return edits.reduce((sum, { pre, preEnd, post, postEnd }) => sum + (preEnd - pre) + (postEnd - post), 0);
}

/** Insertions and deletions of a shortest script, by the textbook table. */
function fewestEdits(pre: readonly string[], post: readonly string[]): number {
  let row = Array.from({ length: post.length + 1 }, (_, j) => j);
  for (const [i, item] of pre.entries()) {
    const next = [i + 1];
    for (const [j, other] of post.entries()) {
      next.push(item === other ? (row[j] as number) : 1 + Math.min(row[j + 1] as number, next[j] as number));
    }
    row = next;
  }
  return row[post.length] as number;
}

const items = (letters: string, maxLength: number): fc.Arbitrary<string[]> =>
  fc.array(fc.constantFrom(...letters), { maxLength });

describe("align", () => {
  it.each([
    ["nothing", "", "", []],
    ["the same", "abc", "abc", []],
    ["an insertion", "ac", "abc", [[1, 1, 1, 2]]],
    ["a deletion", "abc", "ac", [[1, 2, 1, 1]]],
    ["a replacement", "abc", "axc", [[1, 2, 1, 2]]],
    ["everything", "abc", "xyz", [[0, 3, 0, 3]]],
    [
      "two places",
      "abcdef",
      "aXcdeYf",
      [
        [1, 2, 1, 2],
        [5, 5, 5, 6],
      ],
    ],
  ])("%s: %s → %s", (_what, pre, post, edits) => {
    expect(align([...pre], [...post]).map((edit) => [edit.pre, edit.preEnd, edit.post, edit.postEnd])).toEqual(edits);
  });

  it("gives edits that turn pre into post, in order and apart, as few as there can be", () => {
    fc.assert(
      fc.property(items("abcd", 40), items("abcd", 40), (pre, post) => {
        const edits = align(pre, post);
        expect(applied(pre, post, edits)).toEqual(post);
        expect(size(edits)).toBe(fewestEdits(pre, post));
        for (const [i, edit] of edits.entries()) {
          const last = edits[i - 1] ?? { preEnd: -1, postEnd: -1 };
          expect(edit.pre - last.preEnd).toBe(i === 0 ? edit.pre + 1 : edit.post - last.postEnd);
          expect(edit.pre).toBeGreaterThan(last.preEnd);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("is right, if not shortest, where pieces of hundreds of items are exchanged", () => {
    const piece = fc.tuple(fc.nat(8), fc.integer({ min: 100, max: 900 }));
    const whole = fc.array(piece, { minLength: 1, maxLength: 5 });
    const flat = (pieces: [number, number][]): string[] =>
      pieces.flatMap(([seed, length]) => Array.from({ length }, (_, i) => `${(i * (seed + 3)) % (40 + seed)} ${seed}`));
    fc.assert(
      fc.property(whole, whole, (a, b) => {
        const [pre, post] = [flat(a), flat(b)];
        const edits = align(pre, post);
        expect(applied(pre, post, edits)).toEqual(post);
        expect(size(edits)).toBeLessThanOrEqual(pre.length + post.length);
      }),
      { numRuns: 40 },
    );
  });

  it("finds unique items again when more is rewritten than a shortest script is sought for", () => {
    const body = (salt: string): string[] =>
      Array.from({ length: 3000 }, (_, i) => (i % 10 === 0 ? `call ${i}` : `mov ${i % 7} ${salt}`));
    const edits = align(body("pre"), body("post"));
    expect(edits).toHaveLength(300);
  });

  it.each([
    ["nothing in common", (i: number, side: string) => `${side} ${i}`],
    [
      "few letters, much in common",
      (i: number, side: string) => String((i * i + (side === "a" ? i >> 3 : i >> 5)) % 7),
    ],
    ["all unique, in reverse", (i: number, side: string) => String(side === "a" ? i : 50_000 - i)],
  ])("50,000 items on each side: %s", (_what, item) => {
    const side = (name: string): string[] => Array.from({ length: 50_000 }, (_, i) => item(i, name));
    const [pre, post] = [side("a"), side("b")];
    const edits = align(pre, post);
    expect(applied(pre, post, edits)).toEqual(post);
  });
});
