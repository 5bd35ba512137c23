import { describe, expect, it } from "vitest";
import { updateOf } from "../../support/built-pair.ts";
import { data, type ElfExtra, type Part, section, text } from "../../support/elf-parts.ts";

const PARTS: readonly Part[] = [text("f", "b801000000c3"), data("v", "01"), data("w", "01")];

function toldOf(options: string, extra: ElfExtra = {}, parts = PARTS): string[] {
  const update = updateOf(parts, [...parts, section(".ksplice_options", options)], extra);
  return update.findings.map(({ code, severity, message }) => `${severity} ${code}: ${message.split(",")[0]}`).sort();
}

describe("options for Ksplice are refused by name", () => {
  it.each<{ name: string; options: string; extra?: ElfExtra; parts?: readonly Part[] }>([
    { name: "a packed entry: the number, and the pointer at once", options: "00000000{64 v}01000000{64 w}" },
    { name: "an aligned entry", options: "0000000000000000{64 v}0100000000000000{64 w}" },
    {
      name: "big-endian",
      options: "00000000{64 v}00000001{64 w}",
      extra: { machine: "s390x" },
      parts: [data("v", "01"), data("w", "01")],
    },
  ])("$name", ({ options, extra, parts }) => {
    expect(toldOf(options, extra, parts)).toEqual([
      "error ksplice-option: .ksplice_options asks for assume_rodata of v",
      "error ksplice-option: .ksplice_options asks for match_data_early of w",
    ]);
  });

  it("a number that is not known, and an entry that names nothing", () => {
    expect(toldOf("07000000{64 v}")).toEqual(["error ksplice-option: .ksplice_options asks for option 7 of v"]);
    expect(toldOf("0000000000000000")).toEqual([
      "error ksplice-option: .ksplice_options asks for an unknown option of .ksplice_options",
    ]);
  });

  it("what both sides ask is told once", () => {
    const both = [...PARTS, section(".ksplice_options", "00000000{64 v}")];
    const update = updateOf(both, [...both, text("g", "c3")]);
    expect(update.findings.map(({ code }) => code).filter((code) => code === "ksplice-option")).toHaveLength(1);
  });
});
