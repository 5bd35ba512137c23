import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { build } from "rolldown";
import { describe, expect, it } from "vitest";
import pkg from "../package.json" with { type: "json" };
import { RUNGS } from "../src/contract/names/rungs.ts";
import schema from "../src/contract/update.schema.json" with { type: "json" };
import { EM } from "../src/elf/constants.ts";
import { KEXEC_FINDINGS } from "../src/findings/kexec.ts";
import { archFor, type ElfObject, FINDINGS, readObject } from "../src/index.ts";
import { useProgram } from "./cli/program.ts";
import { FIXTURES, fixtureCases, join, ROOT, readText } from "./support/paths.ts";

const { run } = useProgram();
const readme = readText(join(ROOT, "README.md"));

/** The text under a heading, up to the next one of the same or a higher level. */
function chapter(heading: string): string {
  const level = /^#+/.exec(heading)?.[0].length ?? 0;
  const lines = readme.split("\n");
  const start = lines.indexOf(heading);
  if (start < 0) throw new Error(`README.md has no "${heading}"`);
  const end = lines.findIndex((line, at) => at > start && new RegExp(`^#{1,${level}} `).test(line));
  return lines.slice(start + 1, end < 0 ? undefined : end).join("\n");
}

/** Code blocks of one language. */
function blocks(text: string, language: string): string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms"))].map((match) => match[1] as string);
}

/** Cells of every table row but the header. */
function rows(text: string): string[][] {
  const lines = text.split("\n").filter((line) => line.startsWith("| "));
  return lines.slice(1).map((line) =>
    line
      .slice(2, -2)
      .split(" | ")
      .map((cell) => cell.trim()),
  );
}

function nameOfArch(object: ElfObject): string {
  return archFor(object).name;
}

/** What is in backquotes. */
function quoted(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map((match) => match[1] as string);
}

describe("the example of the library", () => {
  it("prints what it says", async () => {
    const [example = ""] = blocks(chapter("## As a library"), "js");
    const said = [...example.matchAll(/^\/\/ (.*)$/gm)].map((match) => match[1]);
    expect(said.length).toBeGreaterThan(0);
    const folder = mkdtempSync(join(tmpdir(), "elfsplice-readme-"));
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
  });
});

describe("what the program prints", () => {
  const shown = blocks(chapter("## What it prints"), "text");
  const calls = [...readme.matchAll(/(?:node dist\/elfsplice\.js|`elfsplice) (diff fixtures[^\n`]*)/g)].map((match) =>
    (match[1] as string).split(" "),
  );

  it("is shown once for every call", () => {
    expect(calls.length).toBe(2);
    expect(shown.length).toBe(calls.length);
  });

  it.each(calls.map((args, index) => ({ args, text: shown[index] as string })))(
    "is as shown: $args",
    ({ args, text }) => {
      const { status, stdout } = run(args);
      expect(status).toBe(0);
      const printed = stdout.split("\n");
      let at = 0;
      for (const line of text.split("\n").filter((part) => part !== "" && part.trim() !== "…")) {
        const found = printed.findIndex((candidate, index) => index >= at && candidate.startsWith(line));
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
  it("are those of the program's help, no more and no less", () => {
    const [, list = ""] = run(["--help"]).stdout.split(/^Commands:$/m);
    const existing = [...list.matchAll(/^ {2}(\w+) (?:\[options\] ?)?(.*?) {2}/gm)].map(([, name, args]) =>
      `${name} ${args}`.trim(),
    );
    const headings = [...readme.matchAll(/^### `elfsplice (.*)`$/gm)].map((match) => match[1]);
    expect([...headings, "help [command]"]).toEqual(existing);
  });

  it.each([
    ["diff <pre> <post>"],
    ["merge <parts...>"],
    ["inspect <object>"],
    ["match <inputs...>"],
    ["check <update>"],
    ["compare <older> <newer>"],
    ["kexec <kernel>"],
    ["schema"],
  ])("%s: every option, with its values", (usage) => {
    const described = rows(chapter(`### \`elfsplice ${usage}\``)).filter(([names = ""]) => names.startsWith("`-"));
    const options = optionsOf(usage.split(" ")[0] as string);
    expect(described.map(([names = ""]) => quoted(names).join(", "))).toEqual([...options.keys()]);
    for (const [index, choices] of [...options.values()].entries()) {
      expect(quoted(described[index]?.[1] ?? "")).toEqual(expect.arrayContaining(choices));
    }
  });

  it("that are named in passing exist", () => {
    const known = [[], ["diff"], ["merge"], ["inspect"], ["match"], ["check"], ["compare"], ["kexec"], ["schema"]]
      .flatMap((command) => [...optionsOf(...command).keys()])
      .flatMap((names) => names.split(/, | <[\w.]+>/));
    const named = [...readme.matchAll(/`[^`\n]*`/g)]
      .map(([span]) => span)
      .filter((span) => !/npm|npx/.test(span))
      .flatMap((span) => span.match(/(?<=[ `])(?:--[a-z][\w-]*|-[a-zA-Z]\b)/g) ?? []);
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((option) => !known.includes(option))).toEqual([]);
  });
});

