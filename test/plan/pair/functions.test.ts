import { describe, expect, it } from "vitest";
import { summaryOf, updateOf } from "../../support/built-pair.ts";
import { type ElfExtra, group, type Part, section, text } from "../../support/elf-parts.ts";

type Parts = readonly Part[];
const body = (x: string): string => `b8${x}000000c3`;
const f = (x: string, extra = {}): Part => text("f", body(x), extra);
const global = { bind: "global" } as const;

describe("functions and what is found about them", () => {
  const cases: [string, Parts, Parts, Record<string, readonly string[]>, ElfExtra?][] = [
    ["nothing", [f("01")], [f("01")], {}],
    ["changed", [f("01")], [f("02")], { changed: ["f"] }],
    ["new", [], [f("01")], { new: ["f"] }],
    ["a deleted local function: no code can call it any more", [f("01")], [], { deleted: ["f"] }],
    [
      "a deleted global one may still be called",
      [f("01", global)],
      [],
      { deleted: ["f"], findings: ["global-function-deleted"] },
    ],
    ["renamed", [f("01")], [text("g", body("01"))], { renamed: ["f → g"] }],
    [
      "a renamed global one",
      [f("01", global)],
      [text("g", body("01"), global)],
      { renamed: ["f → g"], findings: ["function-renamed-global"] },
    ],
    ["a clone's new number is not a rename", [text("f.isra.0", body("01"))], [text("f.isra.1", body("01"))], {}],
    [
      "init code has run",
      [f("01", { in: ".init.text" })],
      [f("02", { in: ".init.text" })],
      { findings: ["init-text-changed"] },
    ],
    [
      "init code that is new or gone runs no more",
      [f("01", { in: ".init.text" })],
      [text("g", body("02"), { in: ".init.text" })],
      {},
    ],
    [
      "exit code is there in modules only",
      [f("01", { in: ".exit.text" })],
      [f("02", { in: ".exit.text" })],
      { changed: ["f"], findings: ["exit-text-changed"] },
    ],
    [
      "a COMDAT function may run from another object",
      [f("01", { ...global, extra: { flags: "AXG" } }), group("f", ".text.f:f")],
      [f("02", { ...global, extra: { flags: "AXG" } }), group("f", ".text.f:f")],
      { changed: ["f"], findings: ["comdat-changed"] },
    ],
    [
      "a plain group is no COMDAT",
      [f("01", global), { ...group("f"), groups: [{ signature: "f", members: [".text.f:f"], kind: "plain" }] }],
      [f("02", global), { ...group("f"), groups: [{ signature: "f", members: [".text.f:f"], kind: "plain" }] }],
      { changed: ["f"] },
    ],
    [
      "an alias that goes",
      [
        section(".text.f", body("01"), {}, [
          { name: "f", type: "func", size: 6, bind: "global" },
          { name: "a", type: "func", size: 6, bind: "global" },
        ]),
      ],
      [f("01", global)],
      { findings: ["alias-removed"] },
    ],
    [
      "a function begins inside another: both are changed",
      [
        section(".text.f", `${body("01")}${body("01")}`, {}, [
          { name: "f", type: "func", size: 12, bind: "global" },
          { name: "in", type: "func", value: 6, size: 6, bind: "global" },
        ]),
      ],
      [
        section(".text.f", `${body("02")}${body("01")}`, {}, [
          { name: "f", type: "func", size: 12, bind: "global" },
          { name: "in", type: "func", value: 6, size: 6, bind: "global" },
        ]),
      ],
      { changed: ["f", "in"] },
    ],
    [
      "left alone on request",
      [f("01")],
      [f("02"), section(".kpatch.ignore.functions", "{64 f}")],
      { findings: ["ignored-on-request"] },
    ],
    [
      "a request for what does not differ says nothing",
      [f("01")],
      [f("01"), section(".kpatch.ignore.functions", "{64 f}")],
      {},
    ],
    [
      "in an object built for tracing, a function without site stands out",
      [text("f", `e8{PLT32 __fentry__-4}${body("01")}`), text("g", body("03"))],
      [text("f", `e8{PLT32 __fentry__-4}${body("02")}`), text("g", body("04"))],
      { changed: ["f", "g"], findings: ["no-entry-hook"] },
    ],
    [
      "a line in the bug table",
      [f("01"), section("__bug_table", "{PC32 f}{PC32 file}0100 0000")],
      [f("01"), section("__bug_table", "{PC32 f}{PC32 file}0200 0000")],
      { lineOnly: ["f"], findings: ["bug-line-only"] },
    ],
    [
      "a short jump does not reach a function that stays",
      [text("f", "eb{PC8 g-1}b801000000c3"), text("g", "b801000000c3")],
      [text("f", "eb{PC8 g-1}b802000000c3"), text("g", "b801000000c3")],
      { changed: ["f"], findings: ["short-branch"] },
    ],
    [
      "one inside a function does",
      [text("f", "eb05b801000000c3")],
      [text("f", "eb05b802000000c3")],
      { changed: ["f"] },
    ],
    [
      "a jump out of new code loses the TOC pointer",
      [text("f", "{REL24 a|00000048}2000804e")],
      [text("f", "{REL24 b|00000048}2000804e")],
      { changed: ["f"], findings: ["sibling-call"] },
      { machine: "ppc64le" },
    ],
    [
      "a call does not",
      [text("f", "{REL24 a|01000048}000000602000804e2000804e")],
      [text("f", "{REL24 b|01000048}000000602000804e2000804e")],
      { changed: ["f"] },
      { machine: "ppc64le" },
    ],
    [
      "a static key of another object",
      [f("01")],
      [f("02"), section("__jump_table", "{PC32 f}{PC32 f+5}{PC64 key}")],
      { changed: ["f"], findings: ["static-key-elsewhere"] },
    ],
    [
      "a static key of its own",
      [f("01")],
      [
        f("02"),
        section("__jump_table", "{PC32 f}{PC32 f+5}{PC64 key}"),
        section(".data.key", "01", {}, [{ name: "key", type: "object", size: 1 }]),
      ],
      { changed: ["f"], dataNew: ["key"], findings: ["new-writable-data"] },
    ],
    [
      "what a module says about itself",
      [section(".modinfo", "613d6200")],
      [section(".modinfo", "613d6300")],
      { findings: ["module-info-changed"] },
    ],
    [
      "what every build says anew about a module is not a difference",
      [section(".modinfo", "7665726d616769633d3100")],
      [section(".modinfo", "7665726d616769633d3200")],
      {},
    ],
  ];
  it.each(cases)("%s", (_what, pre, post, expected, extra) =>
    expect(summaryOf(updateOf(pre, post, extra))).toEqual(expected),
  );

  it("a part says what it was cut from", () => {
    const one = (x: string): Parts => [
      text("f", "0f84{PC32 f.cold-4}31c0c3"),
      text("f.cold", body(x)),
      text("g.part.0", body(x)),
    ];
    expect(updateOf(one("01"), one("02")).functions.map(({ name, partOf }) => `${name} of ${partOf}`)).toEqual([
      "f.cold of f",
      "f of undefined",
      "g.part.0 of g",
    ]);
  });

  it("offsets count from the symbol, not from a prefix", () => {
    const one = (x: string): Parts => [
      section(".text.f", `b878563412${body(x)}`, {}, [
        { name: "__cfi_f", type: "func", size: 5 },
        { name: "f", type: "func", value: 5, size: 6, bind: "global" },
      ]),
    ];
    const [change] = updateOf(one("01"), one("02")).functions;
    expect({ pre: change?.pre, offset: change?.reasons[0]?.offset }).toEqual({
      pre: { section: ".text.f", offset: 5, size: 6 },
      offset: 1,
    });
  });

  it("the new name of a clone stands beside the old one", () => {
    const [change] = updateOf([text("f.isra.0", body("01"))], [text("f.isra.1", body("02"))]).functions;
    expect([change?.name, change?.renamedTo, change?.pairedBy]).toEqual(["f.isra.0", "f.isra.1", "compiler-suffix"]);
  });
});
