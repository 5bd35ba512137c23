import { describe, expect, it } from "vitest";
import { type Part, section, spansOf, text } from "../support/elf-parts.ts";

const f = text("f", "c3");
const g = text("g", "c3");

describe("readHooks", () => {
  const cases: [string, readonly Part[], string[]][] = [
    ["one stage", [f, section(".ksplice_call_pre_apply", "{64 f}")], ["pre_apply f"]],
    ["the bare stage", [f, section(".ksplice_call_apply", "{64 f}")], ["apply f"]],
    [
      "two hooks of a stage",
      [f, g, section(".ksplice_call_post_reverse", "{64 g}{64 f}")],
      ["post_reverse g", "post_reverse f"],
    ],
    [
      "a function of another object",
      [section(".ksplice_call_check_apply", "{64 elsewhere}")],
      ["check_apply elsewhere"],
    ],
    ["kpatch: before the patch", [f, section(".kpatch.callbacks.pre_patch", "{64 f}")], ["pre_apply f"]],
    ["kpatch: after it", [f, section(".kpatch.callbacks.post_patch", "{64 f}")], ["post_apply f"]],
    ["kpatch: before undoing", [f, section(".kpatch.callbacks.pre_unpatch", "{64 f}")], ["pre_reverse f"]],
    ["kpatch: after undoing", [f, section(".kpatch.callbacks.post_unpatch", "{64 f}")], ["post_reverse f"]],
    [
      "kpatch keeps the object's name beside it",
      [f, section(".kpatch.callbacks.pre_patch", "{64 f}0000000000000000")],
      ["pre_apply f"],
    ],
    [
      "other machinery is not a hook",
      [f, section(".ksplice_options", "{64 f}"), section(".kpatch.force", "{64 f}")],
      [],
    ],
  ];
  it.each(cases)("%s", (_what, parts, expected) =>
    expect(spansOf(parts).hooks.map(({ stage, name }) => `${stage} ${name}`)).toEqual(expected),
  );
});

describe("readExempt", () => {
  it.each<[string, readonly Part[], string[]]>([
    ["functions the author wants left alone", [f, g, section(".kpatch.ignore.functions", "{64 f}")], ["f"]],
    ["sections are another directive", [f, section(".kpatch.ignore.sections", "{64 f}")], []],
    ["none", [f], []],
  ])("%s", (_what, parts, expected) => expect([...spansOf(parts).exempt].map((span) => span.name)).toEqual(expected));
});
