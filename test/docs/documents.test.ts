import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { build } from "rolldown";
import { describe, expect, it } from "vitest";
import pkg from "../../package.json" with { type: "json" };
import { RUNGS } from "../../src/contract/names/rungs.ts";
import schema from "../../src/contract/update.schema.json" with { type: "json" };
import { EM } from "../../src/elf/constants.ts";
import { KEXEC_FINDINGS } from "../../src/findings/kexec.ts";
import { MATCH_FINDINGS } from "../../src/findings/match.ts";
import { archFor, type ElfObject, FINDINGS, readObject } from "../../src/index.ts";
import { CAUSES } from "../../src/match/outcome/causes.ts";
import { useProgram } from "../cli/program.ts";
import { anchors, blocks, chapter, DOCUMENTS, documentText, quoted, rows } from "../support/documents.ts";
import { FIXTURES, fixtureCases, join, ROOT } from "../support/paths.ts";

const { run } = useProgram();
const commands = documentText("docs/commands.md");
const everything = DOCUMENTS.map((path) => documentText(path)).join("\n");

function nameOfArch(object: ElfObject): string {
  return archFor(object).name;
}

describe("the examples of the library", () => {
  const examples = blocks(documentText("docs/library.md"), "js");

  it("are two", () => {
    expect(examples).toHaveLength(2);
  });

  it.each(examples.map((example, index) => ({ example, name: index + 1 })))(
    "example $name prints what it says",
    async ({ example }) => {
      const said = [...example.matchAll(/^\/\/ (.*)$/gm)].map((match) => match[1]);
      expect(said.length).toBeGreaterThan(0);
      const folder = mkdtempSync(join(tmpdir(), "elfsplice-docs-"));
      try {
        const [input, file] = [join(folder, "example.js"), join(folder, "bundle.mjs")];
        writeFileSync(input, example);
        const alias = { elfsplice: join(ROOT, "src/index.ts") };
        await build({
          input,
          platform: "node",
          cwd: ROOT,
          resolve: { alias },
          logLevel: "warn",
          output: { file, codeSplitting: false },
        });
        const printed = execFileSync(process.execPath, [file], { cwd: ROOT, encoding: "utf8" });
        expect(printed.trimEnd().split("\n")).toEqual(said);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  );
});

describe("what the program prints", () => {
  const text = chapter("docs/commands.md", "## What `diff` prints");
  const shown = blocks(text, "text");
  const calls = [...text.matchAll(/`elfsplice (diff fixtures[^\n`]*)/g)].map((match) =>
    (match[1] as string).split(" "),
  );

  it("is shown once for every call", () => {
    expect(calls.length).toBe(2);
    expect(shown.length).toBe(calls.length);
  });

  it.each(calls.map((args, index) => ({ args, printed: shown[index] as string })))(
    "is as shown: $args",
    ({ args, printed }) => {
      const { status, stdout } = run(args);
      expect(status).toBe(0);
      const lines = stdout.split("\n");
      let at = 0;
      for (const line of printed.split("\n").filter((part) => part !== "" && part.trim() !== "…")) {
        const found = lines.findIndex((candidate, index) => index >= at && candidate.startsWith(line));
        expect(found, `after line ${at}: ${line}`).toBeGreaterThanOrEqual(0);
        at = found + 1;
      }
    },
  );
});

/** Options of a command as its help prints them: `-o, --output <file>`, with the values that may be chosen. */
function optionsOf(...command: string[]): Map<string, string[]> {
  const [, text = ""] = run([...command, "--help"]).stdout.split(/^Options:$/m);
  const options = new Map<string, string[]>();
  for (const entry of text.split(/^(?= {2}-)/m)) {
    const name = /^ {2}(-[\w-]+(?:, -[\w-]+)?(?: <[\w.]+>)?)/.exec(entry)?.[1];
    if (name === undefined) continue;
    const choices = /\(choices: (.*?)(?:, default|\))/s.exec(entry)?.[1] ?? "";
    options.set(
      name,
      [...choices.matchAll(/"(.*?)"/g)].map((match) => match[1] as string),
    );
  }
  return options;
}

