import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, describe, expect, it } from "vitest";
import { integrityProblems } from "../../src/check/integrity.ts";
import { FormatError, UsageError } from "../../src/errors.ts";
import { walkTree } from "../../src/input/listing/tree.ts";
import { readSuppressions } from "../../src/plan/update/suppress.ts";
import { updateOf } from "../support/built-pair.ts";
import type { SymbolDescription } from "../support/elf-builder.ts";
import { type Part, section, spansOf, symbol, text } from "../support/elf-parts.ts";
import { integrityErrors } from "../support/integrity.ts";
import { join } from "../support/paths.ts";
import { schemaErrors } from "../support/schema.ts";

const folder = mkdtempSync(join(tmpdir(), "elfsplice-hostile-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const far = (value: number | bigint, extra: Partial<SymbolDescription> = {}): SymbolDescription => ({
  name: "far",
  value,
  size: 6,
  type: "func",
  ...extra,
});

describe("what an object says and its bytes contradict is refused in one line", () => {
  const cases: [string, readonly Part[], RegExp][] = [
    [
      "a function far behind its section: walking there would take years",
      [section(".text", "b801000000c3", {}, [far(0xff_0000_0000n)])],
      /section \.text: offset 0xff00000000: symbol 1 lies past the end of its section \(6 bytes\)/,
    ],
    [
      "a label one byte too far",
      [section(".data", "0102", {}, [far(3, { size: 0, type: "notype" })])],
      /symbol 1 lies/,
    ],
    ["a variable in an empty section", [section(".data", "", {}, [far(16, { type: "object" })])], /\(0 bytes\)/],
    ["a negative value", [section(".text", "c3", {}, [far(0xffff_ffff_ffff_fff0n)])], /symbol 1 lies past the end/],
    [
      "a field that ends behind its section",
      [section(".rodata.k", "00000000{64 f|00000000}"), text("f", "c3")],
      /the field of R_X86_64_64 \(8 bytes\) reaches past the end of \.rodata\.k \(8 bytes\)/,
    ],
    [
      "a field that runs on into the next variable",
      [
        section(".data", "{64 f}0000000000000000", {}, [
          { name: "a", type: "object", size: 4 },
          { name: "b", value: 4, type: "object", size: 12 },
        ]),
        text("f", "c3"),
      ],
      /the field of R_X86_64_64 \(8 bytes\) reaches past the end of a \(4 bytes\)/,
    ],
    [
      "a hook that names no function",
      [section(".ksplice_call_post_apply", "{64}"), text("f", "c3")],
      /a hook that refers to nothing with a name/,
    ],
  ];
  cases.push(
    [
      "a reference to a symbol without a name that lies elsewhere",
      [section(".data", "{64 nameless}"), symbol("", { id: "nameless", bind: "global" })],
      /R_X86_64_64 refers to symbol 1, which has no name and no section/,
    ],
    [
      "such a reference by a type that writes nothing, as types that are not known seem to",
      [section(".data", "{NONE nameless}0000000000000000"), symbol("", { id: "nameless", bind: "global" })],
      /R_X86_64_NONE refers to symbol 1, which has no name and no section/,
    ],
    [
      "an address before a function, where nothing is",
      [section(".rodata.k", "{64 f-4}"), text("f", "c3", { bind: "global" })],
      /R_X86_64_64 refers to a place 4 bytes before f, where nothing is known to be/,
    ],
  );
  it.each(cases)("%s", (_what, parts, words) => {
    const read = () => spansOf(parts);
    expect(read).toThrow(FormatError);
    expect(read).toThrow(words);
  });
});

describe("a file is the same as itself", () => {
  const twice = [
    section(".data", "01020304", {}, [
      { id: "first", name: "mode", type: "object", bind: "global", size: 2 },
      { id: "second", name: "mode", type: "object", bind: "global", value: 2, size: 2 },
    ]),
    text("f", "e8{PLT32 first-4}c3", { bind: "global" }),
  ];
  it.each([
    ["with two globals of one name", twice],
    ["with sections that have no names", [section("", "0102", { id: "a" }), section("", "0304", { id: "b" })]],
  ] as [string, Part[]][])("%s", (_what, parts) => {
    const { functions, data, exports, verdict } = updateOf(parts, parts);
    expect([functions, data, exports, verdict.recommended]).toEqual([[], [], [], "none"]);
  });
});

