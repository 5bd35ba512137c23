import { describe, expect, it } from "vitest";
import { diffOf, linesOf, reasonsOf } from "../support/built-pair.ts";
import { bss, data, type ElfExtra, type Part, rodata, section, strings, symbol, text } from "../support/elf-parts.ts";

type Parts = readonly Part[];

const of = (name: string): string => `.text.${name}:${name}`;
const g = text("g", "31d2c3", { bind: "global" });
const h = text("h", "31f6c3", { bind: "global" });
const bug = (at: number, line: string, flags = "0000"): Part =>
  section("__bug_table", `{PC32 ${of("f")}+${at}}{PC32 file} ${line} ${flags}`);
const ex = (...to: readonly string[]): Part =>
  section("__ex_table", to.map((fix) => `{PC32 ${of("f")}+2}{PC32 ${fix}}00000000`).join(""));
const fixup = (asm: string): Part => section(".fixup", asm, { flags: "AX" });
const f = text("f", "31c0 0f0b 0f0b c3");

describe("every kind of difference", () => {
  const cases: [string, Parts, Parts, string[]][] = [
    ["size", [text("f", "c3")], [text("f", "c390c3")], ["f size +0: 1 → 3"]],
    ["bytes", [text("f", "b801000000c3")], [text("f", "b802000000c3")], ["f bytes +1: 01 → 02"]],
    [
      "long runs are shown by their beginning",
      [data("v", "01".repeat(20))],
      [data("v", "02".repeat(20))],
      [`v bytes +0: ${"01".repeat(16)}… → ${"02".repeat(16)}…`],
    ],
    [
      "relocation-target: another function",
      [text("f", "e8{PLT32 g-4}c3"), g, h],
      [text("f", "e8{PLT32 h-4}c3"), g, h],
      ["f relocation-target +1: g+0 → h+0"],
    ],
    [
      "relocation-target: another place in a variable",
      [text("f", "8b05{PC32 v-4}c3"), bss("v", 8)],
      [text("f", "8b05{PC32 v+0}c3"), bss("v", 8)],
      ["f relocation-target +2: v+0 → v+0x4"],
    ],
    [
      "relocation-target: another undefined symbol",
      [text("f", "e8{PLT32 a-4}c3")],
      [text("f", "e8{PLT32 b-4}c3")],
      ["f relocation-target +1: a+0 → b+0"],
    ],
    [
      "relocation-target: another text",
      [text("f", "48c7c7{32S .rodata.str1.1}c3"), strings("a")],
      [text("f", "48c7c7{32S .rodata.str1.1}c3"), strings("b")],
      ['f relocation-target +3: "a" → "b"'],
    ],
    [
      "relocation-target: another absolute value of a global name",
      [text("f", "b8{32 limit}c3"), symbol("limit", { section: "*ABS*", value: 64, bind: "global" })],
      [text("f", "b8{32 limit}c3"), symbol("limit", { section: "*ABS*", value: 32, bind: "global" })],
      ["f relocation-target +1: limit (absolute 0x40)+0 → limit (absolute 0x20)+0"],
    ],
    [
      "relocation-target: another absolute value",
      [text("f", "b8{32 limit}c3"), symbol("limit", { section: "*ABS*", value: 1, bind: "local" })],
      [text("f", "b8{32 limit}c3"), symbol("limit", { section: "*ABS*", value: 2, bind: "local" })],
      ["f relocation-target +1: limit (absolute 0x1)+0 → limit (absolute 0x2)+0"],
    ],
    [
      "relocation-type",
      [data("p", "{64 v}"), bss("v", 8)],
      [data("p", "{PC64 v}"), bss("v", 8)],
      ["p relocation-type +0: R_X86_64_64 v+0 → R_X86_64_PC64 v+0"],
    ],
    [
      "relocation-added",
      [data("p", "0000000000000000"), bss("v", 8)],
      [data("p", "{64 v}"), bss("v", 8)],
      ["p relocation-added +0: → R_X86_64_64 v+0"],
    ],
    [
      "relocation-removed",
      [data("p", "{64 v}"), bss("v", 8)],
      [data("p", "0000000000000000"), bss("v", 8)],
      ["p relocation-removed +0: R_X86_64_64 v+0 →"],
    ],
    ["entry-added", [f], [f, bug(2, "0100")], ["f entry-added +2 in __bug_table: → __bug_table+0x0"]],
    ["entry-removed", [f, bug(2, "0100")], [f], ["f entry-removed +2 in __bug_table: __bug_table+0x0 →"]],
    [
      "entry-moved",
      [f, bug(2, "0100")],
      [f, bug(4, "0100")],
      ["f entry-moved +2 in __bug_table: __bug_table+0x0 → __bug_table+0x0"],
    ],
    [
      "entry: another fixup",
      [f, ex(of("f"), of("f"))],
      [f, ex(of("f"), `${of("f")}+6`)],
      ["f relocation-target +2 in __ex_table: f+0 → f+0x6"],
    ],
    [
      "entry: the type of an exception",
      [f, section("__ex_table", `{PC32 ${of("f")}+2}{PC32 ${of("f")}+6}01000000`)],
      [f, section("__ex_table", `{PC32 ${of("f")}+2}{PC32 ${of("f")}+6}02000000`)],
      ["f bytes +2 in __ex_table: 01 → 02"],
    ],
    [
      "entry-size",
      [f, section(".altinstructions", `{PC32 ${of("f")}+2}{PC32 ${of("f")}+6} 0100 0303`)],
      [f, section(".altinstructions", `{PC32 ${of("f")}+2}{PC32 ${of("f")}+6} 01000000 0303`)],
      ["f entry-size +2 in .altinstructions: 12 → 14", "f bytes +2 in .altinstructions: 0303 → 0000"],
    ],
    [
      "entry: relocation-type",
      [f, section("__jump_table", `{PC32 ${of("f")}+2}{PC32 ${of("f")}+6}{PC64 key}`)],
      [f, section("__jump_table", `{PC32 ${of("f")}+2}{PC32 ${of("f")}+6}{64 key}`)],
      ["f relocation-type +2 in __jump_table: R_X86_64_PC64 key+0 → R_X86_64_64 key+0"],
    ],
    [
      "fragment-size",
      [f, fixup("31c0c3"), ex(".fixup")],
      [f, fixup("31c090c3"), ex(".fixup")],
      ["f fragment-size +0 in .fixup: 3 → 4", "f bytes +2 in .fixup: c3 → 90"],
    ],
    [
      "fragment: bytes",
      [f, fixup("31c0c3"), ex(".fixup")],
      [f, fixup("31d2c3"), ex(".fixup")],
      ["f bytes +1 in .fixup: c0 → d2"],
    ],
    [
      "fragment: what it calls",
      [f, g, h, fixup("e9{PC32 g-4}"), ex(".fixup")],
      [f, g, h, fixup("e9{PC32 h-4}"), ex(".fixup")],
      ["f relocation-target +1 in .fixup: g+0 → h+0"],
    ],
    [
      "a fragment that two entries share is compared once",
      [f, fixup("31c0c3"), ex(".fixup", ".fixup")],
      [f, fixup("31d2c3"), ex(".fixup", ".fixup")],
      ["f bytes +1 in .fixup: c0 → d2"],
    ],
    [
      "code used by the function, outside every table",
      [text("f", "e9{PC32 .altinstr_aux-4}"), section(".altinstr_aux", "31c0c3", { flags: "AX" })],
      [text("f", "e9{PC32 .altinstr_aux-4}"), section(".altinstr_aux", "31d2c3", { flags: "AX" })],
      ["f bytes +1 in .altinstr_aux: c0 → d2"],
    ],
    [
      "a variable that had no contents",
      [bss("v", 4, { bind: "global" })],
      [data("v", "00000500", { bind: "global" })],
      ["v bytes +2:  → 05"],
    ],
    [
      "a pointer to itself is the same in both",
      [data("v", "{64 v}")],
      [data("v", "{64 v+8}")],
      ["v relocation-target +0: v+0 → v+0x8"],
    ],
  ];
  it.each(cases)("%s", (_what, pre, post, expected) =>
    expect(reasonsOf(diffOf(pre, post)).map((line) => line.replace(":  →", ": →").trimEnd())).toEqual(
      expected.map((line) => line.replace(":  →", ": →")),
    ),
  );
});

