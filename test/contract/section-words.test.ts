import { describe, expect, it } from "vitest";
import type { SectionReason } from "../../src/contract/code.ts";
import { entryLabel, labelInReason, ownerInLabel, reasonWords } from "../../src/contract/section-words.ts";

describe("the reason of a section", () => {
  it.each<[SectionReason, string, string | undefined]>([
    [{ kind: "changed" }, "changed", undefined],
    [{ kind: "in-place" }, "in-place", undefined],
    [{ kind: "hook", stage: "apply" }, "hook apply", undefined],
    [{ kind: "export", name: "f" }, "export f", undefined],
    [{ kind: "owner", label: "f<x.o>" }, "owner f<x.o>", "f<x.o>"],
    [{ kind: "referenced-by", label: "a b" }, "referenced-by a b", "a b"],
    [{ kind: "bug-entry" }, "owner of a bug entry", undefined],
  ])("%j is written %j, from which the label is read back", (reason, words, label) => {
    expect(reasonWords(reason)).toBe(words);
    expect(labelInReason(words)).toBe(label);
  });
});

describe("the label of a table entry", () => {
  it("names table, owner and place, and the owner is read back, also from a second one", () => {
    const label = entryLabel("__bug_table", "f<x.o>", "+0x4");
    expect(label).toBe("__bug_table<target:f<x.o>+0x4>");
    expect([label, `${label}~1`].map(ownerInLabel)).toEqual(["f<x.o>", "f<x.o>"]);
  });

  it.each(["f", "f<x.o>", "g<f><x.o>"])("is told from that of a function or variable: %s", (label) => {
    expect(ownerInLabel(label)).toBeUndefined();
  });
});
