import { describe, expect, it } from "vitest";
import { updateOf } from "../../support/built-pair.ts";
import { rungStatus } from "../../support/describe-pair.ts";
import { type ElfExtra, type Part, section, symbol, text } from "../../support/elf-parts.ts";

const code = "b801000000c3";
const f = (extra: object): Part => text("f", code, { bind: "global", ...extra });
/** Eight bytes of data; `e` is a second name, at an offset. */
const table = (offset: number): Part =>
  section(".data", "0100000001000000", {}, [
    { name: "t", type: "object", size: 8, bind: "global" },
    { name: "e", type: "object", size: 4, value: offset, bind: "global" },
  ]);
/** A name for one of two equal constants. */
const alias = (value: number): Part =>
  section(".rodata", "0100000002000000", {}, [
    { name: "a", type: "object", size: 4, bind: "global" },
    { name: "b", type: "object", size: 4, value: 4, bind: "global" },
    { name: "c", type: "object", size: 4, value, bind: "global" },
  ]);

describe("what no byte tells of a name that others use", () => {
  const cases: [string, Part[], Part[], RegExp, ElfExtra?][] = [
    ["a function becomes an IFUNC", [f({})], [f({ type: "gnu_ifunc" })], /its type 2 becomes 10/],
    ["weak becomes strong: another definition may win", [f({ bind: "weak" })], [f({})], /weak becomes strong/],
    [
      "a common symbol becomes a definition",
      [symbol("v", { section: "*COM*", size: 4, value: 4, bind: "global" })],
      [section(".bss", "", { size: 4 }, [{ name: "v", type: "object", size: 4, bind: "global" }])],
      /common symbol becomes a definition/,
    ],
    ["a name inside data moves", [table(0)], [table(4)], /another place/],
    ["an alias of data goes to another variable", [alias(0)], [alias(4)], /another place/],
  ];
  it.each(cases)("%s", (_what, pre, post, message, extra) => {
    const update = updateOf(pre, post, extra);
    expect(update.findings.filter(({ code: one }) => one === "symbol-changed")).toMatchObject([
      { severity: "error", message: expect.stringMatching(message) as string },
    ]);
    expect([rungStatus(update, "none"), rungStatus(update, "splice")]).not.toContain("applicable");
  });

  it("is nothing of a function that is replaced: the jump at its entry serves its callers", () => {
    const update = updateOf([f({ bind: "weak" })], [text("f", "b802000000c3", { bind: "global" })]);
    expect(update.findings.map(({ code: one }) => one)).not.toContain("symbol-changed");
  });
});
