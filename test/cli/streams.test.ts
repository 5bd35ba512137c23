import { spawnSync } from "node:child_process";
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { describe, expect, it } from "vitest";
import { syntheticPair } from "../bench/synthetic-pair.ts";
import { join, ROOT } from "../support/paths.ts";
import { linesOf, objectOf, pairOf, useProgram } from "./program.ts";

const { run, runProcess, runUnread, folder, bundle } = useProgram();

/** A pair whose description is far longer than a pipe holds. */
function bigPair(): [pre: string, post: string] {
  const place = folder();
  const pair = syntheticPair(400);
  const paths = [join(place, "pre.o"), join(place, "post.o")] as const;
  writeFileSync(paths[0], pair.pre);
  writeFileSync(paths[1], pair.post);
  return [...paths];
}

describe("a reader that goes away is not an error", () => {
  it.each([
    ["more than a pipe holds", () => ["diff", ...bigPair(), "--contents", "--old-code", "all", "-q"]],
    ["less than a pipe holds", () => ["diff", ...pairOf("text/body"), "-q"]],
    ["an inspection", () => ["inspect", pairOf("text/body")[0], "--format", "json"]],
    ["the schema", () => ["schema"]],
    ["the help", () => ["--help"]],
    ["the help of a command", () => ["diff", "--help"]],
    ["the help of a command, asked for in the other way", () => ["help", "check"]],
    ["the version", () => ["--version"]],
  ])("%s, standard output closed", async (_teaches, args) => {
    expect(await runUnread(args(), "stdout")).toEqual({ status: 0, stdout: "", stderr: "" });
  });

  it("keeps the status of a gate", async () => {
    const { status } = await runUnread(["diff", ...pairOf("text/body"), "-q", "--exit-code"], "stdout");
    expect(status).toBe(1);
  });

  it("prints the whole description when only standard error is closed", async () => {
    const args = ["diff", ...bigPair(), "--contents", "--old-code", "all"];
    const { status, stdout } = await runUnread(args, "stderr");
    expect(status).toBe(0);
    expect(stdout.length).toBeGreaterThan(1 << 17);
    expect(stdout).toBe(run([...args, "--quiet"]).stdout);
  });
});

describe("output that cannot be written is an error", () => {
  const full = "/dev/full";
  it.runIf(existsSync(full)).each([
    ["a description", ["diff", ...pairOf("text/body"), "-q"]],
    ["the help, which is not waited for", ["match", "--help"]],
    ["the version", ["--version"]],
  ])("a full device: one line, status 2: %s", (_what, args) => {
    const device = openSync(full, "w");
    const { status, stderr } = spawnSync(process.execPath, [bundle(), ...args], {
      stdio: ["ignore", device, "pipe"],
      encoding: "utf8",
    });
    closeSync(device);
    expect(status).toBe(2);
    expect(linesOf(stderr)).toEqual(["elfsplice: cannot write standard output: no space left on the device"]);
  });
});

describe("a command that the tests call without a process", () => {
  it.each([
    ["objects as JSON", ["diff", ...pairOf("loop-driver/ioctl")], 0],
    ["objects as text, with instructions", ["diff", ...pairOf("text/body"), "--format", "text"], 0],
    ["trees", ["diff", "fixtures/trees/moved/pre", "fixtures/trees/moved/post"], 0],
    ["a gate that is not met", ["diff", ...pairOf("text/body"), "--exit-code"], 1],
    ["wrong usage", ["diff", "--wrong"], 2],
    ["an absent file", ["inspect", "absent.o"], 2],
    ["no command", [], 2],
  ])("prints and returns what a process of its own does: %s", (_what, args, status) => {
    const own = runProcess(args);
    expect(own.status).toBe(status);
    expect(run(args)).toEqual(own);
  });
});

