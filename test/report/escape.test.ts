import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { compareUpdates } from "../../src/check/compare-updates.ts";
import { integrityProblems } from "../../src/check/integrity.ts";
import { barText, createProgress } from "../../src/cli/progress.ts";
import type { MatchResult } from "../../src/contract/match.ts";
import { disassemblerFor } from "../../src/disasm/disassembler.ts";
import { readObject } from "../../src/elf/object.ts";
import { readImageHeader } from "../../src/elf/segments.ts";
import { inspectFunction } from "../../src/inspect/function.ts";
import { inspectObject } from "../../src/inspect/inspect.ts";
import { planKexec } from "../../src/kexec/kexec.ts";
import { matchUpdate } from "../../src/match/match.ts";
import { labelPair } from "../../src/plan/describe-pair.ts";
import { renderOk, renderProblems } from "../../src/report/check-text.ts";
import { renderComparison } from "../../src/report/compare-text.ts";
import { escapeColouredLine, escapeLine } from "../../src/report/escape.ts";
import { renderExplanation } from "../../src/report/explain.ts";
import { inspectStruct, renderStructs } from "../../src/report/inspect-struct.ts";
import { renderFunctions, renderInspection } from "../../src/report/inspect-text.ts";
import { renderInstructions } from "../../src/report/instructions.ts";
import { jsonPieces, renderJson } from "../../src/report/json.ts";
import { renderKexecSummary, renderKexecText } from "../../src/report/kexec-text.ts";
import { renderMatchSummary, renderMatchText } from "../../src/report/match-text.ts";
import { renderSummary, renderText } from "../../src/report/text.ts";
import { diffOf, updateOf } from "../support/built-pair.ts";
import { buildElf } from "../support/elf-builder.ts";
import { data, objectOf, type Part, text } from "../support/elf-parts.ts";
import { btfObject } from "../support/layouts.ts";
import { subjectOf } from "../support/match-objects.ts";
import { join } from "../support/paths.ts";

/** Names that want more than to be read, and how they are shown. */
const NAMES: readonly (readonly [teaches: string, name: string, shown: string])[] = [
  ["an escape sequence", "\x1b[2Jf", "\\x1b[2Jf"],
  ["a bell", "f\x07", "f\\x07"],
  ["a return, which writes over the line", "f\rok", "f\\x0dok"],
  ["a line end", "f\ng", "f\\x0ag"],
  ["a line end, and a command of GitHub's runner behind it", "f\n::error::g", "f\\x0a::error::g"],
  ["a delete character", "f\x7f", "f\\x7f"],
  ["the control sequence introducer of eight bits", "f\u009b2J", "f\\x9b2J"],
  ["text from right to left", "f\u202eg", "f\\u{202e}g"],
  ["an isolate", "f\u2066g", "f\\u{2066}g"],
  ["a space without width", "f\u200bg", "f\\u{200b}g"],
  ["a joiner without width", "f\u200dg", "f\\u{200d}g"],
  ["a byte order mark", "f\ufeffg", "f\\u{feff}g"],
  ["a soft hyphen", "f\u00adg", "f\\xadg"],
  ["an invisible letter", "f\u3164g", "f\\u{3164}g"],
  ["an invisible tag", "f\u{e0041}g", "f\\u{e0041}g"],
  ["a line separator", "f\u2028g", "f\\u{2028}g"],
  ["a paragraph separator", "f\u2029g", "f\\u{2029}g"],
  ["a command of the older form", "f##[error]g", "f#\\x23[error]g"],
];

const ALLOWED = /^[\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}\n]*$/u;

