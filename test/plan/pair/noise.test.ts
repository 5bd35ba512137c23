import { describe, expect, it } from "vitest";
import { updateOf } from "../../support/built-pair.ts";
import { bss, type Part, rodata, section, strings, text } from "../../support/elf-parts.ts";

type Parts = readonly Part[];
const load = (name: string): Part => text("f", `8b05{PC32 ${name}-4}c3`);
const noise = (pre: Parts, post: Parts): string[] =>
  updateOf(pre, post).noise.map((one) => `${one.class} ${one.label}: ${one.pre} → ${one.post}`);

describe("differences that mean nothing are named", () => {
  const cases: [string, Parts, Parts, string[]][] = [
    ["none", [load("n"), bss("n", 4)], [load("n"), bss("n", 4)], []],
    [
      "a static local's number",
      [load("n.1"), bss("n.1", 4)],
      [load("n.2"), bss("n.2", 4)],
      ["renumbered-static n<f><x.o>: n.1 → n.2"],
    ],
    [
      "a clone's number",
      [text("f.isra.0", "c3")],
      [text("f.isra.3", "c3")],
      ["renumbered-clone f.isra.0<x.o>: f.isra.0 → f.isra.3"],
    ],
    [
      "a unique id",
      [load("__UNIQUE_ID_x1"), bss("__UNIQUE_ID_x1", 4)],
      [load("__UNIQUE_ID_x2"), bss("__UNIQUE_ID_x2", 4)],
      ["unique-id __UNIQUE_ID_x*<f><x.o>: __UNIQUE_ID_x1 → __UNIQUE_ID_x2"],
    ],
    [
      "the name of a function",
      [load("__func__.0"), rodata("__func__.0", "6600")],
      [load("__func__.4"), rodata("__func__.4", "6600")],
      ["function-name __func__<f><x.o>: __func__.0 → __func__.4"],
    ],
    [
      "a line beside a file's name",
      [text("f", "48c7c7{32S .rodata.str1.1}be05000000e8{PLT32 __might_sleep-4}c3"), strings("a.c")],
      [text("f", "48c7c7{32S .rodata.str1.1}be06000000e8{PLT32 __might_sleep-4}c3"), strings("a.c")],
      ["line-number f<x.o>: 5 → 6"],
    ],
    [
      "a line in the bug table",
      [text("f", "0f0bc3"), section("__bug_table", "{PC32 f}{PC32 a}0100 0000")],
      [text("f", "0f0bc3"), section("__bug_table", "{PC32 f}{PC32 a}0200 0000")],
      ["line-number f<x.o>: 1 → 2"],
    ],
    ["a rename is not noise", [text("f", "31c0c3")], [text("g", "31c0c3")], []],
    [
      "nor is a line in a function that changes",
      [text("f", "31c0c3"), section("__bug_table", "{PC32 f}{PC32 a}0100 0000")],
      [text("f", "31d2c3"), section("__bug_table", "{PC32 f}{PC32 a}0200 0000")],
      [],
    ],
  ];
  it.each(cases)("%s", (_what, pre, post, expected) => expect(noise(pre, post)).toEqual(expected));
});
