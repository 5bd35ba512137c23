import { describe, expect, it } from "vitest";
import type { Change } from "../../../src/contract/description.ts";
import type { UpdateOptions } from "../../../src/plan/update.ts";
import { updateOf } from "../../support/built-pair.ts";
import { describePair } from "../../support/describe-pair.ts";
import { bss, data, type Part, rodata, section, strings, text } from "../../support/elf-parts.ts";
import { integrityErrors } from "../../support/integrity.ts";
import { FIXTURES, fixtureCases, join } from "../../support/paths.ts";
import { sampled } from "../../support/sample.ts";

type Parts = readonly Part[];
const call = (name: string): string => `e8{PLT32 ${name}-4}`;
const f = (x: string, more = ""): Part => text("f", `b8${x}000000${more}c3`);

function change(pre: Parts, post: Parts, options: UpdateOptions = {}): Change {
  const [one] = updateOf(pre, post, {}, options).changes;
  if (one === undefined) throw new Error("no change");
  return one;
}
const because = (side: Change["oldCode"]): string[] => side.sections.map((one) => `${one.label}: ${one.because}`);

describe("new code: what is loaded, and why", () => {
  const cases: [string, Parts, Parts, string[]][] = [
    ["a changed function", [f("01")], [f("02")], ["f<x.o>: changed"]],
    [
      "what runs already is not loaded again",
      [f("01", call("g")), text("g", "31d2c3"), bss("v", 4)],
      [f("02", `${call("g")}8b05{PC32 v-4}`), text("g", "31d2c3"), bss("v", 4)],
      ["f<x.o>: changed"],
    ],
    ["a new function", [f("01")], [f("01"), text("g", "31d2c3")], ["g<x.o>: new"]],
    [
      "new data that it needs",
      [f("01")],
      [f("02", "8b05{PC32 v-4}"), bss("v", 4)],
      ["f<x.o>: changed", "v<x.o>: referenced-by f<x.o>"],
    ],
    [
      "what new data needs in turn",
      [f("01")],
      [f("02", "8b05{PC32 p-4}"), data("p", "{64 q}"), data("q", "{64 .rodata.str1.1}"), strings("a")],
      [
        ".rodata.str1.1<x.o>: referenced-by q<x.o>",
        "f<x.o>: changed",
        "p<x.o>: referenced-by f<x.o>",
        "q<x.o>: referenced-by p<x.o>",
      ],
    ],
    [
      "a text that is new",
      [f("01", "48c7c7{32S .rodata.str1.1}"), strings("a")],
      [f("01", "48c7c7{32S .rodata.str1.1}"), strings("b")],
      [".rodata.str1.1<x.o>~0: referenced-by f<x.o>", "f<x.o>: changed"],
    ],
    ["new data that no code needs stays out", [f("01")], [f("02"), data("v", "01")], ["f<x.o>: changed"]],
    ["a constant to be rewritten", [rodata("v", "01")], [rodata("v", "02")], ["v<x.o>: in-place"]],
    [
      "a grown table is new",
      [rodata("v", "01"), f("01", "8b05{PC32 v-4}")],
      [rodata("v", "0102"), f("01", "8b05{PC32 v-4}")],
      ["f<x.o>: changed", "v<x.o>: new"],
    ],
    [
      "table entries come with their owner, and what they need",
      [f("01")],
      [f("02"), strings("a.c"), section("__bug_table", "{PC32 f}{PC32 .rodata.str1.1}0100 0000")],
      [".rodata.str1.1<x.o>: referenced-by f<x.o>", "__bug_table<target:f<x.o>+0x0>: owner f<x.o>", "f<x.o>: changed"],
    ],
    [
      "several entries at one place have labels of their own",
      [f("01")],
      [f("02"), section(".smp_locks", "{PC32 f}{PC32 f}")],
      [
        ".smp_locks<target:f<x.o>+0x0>: owner f<x.o>",
        ".smp_locks<target:f<x.o>+0x0>~1: owner f<x.o>",
        "f<x.o>: changed",
      ],
    ],
    [
      "replacement code comes too",
      [f("01")],
      [f("02"), section(".fixup", "31c0c3", { flags: "AX" }), section("__ex_table", "{PC32 f}{PC32 .fixup}00000000")],
      [".fixup<x.o>: referenced-by f<x.o>", "__ex_table<target:f<x.o>+0x0>: owner f<x.o>", "f<x.o>: changed"],
    ],
    [
      "init code is never loaded",
      [text("f", "31c0c3", { in: ".init.text" }), text("u", "b801000000c3")],
      [text("f", "31d2c3", { in: ".init.text" }), text("u", "b802000000c3")],
      ["u<x.o>: changed"],
    ],
  ];
  it.each(cases)("%s", (_what, pre, post, expected) => expect(because(change(pre, post).newCode)).toEqual(expected));
});

