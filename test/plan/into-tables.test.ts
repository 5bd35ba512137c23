import { describe, expect, it } from "vitest";
import { summaryOf, updateOf } from "../support/built-pair.ts";
import { type Part, section, text } from "../support/elf-parts.ts";

/** A function that loads the address of an entry of the bug table, as a WARN of Linux 6.19 does, and traps. */
const warns = (name: string, entry: number, more = ""): Part =>
  text(name, `488d3d{PC32 __bug_table${entry < 4 ? "" : "+"}${entry - 4}} 0f0b ${more} c3`, { bind: "global" });
const TRAP = 7;
const entryOf = (name: string, line = "0100"): string => `{PC32 .text.${name}:${name}+${TRAP}} 00000000 ${line} 0000`;
const bugs = (...entries: readonly string[]): Part => section("__bug_table", entries.join(""));
const plain = (x: string): Part => text("f", `b8${x}000000c3`, { bind: "global" });

describe("references into sections that have no spans", () => {
  it("go to the entry of the owner, wherever in the table it lies", () => {
    const pre = [plain("01"), warns("g", 0), bugs(entryOf("g"))];
    const post = [warns("f", 0), warns("g", 12), bugs(entryOf("f"), entryOf("g"))];
    const update = updateOf(pre, post);
    expect(summaryOf(update)).toMatchObject({ changed: ["f"] });
    const { newCode } = update.changes[0] ?? {};
    expect(newCode?.sections.map(({ label }) => label)).toEqual(["__bug_table<target:f+0x7>", "f"]);
    expect(newCode?.relocations.filter(({ section: label }) => label === "f")).toMatchObject([
      { symbol: "__bug_table<target:f+0x7>", insnAddend: "-0x4", targetAddend: "0x0" },
    ]);
  });

  it("to another entry of the same owner are a change", () => {
    const both = bugs(entryOf("f"), entryOf("f"));
    expect(summaryOf(updateOf([warns("f", 0), both], [warns("f", 12), both]))).toMatchObject({ changed: ["f"] });
  });

  it("the old code's entries are told as well, so that old code can be found", () => {
    const update = updateOf([warns("f", 0), bugs(entryOf("f"))], [warns("f", 0, "90"), bugs(entryOf("f"))]);
    const { oldCode } = update.changes[0] ?? {};
    expect(oldCode?.relocations.filter(({ section: label }) => label === "f")).toMatchObject([
      { symbol: "__bug_table<target:f+0x7>" },
    ]);
    expect(oldCode?.sections.map(({ label }) => label)).toContain("__bug_table<target:f+0x7>");
  });

  it("to an entry of code that is not replaced: new code cannot say where it is", () => {
    const pre = [plain("01"), warns("g", 0), bugs(entryOf("g"))];
    const post = [text("f", `488d3d{PC32 __bug_table-4} c3`, { bind: "global" }), warns("g", 0), bugs(entryOf("g"))];
    const update = updateOf(pre, post);
    expect(summaryOf(update)).toEqual({ changed: ["f"], findings: ["reference-unresolved"] });
    for (const { label, name } of update.changes[0]?.newCode.symbols ?? []) {
      expect(label).not.toBe("");
      expect(name).not.toBe("");
    }
  });

  it("to places of a section whose contents are no code and no data are the same only when all of it is", () => {
    const note = (x: string): Part => section(".modinfo", `6162633d${x}00`);
    const f = text("f", "488d05{PC32 .modinfo-4} c3", { bind: "global" });
    expect(summaryOf(updateOf([f, note("31")], [f, note("31")]))).toEqual({});
    expect(summaryOf(updateOf([f, note("31")], [f, note("32")]))).toEqual({
      changed: ["f"],
      findings: ["module-info-changed", "reference-unresolved"],
    });
  });

  it("to a section without any contents have a name", () => {
    const f = (x: string): Part => text("f", `488d05{PC32 .data.empty-4} b8${x}000000 c3`, { bind: "global" });
    const empty = section(".data.empty", "", { flags: "AW" });
    const update = updateOf([f("01"), empty], [f("02"), empty]);
    expect(summaryOf(update)).toEqual({ changed: ["f"] });
    expect(update.changes[0]?.newCode.relocations).toMatchObject([{ symbol: ".data.empty<x.o>" }]);
  });
});