describe("an entry inside a function that changes", () => {
  const parts = (x: string, ...inner: string[]): Part[] => [
    section(".text.f", `b8${x}000000c3909090b801000000c3`, {}, [
      { name: "f", type: "func", bind: "global", size: 15 },
      ...inner.map((name) => ({ name, type: "func", bind: "global", value: 9, size: 6 }) as const),
    ]),
  ];
  it.each([
    ["and has none of that name any more is deleted", [], "deleted"],
    ["and has it still is changed", ["inner"], "changed"],
  ] as [string, string[], string][])("%s", (_what, kept, status) => {
    const update = updateOf(parts("01", "inner"), parts("02", ...kept));
    expect(update.functions.map((one) => `${one.name} ${one.status}`)).toEqual(["f changed", `inner ${status}`]);
    expect(integrityProblems(update)).toEqual([]);
  });
});

describe("an address without a symbol counts from 0", () => {
  it("and is shipped as one", () => {
    const parts = (x: string): Part[] => [text("f", `b8${x}000000e8{PLT32 +4096}c3`, { bind: "global" })];
    const update = updateOf(parts("01"), parts("02"));
    expect(schemaErrors(update)).toEqual([]);
    expect(integrityErrors(update)).toEqual([]);
    expect(integrityProblems(update)).toEqual([]);
    const symbols = update.changes[0]?.newCode.symbols.filter(({ section: home }) => home === null);
    expect(symbols).toMatchObject([{ label: "*ABS*", type: "absolute", value: "0x0" }]);
  });
});

describe("names that every plain object has are names like others", () => {
  const NAMES = ["constructor", "__proto__", "toString", "valueOf", "hasOwnProperty", "__defineGetter__"];
  it.each(NAMES)("%s", (name) => {
    const parts = (x: string): Part[] => [
      text("f", `e8{PLT32 ${name}-4}b8${x}000000c3`, { bind: "global" }),
      section(`.${name}`, `${x}{64 ${name}}`),
    ];
    const update = updateOf(parts("01"), parts("02"));
    expect(schemaErrors(update)).toEqual([]);
    expect(integrityErrors(update)).toEqual([]);
    expect(update.functions.map(({ entry }) => entry)).toEqual([{ kind: "none", offset: 0 }]);
  });
});

describe("links of a tree that lead nowhere", () => {
  it.each([
    [
      "in a circle",
      [
        ["a.o", "b.o"],
        ["b.o", "a.o"],
      ],
      "a link that cannot be followed: its links lead in a circle",
    ],
    ["to itself", [["a.o", "a.o"]], "a link that cannot be followed: its links lead in a circle"],
    ["to a name that is too long", [["a.o", "x".repeat(300)]], "a link that cannot be followed: the name is too long"],
    ["to what is not there", [["a.o", "missing"]], "a link that leads nowhere"],
  ] as [string, [string, string][], string][])("%s are told, and the rest is read", (what, links, why) => {
    const root = join(folder, what.replaceAll(" ", "-"));
    mkdirSync(root);
    for (const [from, to] of links) symlinkSync(to, join(root, from));
    const walk = walkTree(root);
    let step = walk.next();
    while (!step.done) step = walk.next();
    expect(step.value.paths).toEqual([]);
    expect(step.value.skipped.map((one) => one.why)).toEqual(links.map(() => why));
  });
});

describe("rules of a suppression file", () => {
  it("are read in time that follows their length, however many blanks there are", () => {
    expect(() => readSuppressions(`function a${" ".repeat(1_000_000)}b`, "s.txt")).toThrow(UsageError);
    expect(() => readSuppressions(`function a${" in".repeat(300_000)}`, "s.txt")).toThrow(UsageError);
  });
});
