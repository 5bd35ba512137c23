import { readFileSync, writeFileSync } from "node:fs";
import Ajv2020 from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { FIXTURES, join } from "../support/paths.ts";
import { linesOf, pairOf, useProgram } from "./program.ts";

const { run, folder } = useProgram();
const golden = (name: string): string => join(FIXTURES, name, "expected.json");
const [one, none] = [golden("text/body"), golden("no-change/identical")] as const;

describe("compare", () => {
  it("says in words what the newer description adds, and whether it is a superset", () => {
    const { status, stdout, stderr } = run(["compare", none, one]);
    expect([status, stderr]).toEqual([0, ""]);
    const lines = linesOf(stdout);
    expect(lines[0]).toMatch(/^ksplice_\w+ → ksplice_\w+$/);
    expect(lines).toContain("functions");
    expect(lines.at(-1)).toMatch(/^superset: yes, /);
    expect(linesOf(run(["compare", one, none]).stdout).at(-1)).toMatch(/^superset: no, 1 of .* is missing$/);
  });

  it.each([
    [none, one],
    [one, none],
    [one, one],
  ])("--format json: %s, %s: as the schema says", (a, b) => {
    const { status, stdout } = run(["compare", a, b, "--format", "json"]);
    const validate = new Ajv2020.default({ strict: false }).compile(
      JSON.parse(run(["schema", "--of", "compare"]).stdout),
    );
    expect([status, validate(JSON.parse(stdout)), validate.errors]).toEqual([0, true, null]);
    expect(validate({})).toBe(false);
    expect(JSON.parse(stdout).superset).toBe(b === one || a === none);
  });

  it("--require-superset gives status 1 when it is none, and prints all the same", () => {
    const { status, stdout, stderr } = run(["compare", one, none, "--require-superset"]);
    expect(status).toBe(1);
    expect(stdout).toContain("superset: no");
    expect(linesOf(stderr)).toEqual([
      expect.stringMatching(/^elfsplice: not a superset: 1 patch missing, first text /),
    ]);
    expect(run(["compare", none, one, "--require-superset"]).status).toBe(0);
  });

  it("takes statements too, and writes to a file", () => {
    const statement = join(folder(), "statement.json");
    const bare = join(folder(), "bare.json");
    const result = join(folder(), "result.txt");
    run(["diff", ...pairOf("text/body"), "--quiet", "--statement", "--output", statement]);
    run(["diff", ...pairOf("text/body"), "--quiet", "--output", bare]);
    expect(run(["compare", statement, bare, "--output", result])).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(linesOf(readFileSync(result, "utf8"))[1]).toBe("nothing differs");
  });

  it.each<[teaches: string, content: string, problem: RegExp]>([
    ["no JSON", "{", /not JSON/],
    ["no description", "{}", /not an update description/],
    ["a description with a hole", '{"schemaVersion":"1.0","changes":[]}', /\$\.generator: .*\(and \d+ more problems/],
  ])("bad input, on either side: %s", (_teaches, content, problem) => {
    const file = join(folder(), "broken.json");
    writeFileSync(file, content);
    for (const pair of [
      [file, one],
      [one, file],
    ]) {
      const { status, stdout, stderr } = run(["compare", ...pair]);
      expect([status, stdout, linesOf(stderr)]).toEqual([2, "", [expect.stringMatching(problem)]]);
      expect(stderr).toContain(file);
    }
  });

  it("both from standard input cannot be", () => {
    const { status, stderr } = run(["compare", "-", "-"]);
    expect([status, linesOf(stderr)]).toEqual([2, [expect.stringContaining("not both")]]);
  });

  it("two architectures: one line that names both", () => {
    const { status, stdout, stderr } = run(["compare", one, golden("arm/body")]);
    expect([status, stdout, linesOf(stderr)]).toEqual([2, "", [expect.stringMatching(/arm.*x86_64/)]]);
  });
});
