import { describe, expect, it } from "vitest";
import { findingGate, type Gates, nearFindingGates, readAllowedFunctions, unmetGates } from "../../src/check/gates.ts";
import type { UpdateDescription } from "../../src/index.ts";
import { FIXTURES, join, readText } from "../support/paths.ts";

function golden(name: string): UpdateDescription {
  return JSON.parse(readText(join(FIXTURES, name, "expected.json"))) as UpdateDescription;
}

const listed = (text: string) => readAllowedFunctions(text, "allow.txt");

describe("gates", () => {
  it.each<[teaches: string, of: string, gates: Gates, unmet: RegExp | undefined]>([
    ["a rung that is applicable", "text/body", { require: "splice" }, undefined],
    ["a rung that is not", "text/body", { require: "none" }, /^none is not-applicable$/],
    ["a less disruptive rung will do", "text/body", { require: "kexec" }, undefined],
    [
      "a rung in whose way something stands",
      "init/init-text-refused",
      { require: "splice" },
      /^splice is needs-work because of init-text-changed, nor/,
    ],
    ["a code that does not occur", "text/body", { failOn: ["export-deleted"] }, undefined],
    ["a code that occurs", "exports/deleted", { failOn: ["export-deleted"] }, /^export-deleted: .* no longer exported/],
    [
      "a severity and those above it",
      "init/init-text-refused",
      { failOn: ["warning"] },
      /^warning: init-text-changed: /,
    ],
    ["a severity above what there is", "bug-table/line-only", { failOn: ["warning"] }, undefined],
    ["the lowest severity", "bug-table/line-only", { failOn: ["note"] }, /^note: bug-line-only: /],
    ["as many functions as allowed", "text/new-function", { maxFunctions: 2 }, undefined],
    [
      "more functions, and which were counted",
      "text/new-function",
      { maxFunctions: 1 },
      /^2 functions, 1 allowed \(1 changed, 1 new, 0 deleted\)$/,
    ],
    ["line numbers are no change of a function", "bug-table/line-only", { maxFunctions: 0 }, undefined],
    ["a renamed function keeps its code", "text/renamed-static", { maxFunctions: 0 }, undefined],
    ["functions that a list allows", "text/new-function", { allowFunctions: listed("*_*") }, undefined],
    [
      "functions outside a list, by label, and how to allow them",
      "text/body",
      { allowFunctions: listed("# none yet\nother") },
      /^outside allow\.txt: led_set \(changed\); to allow one, add a line/,
    ],
    ["what a baseline has is known", "text/body", { maxFunctions: 0, baseline: golden("text/body") }, undefined],
    [
      "a function with other new code is not known",
      "text/body",
      { maxFunctions: 0, baseline: golden("text/call-target") },
      /^1 function, 0 allowed/,
    ],
    [
      "findings of a baseline are known",
      "init/init-text-refused",
      { failOn: ["error"], baseline: golden("init/init-text-refused") },
      undefined,
    ],
    [
      "a baseline makes no rung applicable",
      "init/init-text-refused",
      { require: "splice", baseline: golden("init/init-text-refused") },
      /^splice is needs-work/,
    ],
    ["a target that is allowed", "text/body", { allowTargets: ["loop", "vmlinux"] }, undefined],
    ["a target that is not", "text/body", { allowTargets: ["loop"] }, /^changes vmlinux; allowed: loop$/],
    ["no target at all", "text/body", { allowTargets: [] }, /^changes vmlinux; allowed: none$/],
    ["a target where nothing changes is not touched", "no-change/function-order", { allowTargets: [] }, undefined],
    [
      "init code changes a target although it gives no change",
      "init/init-text-refused",
      { allowTargets: ["loop"] },
      /^changes vmlinux/,
    ],
  ])("%s", (_teaches, of, gates, unmet) => {
    const [problem, ...rest] = unmetGates(golden(of), gates);
    expect(rest).toEqual([]);
    if (unmet === undefined) expect(problem).toBeUndefined();
    else expect(problem?.message).toMatch(unmet);
  });

  it("each one that is not met is told", () => {
    const gates: Gates = { require: "none", failOn: ["error", "init-text-changed"], maxFunctions: 0, allowTargets: [] };
    expect(unmetGates(golden("init/init-text-refused"), gates).map(({ check }) => check)).toEqual(
      expect.arrayContaining(["require", "fail-on", "fail-on", "allow-targets"]),
    );
  });
});

describe("what --fail-on takes", () => {
  it.each([
    ["error", "error"],
    ["export-deleted", "export-deleted"],
    ["export", undefined],
    ["constructor", undefined],
  ])("%s", (text, expected) => {
    expect(findingGate(text)).toBe(expected);
  });

  it.each([
    ["a letter too few", "eror", ["error"]],
    ["a part of codes", "export", ["export-added", "export-deleted", "export-changed"]],
    ["two letters that changed places", "writable-data-chagned", ["writable-data-changed", "writable-data-resized"]],
    ["nothing like a code", "qqqqqqqq", []],
  ])("%s: near ones", (_teaches, text, near) => {
    expect(nearFindingGates(text)).toEqual(near);
  });
});
