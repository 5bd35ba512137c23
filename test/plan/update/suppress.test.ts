import { describe, expect, it } from "vitest";
import { assembleUpdate, readSuppressions, type UpdateDescription, UsageError } from "../../../src/index.ts";
import { diffOf } from "../../support/built-pair.ts";
import { data, type Part, rodata, section, strings, text } from "../../support/elf-parts.ts";
import { integrityErrors } from "../../support/integrity.ts";
import { type BuiltPair, builtFragments, findingLines, updateOfMany } from "../../support/many-pairs.ts";
import { fragmentOf } from "../../support/plan-diff.ts";
import { schemaErrors } from "../../support/schema.ts";

const call = (name: string): string => `e8{PLT32 ${name}-4}`;
const global = { bind: "global" } as const;
const f = (x: string, more = ""): Part => text("f", `b8${x}000000${more}c3`, global);
const g = (x: string, more = ""): Part => text("g", `ba${x}000000${more}c3`, global);

function sound(update: UpdateDescription): UpdateDescription {
  expect(schemaErrors(update)).toEqual([]);
  expect(integrityErrors(update)).toEqual([]);
  return update;
}
const one = (pre: readonly Part[], post: readonly Part[], rules: string): UpdateDescription =>
  sound(updateOfMany([["fs/a.o", pre, post]], rules));
const loaded = (update: UpdateDescription): string[] =>
  update.changes.flatMap(({ newCode }) => newCode.sections.map(({ label, because }) => `${label}: ${because}`));
const old = (update: UpdateDescription): string[] =>
  update.changes.flatMap(({ oldCode }) => oldCode.sections.map(({ label, because }) => `${label}: ${because}`));
const left = (update: UpdateDescription): string[] =>
  [...update.functions, ...update.data, ...update.exports].flatMap(({ name, suppressed }) =>
    suppressed === undefined ? [] : [`${name}: ${suppressed}`],
  );

describe("the file", () => {
  it("rules, comments, empty lines", () => {
    const text =
      "# why\n\nfunction trace_* in drivers/**: other team: really\r\n  object lib/x.o:  build time\ndata a b: c";
    expect(readSuppressions(text, "s.txt")).toEqual([
      { kind: "function", pattern: "trace_*", object: "drivers/**", reason: "other team: really", place: "s.txt:3" },
      { kind: "object", pattern: "lib/x.o", reason: "build time", place: "s.txt:4" },
      { kind: "data", pattern: "a b", reason: "c", place: "s.txt:5" },
    ]);
  });
  it("a C++ name keeps its colons", () => {
    expect(readSuppressions("function ns::f(int) in a.o: why", "s")).toMatchObject([
      { pattern: "ns::f(int)", object: "a.o", reason: "why" },
    ]);
  });
  it.each([
    ["function f", "s:1: not a rule"],
    ["\nfunction f:", "s:2: the reason is missing"],
    ["function f:   ", "s:1: the reason is missing"],
    ["method f: x", "s:1: not a rule"],
    ["function : x", "s:1: not a rule"],
    ["object a.o in b: x", "s:1: a rule for objects has one pattern"],
    ["function f[: x", 's:1: pattern "f[": [ has no ]'],
    ["function f in {a.o: x", 's:1: pattern "{a.o": { has no }'],
  ])("%j is refused with its place", (text, words) => {
    expect(() => readSuppressions(text, "s")).toThrow(UsageError);
    expect(() => readSuppressions(text, "s")).toThrow(words);
  });
});

