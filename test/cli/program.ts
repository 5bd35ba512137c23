import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, inject } from "vitest";
import { FIXTURES, join, ROOT } from "../support/paths.ts";
import { mainOf, type Outcome, runInThread } from "../support/program-thread.ts";

interface RunOptions {
  /** Default: the project's folder. */
  readonly cwd?: string;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The command line as its users have it: bundled, in a folder of its own. */
interface Program {
  /** Runs a command within this process. */
  readonly run: (args: readonly string[], options?: RunOptions) => Outcome;
  /** The same in a process of its own, where what is tested is the process: its start, time zone, language, modules. */
  readonly runProcess: (args: readonly string[], options?: RunOptions) => Outcome;
  /** Runs with one output that is not read; that pipe is closed before the program starts to write. */
  readonly runUnread: (args: readonly string[], unread: "stdout" | "stderr") => Promise<Outcome>;
  /** An empty folder that is removed after the tests. */
  readonly folder: () => string;
  /** Path of the bundle. */
  readonly bundle: () => string;
}

/** Variables that Node.js reads once, when a process starts. */
const READ_AT_START = ["NODE_OPTIONS", "TZ", "LC_ALL", "LANG"];

/** The program that the run of the tests bundled, for the tests of one file. */
export function useProgram(): Program {
  const bundle = (): string => join(inject("program"), "elfsplice.js");
  let home = "";
  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), "elfsplice-test-"));
  });
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  const surroundings = ({ cwd = ROOT, env }: RunOptions) => ({ cwd, env: { ...process.env, ...env } });
  return {
    run: (args, { cwd = ROOT, env } = {}) => {
      const unheard = READ_AT_START.filter((name) => env !== undefined && Object.hasOwn(env, name));
      if (unheard.length > 0) throw new Error(`${unheard}: only a process of its own takes notice; use runProcess()`);
      return runInThread(mainOf(inject("program")), args, { cwd, env });
    },
    runProcess: (args, options = {}) => {
      const { status, stdout, stderr } = spawnSync(process.execPath, [bundle(), ...args], {
        ...surroundings(options),
        encoding: "utf8",
        maxBuffer: 1 << 28,
      });
      return { status, stdout, stderr };
    },
    runUnread: (args, unread) =>
      new Promise((resolve, reject) => {
        const child = spawn(process.execPath, [bundle(), ...args], surroundings({}));
        const read = { stdout: "", stderr: "" };
        for (const stream of ["stdout", "stderr"] as const) {
          child[stream].setEncoding("utf8").on("data", (text: string) => {
            read[stream] += text;
          });
        }
        child[unread].destroy();
        child.on("error", reject);
        child.on("close", (status) => resolve({ status, ...read }));
      }),
    folder: () => {
      const made = join(home, `folder-${readdirSync(home).length}`);
      mkdirSync(made);
      return made;
    },
    bundle,
  };
}

/** The two paths of a fixture, as a user in the project's folder writes them. */
export function pairOf(name: string): [pre: string, post: string] {
  return [`fixtures/${name}/pre.o`, `fixtures/${name}/post.o`];
}

/** A fixture's object, from wherever. */
export function objectOf(name: string, side: "pre" | "post" = "pre"): string {
  return join(FIXTURES, name, `${side}.o`);
}

/** The lines of a text that ends with a line end, without it. */
export function linesOf(text: string): string[] {
  return text.replace(/\n$/, "").split("\n");
}
