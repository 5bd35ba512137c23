import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { syntheticPair } from "../bench/synthetic-pair.ts";
import { buildTree } from "../bench/tree.ts";
import { join } from "../support/paths.ts";
import { sampled } from "../support/sample.ts";
import { useProgram } from "./program.ts";

const { run, bundle, folder } = useProgram();
const isPosix = process.platform !== "win32";

/** Pairs whose analysis takes seconds. */
function slowTree(): string {
  const place = folder();
  const { pre, post } = syntheticPair(12_000);
  for (const [side, bytes] of [
    ["pre", pre],
    ["post", post],
  ] as const) {
    mkdirSync(join(place, side));
    for (let i = 0; i < 3; i++) writeFileSync(join(place, side, `big-${i}.o`), bytes);
  }
  return place;
}

interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the program and sends it a signal after a while. */
function interrupted(cwd: string, args: readonly string[], signal: NodeJS.Signals, after: number): Promise<Ending> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [bundle(), ...args], { cwd });
    const read = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const)
      child[stream].setEncoding("utf8").on("data", (text: string) => {
        read[stream] += text;
      });
    setTimeout(() => child.kill(signal), after);
    child.on("error", reject);
    child.on("close", (code, ended) => resolve({ code, signal: ended, ...read }));
  });
}

describe.runIf(isPosix)("a run that is interrupted", () => {
  const place = { slow: "" };
  const slow = (): string => (place.slow ||= slowTree());

  const moments = [
    ["SIGINT", 130, 300],
    ["SIGINT", 130, 700],
    ["SIGINT", 130, 1300],
    ["SIGTERM", 143, 500],
    ["SIGTERM", 143, 1000],
  ] as const;
  it.each(sampled(moments, 3))(
    "%s: ends with status %i before its work is done, after %i ms",
    async (signal, status, after) => {
      const cwd = slow();
      const ending = await interrupted(cwd, ["diff", "pre", "post", "-o", "u.json", "--cache", "cache"], signal, after);
      // Before the program has begun, the system ends it.
      if (ending.signal === null) expect([ending.code, ending.stderr]).toEqual([status, "elfsplice: interrupted\n"]);
      else expect(ending.signal).toBe(signal);
      expect(ending.stdout).toBe("");
      expect(
        readdirSync(cwd)
          .filter((name) => name !== "cache")
          .sort(),
      ).toEqual(["post", "pre"]);
      const kept = existsSync(join(cwd, "cache")) ? readdirSync(join(cwd, "cache")) : [];
      expect(kept.filter((name) => !name.endsWith(".json"))).toEqual([]);
    },
  );

  it("at any moment: no output, or all of it", async () => {
    const cwd = folder();
    buildTree(cwd, { objects: 200, differing: 6, megabytes: 8 });
    const endings: (number | string | null)[] = [];
    for (const turn of sampled([...Array(12).keys()], 3)) {
      const output = `u-${turn}.json`;
      const after = 20 + turn * 45 + Math.random() * 40;
      const { code, signal } = await interrupted(cwd, ["diff", "pre", "post", "-q", "-o", output], "SIGINT", after);
      endings.push(code ?? signal);
      const isWritten = existsSync(join(cwd, output));
      expect(code === 0 ? isWritten : true, `${after} ms`).toBe(true);
      if (isWritten) JSON.parse(readFileSync(join(cwd, output), "utf8"));
    }
    expect(readdirSync(cwd).filter((name) => name.endsWith(".part"))).toEqual([]);
    expect(endings.filter((ending) => ![0, 130, "SIGINT"].includes(ending as number))).toEqual([]);
  });

  it.runIf(existsSync("/dev/full"))("a full disk is one line, status 2", () => {
    const cwd = folder();
    buildTree(cwd, { objects: 20, differing: 2, megabytes: 1 });
    const { status, stderr } = run(["diff", "pre", "post", "-q", "-o", "/dev/full"], { cwd });
    expect([status, stderr]).toEqual([2, "elfsplice: cannot write /dev/full: no space left on the device\n"]);
  });
});
