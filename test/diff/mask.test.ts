import { describe, expect, it } from "vitest";
import { contentsKey, differingRuns } from "../../src/diff/mask.ts";
import type { Span } from "../../src/spans/span.ts";
import type { MachineName } from "../support/elf-description.ts";
import { spansOf, text } from "../support/elf-parts.ts";

function spanOf(asm: string, machine: MachineName): Span {
  return spansOf([text("f", asm)], { machine }).spans[0] as Span;
}

function runs(pre: string, post: string, machine: MachineName = "x86_64"): string[] {
  const { arch } = spansOf([text("f", pre)], { machine });
  return differingRuns(spanOf(pre, machine), spanOf(post, machine), arch).map(
    ({ offset, size }) => `${offset}+${size}`,
  );
}

describe("differingRuns", () => {
  const cases: [string, string, string, string[], MachineName?][] = [
    ["equal bytes", "b801000000c3", "b801000000c3", []],
    ["one byte", "b801000000c3", "b802000000c3", ["1+1"]],
    ["neighbouring bytes are one run", "b801020000c3", "b803040000c3", ["1+2"]],
    ["two runs", "b801000000c3", "b902000000c2", ["0+2", "5+1"]],
    ["up to the shorter end", "90c3", "90c390", []],
    ["a run that reaches the end", "90c3", "90cb", ["1+1"]],
    ["bytes that both sides relocate do not count", "e8{PC32 g+1}c3", "e8{PC32 g+7}c3", []],
    ["field contents of a RELA record do not count", "e8{PC32 g|11111111}c3", "e8{PC32 g|22222222}c3", []],
    ["but what stands beside them does", "e8{PC32 g}c3", "e9{PC32 g}c3", ["0+1"]],
    ["bytes that only one side relocates count", "e8{PC32 g|00000000}c3", "e801000000c3", ["1+1"]],
    ["a wider field on one side: the rest counts", "{64 g|0000000000000000}", "{32 g|00000000}01000000", ["4+1"]],
    ["AArch64: a call keeps its opcode", "{CALL26 g|00000094}", "{CALL26 g|ffffff97}", [], "aarch64"],
    ["AArch64: b is not bl", "{CALL26 g|00000094}", "{CALL26 g|00000014}", ["3+1"], "aarch64"],
    [
      "AArch64: the register of an adrp counts",
      "{ADR_PREL_PG_HI21 g|00000090}",
      "{ADR_PREL_PG_HI21 g|01000090}",
      ["0+1"],
      "aarch64",
    ],
    ["AArch64: its address does not", "{ADR_PREL_PG_HI21 g|00000090}", "{ADR_PREL_PG_HI21 g|e0fffff0}", [], "aarch64"],
    [
      "AArch64: registers of an add count",
      "{ADD_ABS_LO12_NC g|00000091}",
      "{ADD_ABS_LO12_NC g|20000091}",
      ["0+1"],
      "aarch64",
    ],
    [
      "AArch64: the low twelve bits do not",
      "{ADD_ABS_LO12_NC g|00000091}",
      "{ADD_ABS_LO12_NC g|00fc3f91}",
      [],
      "aarch64",
    ],
    [
      "AArch64: the shift of an add counts",
      "{ADD_ABS_LO12_NC g|00000091}",
      "{ADD_ABS_LO12_NC g|00004091}",
      ["2+1"],
      "aarch64",
    ],
    ["Power: the link bit counts", "{REL24 g|01000048}", "{REL24 g|00000048}", ["0+1"], "ppc64le"],
    ["Power: the distance does not", "{REL24 g|01000048}", "{REL24 g|fdffff4b}", [], "ppc64le"],
    ["RISC-V: the register of a jal counts", "{JAL g|ef000000}", "{JAL g|6f000000}", ["0+1"], "riscv64"],
    ["s390x: fields are whole bytes", "c0e5{PC32DBL g}", "c0f5{PC32DBL g}", ["1+1"], "s390x"],
    ["MIPS: the upper half of the word is the instruction", "{LO16 g|24420000}", "{LO16 g|24430000}", ["1+1"], "mips"],
  ];
  it.each(cases)("%s", (_what, pre, post, expected, machine) => expect(runs(pre, post, machine)).toEqual(expected));
});

describe("contentsKey", () => {
  const key = (asm: string): string => contentsKey(spanOf(asm, "x86_64"), spansOf([text("f", asm)]).arch);
  it("is equal when only relocated bits differ", () => {
    expect(key("e8{PC32 g|11111111}c3")).toBe(key("e8{PC32 h|22222222}c3"));
  });
  it("differs with any other bit", () => expect(key("e8{PC32 g}c3")).not.toBe(key("e9{PC32 g}c3")));
  it("does not change the bytes", () => {
    const span = spanOf("e8{PC32 g|11111111}c3", "x86_64");
    contentsKey(span, spansOf([text("f", "c3")]).arch);
    expect(Buffer.from(span.bytes).toString("hex")).toBe("e811111111c3");
  });
});
