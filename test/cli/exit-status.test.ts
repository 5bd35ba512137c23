import { describe, expect, it } from "vitest";
import { exitStatus } from "../../src/cli/exit-status.ts";
import { RUNGS, type Rung } from "../../src/contract/names/rungs.ts";
import type { UpdateDescription } from "../../src/index.ts";

const verdict = (recommended: Rung | null) => {
  const rungs = RUNGS.map((rung) => ({
    rung,
    status: rung === recommended ? "applicable" : "not-applicable",
    because: [],
  }));
  return { verdict: { recommended, rungs } } as unknown as UpdateDescription;
};

describe("--require asks for a rung or a less disruptive one", () => {
  it.each(RUNGS.flatMap((best, i) => RUNGS.map((asked, k): [Rung, Rung, number] => [best, asked, i <= k ? 0 : 1])))(
    "%s is the best, %s was asked for: %i",
    (best, require, status) => expect(exitStatus(verdict(best), { require })).toBe(status),
  );

  it("nothing applicable meets nothing", () => {
    expect(RUNGS.map((require) => exitStatus(verdict(null), { require }))).toEqual([1, 1, 1, 1, 1]);
  });
});

describe("--exit-code", () => {
  it.each([
    ["none", 0],
    ["splice", 1],
    ["kexec", 1],
    [null, 1],
  ] as const)("%s: %i", (best, status) => expect(exitStatus(verdict(best), { exitCode: true })).toBe(status));
});
