import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { barText, createProgress } from "../../src/cli/progress.ts";
import { ROOT } from "../support/paths.ts";
import { linesOf, useProgram } from "./program.ts";

const { run, bundle } = useProgram();
const tree = ["fixtures/trees/moved/pre", "fixtures/trees/moved/post"];

/** A stream that keeps what is written, and a clock that goes on by hand. */
function watch(isTTY: boolean, options: { wanted?: boolean; quiet?: boolean; columns?: number } = {}) {
  const { wanted = false, quiet = false, columns = 80 } = options;
  const written: string[] = [];
  let time = 0;
  const stream = { isTTY, columns, write: (text: string) => written.push(text) };
  const progress = createProgress(stream, { wanted, quiet, colour: false }, () => time);
  return {
    written,
    progress,
    at: (ms: number, done: number, name = "a.o") => {
      time = ms;
      progress.report({ verb: "comparing", done, of: 100, name });
    },
  };
}

describe("progress where there is no terminal", () => {
  it("is a line every few seconds, if it was asked for", () => {
    const { at, written, progress } = watch(false, { wanted: true });
    for (let ms = 0; ms <= 10_000; ms += 100) at(ms, ms / 100);
    progress.clear();
    expect(written).toEqual([
      "elfsplice: comparing 30 of 100, 10/s: a.o\n",
      "elfsplice: comparing 60 of 100, 10/s: a.o\n",
      "elfsplice: comparing 90 of 100, 10/s: a.o\n",
    ]);
  });

  it.each([
    ["not asked for", {}],
    ["--quiet", { wanted: true, quiet: true }],
  ])("is nothing: %s", (_why, options) => {
    const { at, written } = watch(false, options);
    for (let ms = 0; ms <= 10_000; ms += 100) at(ms, ms / 100);
    expect(written).toEqual([]);
  });
});

describe("progress on a terminal", () => {
  it("is a bar that comes late, changes slowly, and is wiped", () => {
    const { at, written, progress } = watch(true);
    for (let ms = 0; ms <= 1000; ms += 10) at(ms, ms / 10);
    const bars = written.length;
    expect(bars).toBeGreaterThan(2);
    expect(bars).toBeLessThan(9);
    expect(written[0]?.startsWith("\r\x1b[K█")).toBe(true);
    expect(written[0]).toMatch(/█+░+ comparing 40 of 100/);
    progress.clear();
    expect(written.at(-1)).toBe("\r\x1b[K");
  });

  it("is nothing for what is quick", () => {
    const { at, written, progress } = watch(true);
    for (let ms = 0; ms < 400; ms += 10) at(ms, ms / 10);
    progress.clear();
    expect(written).toEqual([]);
  });

  it.each([10, 20, 40, 59, 60, 80, 300])("fits %i columns, whatever the name holds", (columns) => {
    const step = { verb: "analysing", done: 12, of: 3000, name: `drivers/\x1b[31m\n${"x".repeat(300)}.o` };
    const text = barText(step, 1234.5, columns, false);
    expect([...text].length).toBeLessThan(columns + (columns <= 10 ? 1 : 0));
    expect(text).not.toMatch(/\p{Cc}/u);
  });
});

describe("the program", () => {
  it("prints no progress to a pipe, and none with --quiet", () => {
    const { stderr } = run(["diff", ...tree]);
    expect(linesOf(stderr)[0]).toMatch(/^elfsplice: 6 objects/);
    expect(run(["diff", ...tree, "--progress", "--quiet"]).stderr).toBe("");
    expect(run(["diff", ...tree, "--progress"]).stdout).toBe(run(["diff", ...tree]).stdout);
  });

  const hasScript = /util-linux/.test(spawnSync("script", ["--version"], { encoding: "utf8" }).stdout ?? "");
  it.runIf(hasScript)("leaves nothing of a bar on a terminal", () => {
    const words = [process.execPath, bundle(), "diff", ...tree, "-o", "/dev/null"].map((word) => `'${word}'`).join(" ");
    const { stdout } = spawnSync("script", ["-qec", words, "/dev/null"], { cwd: ROOT, encoding: "utf8" });
    const left = stdout.split("\r\x1b[K").at(-1) ?? "";
    expect(left).toMatch(/^elfsplice: 6 objects/);
  });
});
