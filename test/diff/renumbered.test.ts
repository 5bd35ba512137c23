import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { ElfObject, ElfSymbol } from "../../src/elf/object.ts";
import { diffObjects, readObject } from "../../src/index.ts";
import { FIXTURES, fixtureCases, join } from "../support/paths.ts";

/** A number that a compiler handed out at the end of a name, and what stands before it. */
const NUMBER = /^(.*[^.\d].*?\.)(\d+)$/;
const STT_OBJECT = 1;

/** The same file, in which the numbers behind the names of static variables are other ones, those of one base in another order. */
function renumbered(object: ElfObject): ElfObject {
  const bases = new Map<string, ElfSymbol[]>();
  for (const symbol of object.symbols) {
    const base = symbol.bind === 0 && symbol.type === STT_OBJECT ? NUMBER.exec(symbol.name)?.[1] : undefined;
    if (base !== undefined) bases.set(base, [...(bases.get(base) ?? []), symbol]);
  }
  const names = new Map<ElfSymbol, string>();
  for (const [base, list] of bases) {
    for (const [i, symbol] of list.entries()) names.set(symbol, `${base}${7000 + (((list.length - i) * 13) % 97)}`);
  }
  const renamed = new Map(
    object.symbols.map((symbol) => [symbol, { ...symbol, name: names.get(symbol) ?? symbol.name }]),
  );
  return { ...object, symbols: object.symbols.map((symbol) => renamed.get(symbol) ?? symbol) };
}

function objectOf(name: string, side: "pre" | "post"): ElfObject {
  const path = join(FIXTURES, name, `${side}.o`);
  return readObject(readFileSync(path), path);
}

function numberedCases(): string[] {
  const isNumbered = ({ bind, type, name }: ElfSymbol): boolean =>
    bind === 0 && type === STT_OBJECT && NUMBER.test(name);
  return fixtureCases().filter((name) => objectOf(name, "post").symbols.some(isNumbered));
}

/** A description without the names of the new object, which the numbers are part of. */
async function outcome(pre: ElfObject, post: ElfObject): Promise<unknown> {
  const update = await diffObjects(pre, post);
  const withoutNumber = (text: string): string => text.replace(/\.\d+(?=$|<|>|~)/g, ".#");
  return {
    functions: update.functions.map(({ label, status }) => `${withoutNumber(label)} ${status}`),
    data: update.data
      .map(({ label, status }) => `${withoutNumber(label)} ${status}`)
      .filter((line) => !/renamed$/.test(line)),
    findings: update.findings.map(({ code }) => code),
    imports: update.changes.map(({ newCode }) =>
      newCode.symbols.filter(({ section }) => section === null).map(({ name, label }) => `${label} ${name}`),
    ),
    verdict: update.verdict.recommended,
  };
}

describe("numbers that the compiler hands out to statics, others and in another order", () => {
  const cases = numberedCases();
  it("there are fixtures with such numbers", () => expect(cases.length).toBeGreaterThan(10));

  it.each(cases)("%s: alone they change nothing", async (name) => {
    const pre = objectOf(name, "pre");
    const update = await diffObjects(pre, renumbered(pre));
    const findings = update.findings.map(({ code }) => code);
    expect({ functions: update.functions, changes: update.changes, findings }).toEqual({
      functions: [],
      changes: [],
      findings: [],
    });
  });

  it.each(cases)("%s: the description says the same with them", async (name) => {
    const [pre, post] = [objectOf(name, "pre"), objectOf(name, "post")];
    expect(await outcome(pre, renumbered(post))).toEqual(await outcome(pre, post));
  });
});
