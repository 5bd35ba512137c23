import { describe, expect, it } from "vitest";
import { updateOf } from "../../support/built-pair.ts";
import { data, type Part, section, text } from "../../support/elf-parts.ts";

type Parts = readonly Part[];
const call = (name: string): string => `e8{PLT32 ${name}-4}`;
const hook = (stage: string, of = "h"): Part => section(`.ksplice_call_${stage}`, `{64 ${of}}`);
const f = (x: string): Part => text("f", `b8${x}000000c3`);

describe("hooks by stage", () => {
  it.each([
    ["pre_apply", "preApply"],
    ["check_apply", "checkApply"],
    ["apply", "apply"],
    ["post_apply", "postApply"],
    ["fail_apply", "failApply"],
    ["pre_reverse", "preReverse"],
    ["check_reverse", "checkReverse"],
    ["reverse", "reverse"],
    ["post_reverse", "postReverse"],
    ["fail_reverse", "failReverse"],
  ])("%s", (stage, key) => {
    const update = updateOf([f("01")], [f("01"), text("h", "31c0c3"), hook(stage)]);
    expect(update.changes[0]?.hooks).toEqual({ [key]: ["h<x.o>"] });
    expect(update.changes[0]?.newCode.sections.map(({ label }) => label)).toContain("h<x.o>");
  });

  it("names are sorted; a function of another object goes by its name", () => {
    const parts = [f("01"), text("b", "31c0c3"), section(".ksplice_call_apply", "{64 b}{64 a}")];
    expect(updateOf([f("01")], parts).changes[0]?.hooks).toEqual({ apply: ["a", "b<x.o>"] });
  });

  it("an unknown stage is left out", () => {
    expect(updateOf([f("01")], [f("01"), text("h", "31c0c3"), hook("later")]).changes[0]?.hooks).toEqual({});
  });

  it("only the new object's hooks count", () => {
    expect(updateOf([f("01"), text("h", "31c0c3"), hook("apply")], [f("01"), text("h", "31c0c3")]).changes).toEqual([]);
  });
});

describe("hooks that run while the old code is in force must not reach what is replaced", () => {
  const cases: [string, string, Parts, Parts, string[]][] = [
    ["directly", "pre_apply", [text("h", `31c0${call("f")}c3`)], [], ["h → f"]],
    [
      "through another function",
      "check_apply",
      [text("h", `31c0${call("m")}c3`), text("m", `31d2${call("f")}c3`)],
      [],
      ["h → m → f"],
    ],
    ["through a table", "fail_apply", [text("h", "8b05{PC32 ops-4}c3"), data("ops", "{64 f}")], [], ["h → ops → f"]],
    ["after undoing, the old code is back", "post_reverse", [text("h", `31c0${call("f")}c3`)], [], ["h → f"]],
    ["at apply both may be reached", "apply", [text("h", `31c0${call("f")}c3`)], [], []],
    ["after the commit the new code is in force", "post_apply", [text("h", `31c0${call("f")}c3`)], [], []],
    [
      "what does not change may be called",
      "pre_apply",
      [text("h", `31c0${call("g")}c3`), text("g", "31f6c3")],
      [text("g", "31f6c3")],
      [],
    ],
    [
      "functions that call each other end the search",
      "pre_apply",
      [text("h", `31c0${call("m")}c3`), text("m", `31d2${call("h")}c3`)],
      [],
      [],
    ],
    [
      "each replaced function once, by the shortest way",
      "pre_apply",
      [text("h", `31c0${call("m")}${call("f")}c3`), text("m", `31d2${call("f")}c3`)],
      [],
      ["h → f"],
    ],
  ];
  it.each(cases)("%s (%s)", (_what, stage, added, kept, ways) => {
    const update = updateOf([f("01"), ...kept], [f("02"), ...added, hook(stage)]);
    const found = update.findings.filter(({ code }) => code === "hook-reaches-patched-code");
    expect(found.map(({ message }) => /: (.*)$/.exec(message)?.[1])).toEqual(ways);
  });

  it("does not go on behind a replaced function", () => {
    const of = (x: string): Parts => [text("f", `b8${x}000000${call("g")}c3`), text("g", `ba${x}000000c3`)];
    const update = updateOf(of("01"), [...of("02"), text("h", `31c0${call("f")}c3`), hook("pre_apply")]);
    expect(update.findings.filter(({ code }) => code === "hook-reaches-patched-code")).toHaveLength(1);
  });
});