describe("equal inputs give equal bytes", () => {
  const inputs = (): string => {
    const place = folder();
    for (const side of ["pre", "post"] as const)
      copyFileSync(objectOf("loop-driver/ioctl", side), join(place, `${side}.o`));
    return place;
  };

  it.each([
    ["JSON", ["diff", "pre.o", "post.o"]],
    ["text", ["diff", "pre.o", "post.o", "--format", "text"]],
    ["an inspection", ["inspect", "pre.o", "--format", "json"]],
  ])("%s, run again, from another folder, in another time and language", (_teaches, args) => {
    const [here, there] = [inputs(), inputs()];
    const first = run(args, { cwd: here });
    expect(first.status).toBe(0);
    expect(run(args, { cwd: here })).toEqual(first);
    expect(run(args, { cwd: there })).toEqual(first);
    expect(runProcess(args, { cwd: there, env: { TZ: "Asia/Tokyo", LC_ALL: "tr_TR.UTF-8", LANG: "tr_TR" } })).toEqual(
      first,
    );
  });
});

describe("a program that was copied without its packages", () => {
  it("does the same work, and shows instructions as words", () => {
    // Outside the folder whose node_modules the tests' program uses, so no package is found.
    const alone = mkdtempSync(join(tmpdir(), "elfsplice-alone-"));
    try {
      const home = dirname(bundle());
      for (const name of readdirSync(home).filter((file) => /\.(js|schema\.json)$/.test(file)))
        copyFileSync(join(home, name), join(alone, name));
      writeFileSync(join(alone, "package.json"), '{ "type": "module" }');
      const call = (program: string, ...args: string[]) =>
        spawnSync(process.execPath, [program, ...args], { cwd: ROOT, encoding: "utf8" });
      const bare = call(join(alone, "elfsplice.js"), "diff", ...pairOf("text/body"));
      expect({ status: bare.status, stdout: bare.stdout }).toEqual({
        status: 0,
        stdout: run(["diff", ...pairOf("text/body")]).stdout,
      });
      const text = call(join(alone, "elfsplice.js"), "diff", ...pairOf("text/body"), "--format", "text");
      expect({ status: text.status, stderr: text.stderr }).toEqual({ status: 0, stderr: bare.stderr });
      expect(text.stdout).toMatch(/^verdict: splice/m);
    } finally {
      rmSync(alone, { recursive: true, force: true });
    }
  });
});

describe("no colour where there is no terminal", () => {
  it.each([
    ["a terminal's name alone makes no terminal", { TERM: "xterm-256color" }],
    ["NO_COLOR", { NO_COLOR: "1", TERM: "xterm-256color" }],
  ])("%s", (_teaches, env) => {
    const calls = [
      ["diff", ...pairOf("loop-driver/core-moved")],
      ["diff", ...pairOf("loop-driver/core-moved"), "--format", "text"],
      ["inspect", pairOf("text/body")[0]],
      ["--help"],
      ["diff", "absent.o", "absent.o"],
      ["diff", "--wrong"],
    ];
    const printed = calls.map((args) => run(args, { env })).map(({ stdout, stderr }) => stdout + stderr);
    expect(printed.filter((text) => text === "" || text.includes("\u001b"))).toEqual([]);
  });

  const onTerminal = (env: Readonly<Record<string, string>>): string => {
    const command = [process.execPath, bundle(), "diff", ...pairOf("text/body"), "--format", "text", "-q"];
    const { stdout } = spawnSync("script", ["-qec", command.map((word) => `'${word}'`).join(" "), "/dev/null"], {
      cwd: ROOT,
      env: { ...process.env, TERM: "xterm-256color", NO_COLOR: "", ...env },
      encoding: "utf8",
    });
    expect(stdout).toContain("verdict: splice");
    return stdout;
  };
  const hasScript = /util-linux/.test(spawnSync("script", ["--version"], { encoding: "utf8" }).stdout ?? "");

  it.runIf(hasScript)("a terminal shows colours, and with NO_COLOR none", () => {
    expect(onTerminal({})).toContain("\u001b[");
    expect(onTerminal({ NO_COLOR: "1" })).not.toContain("\u001b");
  });
});