describe("not a difference", () => {
  const cases: [string, Parts, Parts, ElfExtra?][] = [
    ["PC32 or PLT32: only a linker cares", [text("f", "e8{PC32 g-4}c3"), g], [text("f", "e8{PLT32 g-4}c3"), g]],
    ["section symbol or name", [text("f", "e8{PC32 .text.g:g-4}c3"), g], [text("f", "e8{PC32 g-4}c3"), g]],
    [
      "a string that moved",
      [text("f", "48c7c7{32S .rodata.str1.1}c3"), strings("b")],
      [text("f", "48c7c7{32S .rodata.str1.1+2}c3"), strings("a", "b")],
    ],
    [
      "a shared tail",
      [text("f", "48c7c7{32S .rodata.str1.1}c3"), strings("tail")],
      [text("f", "48c7c7{32S .rodata.str1.1+4}c3"), strings("the tail")],
    ],
    [
      "a constant that moved",
      [
        text("f", "8b05{PC32 .rodata.cst8-4}c3"),
        section(".rodata.cst8", "0102030405060708", { flags: "AM", entsize: 8 }),
      ],
      [
        text("f", "8b05{PC32 .rodata.cst8+4}c3"),
        section(".rodata.cst8", "1112131415161718 0102030405060708", { flags: "AM", entsize: 8 }),
      ],
    ],
    [
      "an undefined symbol that is defined now, and is global",
      [text("f", "e8{PLT32 g-4}c3")],
      [text("f", "e8{PLT32 g-4}c3"), g],
    ],
    [
      "entries in another order",
      [f, section("__bug_table", `{PC32 ${of("f")}+2}00000000 0100 0000{PC32 ${of("f")}+4}00000000 0200 0000`)],
      [f, section("__bug_table", `{PC32 ${of("f")}+4}00000000 0200 0000{PC32 ${of("f")}+2}00000000 0100 0000`)],
    ],
    [
      "the last entry of a table without its padding",
      [f, section(".parainstructions", `{64 ${of("f")}+2}01020000`)],
      [f, section(".parainstructions", `{64 ${of("f")}+2}0102000000000000`)],
    ],
    [
      "a fixup that moved in its section",
      [f, fixup("31c0c3"), ex(".fixup")],
      [
        f,
        g,
        section(".fixup", "90c3 31c0c3", { flags: "AX" }),
        section("__ex_table", `{PC32 ${of("f")}+2}{PC32 .fixup+2}00000000{PC32 g+1}{PC32 .fixup}00000000`),
      ],
      {},
    ],
    [
      "TOC slots by what they hold",
      [text("f", "{TOC16_DS .toc|000042e8}2000804e"), section(".toc", "{ADDR64 a}{ADDR64 b}", { flags: "WA" })],
      [text("f", "{TOC16_DS .toc+8|000042e8}2000804e"), section(".toc", "{ADDR64 b}{ADDR64 a}", { flags: "WA" })],
      { machine: "ppc64le" },
    ],
    ["zeros with and without contents", [bss("v", 4, { bind: "global" })], [data("v", "00000000", { bind: "global" })]],
  ];
  it.each(cases)("%s", (_what, pre, post, extra) => {
    const diff = diffOf(pre, post, extra);
    const name = (line: string): boolean => /^(f|u|v) /.test(line);
    expect(reasonsOf(diff).filter(name)).toEqual([]);
  });

  it("TOC slots that hold something else", () => {
    const one = (held: string): Parts => [
      text("f", "{TOC16_DS .toc|000042e8}2000804e"),
      section(".toc", `{ADDR64 ${held}}`, { flags: "WA" }),
    ];
    expect(reasonsOf(diffOf(one("a"), one("b"), { machine: "ppc64le" }))).toEqual([
      "f relocation-target +0: .toc (a+0) → .toc (b+0)",
    ]);
  });

  it("TOC constants by value", () => {
    const one = (value: string): Parts => [
      text("f", "{TOC16_DS .toc|000042e8}2000804e"),
      section(".toc", value, { flags: "WA" }),
    ];
    expect(reasonsOf(diffOf(one("0100000000000000"), one("0200000000000000"), { machine: "ppc64le" }))).toHaveLength(1);
  });
});

