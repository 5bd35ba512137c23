import { describe, expect, it } from "vitest";
import { diffSpans } from "../../src/diff/diff.ts";
import { UnsupportedError } from "../../src/errors.ts";
import { diffOf, outcomesOf, pairsOf, reasonsOf } from "../support/built-pair.ts";
import { data, objectOf, type Part, rodata, section, strings, text } from "../support/elf-parts.ts";

type Parts = readonly Part[];

const call = (name: string, into = 0): string => `e8{PLT32 ${name}${into - 4 < 0 ? into - 4 : `+${into - 4}`}}`;
const jumpInto = (name: string, at: number): string =>
  `e9{PC32 .text.${name}:${name}${at - 4 < 0 ? at - 4 : `+${at - 4}`}}`;
/** Nothing, ten bytes long, so that there is a middle; `x` tells one from the other. */
const body = (x: string): string => `b8${x}000000 90909090 c3`;

describe("what follows from a difference", () => {
  const cases: [string, Parts, Parts, string[]][] = [
    [
      "a caller does not change with its callee",
      [text("f", body("01")), text("g", `${call("f")}c3`)],
      [text("f", body("02")), text("g", `${call("f")}c3`)],
      ["f replaced"],
    ],
    [
      "nor do functions that call each other",
      [text("f", `${body("01")}${call("g")}`), text("g", `${call("f")}c3`)],
      [text("f", `${body("02")}${call("g")}`), text("g", `${call("f")}c3`)],
      ["f replaced"],
    ],
    [
      "who points into the middle of a changed function changes",
      [text("f", body("01")), text("g", `${jumpInto("f", 5)}`)],
      [text("f", body("02")), text("g", `${jumpInto("f", 5)}`)],
      ["f replaced", "g replaced"],
    ],
    [
      "and who points into the middle of that one, and so on",
      [
        text("f", body("01")),
        text("g", `${jumpInto("f", 5)}90`),
        text("h", `${jumpInto("g", 5)}90`),
        text("i", `${jumpInto("h", 5)}90`),
      ],
      [
        text("f", body("02")),
        text("g", `${jumpInto("f", 5)}90`),
        text("h", `${jumpInto("g", 5)}90`),
        text("i", `${jumpInto("h", 5)}90`),
      ],
      ["f replaced", "g replaced", "h replaced", "i replaced"],
    ],
    [
      "who is pointed into by a changed function changes",
      [text("f", `${body("01")}${jumpInto("g", 5)}`), text("g", body("07"))],
      [text("f", `${body("02")}${jumpInto("g", 5)}`), text("g", body("07"))],
      ["f replaced", "g replaced"],
    ],
    [
      "two that point into each other go together",
      [text("f", `${body("01")}${jumpInto("g", 5)}`), text("g", `${body("07")}${jumpInto("f", 5)}`)],
      [text("f", `${body("02")}${jumpInto("g", 5)}`), text("g", `${body("07")}${jumpInto("f", 5)}`)],
      ["f replaced", "g replaced"],
    ],
    [
      "a reference into a function that does not change is fine",
      [text("f", body("01")), text("g", jumpInto("f", 5)), text("h", "31c0c3")],
      [text("f", body("01")), text("g", jumpInto("f", 5)), text("h", "31d2c3")],
      ["h replaced"],
    ],
    [
      "a new function that points into an old one",
      [text("f", body("01"))],
      [text("f", body("01")), text("g", `31f6${jumpInto("f", 5)}`)],
      ["f replaced"],
    ],
    [
      "a second entry is not a middle",
      [
        section(".text", body("01"), {}, [
          { name: "f", type: "func", size: 10, bind: "global" },
          { name: "in", type: "func", value: 5, size: 5, bind: "global" },
        ]),
        text("g", `${call("in")}c3`),
      ],
      [
        section(".text", body("02"), {}, [
          { name: "f", type: "func", size: 10, bind: "global" },
          { name: "in", type: "func", value: 5, size: 5, bind: "global" },
        ]),
        text("g", `${call("in")}c3`),
      ],
      ["f replaced"],
    ],
    [
      "a cold part takes its function along",
      [text("f", `0f84{PC32 f.cold-4}c3`), text("f.cold", `b801000000${jumpInto("f", 6)}`)],
      [text("f", `0f84{PC32 f.cold-4}c3`), text("f.cold", `b802000000${jumpInto("f", 6)}`)],
      ["f replaced", "f.cold replaced"],
    ],
    [
      "also when it does not jump back",
      [text("f", `0f84{PC32 f.cold-4}c3`), text("f.cold", "b801000000c3")],
      [text("f", `0f84{PC32 f.cold-4}c3`), text("f.cold", "b802000000c3")],
      ["f replaced", "f.cold replaced"],
    ],
    [
      "a function takes its cold part along, if that jumps back",
      [text("f", `b80100000074{PC8 f.cold-1}c3`), text("f.cold", jumpInto("f", 5))],
      [text("f", `b80200000074{PC8 f.cold-1}c3`), text("f.cold", jumpInto("f", 5))],
      ["f replaced", "f.cold replaced"],
    ],
    [
      "a constant of the same size is rewritten in place; its readers stay",
      [rodata("v", "01"), text("f", "8b05{PC32 v-4}c3")],
      [rodata("v", "02"), text("f", "8b05{PC32 v-4}c3")],
      ["v rewritten"],
    ],
    [
      "one that grows gets a new place; its readers change",
      [rodata("v", "01"), text("f", "8b05{PC32 v-4}c3")],
      [rodata("v", "0102"), text("f", "8b05{PC32 v-4}c3")],
      ["f replaced", "v relocated"],
    ],
    [
      "a constant that points to it follows in place",
      [rodata("v", "01"), rodata("p", "{64 v}"), text("f", "8b05{PC32 p-4}c3")],
      [rodata("v", "0102"), rodata("p", "{64 v}"), text("f", "8b05{PC32 p-4}c3")],
      ["p rewritten", "v relocated"],
    ],
    [
      "a variable that points to it is state",
      [rodata("v", "01"), data("p", "{64 v}")],
      [rodata("v", "0102"), data("p", "{64 v}")],
      ["p stateful", "v relocated"],
    ],
    [
      "a constant that points into the middle of a changed function follows",
      [text("f", body("01")), rodata("p", "{64 .text.f:f+5}")],
      [text("f", body("02")), rodata("p", "{64 .text.f:f+5}")],
      ["f replaced", "p rewritten"],
    ],
    [
      "one that points to its entry stays: a trampoline is there",
      [text("f", body("01")), rodata("p", "{64 f}")],
      [text("f", body("02")), rodata("p", "{64 f}")],
      ["f replaced"],
    ],
    [
      "live data that differs stays, and so do its users",
      [data("v", "01"), text("f", "8b05{PC32 v-4}c3")],
      [data("v", "02"), text("f", "8b05{PC32 v-4}c3")],
      ["v stateful"],
    ],
    [
      "live data that grows is not replaced either",
      [data("v", "01"), text("f", "8b05{PC32 v-4}c3")],
      [data("v", "0102"), text("f", "8b05{PC32 v-4}c3")],
      ["v stateful"],
    ],
    [
      "a changed text replaces its user only",
      [text("f", "48c7c7{32S .rodata.str1.1}c3"), text("g", "c3"), strings("a")],
      [text("f", "48c7c7{32S .rodata.str1.1}c3"), text("g", "c3"), strings("b")],
      ["f replaced"],
    ],
    [
      "what the author exempts stays",
      [text("f", body("01")), text("g", body("03"))],
      [text("f", body("02")), text("g", body("04")), section(".kpatch.ignore.functions", "{64 f}")],
      ["g replaced"],
    ],
    [
      "a chain through tables: each reader of a grown one",
      [rodata("a", "01"), text("f", "8b05{PC32 a-4}c3"), text("g", jumpInto("f", 2)), rodata("t", "{64 .text.g:g+1}")],
      [
        rodata("a", "0102"),
        text("f", "8b05{PC32 a-4}c3"),
        text("g", jumpInto("f", 2)),
        rodata("t", "{64 .text.g:g+1}"),
      ],
      ["a relocated", "f replaced", "g replaced", "t rewritten"],
    ],
  ];
  it.each(cases)("%s", (_what, pre, post, expected) => expect(outcomesOf(diffOf(pre, post))).toEqual(expected));

  it("numbers without a name that begin like a text are still numbers: a reader of grown ones changes", () => {
    const of = (numbers: string): Parts => [text("f", "48c7c6{32S .rodata}c3"), section(".rodata", numbers)];
    expect(outcomesOf(diffOf(of("41000000 e8030000"), of("41000000 d0070000 01000000")))).toEqual([
      ".rodata relocated",
      "f replaced",
    ]);
  });

  it("says why each of them follows", () => {
    const of = (x: string, v: string): Parts => [
      text("f", body(x)),
      text("g", jumpInto("f", 5)),
      rodata("v", v),
      text("h", "8b05{PC32 v-4}c3"),
      text("c", "0f84{PC32 c.cold-4}c3"),
      text("c.cold", `b8${x}000000c3`),
    ];
    expect(reasonsOf(diffOf(of("01", "01"), of("02", "0102")))).toEqual([
      "f bytes +1: 01 → 02",
      "g middle-reference +1: f+0x5 → f+0x5",
      "v size +0: 1 → 2",
      "h target-replaced +2: v+0 → v+0",
      "c part-changed +0: c.cold → c.cold",
      "c.cold bytes +1: 01 → 02",
    ]);
  });

  it("all of a long chain", () => {
    const chain = (x: string): Part[] => [
      text("f0", body(x)),
      ...Array.from({ length: 1500 }, (_, i) => text(`f${i + 1}`, `${jumpInto(`f${i}`, 5)}90`)),
    ];
    expect(outcomesOf(diffOf(chain("01"), chain("02")))).toHaveLength(1501);
  });
});

describe("diffSpans", () => {
  it("an object and itself: every span has its twin, nothing differs", () => {
    const parts = [
      text("f", body("01")),
      text("g", "c3"),
      text("h", "c3"),
      strings("a", "b"),
      data("v", "{64 f}"),
      data("w.1", "01"),
      data("w.2", "01"),
    ];
    const diff = diffOf(parts, parts);
    expect({ outcomes: outcomesOf(diff), alone: pairsOf(diff).filter((line) => line.includes("nothing")) }).toEqual({
      outcomes: [],
      alone: [],
    });
  });

  it.each([
    ["another machine", { machine: "i386" }],
    ["another byte order", { machine: "ppc64" }],
  ] as const)("refuses %s: no patch does that", (_what, extra) => {
    const pre = objectOf([text("f", "2000804e")], { machine: "ppc64le" });
    expect(() => diffSpans(pre, objectOf([text("f", "2000804e")], extra))).toThrow(UnsupportedError);
  });
});
