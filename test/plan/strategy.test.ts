import { describe, expect, it } from "vitest";
import type { Finding, FindingCode } from "../../src/findings.ts";
import { planStrategy } from "../../src/plan/strategy.ts";

const of = (...codes: FindingCode[]): Finding[] => codes.map((code) => ({ code, where: {}, detail: "" }));

describe("planStrategy", () => {
  const cases: [string, Finding[], boolean, string | null, string, string, number[]][] = [
    ["nothing to do", of(), false, "none", "applicable", "applicable", []],
    ["a change", of(), true, "splice", "not-applicable", "applicable", []],
    [
      "notes and warnings do not stand in the way",
      of("bug-line-only", "comdat-changed"),
      true,
      "splice",
      "not-applicable",
      "applicable",
      [],
    ],
    ["an error does", of("writable-data-changed"), true, null, "not-applicable", "needs-work", [0]],
    ["also where no code changes", of("writable-data-changed"), false, null, "not-applicable", "needs-work", [0]],
    [
      "every error, by its place in the list",
      of("init-text-changed", "bug-line-only", "trampoline-no-room"),
      true,
      null,
      "not-applicable",
      "needs-work",
      [0, 2],
    ],
    ["a note alone changes nothing", of("line-number-only"), false, "none", "applicable", "applicable", []],
  ];
  it.each(cases)("%s", (_what, findings, hasChanges, recommended, none, splice, because) => {
    const verdict = planStrategy({ findings, hasChanges });
    const rung = (name: string) => verdict.rungs.find((one) => one.rung === name);
    expect([verdict.recommended, rung("none")?.status, rung("splice")?.status, rung("splice")?.because]).toEqual([
      recommended,
      none,
      splice,
      because,
    ]);
    expect(verdict.rungs.map((one) => one.rung)).toEqual([
      "none",
      "splice",
      "splice-with-shadow",
      "switch-over",
      "kexec",
    ]);
  });
});
