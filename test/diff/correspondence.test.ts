import { describe, expect, it } from "vitest";
import { diffOf, linesOf, outcomesOf } from "../support/built-pair.ts";
import { type ElfExtra, type Part, section } from "../support/elf-parts.ts";

/** Functions one after another in one section. */
function plain(functions: Readonly<Record<string, string>>): Part[] {
  const symbols = [];
  let value = 0;
  for (const [name, asm] of Object.entries(functions)) {
    const size = asm.replaceAll(/\s/g, "").length / 2;
    symbols.push({ name, type: "func", value, size, bind: "global" } as const);
    value += size;
  }
  return [section(".text", Object.values(functions).join(""), {}, symbols)];
}

/** An even number of bytes of code: increments, and a return. */
const big = (size: number): string => `${"ffc0".repeat((size - 2) / 2)}90c3`;

describe("branches that the assembler made longer or shorter", () => {
  const cases: [string, Part[], Part[], string[], string[], ElfExtra?][] = [
    [
      "a call moves with its target",
      plain({ f: "e801000000c3", g: "c3" }),
      plain({ f: "e804000000c3", n: "31c0c3", g: "c3" }),
      [],
      [],
    ],
    [
      "a call to another neighbour",
      plain({ f: "e801000000c3", g: "31c0c3", h: "31d2c3" }),
      plain({ f: "e804000000c3", g: "31c0c3", h: "31d2c3" }),
      ["f replaced"],
      [],
    ],
    [
      "a jump becomes long because a neighbour grew",
      plain({ f: "7423 31c0c3", n: big(32), g: "31d2c3" }),
      plain({ f: "0f8483000000 31c0c3", n: big(128), g: "31d2c3" }),
      ["n replaced"],
      ["f encoding-only +0: 5 → 9"],
    ],
    [
      "the same with an edit is a change",
      plain({ f: "7423 31c0c3", n: big(32), g: "31d2c3" }),
      plain({ f: "0f8483000000 31c9c3", n: big(128), g: "31d2c3" }),
      ["f replaced", "n replaced"],
      [],
    ],
    [
      "another condition is a change",
      plain({ f: "7423 31c0c3", n: big(32), g: "31d2c3" }),
      plain({ f: "0f8583000000 31c0c3", n: big(128), g: "31d2c3" }),
      ["f replaced", "n replaced"],
      [],
    ],
    [
      "another target is a change",
      plain({ f: "7423 31c0c3", n: big(32), g: "31d2c3", h: "31f6c3" }),
      plain({ f: "0f8486000000 31c0c3", n: big(128), g: "31d2c3", h: "31f6c3" }),
      ["f replaced", "n replaced"],
      [],
    ],
    [
      "jmp too",
      plain({ f: "eb23 31c0c3", n: big(32), g: "31d2c3" }),
      plain({ f: "e983000000 31c0c3", n: big(128), g: "31d2c3" }),
      ["n replaced"],
      ["f encoding-only +0: 5 → 8"],
    ],
    [
      "an inner jump over the longer one still goes to the same place",
      plain({ f: "7402 7423 31c0c3", n: big(32), g: "31d2c3" }),
      plain({ f: "7406 0f8483000000 31c0c3", n: big(128), g: "31d2c3" }),
      ["n replaced"],
      ["f encoding-only +0: 7 → 11"],
    ],
    [
      "an inner jump to another place is a change",
      plain({ f: "7402 7423 31c0c3", n: big(32), g: "31d2c3" }),
      plain({ f: "7408 0f8483000000 31c0c3", n: big(128), g: "31d2c3" }),
      ["f replaced", "n replaced"],
      [],
    ],
    [
      "AArch64 branches have one length: only the distance differs",
      plain({ f: "02000094 c0035fd6", g: "c0035fd6" }),
      plain({ f: "03000094 c0035fd6", n: "1f2003d5", g: "c0035fd6" }),
      [],
      [],
      { machine: "aarch64" },
    ],
  ];
  it.each(cases)("%s", (_what, pre, post, outcomes, lines, extra) => {
    const diff = diffOf(pre, post, extra);
    expect({ outcomes: outcomesOf(diff), lines: linesOf(diff) }).toEqual({ outcomes, lines });
  });
});