describe("old code: what has to be found", () => {
  const pre = [
    f("01", call("g")),
    text("g", "31d2c3"),
    text("h", "31f6c3"),
    data("v", "01", { bind: "global" }),
    data("w", "01"),
    strings("a"),
  ];
  const post = [f("02", call("g")), ...pre.slice(1)];
  it("needed: what is patched, and what it and the new code refer to", () => {
    expect(because(change(pre, post).oldCode)).toEqual(["f<x.o>: changed", "g<x.o>: referenced-by f<x.o>"]);
  });
  it("all: text and globals too, as Ksplice keeps them", () => {
    expect(because(change(pre, post, { oldCode: "all" }).oldCode)).toEqual([
      "f<x.o>: changed",
      "g<x.o>: text",
      "h<x.o>: text",
      "v: global",
    ]);
  });
  it("what only the new code refers to", () => {
    const one = change([f("01"), text("g", "31d2c3")], [f("02", call("g")), text("g", "31d2c3")]);
    expect(because(one.oldCode)).toEqual(["f<x.o>: changed", "g<x.o>: referenced-by f<x.o>"]);
  });
  it("what is deleted is trapped, so it must be found", () => {
    expect(because(change([text("g", "b801000000c3")], [text("n", "31c031d231f6c3")]).oldCode)).toEqual([
      "g<x.o>: deleted",
    ]);
  });
});

describe("relocations", () => {
  it("name label, howto, and both parts of the addend", () => {
    const one = change([f("01")], [f("02", "c705{PC32 v-4}07000000"), bss("v", 8)]);
    expect(one.newCode.relocations).toEqual([
      {
        section: "f<x.o>",
        offset: 7,
        howto: "R_X86_64_PC32",
        symbol: "v<x.o>",
        insnAddend: "-0x8",
        targetAddend: "0x4",
      },
    ]);
  });
  it("a reference into the middle of a function counts from its entry", () => {
    const post = [
      f("02"),
      section(".text.g", "b878563412 9090c3", {}, [
        { name: "__cfi_g", type: "func", size: 5 },
        { name: "g", type: "func", value: 5, size: 3 },
      ]),
      rodata("p", "{64 g+1}"),
      text("u", "8b05{PC32 p-4}c3"),
    ];
    const one = change([f("01")], post);
    expect(one.newCode.relocations.find(({ section: holder }) => holder === "p<x.o>")?.targetAddend).toBe("0x1");
  });
});

describe("bug patches", () => {
  const bug = (line: string): Part[] => [f("01"), section("__bug_table", `{PC32 f}{PC32 file}${line} 0000`)];
  it.each<[string, string, string, number, string]>([
    ["the low byte", "0100", "0200", 8, "02"],
    ["both bytes", "0100", "0203", 8, "0203"],
    ["the high byte", "0101", "0102", 9, "02"],
  ])("%s of a line", (_what, before, after, offset, bytes) => {
    const one = change(bug(before), bug(after));
    expect(one.patches).toEqual([
      {
        type: "bug",
        oldLabel: "__bug_table<target:f<x.o>+0x0>",
        oldOffset: offset,
        replacement: null,
        size: bytes.length / 2,
        contents: Buffer.from(bytes, "hex").toString("base64"),
      },
    ]);
    expect(because(one.oldCode)).toEqual(["__bug_table<target:f<x.o>+0x0>: changed", "f<x.o>: owner of a bug entry"]);
  });
  it("never touch relocated fields, whatever they hold", () => {
    const of = (held: string, line: string): Part[] => [
      f("01"),
      section("__bug_table", `{PC32 f|${held}}{PC32 file}${line} 0000`),
    ];
    expect(
      change(of("11111111", "0100"), of("22222222", "0200")).patches.map(({ oldOffset, size }) => [oldOffset, size]),
    ).toEqual([[8, 1]]);
  });
  it("not for a function that is replaced: its entries are new", () => {
    const one = change(bug("0100"), [f("02"), section("__bug_table", "{PC32 f}{PC32 file}0200 0000")]);
    expect(one.patches.map(({ type }) => type)).toEqual(["text"]);
  });
});

describe("contents", () => {
  it("come when asked for", () => {
    expect(change([f("01")], [f("02")]).newCode.sections[0]).not.toHaveProperty("contents");
    expect(change([f("01")], [f("02")], { contents: true }).newCode.sections[0]?.contents).toBe(
      Buffer.from("b802000000c3", "hex").toString("base64"),
    );
  });
});

describe("everything that a description names is in it, once, in order", () => {
  it.each(sampled(fixtureCases(), 3))("%s", async (name) => {
    const folder = join(FIXTURES, name);
    expect(integrityErrors(await describePair(join(folder, "pre.o"), join(folder, "post.o")))).toEqual([]);
  });
  it("also when all old code is kept", async () => {
    const errors: string[] = [];
    for (const name of sampled(fixtureCases(), 5)) {
      const folder = join(FIXTURES, name);
      const update = await describePair(join(folder, "pre.o"), join(folder, "post.o"), { oldCode: "all" });
      errors.push(...integrityErrors(update).map((words) => `${name}: ${words}`));
    }
    expect(errors).toEqual([]);
  });
});
