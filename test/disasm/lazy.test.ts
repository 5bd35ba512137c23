import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { useProgram } from "../cli/program.ts";
import { FIXTURES, join } from "../support/paths.ts";

const program = useProgram();
const pair = (topic: string): string[] => [join(FIXTURES, topic, "pre.o"), join(FIXTURES, topic, "post.o")];

/** Runs the program in a process that executes a script of ours first. */
function runAfter(script: string, args: readonly string[]): ReturnType<typeof program.run> {
  const file = join(program.folder(), "first.cjs");
  writeFileSync(file, script);
  return program.runProcess(args, { env: { NODE_OPTIONS: `--require ${JSON.stringify(file)}` } });
}

/** Whether a call of the program loads iced-x86, told by Node's list of loaded modules when it ends. */
function loadsIced(args: readonly string[]): boolean {
  const script = `process.on("exit", () => {
    const isLoaded = Object.keys(require.cache).some((path) => path.includes("iced-x86"));
    process.stderr.write(isLoaded ? "loaded" : "not loaded");
  });`;
  const { status, stderr } = runAfter(script, args);
  expect(status).toBe(0);
  expect(stderr).toMatch(/loaded$/);
  return !stderr.endsWith("not loaded");
}

describe("iced-x86 is loaded only to show x86 instructions", () => {
  it.each([
    ["--version", ["--version"]],
    ["--help", ["diff", "--help"]],
    ["a description as JSON", ["diff", ...pair("text/body")]],
    ["text without instructions", ["diff", ...pair("text/body"), "--format", "text", "--no-instructions"]],
    ["text where nothing changed", ["diff", ...pair("no-change/identical"), "--format", "text"]],
    ["text of another architecture", ["diff", ...pair("aarch64/body"), "--format", "text"]],
  ])("not for %s", (_what, args) => {
    expect(loadsIced(args)).toBe(false);
  });

  it("but then", () => {
    expect(loadsIced(["diff", ...pair("text/body"), "--format", "text"])).toBe(true);
  });
});

describe("the built program", () => {
  const args = ["diff", ...pair("text/body"), "--format", "text", "--quiet"];

  it("shows instructions, or leaves them out", () => {
    expect(program.run(args).stdout).toContain("      ~ +0x0   cmp    $0x64,%esi │ +0x0   cmp    $0x5a,%esi\n");
    expect(program.run([...args, "--no-instructions"]).stdout).not.toContain("│");
  });

  it("shows words where iced-x86 is not installed", () => {
    const script = `const Module = require("node:module");
      const resolve = Module._resolveFilename;
      Module._resolveFilename = function (name, ...rest) {
        if (name === "iced-x86") throw Object.assign(new Error(name), { code: "MODULE_NOT_FOUND" });
        return resolve.call(this, name, ...rest);
      };`;
    const { status, stdout } = runAfter(script, args);
    expect(status).toBe(0);
    expect(stdout).toContain("      ~ +0x0   83fe64 ");
  });
});