describe("long texts are shown where they differ", () => {
  const said = (words: string): Parts => [text("f", "48c7c7{32S .rodata.str1.1}c3"), strings(words)];
  const same = "0123456789".repeat(10);
  it.each<[string, string, string, string]>([
    [
      "at the end",
      `${same}on`,
      `${same}off`,
      `f relocation-target +3: "…${same.slice(-58)}on" → "…${same.slice(-57)}off"`,
    ],
    [
      "in the middle",
      `${same}on${same}`,
      `${same}off${same}`,
      `f relocation-target +3: "…${same.slice(-19)}on${same.slice(0, 39)}…" → "…${same.slice(-19)}off${same.slice(0, 38)}…"`,
    ],
    ["where one ends", same, `${same}!`, `f relocation-target +3: "…${same.slice(-60)}" → "…${same.slice(-59)}!"`],
    ["short ones whole", "on", "off", 'f relocation-target +3: "on" → "off"'],
  ])("%s", (_what, pre, post, expected) => expect(reasonsOf(diffOf(said(pre), said(post)))).toEqual([expected]));
});

describe("bug tables", () => {
  const cases: [string, Parts, Parts, string[]][] = [
    ["a line", [f, bug(2, "0100")], [f, bug(2, "0500")], ["f bug-line +2: 1 → 5"]],
    ["both bytes of a line", [f, bug(2, "0100")], [f, bug(2, "0502")], ["f bug-line +2: 1 → 517"]],
    ["flags", [f, bug(2, "0100", "0000")], [f, bug(2, "0100", "0109")], ["f bug-flags +2: 0000 → 0109"]],
    [
      "line and flags at once",
      [f, bug(2, "0101", "0101")],
      [f, bug(2, "0202", "0202")],
      ["f bug-flags +2: 01010101 → 02020202"],
    ],
    [
      "without file names the flags come at once",
      [f, section("__bug_table", `{PC32 ${of("f")}+2} 0000 0000`)],
      [f, section("__bug_table", `{PC32 ${of("f")}+2} 0109 0000`)],
      ["f bug-flags +2: 0000 → 0109"],
    ],
  ];
  it.each(cases)("%s", (_what, pre, post, expected) => {
    const diff = diffOf(pre, post);
    expect({ lines: linesOf(diff), reasons: reasonsOf(diff) }).toEqual({ lines: expected, reasons: [] });
  });

  it("another file is a difference of the function", () => {
    const one = (name: string): Parts => [
      f,
      strings(name),
      section("__bug_table", `{PC32 ${of("f")}+2}{PC32 .rodata.str1.1}0100 0000`),
    ];
    expect(reasonsOf(diffOf(one("a.c"), one("b.c")))).toEqual(['f relocation-target +2 in __bug_table: "a.c" → "b.c"']);
  });
});

describe("how many reasons are kept", () => {
  it("the first 24 of hundreds", () => {
    const pre = rodata("v", "0001".repeat(100));
    const post = rodata("v", "0002".repeat(100));
    expect(reasonsOf(diffOf([pre], [post]))).toHaveLength(24);
  });
});