describe("what is suppressed stays visible, and its old code runs on", () => {
  it("a changed function: no patch, no new code, the verdict as if it were not there", () => {
    const update = one([f("01"), g("01")], [f("02"), g("01")], "function f: only the message");
    expect([left(update), update.changes, update.howtos]).toEqual([["f: only the message"], [], {}]);
    expect(update.verdict.recommended).toBe("none");
    expect(update.functions[0]?.status).toBe("changed");
  });

  it("what only it brought along is not loaded; what others need too, is", () => {
    const post = [
      f("02", `${call("n")}${call("m")}48c7c7{32S .rodata.str1.1}`),
      g("02", call("m")),
      strings("only f"),
      text("n", "31c9c3"),
      rodata("t", "0102", { bind: "local" }),
      text("m", "8b05{PC32 t-4}c3"),
    ];
    const update = one([f("01"), g("01")], post, "function f: x\nfunction n: x");
    expect(loaded(update)).toEqual(["g: changed", "m<fs/a.o>: new", "t<fs/a.o>: referenced-by m<fs/a.o>"]);
    expect(update.changes[0]?.oldCode.sections.map(({ label }) => label)).toEqual(["g"]);
  });

  it("new code that calls it gets the old one, and that is said", () => {
    const update = one([f("01"), g("01", call("f"))], [f("02"), g("02", call("f"))], "function f: x");
    expect(findingLines(update)).toEqual([
      "suppressed-code-used: the new g refers to f, whose change is suppressed: it gets the old one",
    ]);
    const [change] = update.changes;
    expect(change?.newCode.symbols.find(({ label }) => label === "f")?.section).toBeNull();
    expect(change?.oldCode.sections.map(({ label, because }) => `${label}: ${because}`)).toEqual([
      "f: referenced-by g",
      "g: changed",
    ]);
    expect(change?.patches.map(({ oldLabel }) => oldLabel)).toEqual(["g"]);
    expect(update.verdict.recommended).toBe("splice");
  });

  it("so does new code of another object", () => {
    const pairs: BuiltPair[] = [
      ["a.o", [f("01")], [f("02")]],
      ["b.o", [g("01")], [g("02", call("f"))]],
    ];
    const update = sound(updateOfMany(pairs, "function f in a.o: x"));
    expect(update.findings.map(({ code, where }) => [code, where.object, where.label])).toEqual([
      ["suppressed-code-used", 1, "g"],
    ]);
    expect(update.changes[0]?.newCode.symbols.find(({ label }) => label === "f")?.section).toBeNull();
  });

  it("a new function that is needed cannot be left out", () => {
    const update = one([g("01")], [g("02", call("f")), f("01")], "function f: x");
    expect(findingLines(update)).toEqual(["suppressed-code-needed: the new g needs f, which is suppressed"]);
    expect(update.verdict.recommended).toBe("kexec");
  });

  it("a cold part goes with its function, and not alone", () => {
    const cold = (x: string): Part =>
      text("f.cold", `b9${x}000000{PLT32 f+1|e9}`.replace("{PLT32 f+1|e9}", "e9{PLT32 f+1}"));
    const pre = [f("01", `e9{PLT32 f.cold-4}`), cold("01")];
    const post = [f("02", `e9{PLT32 f.cold-4}`), cold("02")];
    expect(left(one(pre, post, "function f: x"))).toEqual(["f: x", "f.cold: x"]);
    const alone = one(pre, post, "function f.cold: x");
    expect([left(alone), findingLines(alone, "suppression-unused")]).toEqual([
      [],
      ['suppression-unused: the rule "function f.cold" matches nothing that differs (rules:1)'],
    ]);
  });

  it("data: its error stops nothing, and is still listed", () => {
    const update = one([data("v", "01"), f("01")], [data("v", "02"), f("02")], "data v: set by hand");
    expect(update.findings).toMatchObject([
      { code: "writable-data-changed", severity: "error", suppressed: "set by hand" },
    ]);
    expect(update.verdict.recommended).toBe("splice");
  });

  it("an init function, which is in no list", () => {
    const init = (x: string): Part => text("setup", `b8${x}000000c3`, { in: ".init.text", extra: { flags: "AX" } });
    const update = one([init("01"), f("01")], [init("02"), f("02")], "function setup: ran long ago");
    expect(update.findings).toMatchObject([{ code: "init-text-changed", suppressed: "ran long ago" }]);
    expect([update.verdict.recommended, update.changes.length]).toEqual(["splice", 1]);
  });

  it("data that is rewritten in place stays as it was", () => {
    const update = one([rodata("t", "0102")], [rodata("t", "0103")], "data t: x");
    expect([update.changes, left(update)]).toEqual([[], ["t: x"]]);
  });

  it("bug table lines of a function", () => {
    const bug = (line: string): Part => section("__bug_table", `{PC32 f}{PC32 .rodata.str1.1}${line}00 0000`);
    const pre = [f("01"), strings("x.c"), bug("05")];
    const post = [f("01"), strings("x.c"), bug("06")];
    expect(one(pre, post, "").changes[0]?.patches.map(({ type }) => type)).toEqual(["bug"]);
    expect(one(pre, post, "function f: x").changes).toEqual([]);
  });

  it("a whole object", () => {
    const pairs: BuiltPair[] = [
      ["lib/a.o", [f("01"), data("v", "01")], [f("02"), data("v", "02")]],
      ["lib/b.o", [g("01")], [g("02")]],
    ];
    const update = sound(updateOfMany(pairs, "object lib/a.o: built by hand"));
    expect(update.objects.map(({ suppressed }) => suppressed)).toEqual(["built by hand", undefined]);
    expect(loaded(update)).toEqual(["g: changed"]);
    expect(update.findings.every(({ suppressed }) => suppressed === "built by hand")).toBe(true);
    expect(update.verdict.recommended).toBe("splice");
  });

  it("all old code is kept where all was asked for", () => {
    const pairs = builtFragments(["a.o", [f("01"), g("01")], [f("02"), g("02")]]);
    const rules = readSuppressions("function f: x", "rules");
    expect(old(assembleUpdate(pairs, { suppress: rules }))).toEqual(["g: changed"]);
    const diff = diffOf([f("01"), g("01")], [f("02"), g("02")]);
    const whole = fragmentOf(diff, { oldCode: "all" });
    expect(old(sound(assembleUpdate([whole], { suppress: rules, oldCode: "all" })))).toEqual(["f: text", "g: changed"]);
  });
});

describe("rules that fit nothing", () => {
  it("are reported; a rule that another one covers is none of them", () => {
    const update = one(
      [f("01"), g("01")],
      [f("02"), g("01")],
      "function *: all\nfunction f: it\nfunction g: same\ndata f: no",
    );
    expect(findingLines(update)).toEqual([
      'suppression-unused: the rule "data f" matches nothing that differs (rules:4)',
      'suppression-unused: the rule "function g" matches nothing that differs (rules:3)',
    ]);
    expect(left(update)).toEqual(["f: all"]);
  });
  it("no rules change nothing", () => {
    expect(one([f("01")], [f("02")], "# none")).toEqual(one([f("01")], [f("02")], ""));
  });
});
