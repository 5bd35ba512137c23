import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { byText, sortByText, sortedUnion } from "../src/order.ts";

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

describe("the order of texts is that of their bytes in UTF-8", () => {
  it.each([
    ["letters", "a", "b", -1],
    ["a beginning comes before the whole", "a", "ab", -1],
    ["a character beyond U+FFFF comes after one below it, whose UTF-16 unit is larger", "\u{1f600}", "\uff5e", 1],
    ["the same behind a common beginning", "f\u{10000}", "f\ue000", 1],
    ["equal", "\u{1f600}", "\u{1f600}", 0],
  ])("%s", (_teaches, a, b, order) => {
    expect(Math.sign(byText(a, b))).toBe(order);
    expect(Math.sign(byBytes(a, b))).toBe(order);
  });

  it("for any texts, one by one and sorted", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 4 });
    fc.assert(fc.property(text, text, (a, b) => Math.sign(byText(a, b)) === Math.sign(byBytes(a, b))));
    fc.assert(
      fc.property(fc.uniqueArray(text), (texts) => {
        const sorted = [...texts].sort(byBytes);
        expect(sortByText(texts, (one) => one)).toEqual(sorted);
        expect(sortedUnion(new Map(texts.map((one) => [one, 0])), new Map())).toEqual(sorted);
      }),
    );
  });
});
