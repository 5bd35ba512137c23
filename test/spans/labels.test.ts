import { describe, expect, it } from "vitest";
import { labelSpans } from "../../src/spans/labels.ts";
import { usesIn } from "../../src/spans/uses.ts";
import { bss, data, type Part, rodata, section, spansOf, strings, text } from "../support/elf-parts.ts";

function labels(parts: readonly Part[], taken: readonly string[] = []): string[] {
  const table = spansOf(parts);
  return [...labelSpans(table.spans, "fs/x.o", usesIn(table), new Set(taken)).values()];
}

describe("labels", () => {
  const cases: [string, readonly Part[], readonly string[]][] = [
    ["a global goes by its name", [text("f", "c3", { bind: "global" })], ["f"]],
    ["so does a weak one", [text("f", "c3", { bind: "weak" })], ["f"]],
    ["a local one with its object", [text("f", "c3")], ["f<fs/x.o>"]],
    [
      "a static local with the function that uses it",
      [text("f", "8b05{PC32 n.1-4}c3"), bss("n.1", 4)],
      ["f<fs/x.o>", "n<f><fs/x.o>"],
    ],
    [
      "used by the cold part too: still one function",
      [text("f", "8b05{PC32 n.1-4}c3"), text("f.cold", "8b05{PC32 n.1-4}c3"), bss("n.1", 4)],
      ["f<fs/x.o>", "f.cold<fs/x.o>", "n<f><fs/x.o>"],
    ],
    [
      "used by several",
      [text("f", "8b05{PC32 n.1-4}c3"), text("g", "8b05{PC32 n.1-4}c3"), bss("n.1", 4)],
      ["f<fs/x.o>", "g<fs/x.o>", "n<*><fs/x.o>"],
    ],
    ["used by none", [bss("n.1", 4)], ["n<*><fs/x.o>"]],
    ["used by data only", [data("p", "{64 n.1}"), bss("n.1", 4)], ["p<fs/x.o>", "n<*><fs/x.o>"]],
    [
      "two of one name in one function",
      [text("f", "8b05{PC32 n.1-4}8b05{PC32 n.2-4}c3"), bss("n.1", 4), bss("n.2", 4)],
      ["f<fs/x.o>", "n<f><fs/x.o>~0", "n<f><fs/x.o>~1"],
    ],
    [
      "of one name in two functions",
      [text("f", "8b05{PC32 n.1-4}c3"), text("g", "8b05{PC32 n.2-4}c3"), bss("n.1", 4), bss("n.2", 4)],
      ["f<fs/x.o>", "g<fs/x.o>", "n<f><fs/x.o>", "n<g><fs/x.o>"],
    ],
    ["a clone's number stays: it is the function's name", [text("f.isra.0", "c3")], ["f.isra.0<fs/x.o>"]],
    [
      "things without a name by section and place",
      [strings("a", "bc")],
      [".rodata.str1.1<fs/x.o>", ".rodata.str1.1+0x2<fs/x.o>"],
    ],
    [
      "labels of the assembler are no names",
      [section(".rodata", "0102", {}, [{ name: ".L__unnamed_1", size: 2, type: "object" }])],
      [".rodata<fs/x.o>"],
    ],
    [
      "two locals of one name (several files linked into one)",
      [text("f", "c3", { in: ".text.a", id: "f1" }), text("f", "90c3", { in: ".text.b", id: "f2" })],
      ["f<fs/x.o>~0", "f<fs/x.o>~1"],
    ],
    [
      "constants in sections of one name",
      [
        rodata("a", "01", { in: ".rodata", extra: { id: "r1" } }),
        rodata("b", "01", { in: ".rodata", extra: { id: "r2" } }),
      ],
      ["a<fs/x.o>", "b<fs/x.o>"],
    ],
  ];
  it.each(cases)("%s", (_what, parts, expected) => expect(labels(parts)).toEqual(expected));

  it("a label that others hold already gets a number", () => {
    expect(labels([text("f", "c3")], ["f<fs/x.o>"])).toEqual(["f<fs/x.o>~0"]);
    expect(labels([text("f", "c3")], ["f<fs/x.o>", "f<fs/x.o>~0"])).toEqual(["f<fs/x.o>~1"]);
  });

  it("a name that looks like a numbered label does not collide with one", () => {
    const made = labels([
      text("f", "c3", { in: ".text.a", id: "f1" }),
      text("f", "c3", { in: ".text.b", id: "f2" }),
      text("f<fs/x.o>~0", "c3", { bind: "global" }),
    ]);
    expect(new Set(made).size).toBe(3);
  });
});
