import { describe, expect, it } from "vitest";
import { summaryOf, updateOf } from "../support/built-pair.ts";
import { rungStatus } from "../support/describe-pair.ts";
import { data, type ElfExtra, type Part, section } from "../support/elf-parts.ts";

const ENTRY = 16;
const RET64 = "c0035fd6";

/** x86: `__cfi_f`, an instruction that holds the hash, eleven nops, `f`. */
const x86 = (hash: string, body: string, bind: "local" | "global" = "global"): Part =>
  section(".text.f", `b8${hash}000000${"90".repeat(11)}b8${body}000000c3`, {}, [
    { name: "__cfi_f", value: 0, size: 5, type: "func", bind },
    { name: "f", value: ENTRY, size: 6, type: "func", bind },
  ]);
/** AArch64: the hash, two nops, `f`. */
const arm = (hash: string, body: string, bind: "local" | "global" = "global"): Part =>
  section(".text.f", `${hash}000001 1f2003d5 1f2003d5 ${body}008052 ${RET64}`, {}, [
    { name: "f", value: 12, size: 8, type: "func", bind },
  ]);
const caller = section(".text.g", "e8{PLT32 f-4}c3", {}, [{ name: "g", size: 6, type: "func", bind: "global" }]);
const pointer = data("hook", "{64 f+0}", { bind: "global" });
const aarch64: ElfExtra = { machine: "aarch64" };

describe("kCFI type hashes", () => {
  const changed = { changed: ["f"] };
  const cases: [string, readonly Part[], readonly Part[], Record<string, readonly string[]>, string, ElfExtra?][] = [
    ["the code changes, the type does not", [x86("01", "01")], [x86("01", "02")], changed, "applicable"],
    [
      "the type of a global function changes: pointers to it may be stored anywhere",
      [x86("01", "01")],
      [x86("02", "01")],
      { ...changed, findings: ["type-hash-changed"] },
      "needs-work",
    ],
    [
      "of a local one that data points to",
      [x86("01", "01", "local"), pointer],
      [x86("02", "01", "local"), pointer],
      { ...changed, findings: ["type-hash-changed"] },
      "needs-work",
    ],
    [
      "of a local one that is only called by its name",
      [x86("01", "01", "local"), caller],
      [x86("02", "01", "local"), caller],
      { ...changed, findings: ["type-hash-unused"] },
      "applicable",
    ],
    ["AArch64: only the code", [arm("01", "01")], [arm("01", "02")], changed, "applicable", aarch64],
    [
      "AArch64: a word before the nops before the entry",
      [arm("01", "01")],
      [arm("02", "01")],
      { ...changed, findings: ["type-hash-changed"] },
      "needs-work",
      aarch64,
    ],
  ];
  it.each(cases)("%s", (_what, pre, post, expected, splice, extra) => {
    const update = updateOf(pre, post, extra);
    const { findings = [], ...rest } = summaryOf(update);
    const told = findings.filter((code) => String(code).startsWith("type-hash"));
    expect(told.length > 0 ? { ...rest, findings: told } : rest).toEqual(expected);
    expect(rungStatus(update, "splice")).toBe(splice);
    expect(
      update.changes.flatMap(({ patches }) =>
        patches.map(({ oldLabel, oldOffset }) => [oldLabel.replace(/<.*/, ""), oldOffset]),
      ),
    ).toEqual([["f", 0]]);
  });

  it("hash and nops are shipped with the function, and its symbol is behind them", () => {
    const update = updateOf([x86("01", "01")], [x86("01", "02")]);
    const shipped = update.changes[0]?.newCode.symbols.find(({ name }) => name === "f");
    expect(shipped).toMatchObject({ section: "f", offset: ENTRY });
  });
});