describe("commands and options", () => {
  const headings = [...commands.matchAll(/^## `elfsplice (.*)`$/gm)].map((match) => match[1] as string);

  it("are those of the program's help, no more and no less", () => {
    const [, list = ""] = run(["--help"]).stdout.split(/^Commands:$/m);
    const existing = [...list.matchAll(/^ {2}([\w-]+) (?:\[options\] ?)?(.*?) {2}/gm)].map(([, name, args]) =>
      `${name} ${args}`.trim(),
    );
    expect([...headings, "help [command]"]).toEqual(existing);
  });

  it.each(headings)("%s: every option, with its values", (usage) => {
    const text = chapter("docs/commands.md", `## \`elfsplice ${usage}\``);
    const described = rows(text).filter(([names = ""]) => names.startsWith("`-"));
    const options = optionsOf(usage.split(" ")[0] as string);
    expect(described.map(([names = ""]) => quoted(names).join(", "))).toEqual([...options.keys()]);
    for (const [index, choices] of [...options.values()].entries()) {
      expect(quoted(described[index]?.[1] ?? "")).toEqual(expect.arrayContaining(choices));
    }
  });

  it("that are named in passing exist", () => {
    const known = [[], ...headings.map((usage) => [usage.split(" ")[0] as string])]
      .flatMap((command) => [...optionsOf(...command).keys()])
      .flatMap((names) => names.split(/, | <[\w.]+>/));
    const named = [...commands.matchAll(/`[^`\n]*`/g)]
      .map(([span]) => span)
      .flatMap((span) => span.match(/(?<=[ `])(?:--[a-z][\w-]*|-[a-zA-Z]\b)/g) ?? []);
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((option) => !known.includes(option))).toEqual([]);
  });
});

