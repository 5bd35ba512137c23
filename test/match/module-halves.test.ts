import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, describe, expect, it } from "vitest";
import { matchUpdate } from "../../src/match/match.ts";
import { buildElf, type RelocationDescription } from "../support/elf-builder.ts";
import type { MachineName } from "../support/elf-description.ts";
import { sectionOf, subjectOf } from "../support/match-objects.ts";
import { join } from "../support/paths.ts";

const folder = mkdtempSync(join(tmpdir(), "elfsplice-halves-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Case {
  readonly machine: MachineName;
  /** Code that loads the address of a variable in two instructions, and returns. */
  readonly code: string;
  readonly fields: (variable: string) => readonly RelocationDescription[];
}

const pair =
  (high: number, low: number, at = 0) =>
  (symbol: string): readonly RelocationDescription[] => [
    { offset: at, type: high, symbol },
    { offset: at + 4, type: low, symbol },
  ];

const CASES: readonly Case[] = [
  { machine: "aarch64", code: "00000090 00000091 c0035fd6", fields: pair(275, 277) },
  { machine: "arm", code: "000000e3 000040e3 1eff2fe1", fields: pair(43, 44) },
  { machine: "loongarch64", code: "0400001a 8400c002 2000004c", fields: pair(71, 72) },
  { machine: "mips", code: "3c020000 24420000 03e00008 00000000", fields: pair(5, 6) },
  {
    machine: "ppc64le",
    code: "00004c3c 00004238 0000623c 00006338 2000804e",
    fields: (symbol) => [
      { offset: 0, type: 252, symbol: ".TOC." },
      { offset: 4, type: 250, symbol: ".TOC.", addend: 4 },
      ...pair(50, 48, 8)(symbol),
    ],
  },
  {
    machine: "riscv64",
    code: "17050000 13050500 67800000",
    fields: (symbol) => [
      { offset: 0, type: 23, symbol },
      { offset: 4, type: 24, symbol: ".Lhigh" },
    ],
  },
];

/** `f` gives the address of `v` or of `w`, which lie far apart. */
function objectOf({ machine, code, fields }: Case, variable: string): Uint8Array {
  const relocations = fields(variable);
  const needs = (name: string): boolean => relocations.some(({ symbol }) => symbol === name);
  return buildElf({
    machine,
    sections: [
      { name: ".text.f", code, relocations },
      { name: ".data.v", content: "00".repeat(0x1804), flags: "AW" },
      { name: ".data.w", content: "00000000", flags: "AW" },
    ],
    symbols: [
      { name: "f", section: ".text.f", type: "func", bind: "global", size: code.replaceAll(" ", "").length / 2 },
      ...(needs(".Lhigh") ? [{ name: ".Lhigh", section: ".text.f" }] : []),
      { name: "v", section: ".data.v", type: "object", bind: "global", size: 0x1804 },
      { name: "w", section: ".data.w", type: "object", bind: "global", size: 4 },
      ...(needs(".TOC.") ? [{ name: ".TOC." }] : []),
    ],
  });
}

describe("a module on disk whose code holds addresses in two halves", () => {
  it.each(CASES)("matches where both say the same thing: $machine", (wanted) => {
    const run = join(folder, "probe.ko");
    writeFileSync(run, objectOf(wanted, "v"));
    const result = matchUpdate([subjectOf(objectOf(wanted, "v"), "f.o")], { run });
    expect(result.abort).toBeNull();
    const places = new Map(result.symbols.map(({ name, value }) => [name, value]));
    expect(sectionOf(result, "v")).toMatchObject({ status: "located", runAddress: places.get("v") });
    expect(result.symbols.find(({ name }) => name === "v")?.from).toBe("text");
  });

  it.each(CASES)("does not match where they mean another variable: $machine", (wanted) => {
    const run = join(folder, "probe.ko");
    writeFileSync(run, objectOf(wanted, "w"));
    const result = matchUpdate([subjectOf(objectOf(wanted, "v"), "f.o")], { run });
    expect(result.abort).toMatchObject({ cause: "no_match", at: "f" });
    expect(result.abort?.why).toMatch(/v would be at 0x[0-9a-f]+, where the run system has no such symbol/);
  });
});
