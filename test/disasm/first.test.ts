import { describe, expect, it } from "vitest";
import { firstInstruction, listingsOf } from "../../src/disasm/first.ts";
import { describePair } from "../support/describe-pair.ts";
import { type ElfExtra, strings, text } from "../support/elf-parts.ts";
import { FIXTURES, fixtureCases, join } from "../support/paths.ts";
import { sampled } from "../support/sample.ts";
import { diffOf, spanNamed } from "./listing.ts";

function first(pre: string, post: string, extra: ElfExtra = {}): unknown {
  const rest = [strings("on\n", "off\n"), text("g", "c3 90 90 90", { bind: "global" })];
  const diff = diffOf([text("f", pre), ...rest], [text("f", post), ...rest], extra);
  const span = spanNamed(diff.pre.table.spans, "f");
  const twin = spanNamed(diff.post.table.spans, "f");
  return firstInstruction(span, twin, listingsOf(span, twin, diff.pairing, diff.pre.table.arch), diff.pre.table.arch);
}

describe("the first differing instruction", () => {
  it.each([
    ["an immediate", "55 83 f8 05 c3", "55 83 f8 04 c3", 1, 1, "83f805", "83f804"],
    [
      "a callee, in words",
      "55 e8 {PLT32 g-4} c3",
      "55 e8 {PLT32 h-4} c3",
      1,
      1,
      "e800000000 R_X86_64_PLT32 g+0",
      "e800000000 R_X86_64_PLT32 h+0",
    ],
    [
      "a string, in words",
      "48 c7 c7 {32S .rodata.str1.1+0}",
      "48 c7 c7 {32S .rodata.str1.1+4}",
      0,
      0,
      '48c7c700000000 R_X86_64_32S "on\\n"',
      '48c7c700000000 R_X86_64_32S "off\\n"',
    ],
    ["what was inserted, not the branch over it", "74 01 90 c3", "74 03 48 31 c0 c3", 2, 2, "90", "4831c0"],
    ["a branch that leads elsewhere", "74 01 55 c3", "74 00 55 c3", 0, 0, "7401 +0x3", "7400 +0x2"],
    ["the end of one side", "55 c3", "55 c3 55", 2, 2, "", "55"],
  ])("%s", (_what, pre, post, preOffset, postOffset, before, after) => {
    expect(first(pre, post)).toEqual({ offset: { pre: preOffset, post: postOffset }, pre: before, post: after });
  });

  it("counts from the symbol on both sides after code that moved", () => {
    expect(first("eb 01 90 55 c3", "eb 01 90 53 c3")).toMatchObject({
      offset: { pre: 3, post: 3 },
      pre: "55",
      post: "53",
    });
  });

  it("is a word in the order of the architecture's instructions", () => {
    expect(first("00008052 c0035fd6", "20008052 c0035fd6", { machine: "aarch64" })).toEqual({
      offset: { pre: 0, post: 0 },
      pre: "52800000",
      post: "52800020",
    });
  });

  it("is none where the instructions are the same", () => {
    expect(first("55 c3", "55 c3")).toBeUndefined();
  });
});

describe("in the description", () => {
  it.each(sampled(fixtureCases(), 3))(
    "%s: of changed functions only, and of each whose own bytes differ",
    async (name) => {
      const { functions } = await describePair(join(FIXTURES, name, "pre.o"), join(FIXTURES, name, "post.o"));
      for (const change of functions) {
        if (change.status !== "changed") expect(change.firstInstruction).toBeUndefined();
        const own = change.reasons.some(({ kind, within }) => kind === "bytes" && within === undefined);
        if (change.status === "changed" && own) expect(change.firstInstruction, change.name).toBeDefined();
      }
    },
  );
});
