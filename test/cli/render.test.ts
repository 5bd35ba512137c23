import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, describe, expect, it } from "vitest";
import { CAUSE_NAMES } from "../../src/contract/names/causes.ts";
import { CHANGE_CAUSES } from "../../src/contract/names/change-causes.ts";
import { DIFFERENCE_KINDS } from "../../src/contract/names/reasons.ts";
import { readExplanations } from "../../src/findings/explanations.ts";
import { FINDING_CODES, FINDINGS } from "../../src/findings/findings.ts";
import { CAUSES } from "../../src/match/outcome/causes.ts";
import { CHANGE_CAUSE_WORDS, REASON_WORDS } from "../../src/report/reason-words.ts";
import { join } from "../support/paths.ts";
import { useProgram } from "./program.ts";

const { run } = useProgram();
const folder = mkdtempSync(join(tmpdir(), "elfsplice-render-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PAIR = ["fixtures/source/causes/pre.o", "fixtures/source/causes/post.o"];
const update = join(folder, "update.json");

describe("render", () => {
  it.each(["markdown", "sarif", "github", "gitlab"])("--format %s is what diff prints in this form", (format) => {
    expect(run(["diff", ...PAIR, "-q", "-o", update]).status).toBe(0);
    const rendered = run(["render", update, "--format", format]);
    expect(rendered.status).toBe(0);
    expect(rendered.stdout).toBe(run(["diff", ...PAIR, "-q", "--format", format]).stdout);
  });

  it("html goes into a file", () => {
    const page = join(folder, "page.html");
    expect(run(["render", update, "--format", "html", "-o", page]).status).toBe(0);
    expect(readFileSync(page, "utf8")).toMatch(/^<!doctype html>/);
  });

  it("text is the first screen and the details without instructions", () => {
    expect(run(["render", update]).stdout).toMatch(/^verdict: splice .*\n(?:.*\n)*pipe\.c\n {2}~ checked/);
  });

  it("refuses what is no description, in one line", () => {
    const { status, stderr } = run(["render", "package.json"]);
    expect([status, stderr.trimEnd().split("\n").length]).toEqual([2, 1]);
  });
});

describe("check", () => {
  it("--format junit and github tell of gates where a CI shows them", () => {
    const gate = ["check", update, "-q", "--max-functions", "1", "--format"];
    const junit = run([...gate, "junit"]);
    expect([junit.status, junit.stdout]).toEqual([1, expect.stringContaining('failures="1"')]);
    expect(run([...gate, "github"]).stdout).toMatch(/^::error title=elfsplice check%3A max-functions::/);
  });
});

describe("explain", () => {
  const codes = [...FINDING_CODES, ...CAUSE_NAMES, ...CHANGE_CAUSES, ...DIFFERENCE_KINDS];

  it("knows every code that a description or a match may hold", () => {
    const known = run(["explain", "init-text-changed"]);
    expect(known.stdout).toMatch(/^init-text-changed \(finding, error\)\n\n {2}\S.*\n\n {2}What to do: \S/);
    const own: readonly string[] = [
      ...Object.keys(CAUSES),
      ...Object.keys(CHANGE_CAUSE_WORDS),
      ...Object.keys(REASON_WORDS),
    ];
    const findings = readExplanations();
    expect(codes.filter((code) => !findings.has(code) && !own.includes(code))).toEqual([]);
    expect(FINDING_CODES.filter((code) => findings.get(code)?.severity !== FINDINGS[code].severity)).toEqual([]);
  });

  it("refuses other words, and says what is near", () => {
    const { status, stderr } = run(["explain", "inlined-chang"]);
    expect([status, stderr]).toEqual([2, expect.stringContaining("did you mean inlined-change?")]);
  });
});

describe("git-driver", () => {
  const [pre, post] = PAIR as [string, string];
  const words = (before: string, after: string): string[] => [
    "lib/pipe.o",
    before,
    "1",
    "100644",
    after,
    "2",
    "100644",
  ];

  it("takes the seven words that git gives", () => {
    const { status, stdout } = run(["git-driver", ...words(pre, post)]);
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^elfsplice diff lib\/pipe\.o\nverdict: splice /)]);
  });

  it.each([
    ["an added object", words("/dev/null", post), "functions: 6 new"],
    ["a removed one", words(pre, "/dev/null"), "functions: 6 deleted"],
    ["what is no object", words("package.json", post), "Binary files differ"],
    ["an unmerged path", ["lib/pipe.o"], "unmerged: lib/pipe.o"],
  ])("%s", (_title, args, expected) => {
    const { status, stdout } = run(["git-driver", ...args]);
    expect([status, stdout]).toEqual([0, expect.stringContaining(expected)]);
  });

  it("refuses other numbers of words", () => {
    expect(run(["git-driver", "a.o", pre, post]).status).toBe(2);
  });
});
