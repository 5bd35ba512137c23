import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, describe, expect, it } from "vitest";
import type { MatchResult } from "../../src/contract/match.ts";
import { matchUpdate } from "../../src/match/match.ts";
import { renderMatchSummary, renderMatchText } from "../../src/report/match-text.ts";
import { buildElf, type SectionDescription, type SymbolDescription } from "../support/elf-builder.ts";
import { sectionOf, subjectOf } from "../support/match-objects.ts";
import { join } from "../support/paths.ts";

const folder = mkdtempSync(join(tmpdir(), "elfsplice-run-pre-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Function symbols at places of one section each. */
function functions(sizes: Readonly<Record<string, number>>, bind: "local" | "global" = "local"): SymbolDescription[] {
  return Object.entries(sizes).map(([name, size]) => ({ name, section: `.text.${name}`, type: "func", bind, size }));
}

const call = (offset: number, symbol: string, addend = -4) => ({ offset, type: 4, symbol, addend });

interface World {
  readonly objects: Readonly<
    Record<string, { sections: readonly SectionDescription[]; symbols: readonly SymbolDescription[] }>
  >;
  /** Contents by address; all of them lie in one segment that starts at 0x1000. */
  readonly run: Readonly<Record<number, string>>;
  readonly symbols: readonly (readonly [name: string, address: number])[];
}

function match({ objects, run, symbols }: World): MatchResult {
  const memory = new Uint8Array(0x1000).fill(0xcc);
  for (const [address, hex] of Object.entries(run)) {
    memory.set(Buffer.from(hex.replaceAll(" ", ""), "hex"), Number(address) - 0x1000);
  }
  const image = buildElf({
    type: "exec",
    sections: [{ name: ".text", code: memory, addr: 0x1000 }],
    segments: [{ section: ".text", vaddr: 0x1000, flags: 7 }],
    symbols: symbols.map(([name, value], index) => ({
      name,
      id: `${name}-${index}`,
      section: ".text",
      value,
      type: "func",
    })),
  });
  const path = join(folder, "image");
  writeFileSync(path, image);
  const subjects = Object.entries(objects).map(([name, object]) => subjectOf(buildElf(object), name));
  return matchUpdate(subjects, { run: path });
}

/** `f` calls the static `helper`; two objects have a helper, with the same code. */
const TWINS: World = {
  objects: {
    "a.o": {
      sections: [
        { name: ".text.f", code: "e800000000c3", relocations: [call(1, "helper")] },
        { name: ".text.helper", code: "31c0c3" },
      ],
      symbols: [...functions({ f: 6 }, "global"), ...functions({ helper: 3 })],
    },
  },
  run: { 4096: "e81b000000c3", 4112: "31c0c3", 4128: "31c0c3" },
  symbols: [
    ["f", 0x1000],
    ["helper", 0x1010],
    ["helper", 0x1020],
  ],
};

describe("the flood fill", () => {
  it("tells equal static functions apart by who calls them", () => {
    const result = match(TWINS);
    expect(result.outcome).toBe("matched");
    expect(sectionOf(result, "helper<a.o>")).toMatchObject({ status: "matched", runAddress: "0x1020" });
    expect(result.symbols.find(({ label }) => label === "helper<a.o>")?.sympos).toBe(2);
  });

  it("takes none of several when nothing tells them apart", () => {
    const [own] = Object.values(TWINS.objects);
    const alone = { sections: own?.sections.slice(1) ?? [], symbols: functions({ helper: 3 }) };
    const result = match({ ...TWINS, objects: { "a.o": alone } });
    expect(result.abort).toMatchObject({ cause: "no_match", at: "helper<a.o>" });
    expect(sectionOf(result, "helper<a.o>")).toMatchObject({ status: "ambiguous", candidates: ["0x1010", "0x1020"] });
  });

  describe("tells equal functions that nothing refers to apart", () => {
    /** `first`, the static `show`, `last`, in one section; two objects have a `show`. */
    const object = (immediate: string, names: readonly [string, string]) => ({
      sections: [
        { name: ".text", code: `b8${immediate}000000c3 9090 31c0c3 90 b9${immediate}000000c3`.replaceAll(" ", "") },
      ],
      symbols: [
        { name: names[0], section: ".text", type: "func", bind: "global", value: 0, size: 6 },
        { name: "show", section: ".text", type: "func", bind: "local", value: 8, size: 3 },
        { name: names[1], section: ".text", type: "func", bind: "global", value: 12, size: 6 },
      ] as const,
    });
    const objects = { "a.o": object("01", ["a_first", "a_last"]), "b.o": object("02", ["b_first", "b_last"]) };
    const code = (name: keyof typeof objects): string => objects[name].sections[0]?.code as string;
    const symbols = [
      ["b_first", 0x1000],
      ["show", 0x1008],
      ["b_last", 0x100c],
      ["a_first", 0x1100],
      ["show", 0x1108],
      ["a_last", 0x110c],
    ] as const;
    const run = { 4096: code("b.o"), 4352: code("a.o") };

    it("by their neighbours in the section", () => {
      const result = match({ objects, run, symbols });
      expect(result.outcome).toBe("matched");
      expect(sectionOf(result, "show<a.o>")).toMatchObject({ runAddress: "0x1108", rules: ["section-neighbours"] });
      expect(sectionOf(result, "show<b.o>")).toMatchObject({ runAddress: "0x1008", rules: ["section-neighbours"] });
    });

    it("not where the neighbours lie otherwise than in the object", () => {
      const moved = symbols.map(([name, at]) => [name, name === "a_last" ? at + 0x20 : at] as const);
      const result = match({ objects, run: { ...run, 4396: code("a.o").slice(24) }, symbols: moved });
      expect(sectionOf(result, "a_last").runAddress).toBe("0x112c");
      expect(sectionOf(result, "show<a.o>")).toMatchObject({ status: "ambiguous", runAddress: null });
    });

    it("not by a single neighbour", () => {
      const [first, show] = objects["a.o"].symbols;
      const single = { sections: [{ name: ".text", code: code("a.o").slice(0, 22) }], symbols: [first, show] };
      const result = match({ objects: { "a.o": single }, run, symbols });
      expect(sectionOf(result, "show<a.o>")).toMatchObject({ status: "ambiguous" });
    });
  });

  it("joins the objects of one update by their global names", () => {
    const result = match({
      objects: {
        "a.o": {
          sections: [{ name: ".text.f", code: "e800000000c3", relocations: [call(1, "g")] }],
          symbols: [...functions({ f: 6 }, "global"), { name: "g" }],
        },
        "b.o": { sections: [{ name: ".text.g", code: "31c0c3" }], symbols: functions({ g: 3 }, "global") },
      },
      run: { 4096: "e80b000000c3", 4112: "31c0c3" },
      symbols: [["f", 0x1000]],
    });
    expect(result.outcome).toBe("matched");
    expect(sectionOf(result, "g").runAddress).toBe("0x1010");
  });

  it("does not let two references give one thing two addresses", () => {
    const result = match({
      objects: {
        "a.o": {
          sections: [
            { name: ".text.f", code: "e800000000e800000000c3", relocations: [call(1, "outer"), call(6, "outer")] },
          ],
          symbols: [...functions({ f: 11 }, "global"), { name: "outer" }],
        },
      },
      run: { 4096: "e8fb000000e8fb000000c3" },
      symbols: [
        ["f", 0x1000],
        ["outer", 0x1100],
      ],
    });
    expect(result.abort).toMatchObject({ cause: "no_match", at: "f" });
    expect(sectionOf(result, "f").mismatch?.why).toContain("outer would be at 0x1105, but is at 0x1100");
  });

  it("compares strings by what they say, and names the function that refers to another one", () => {
    const world = (text: string): World => ({
      objects: {
        "a.o": {
          sections: [
            {
              name: ".text.f",
              code: "48c7c000000000c3",
              relocations: [{ offset: 3, type: 11, symbol: ".rodata.str1.1", addend: 0 }],
            },
            { name: ".rodata.str1.1", strings: ["hello"] },
          ],
          symbols: functions({ f: 8 }, "global"),
        },
      },
      run: { 4096: "48c7c000110000c3", 4352: Buffer.from(`${text}\0`).toString("hex") },
      symbols: [["f", 0x1000]],
    });
    expect(match(world("hello")).outcome).toBe("matched");
    const other = match(world("jello"));
    expect(other.abort).toMatchObject({ cause: "no_match", at: "f" });
    expect(sectionOf(other, "f").mismatch?.why).toContain("the string it refers to differs at 0x0");
  });

  it("compares read-only data, and only finds writable data", () => {
    const world = (table: string): World => ({
      objects: {
        "a.o": {
          sections: [
            {
              name: ".text.f",
              code: "48c7c00000000048c7c100000000c3",
              relocations: [
                { offset: 3, type: 11, symbol: "table", addend: 0 },
                { offset: 10, type: 11, symbol: "state", addend: 0 },
              ],
            },
            { name: ".rodata.table", content: "0102030405060708", flags: "A" },
            { name: ".data.state", content: "00000000", flags: "AW" },
          ],
          symbols: [
            ...functions({ f: 15 }, "global"),
            { name: "table", section: ".rodata.table", type: "object", size: 8 },
            { name: "state", section: ".data.state", type: "object", size: 4 },
          ],
        },
      },
      run: { 4096: "48c7c00011000048c7c100120000c3", 4352: table, 4608: "deadbeef" },
      symbols: [["f", 0x1000]],
    });
    const result = match(world("0102030405060708"));
    expect(result.outcome).toBe("matched");
    expect(sectionOf(result, "table<a.o>")).toMatchObject({ status: "matched", runAddress: "0x1100" });
    expect(sectionOf(result, "state<a.o>")).toMatchObject({ status: "located", runAddress: "0x1200" });
    const other = match(world("0102030405060709"));
    expect(other.abort).toMatchObject({ cause: "no_match", at: "table<a.o>" });
  });

  it("translates references into the middle of code that was moved", () => {
    // g jumps behind the two instructions of f; in the run code the tail call in f is short, so that place is 3 bytes nearer.
    const world = (jump: string): World => ({
      objects: {
        "a.o": {
          sections: [
            { name: ".text.f", code: "85ff7405e90000000031c0c3", relocations: [call(5, "h")] },
            { name: ".text.g", code: "e900000000", relocations: [call(1, ".text.f", 9 - 4)] },
          ],
          symbols: [...functions({ f: 12, g: 5 }, "global"), { name: "h" }],
        },
      },
      run: { 4096: "85ff7402eb7a31c0c3", 4128: jump },
      symbols: [
        ["f", 0x1000],
        ["g", 0x1020],
        ["h", 0x1080],
      ],
    });
    const right = match(world("e9e1ffffff"));
    expect(right.outcome).toBe("matched");
    expect(sectionOf(right, "f").rules).toEqual(["branch-length"]);
    expect(match(world("e9e4ffffff")).outcome).toBe("aborted");
  });

  it("says of data that nothing leads to why it was not looked for, and takes that for no difference", () => {
    const result = match({
      objects: {
        "a.o": {
          sections: [
            { name: ".text.f", code: "31c0c3" },
            { name: ".bss.once.3", size: 4 },
            { name: ".data.lonely", content: "00000000", flags: "AW" },
          ],
          symbols: [
            ...functions({ f: 3 }, "global"),
            { name: "once.3", section: ".bss.once.3", type: "object", size: 4 },
            { name: "lonely", section: ".data.lonely", type: "object", size: 4 },
          ],
        },
      },
      run: { 4096: "31c0c3" },
      symbols: [["f", 0x1000]],
    });
    expect(result).toMatchObject({ outcome: "matched", counts: { matched: 1, notLookedFor: 2 } });
    expect(sectionOf(result, "once<*><a.o>")).toMatchObject({
      status: "unmatched",
      notLookedFor: expect.stringContaining("the number in its name"),
    });
    expect(sectionOf(result, "lonely<a.o>").notLookedFor).toContain("do not have its name");
    expect(sectionOf(result, "f").notLookedFor).toBeUndefined();
    expect(renderMatchSummary(result)).toContain("2 pieces of data were not looked for");
    expect(renderMatchText(result)).toMatch(
      /not looked for\n[\s\S]* {2}1: [^\n]*number[^\n]*\n {6}bss once<\*><a.o>\n/,
    );
  });
});