describe("tables", () => {
  it("list every finding, with its severity", () => {
    const listed = rows(chapter("## Findings")).map(([code = "", severity]) => [quoted(code)[0], severity]);
    expect(Object.fromEntries(listed)).toEqual(
      Object.fromEntries(Object.entries(FINDINGS).map(([code, { severity }]) => [code, severity])),
    );
    expect(listed).toHaveLength(Object.keys(FINDINGS).length);
  });

  it("list every finding of kexec, with its severity", () => {
    const listed = rows(chapter("### `elfsplice kexec <kernel>`"))
      .filter(([name = ""]) => /^`[a-z]/.test(name))
      .map(([code = "", severity]) => [quoted(code)[0], severity]);
    expect(listed).toEqual(Object.entries(KEXEC_FINDINGS).map(([code, { severity }]) => [code, severity]));
  });

  it("list every field of the description's top level", () => {
    const listed = rows(chapter("## The description")).flatMap(([fields = ""]) => quoted(fields));
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
    const listed = rows(chapter("## Architectures"));
    const names = (filter: (fixtures: string) => boolean): string[] =>
      listed.filter(([, fixtures = ""]) => filter(fixtures)).flatMap(([cell = ""]) => quoted(cell));
    expect(names(() => true).sort()).toEqual([...known].sort());
    expect(names((fixtures) => !fixtures.startsWith("none")).sort()).toEqual([...built].sort());
  });

  it("explain the words that the code uses", () => {
    const text = chapter("## Words");
    for (const word of [
      "pre",
      "post",
      "run",
      "span",
      "label",
      "howto",
      "insnAddend",
      "targetAddend",
      "patch",
      "change",
    ])
      expect(text).toContain(`**${word}**`);
    for (const word of ["update", "special section", "finding", "rung"]) expect(text).toContain(`**${word}**`);
    expect(text).toContain(RUNGS.join(", "));
  });
});

describe("what README.md points to", () => {
  it("npm scripts: each is named, and none that is not there", () => {
    const named = new Set([...readme.matchAll(/npm (?:run )?(?!ci|link)(\w+)/g)].map((match) => match[1]));
    expect([...named].sort()).toEqual(Object.keys(pkg.scripts).sort());
  });

  it("files and headings exist", () => {
    const links = [...readme.matchAll(/\]\(([^)]+)\)/g)].map((match) => match[1] as string);
    const headings = [...readme.matchAll(/^#+ (.*)$/gm)].map(
      (match) => `#${match[1]?.toLowerCase().replaceAll(" ", "-")}`,
    );
    const dead = links.filter((link) =>
      link.startsWith("#") ? !headings.includes(link) : !existsSync(join(ROOT, link)),
    );
    expect(links.length).toBeGreaterThan(5);
    expect(dead).toEqual([]);
  });

  it("the first two commands are one line each, to be copied", () => {
    const commands = blocks(chapter("## Start"), "sh");
    expect(commands.map((command) => command.trimEnd().split("\n").length)).toEqual([1, 1]);
    expect(commands.every((command) => command.startsWith("npm ci && npm "))).toBe(true);
  });

  it("nothing of one machine or network", () => {
    expect(readme).not.toMatch(/(?:\/(?:home|root|tmp|work|usr)\/|[a-z]:\\|https?:)/i);
  });
});
