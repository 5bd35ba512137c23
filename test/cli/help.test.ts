import Ajv2020 from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import pkg from "../../package.json" with { type: "json" };
import { linesOf, pairOf, useProgram } from "./program.ts";

const { run } = useProgram();
const pair = pairOf("text/body");

describe("what the program says of itself", () => {
  it.each([["--version"], ["-V"]])("%s is package.json's version and no more", (option) => {
    expect(run([option])).toEqual({ status: 0, stdout: `${pkg.version}\n`, stderr: "" });
  });

  it("schema prints a JSON Schema that takes what diff prints", () => {
    const { status, stdout, stderr } = run(["schema"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const validate = new Ajv2020.default({ strict: false }).compile(JSON.parse(stdout));
    expect(validate(JSON.parse(run(["diff", ...pair]).stdout))).toBe(true);
    expect(validate({})).toBe(false);
  });

  it("--help lists every command and the exit statuses", () => {
    const { status, stdout, stderr } = run(["--help"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    for (const command of ["diff", "merge", "inspect", "check", "compare", "match", "kexec", "schema"])
      expect(stdout).toMatch(new RegExp(`^  ${command} `, "m"));
    expect(stdout).toContain("Exit status: 0");
  });

  it.each([["diff"], ["merge"], ["inspect"], ["check"], ["compare"], ["kexec"], ["schema"]])(
    "%s --help ends with examples that name the command",
    (command) => {
      const { status, stdout } = run([command, "--help"]);
      expect(status).toBe(0);
      const [, examples = ""] = stdout.split(/^Examples?:$/m);
      const shown = linesOf(examples).filter((line) => line.startsWith("  $ "));
      expect(shown.length).toBeGreaterThan(0);
      expect(shown.filter((line) => !line.startsWith(`  $ elfsplice ${command}`))).toEqual([]);
      expect(run(["help", command]).stdout).toBe(stdout);
    },
  );

  it("without a command it shows the help, as an error", () => {
    const { status, stdout, stderr } = run([]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(/^Usage: elfsplice /);
  });
});

describe("wrong usage: one line that says what is wrong, one that says where to look, status 2", () => {
  it.each([
    ["a command that is none", ["splice"], "unknown command 'splice'"],
    ["an option that is none", ["diff", ...pair, "--colour"], "unknown option '--colour'"],
    ["one input too few", ["diff", pair[0]], "missing required argument 'post'"],
    ["no input", ["inspect"], "missing required argument 'object'"],
    ["one input too many", ["diff", ...pair, pair[0]], "too many arguments for 'diff'"],
    ["an option without its value", ["diff", ...pair, "--id"], "option '--id <id>' argument missing"],
    ["a format that is none", ["diff", ...pair, "--format", "xml"], "Allowed choices are json, text"],
    ["old code that is none", ["diff", ...pair, "--old-code", "some"], "Allowed choices are needed, all"],
    ["a rung that is none", ["diff", ...pair, "--require", "reboot"], "Allowed choices are none, splice,"],
    ["an option of another command", ["schema", "--format", "text"], "unknown option '--format'"],
  ])("%s", (_teaches, args, problem) => {
    const { status, stdout, stderr } = run(args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    const [first, ...rest] = linesOf(stderr);
    expect(first).toMatch(/^error: /);
    expect(first).toContain(problem);
    expect(rest.filter((line) => line !== "(try --help)" && !line.startsWith("(Did you mean"))).toEqual([]);
  });
});
