import { beforeAll, describe, expect, it } from "vitest";
import type { UpdateDescription } from "../../src/contract/description.ts";
import { renderJunit } from "../../src/render/junit.ts";
import { renderAs } from "../../src/render/render.ts";
import { renderText } from "../../src/report/text.ts";
import { describePair } from "../support/describe-pair.ts";
import { FIXTURES, join } from "../support/paths.ts";

const pair = (name: string): Promise<UpdateDescription> =>
  describePair(join(FIXTURES, name, "pre.o"), join(FIXTURES, name, "post.o"));

let causes: UpdateDescription;
let refused: UpdateDescription;
beforeAll(async () => {
  causes = await pair("source/causes");
  refused = await pair("init/init-text-refused");
});

/** The same update with a name that would be markup, a command or the end of an element. */
function hostile(update: UpdateDescription): UpdateDescription {
  const name = '</script><img src=x onerror=alert(1)>|`@a\n::error::x\u202e"';
  const functions = update.functions.map((one) => ({ ...one, name, label: name, demangled: name }));
  const findings = update.findings.map((one) => ({ ...one, message: `${name}: ${one.message}` }));
  return { ...update, functions, findings };
}

describe("text: the first screen", () => {
  it("names verdict, function, sizes, line and cause, and says an inline function once", () => {
    const lines = renderText(causes).split("\n");
    expect(lines.slice(0, 6)).toEqual([
      "verdict: splice  (splice applicable, kexec applicable)",
      expect.stringMatching(
        /^functions: 5 changed · \d+ → \d+ bytes \(\+\d+\) · 5 patches · new code \d+ bytes, \d+ imports$/,
      ),
      "2 functions changed because pipe_full is inlined",
      "",
      "pipe.c",
      expect.stringMatching(/^ {2}~ checked +8 → 19 +\+11 {2}pipe\.c:55 {2}instructions: 4 inserted$/),
    ]);
    expect(lines.find((line) => line.includes("~ limit"))).toMatch(/pipe\.c:43 {2}constant 4096 → 2048$/);
  });

  it.each([40, 60, 80, 120, 200])("fits %i columns", (width) => {
    const text = renderText(causes, undefined, { width, colour: false, verbose: false });
    const screen = text.slice(0, text.indexOf("pre.o → post.o")).split("\n");
    expect(Math.max(...screen.map((line) => line.length))).toBeLessThanOrEqual(width);
    expect(text).toContain("do_splice");
  });

  it("has colours only when they are asked for", () => {
    expect(renderText(causes)).not.toContain("\x1b");
    expect(renderText(causes, undefined, { width: 80, colour: true, verbose: false })).toContain("\x1b[33m");
  });

  it("tells details of few functions, of many only when asked", () => {
    const many = { ...causes, functions: Array.from({ length: 40 }, () => causes.functions).flat() };
    expect(renderText(causes)).toContain("patches\n");
    expect(renderText(many)).not.toContain("patches\n");
    expect(renderText(many, undefined, { width: 80, colour: false, verbose: true })).toContain("patches\n");
  });
});

describe("markdown", () => {
  it("has the verdict, a row for each function with its line and cause, and folded details", async () => {
    const text = await renderAs("markdown", causes);
    expect(text).toMatch(/^### ✅ elfsplice: splice$/m);
    expect(text).toContain("| ~ | <code>limit</code> | 33 | pipe.c:43 | constant 4096 → 2048 |");
    expect(text.match(/<details/g)?.length).toBe(text.match(/<\/details>/g)?.length);
  });

  it("never has more than 60,000 characters, and says what is left out", async () => {
    const many = { ...causes, functions: Array.from({ length: 2000 }, () => causes.functions).flat() };
    const text = await renderAs("markdown", many);
    expect(text.length).toBeLessThanOrEqual(60_000);
    expect(text).toMatch(/… and \d+ more/);
  });

  it("lets no name be markup", async () => {
    const text = await renderAs("markdown", hostile(refused));
    expect(text).not.toContain("<img");
    expect(text).not.toContain("@a");
  });
});

describe("annotations for GitHub", () => {
  it("are at the lines of functions and findings", async () => {
    expect(await renderAs("github", causes)).toContain(
      "::notice file=pipe.c,line=43,title=elfsplice::limit is replaced: constant 4096 → 2048\n",
    );
    expect(await renderAs("github", refused)).toMatch(/^::error file=clock\.c,title=elfsplice%3A init-text-changed::/);
  });

  it("are one command each, whatever a name holds", async () => {
    const lines = (await renderAs("github", hostile(causes))).trimEnd().split("\n");
    expect(lines.every((line) => line.startsWith("::notice "))).toBe(true);
  });
});

describe("reports for code scanning", () => {
  it("SARIF has a rule with help for each code, and a result for each finding", async () => {
    const { version, runs } = JSON.parse(await renderAs("sarif", refused));
    const [run] = runs;
    expect(version).toBe("2.1.0");
    expect(run.tool.driver.rules[0]).toMatchObject({
      id: "init-text-changed",
      help: { text: expect.stringContaining("What to do: ") },
      defaultConfiguration: { level: "error" },
    });
    expect(run.results).toHaveLength(refused.findings.length);
    for (const result of run.results) {
      expect(run.tool.driver.rules[result.ruleIndex].id).toBe(result.ruleId);
      expect(["error", "warning", "note"]).toContain(result.level);
      expect(result.message.text).not.toBe("");
    }
  });

  it("GitLab gets one fingerprint for each finding, the same in each run", async () => {
    const issues = JSON.parse(await renderAs("gitlab", refused)) as { fingerprint: string }[];
    expect(new Set(issues.map(({ fingerprint }) => fingerprint)).size).toBe(issues.length);
    expect(await renderAs("gitlab", refused)).toBe(await renderAs("gitlab", refused));
  });
});

describe("JUnit of gates", () => {
  it("has a case for each kind of check, and escapes what it says", () => {
    const problems = [{ check: "require", message: 'splice is <not> "applicable" & more\u0001' }] as never;
    const text = renderJunit({ ok: false, problems }, "update.json");
    expect(text).toContain('<testsuites tests="2" failures="1">');
    expect(text).toContain("&lt;not&gt; &quot;applicable&quot; &amp; more\\x01");
  });
});

describe("the page", () => {
  it("is one file: nothing in it comes from elsewhere, and no name is markup", async () => {
    const page = await renderAs("html", hostile(refused));
    const withoutData = page.replace(/<script type="application\/json".*?<\/script>/s, "");
    expect(withoutData).not.toMatch(/<(?:link|img|iframe)\b|\bsrc=|https?:\/\//);
    expect(page).not.toContain("<img");
    expect([page.match(/<script/g)?.length, page.match(/<\/script>/g)?.length]).toEqual([2, 2]);
  });

  it("holds every function with its place and causes", async () => {
    const [, json = ""] =
      /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(await renderAs("html", causes)) ?? [];
    const data = JSON.parse(json);
    expect(data.functions.map((one: { name: string; place: string }) => `${one.name} ${one.place}`)).toEqual([
      "checked pipe.c:55",
      "do_splice pipe.c:14",
      "do_tee pipe.c:16",
      "limit pipe.c:43",
      "message pipe.c:50",
    ]);
  });
});