/** Code, severity, and what to do of every finding under a heading of the second level. */
function findingsUnder(text: string): [code: string, severity: string, todo: string][] {
  return text
    .split(/^### /m)
    .slice(1)
    .map((entry) => {
      const [, code = "", severity = "", todo = ""] =
        /^`([\w-]+)`\n\n\*\*(\w+)\*\*: .+\n\nWhat to do: (.+)\n/.exec(entry) ?? [];
      return [code, severity, todo];
    });
}

describe("docs/findings.md", () => {
  const page = documentText("docs/findings.md");
  const kexec = chapter("docs/findings.md", "## A kexec plan");
  const matching = chapter("docs/findings.md", "## Run-pre matching");
  const update = page.slice(0, page.indexOf("## A kexec plan"));

  it.each([
    { of: "an update", text: update, findings: FINDINGS },
    { of: "kexec", text: kexec, findings: KEXEC_FINDINGS },
    { of: "match", text: matching, findings: MATCH_FINDINGS },
  ])("tells every finding of $of once: severity, meaning, what to do", ({ text, findings }) => {
    const listed = findingsUnder(text).map(([code, severity]) => `${code} ${severity}`);
    const known = Object.entries(findings).map(([code, { severity }]) => `${code} ${severity}`);
    expect(listed.sort()).toEqual(known.sort());
    for (const [code, , todo] of findingsUnder(text)) expect(todo, code).toMatch(/\w.*\.$/);
  });

  it("has one anchor for every code", () => {
    const made = anchors(page);
    for (const code of [FINDINGS, KEXEC_FINDINGS, MATCH_FINDINGS].flatMap((table) => Object.keys(table)))
      expect(made.filter((anchor) => anchor === code)).toHaveLength(1);
  });
});

describe("tables", () => {
  it("list every cause for which a match is aborted, with its errno", () => {
    const listed = rows(chapter("docs/live-updates.md", "### Why a match is aborted"));
    expect(listed.map(([cause = "", errno = ""]) => [quoted(cause)[0], quoted(errno)[0] ?? null])).toEqual(
      Object.entries(CAUSES).map(([cause, { errno }]) => [cause, errno]),
    );
  });

  it("list every rung, from the least disruptive", () => {
    const listed = rows(chapter("docs/live-updates.md", "## The ladder"));
    expect(listed.map(([rung = ""]) => quoted(rung)[0])).toEqual([...RUNGS]);
  });

  it("list every field of the description's top level", () => {
    const page = documentText("docs/description.md");
    const listed = rows(page.slice(0, page.indexOf("## Architectures"))).flatMap(([fields = ""]) => quoted(fields));
    expect(listed.sort()).toEqual(Object.keys(schema.properties).sort());
  });

  it("list every architecture, and say which have fixtures", () => {
    const targets = Object.values(EM).flatMap((machine) =>
      ([32, 64] as const).flatMap((bits) =>
        (["lsb", "msb"] as const).map((data) => archFor({ machine, class: bits, data, flags: 0 })),
      ),
    );
    const known = new Set(targets.filter(({ howtos }) => howtos.size > 0).map(({ name }) => name));
    const built = new Set(
      fixtureCases()
        .map((name) => readObject(readFileSync(join(FIXTURES, name, "pre.o")), name))
        .map(nameOfArch),
    );
    const listed = rows(chapter("docs/description.md", "## Architectures"));
    const names = (filter: (fixtures: string) => boolean): string[] =>
      listed.filter(([, fixtures = ""]) => filter(fixtures)).flatMap(([cell = ""]) => quoted(cell));
    expect(names(() => true).sort()).toEqual([...known].sort());
    expect(names((fixtures) => !fixtures.startsWith("none")).sort()).toEqual([...built].sort());
  });

  it("explain the words that the code uses", () => {
    const text = documentText("docs/words.md");
    for (const word of [
      ...["pre", "post", "run", "span", "label", "howto", "insnAddend", "targetAddend", "patch", "change"],
      ...["update", "special section", "finding", "rung"],
    ])
      expect(text).toContain(`**${word}**`);
    expect(text).toContain(RUNGS.join(", "));
  });
});

describe("README.md", () => {
  const readme = documentText("README.md");

  it("has at most 8 KB", () => {
    expect(Buffer.byteLength(readme)).toBeLessThanOrEqual(8192);
  });

  it("begins with two commands of one line each, to be copied", () => {
    const first = blocks(chapter("README.md", "## Start"), "sh");
    expect(first.map((command) => command.trimEnd().split("\n").length)).toEqual([1, 1]);
    expect(first.every((command) => command.startsWith("npm ci && npm "))).toBe(true);
  });

  it("leads to every page below docs/", () => {
    const led = [...readme.matchAll(/\]\((docs\/[\w-]+\.md)/g)].map((match) => match[1] as string);
    expect([...new Set(led)].sort()).toEqual(DOCUMENTS.filter((path) => path !== "README.md"));
  });
});

describe("what the documents point to", () => {
  it("npm scripts: each is named, and none that is not there", () => {
    const named = new Set([...everything.matchAll(/npm (?:run )?(?!ci|link)([\w:]+)/g)].map((match) => match[1]));
    expect([...named].sort()).toEqual(Object.keys(pkg.scripts).sort());
  });

  it.each(DOCUMENTS)("%s: files and headings exist", (path) => {
    const links = [...documentText(path).matchAll(/\]\(([^)]+)\)/g)].map((match) => match[1] as string);
    const dead = links.filter((link) => {
      const [file = "", anchor] = link.split("#");
      const target = file === "" ? path : join(dirname(path), file);
      if (!existsSync(join(ROOT, target))) return true;
      return anchor !== undefined && !anchors(documentText(target)).includes(anchor);
    });
    expect(dead).toEqual([]);
  });

  it("nothing of one machine or network", () => {
    expect(everything).not.toMatch(/(?<![\w.])(?:\/(?:home|root|tmp|work|usr)\/|[a-z]:\\|https?:)/i);
  });

  it("files that the source speaks of, in words and in comments, are in the repository", () => {
    const files = ["src", "test"].flatMap((top) =>
      readdirSync(join(ROOT, top), { recursive: true, encoding: "utf8" })
        .filter((file) => /\.(?:ts|mjs)$/.test(file))
        .map((file) => `${top}/${file}`),
    );
    const cited = files.flatMap((file) =>
      readFileSync(join(ROOT, file), "utf8")
        .split("\n")
        .filter((line) => /^\s*(?:\/?\*|\/\/)|\/\*\*?.*\*\//.test(line))
        .flatMap((line) => line.match(/[\w./-]+\.md\b/g) ?? [])
        .map((name) => ({ file, name })),
    );
    const isThere = (name: string): boolean => existsSync(join(ROOT, name)) && statSync(join(ROOT, name)).isFile();
    expect(cited.filter(({ name }) => !isThere(name)).map(({ file, name }) => `${file}: ${name}`)).toEqual([]);
  });
});