const folder = mkdtempSync(join(tmpdir(), "elfsplice-escape-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const partsOf = (name: string, value: string): Part[] => [
  text(name, `b8${value}000000c3`, { bind: "global", in: ".text.f" }),
  data("v", "01020304", { bind: "global" }),
];

/** Every text that is made of names in files, by what makes it. */
async function outputs(name: string): Promise<Record<string, string>> {
  const [pre, post] = [partsOf(name, "01"), partsOf(name, "02")];
  const diff = diffOf(pre, post);
  const update = updateOf(pre, post, {}, { target: name, id: name });
  const rungs = update.verdict.rungs.map((rung) => ({ ...rung, work: [name] }));
  const lines = renderInstructions(diff, labelPair(diff).preLabels, disassemblerFor(diff.pre.table.arch));
  const object = objectOf(pre, {}, `${name}.o`);
  const match = matched(name);
  const kernel = kernelSource(name);
  const plan = planKexec({ file: name, size: kernel.size, header: readImageHeader(kernel, "segments") });
  const strings = `\0s\0int\0${name}\0`;
  // An int of 4 bytes, and a struct with one member of this name.
  const types = [
    [3, 0x0100_0000, 4, 0x0100_0020],
    [1, 0x0400_0001, 4, 7, 1, 0],
  ];
  const struct = readObject(btfObject(types, strings), "x.o");
  const progress: string[] = [];
  let now = 0;
  const stream = { write: (text: string) => progress.push(text) };
  const bar = createProgress(stream, { wanted: true, quiet: false, colour: false }, () => now);
  now = 10_000;
  bar.report({ verb: "analysing", done: 1, of: 2, name });
  return {
    "diff --format text": renderText(update, ({ label }) => lines.get(label)),
    "the summary of diff": renderSummary(update),
    "diff --explain": renderExplanation({ ...update, verdict: { ...update.verdict, rungs } }),
    "match --format text": renderMatchText(match),
    "the summary of match": renderMatchSummary(match),
    inspect: renderInspection(inspectObject(object)),
    "inspect --function": renderFunctions(inspectFunction(object, name)),
    "inspect --struct": renderStructs(await inspectStruct(struct, "s")),
    kexec: renderKexecText(plan),
    "the summary of kexec": renderKexecSummary({
      ...plan,
      findings: [{ code: "x", severity: "error", name, message: name }] as never,
    }),
    "check, all well": renderOk(update, undefined),
    "check, with problems": renderProblems(integrityProblems({ ...update, functions: [], name })).join("\n"),
    compare: renderComparison(compareUpdates(update, { ...update, functions: [], changes: [] })),
    progress: progress.join(""),
    "the bar": barText({ verb: "analysing", done: 1, of: 2, name }, 0, 200, false),
  };
}

function kernelSource(file: string) {
  const bytes = buildElf({
    type: "exec",
    entry: 0x1000,
    sections: [{ name: ".s", code: "c3", addr: 0x1000 }],
    segments: [{ section: ".s", vaddr: 0x1000, flags: 5 }],
  });
  return { file, size: bytes.length, read: (offset: number, size: number) => bytes.subarray(offset, offset + size) };
}

function matched(name: string): MatchResult {
  const run = join(folder, "image");
  const code = Buffer.concat([Buffer.from("b801000000c3", "hex"), Buffer.alloc(64, 0xcc)]);
  const symbol = { name, section: ".text", type: "func", bind: "global", size: 6 } as const;
  writeFileSync(
    run,
    buildElf({
      type: "exec",
      sections: [{ name: ".text", code, addr: 0x1000 }],
      segments: [{ section: ".text", vaddr: 0x1000, flags: 5 }],
      symbols: [{ ...symbol, value: 0x1000 }],
    }),
  );
  const subject = subjectOf(
    buildElf({
      sections: [
        { name: ".text.f", code: "b801000000c3" },
        { name: ".text.g", code: "b877000000c3" },
      ],
      symbols: [
        { ...symbol, section: ".text.f" },
        { ...symbol, name: `${name}2`, section: ".text.g" },
      ],
    }),
    "x.o",
  );
  return matchUpdate([subject], { run });
}

describe("no text output lets a name from a file act", () => {
  it.each(NAMES)("%s", async (_teaches, name, shown) => {
    const all = await outputs(name);
    for (const [what, output] of Object.entries(all)) {
      expect(output, what).toMatch(ALLOWED);
      expect(output, what).not.toMatch(/^\s*::/m);
      expect(output, what).not.toContain("##[");
    }
    const silent = Object.entries(all).filter(([, output]) => !output.includes(shown));
    expect(silent.map(([what]) => what)).toEqual([]);
  });
});

describe("escapeLine", () => {
  it.each([
    ["a command at the start of a line", "::error::x", "\\x3a:error::x"],
    ["and behind white space, which the runner skips", "  ::set-output::x", "  \\x3a:set-output::x"],
    ["a C++ name has its colons elsewhere", "  ns::f changed", "  ns::f changed"],
    ["Azure's form", "a ##vso[task.x]y", "a #\\x23vso[task.x]y"],
    ["half of a character", "a\ud800b", "a\\u{d800}b"],
    ["letters of every script stay", "naïve приве́т 漢字 →", "naïve приве́т 漢字 →"],
  ])("%s", (_teaches, line, shown) => expect(escapeLine(line)).toBe(shown));

  it("leaves the colours that elfsplice itself uses where they may stand, and no other sequence", () => {
    expect(escapeColouredLine("\x1b[33m~ mov\x1b[0m \x1b[2J\x1b[5m")).toBe("\x1b[33m~ mov\x1b[0m \\x1b[2J\\x1b[5m");
  });
});

/** JSON in one line, as the pieces without a gap write it. */
const compact = (value: unknown): string => JSON.stringify(JSON.parse(renderJson(value)));

describe("JSON", () => {
  it("in pieces is the same text, however deep and however empty its parts are", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 9 }), (value) => {
        expect([...jsonPieces(value)].join("")).toBe(renderJson(value));
        const line = [...jsonPieces(value, "")].join("");
        expect(line.indexOf("\n")).toBe(line.length - 1);
        expect(JSON.stringify(JSON.parse(line))).toBe(compact(value));
      }),
    );
  });

  it("in pieces leaves out what is not defined, as JSON does", () => {
    const value = { a: undefined, b: [{ c: [{ d: undefined }, undefined] }], e: {}, f: [] };
    expect([...jsonPieces(value)].join("")).toBe(renderJson(value));
  });

  it("means the same, and has nothing in it that acts on a terminal", () => {
    const value = { name: NAMES.map(([, name]) => name).join(" ") };
    const printed = renderJson(value);
    expect(JSON.parse(printed)).toEqual(value);
    expect(printed).not.toMatch(/[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066\ufeff\u00ad]/);
  });
});
