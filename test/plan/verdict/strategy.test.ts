import { describe, expect, it } from "vitest";
import type { Finding, FindingCode } from "../../../src/findings/findings.ts";
import { planStrategy } from "../../../src/plan/verdict/strategy.ts";

const of = (...codes: FindingCode[]): Finding[] => codes.map((code) => ({ code, where: {}, detail: "" }));

describe("planStrategy", () => {
  const cases: [string, Finding[], boolean, string, string, string, number[]][] = [
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
    ["an error does", of("writable-data-changed"), true, "kexec", "not-applicable", "needs-work", [0]],
    ["also where no code changes", of("writable-data-changed"), false, "kexec", "not-applicable", "needs-work", [0]],
    [
      "every error, by its place in the list",
      of("init-text-changed", "bug-line-only", "trampoline-no-room"),
      true,
      "kexec",
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

describe("the upper rungs", () => {
  const rungOf = (situation: Parameters<typeof planStrategy>[0], name: string) =>
    planStrategy(situation).rungs.find(({ rung }) => rung === name);
  const errors = of("writable-data-changed", "init-text-changed");
  const plan = { covers: [0], text: "lock of struct s" };
  const nothing = { layoutChanges: [], plans: [], problems: [], remarks: [], usedBy: [] };

  it.each([
    ["nothing asks for them", errors, undefined, "needs-work", "not-applicable"],
    ["nothing can stand for the change", errors, { ...nothing, layoutChanges: [0] }, "needs-work", "not-applicable"],
    [
      "not used yet",
      of("writable-data-changed"),
      { ...nothing, layoutChanges: [0], plans: [plan] },
      "needs-work",
      "needs-work",
    ],
    ["another error remains", errors, { ...nothing, layoutChanges: [0], plans: [plan] }, "needs-work", "needs-work"],
    ["used", of(), { ...nothing, usedBy: ["f"] }, "not-applicable", "applicable"],
    [
      "used, and something to look at",
      of("shadow-not-freed"),
      { ...nothing, usedBy: ["f"], remarks: [0] },
      "not-applicable",
      "applicable",
    ],
    ["used wrongly", of("shadow-two-sizes"), { ...nothing, usedBy: ["f"], problems: [0] }, "needs-work", "needs-work"],
    [
      "used, and an error of something else",
      of("init-text-changed"),
      { ...nothing, usedBy: ["f"] },
      "needs-work",
      "needs-work",
    ],
  ])("splice and splice-with-shadow: %s", (_what, findings, shadow, splice, withShadow) => {
    const situation = { findings, hasChanges: true, shadow };
    expect(rungOf(situation, "splice")?.status).toBe(splice);
    expect(rungOf(situation, "splice-with-shadow")?.status).toBe(withShadow);
  });

  it("splice-with-shadow says what to attach", () => {
    const shadow = { ...nothing, layoutChanges: [0], plans: [plan] };
    const rung = rungOf({ findings: of("writable-data-changed"), hasChanges: true, shadow }, "splice-with-shadow");
    expect(rung?.work).toEqual(["attach a shadow variable for lock of struct s, instead of the new member"]);
  });

  it.each([
    ["nothing to do", of(), false, [], "not-applicable", []],
    ["a change", of(), true, [], "applicable", []],
    ["a participant loses its state", of("bug-line-only"), true, [0], "needs-work", [0]],
  ])("kexec: %s", (_what, findings, hasChanges, losesState, status, because) => {
    const rung = rungOf({ findings, hasChanges, liveUpdate: { losesState } }, "kexec");
    expect([rung?.status, rung?.because]).toEqual([status, because]);
  });

  const table = {
    label: "t",
    object: 0,
    access: "const",
    visibility: "local",
    status: "same",
    size: {},
    compatibility: "compatible",
    reasons: [],
    slots: [],
    fields: [],
    holders: [],
  } as const;
  const switchOver = { tables: [{ ...table, reasons: [], slots: [], fields: [], holders: [] }] };
  const obstacles = [{ code: "called-directly" as const, object: 0, text: "f is called by g" }];
  const changed = [{ label: "f", object: 0, status: "changed" }];
  const reach = (through: "slots" | "direct") => [{ label: "f", object: 0, through, slots: [], others: [] }];

  it.each([
    ["no tables", {}, [], ["m"], of(), "not-applicable"],
    ["only tables lead there", { ...switchOver, reach: reach("slots") }, changed, ["m"], of(), "applicable"],
    [
      "the new object has its own data",
      { ...switchOver, reach: reach("slots") },
      changed,
      ["m"],
      of("writable-data-changed"),
      "applicable",
    ],
    ["init code has to be taken over", { ...switchOver, reach: reach("slots") }, changed, ["m"], errors, "needs-work"],
    [
      "an error that a new object does not cure",
      { ...switchOver, reach: reach("slots") },
      changed,
      ["m"],
      of("section-unknown"),
      "needs-work",
    ],
    [
      "a module entered otherwise",
      { ...switchOver, reach: reach("direct"), obstacles },
      changed,
      ["m"],
      of("called-directly"),
      "needs-work",
    ],
    [
      "the kernel entered otherwise",
      { ...switchOver, reach: reach("direct") },
      changed,
      ["vmlinux"],
      of(),
      "not-applicable",
    ],
    ["how it is entered is not known", { ...switchOver, reach: [] }, changed, ["m"], of(), "needs-work"],
  ])("switch-over: %s", (_what, found, functions, targets, findings, status) => {
    const rung = rungOf({ findings, hasChanges: true, functions, targets, switchOver: found }, "switch-over");
    expect(rung?.status).toBe(status);
    expect(rung?.why).toMatch(/./);
    if (status === "needs-work") expect(rung?.work?.length).toBeGreaterThan(0);
  });
});
