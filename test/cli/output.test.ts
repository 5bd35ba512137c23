import { spawn, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { describe, expect, it } from "vitest";
import { draftName, removeDeadDrafts, removeOwnDrafts } from "../../src/cli/drafts.ts";
import { writeOutput } from "../../src/cli/output.ts";
import { UsageError } from "../../src/errors.ts";
import { join } from "../support/paths.ts";
import { sampled } from "../support/sample.ts";
import { needPrograms } from "../support/tools.ts";
import { linesOf, pairOf, useProgram } from "./program.ts";

const { run, runProcess, bundle, folder } = useProgram();
const isPosix = process.platform !== "win32";
const place = (): string => mkdtempSync(join(folder(), "output-"));

describe("a file that is written", () => {
  it.runIf(isPosix)("keeps the mode of the one that it replaces", async () => {
    const file = join(place(), "u.json");
    writeFileSync(file, "old", { mode: 0o600 });
    chmodSync(file, 0o640);
    await writeOutput("new", file);
    expect(readFileSync(file, "utf8")).toBe("new");
    expect(statSync(file).mode & 0o777).toBe(0o640);
  });

  it("stays the target of the link that leads to it", async () => {
    const at = place();
    writeFileSync(join(at, "real.json"), "old");
    symlinkSync("real.json", join(at, "u.json"));
    await writeOutput(["n", "ew"], join(at, "u.json"));
    expect(readFileSync(join(at, "real.json"), "utf8")).toBe("new");
  });

  it("may come in pieces of any size; characters of two units stay whole", async () => {
    const file = join(place(), "u.json");
    const text = "𝄞".repeat(700_000);
    await writeOutput(`a${text}`, file);
    expect(readFileSync(file, "utf8") === `a${text}`).toBe(true);
  });

  it("is not there when its pieces cannot all be made, and no draft is", async () => {
    const at = place();
    function* broken(): Generator<string> {
      yield "x";
      throw new UsageError("no more");
    }
    await expect(writeOutput(broken(), join(at, "u.json"))).rejects.toThrow("no more");
    expect(readdirSync(at)).toEqual([]);
  });

  it("whose links lead in a circle is refused in one line", () => {
    const at = place();
    symlinkSync("a", join(at, "b"));
    symlinkSync("b", join(at, "a"));
    const { status, stderr } = run(["diff", ...pairOf("text/body"), "-q", "-o", join(at, "a")]);
    expect(status).toBe(2);
    expect(linesOf(stderr)).toEqual([`elfsplice: cannot write ${join(at, "a")}: its links lead in a circle`]);
  });
});

describe("drafts", () => {
  const HOST = draftName().split("-")[1];
  const draftOf = (pid: number, host = HOST): string => `.elfsplice-${host}-${pid}-${randomUUID()}.part`;
  /** A process that is over. */
  const dead = (): number => spawnSync(process.execPath, ["-e", ""]).pid;

  it("have names that nothing can know before", () => {
    expect(draftName()).not.toBe(draftName());
  });

  it.runIf(isPosix)("that a killed run left are removed by the next one; all else stays", async () => {
    const at = place();
    const gone = draftOf(dead());
    const others = [draftOf(process.ppid), draftOf(dead(), "00000000"), `.elfsplice-${HOST}-1.part`, "u.json.1.part"];
    for (const name of [gone, ...others]) writeFileSync(join(at, name), "");
    const link = draftOf(dead());
    symlinkSync("u.json.1.part", join(at, link));
    await writeOutput("new", join(at, "u.json"));
    expect(readdirSync(at).sort()).toEqual([...others, link, "u.json"].sort());
  });

  it("of this run are removed when it is interrupted", () => {
    const at = place();
    writeFileSync(join(at, draftName()), "");
    writeFileSync(join(at, draftOf(process.ppid)), "");
    removeDeadDrafts(at);
    expect(readdirSync(at)).toHaveLength(2);
    removeOwnDrafts(at);
    expect(readdirSync(at)).toHaveLength(1);
    removeOwnDrafts(join(at, "absent"));
  });
});

describe.runIf(isPosix && existsSync("/dev/stdout"))("an output that is not a regular file", () => {
  const fifo = (skip: (why: string) => void): string => {
    needPrograms(skip, "mkfifo");
    const path = join(place(), "fifo");
    expect(spawnSync("mkfifo", [path]).status).toBe(0);
    return path;
  };
  const expected = (): string => run(["diff", ...pairOf("text/body"), "-q"]).stdout;

  it.each(["/dev/stdout", "-", "/dev/fd/1"])("%s is standard output, also when that is a pipe", (name) => {
    expect(runProcess(["diff", ...pairOf("text/body"), "-q", "-o", name]).stdout).toBe(expected());
  });

  it("a FIFO gets all, as soon as it is read", async ({ skip }) => {
    const path = fifo(skip);
    const child = spawn(process.execPath, [bundle(), "diff", ...pairOf("text/body"), "-q", "-o", path]);
    const status = new Promise((resolve) => child.on("close", resolve));
    expect(readFileSync(path, "utf8")).toBe(expected());
    expect(await status).toBe(0);
  });

  const signals = [
    ["SIGTERM", 143],
    ["SIGINT", 130],
  ] as const;
  it.for(sampled(signals, 2))("a FIFO without a reader is waited for until %s", async ([signal, status], { skip }) => {
    const child = spawn(process.execPath, [bundle(), "diff", ...pairOf("text/body"), "-q", "-o", fifo(skip)]);
    const ended = new Promise<[number | null, string | null]>((resolve) =>
      child.on("close", (code, by) => resolve([code, by])),
    );
    await new Promise((resolve) => setTimeout(resolve, 1500));
    child.kill(signal);
    const [code, by] = await ended;
    expect(by ?? code).toBe(by === null ? status : signal);
  });
});
