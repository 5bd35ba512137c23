import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { archFor, howtoOf } from "../../src/arch/registry.ts";
import type { ElfObject, ElfSymbol, Relocation } from "../../src/elf/object.ts";
import { readObject } from "../../src/elf/object.ts";
import { livepatchModule } from "../../src/module/module.ts";
import { describePair } from "../support/describe-pair.ts";
import { CORPUS, HAS_CORPUS, join, readText } from "../support/paths.ts";

interface Fact {
  readonly post: string;
  readonly changed: readonly string[];
  readonly new: readonly string[];
  readonly outcome: string;
}

const folder = join(CORPUS, "kpatch-objs");
const facts = HAS_CORPUS ? (JSON.parse(readText(join(folder, "facts.json"))) as Record<string, Fact>) : {};
/** What kpatch can make a patch of by itself, and we refuse: each with the reason. */
const REFUSED: Readonly<Record<string, string>> = {
  // A new function alone: kpatch links it into its module, but nothing calls it.
  "x86_64/altinstr_aux": "the update replaces no function",
  // The patch says that the function is to be left alone.
  "x86_64/ignore-missing-ftracehook-issue-1091": "the update replaces no function",
  // Writable data that clang gave no symbol: nothing in the running kernel is called that.
  "x86_64/clang-unnamed": "has no name that livepatch could look up",
};
const pairs = Object.entries(facts).filter(([, { outcome }]) => outcome === "patchable");

/** `offset type target+distance` of each record in a function, read from the file alone; what a reference is by section is told by what lies there. */
function recordsOf(object: ElfObject, name: string): string[] {
  const symbol = object.symbols.find((other) => other.name === name && other.section !== undefined && other.type === 2);
  if (symbol?.section === undefined) throw new Error(`${object.file} has no function ${name}`);
  const [place, start] = [symbol.section, Number(symbol.value)];
  return object
    .relocationsOf(place)
    .filter(({ offset }) => offset >= start && offset < start + symbol.size)
    .flatMap((record) => {
      const howto = howtoOf(archFor(object), record.type);
      if (howto.role === "none") return [];
      const share = Number(
        archFor(object).insnAddend(howto, object.sections[place]?.bytes ?? new Uint8Array(0), record.offset),
      );
      return [`${record.offset - start} ${howto.name} ${targetOf(object, record, share)}`];
    })
    .sort();
}

function targetOf(object: ElfObject, { symbol: index, addend }: Relocation, share: number): string {
  const symbol = object.symbols[index] as ElfSymbol;
  const name = /^\.klp\.sym\.[^.]+\.(.*),\d+$/.exec(symbol.name)?.[1] ?? symbol.name;
  if (symbol.section === undefined) return `${withoutNumber(name)}+${Number(addend) - share}`;
  const section = object.sections[symbol.section];
  const at = Number(symbol.value + addend) - share;
  // Strings are the same thing wherever they lie.
  if (section?.name.includes(".str1.") === true) {
    const end = section.bytes.indexOf(0, at);
    return JSON.stringify(Buffer.from(section.bytes.subarray(at, end)).toString("latin1"));
  }
  // A slot of the TOC is what it holds.
  if (section?.name === ".toc") {
    const slot = object.relocationsOf(section.index).find(({ offset }) => offset === at);
    return slot === undefined ? "toc constant" : `toc ${targetOf(object, slot, 0)}`;
  }
  const inside = object.symbols.find(
    ({ section: own, value, size, type }) =>
      own === symbol.section &&
      type <= 2 &&
      Number(value) <= at &&
      (at < Number(value) + size || (at === Number(value) && type > 0)),
  );
  return inside === undefined ? `${section?.name}+${at}` : `${withoutNumber(inside.name)}+${at - Number(inside.value)}`;
}

/** Static locals have the number that the running object gave them. */
function withoutNumber(name: string): string {
  return name.replace(/\.\d+$/, "");
}

describe.skipIf(!HAS_CORPUS)("relocations of livepatch modules are those of the object after the patch", () => {
  it("for at least 20 of kpatch's own pairs", () => {
    expect(pairs.length - Object.keys(REFUSED).length).toBeGreaterThanOrEqual(20);
  });

  it.each(pairs)("%s", async (name, fact) => {
    const [arch = "", base = ""] = name.split("/");
    const postFile = join(folder, arch, fact.post);
    const update = await describePair(join(folder, arch, `${base}.ORIG.o`), postFile, { contents: true });
    const make = () =>
      livepatchModule(update, {
        file: name,
        name: "lp",
        running: { exports: undefined, symposOf: () => undefined },
      });
    const why = REFUSED[name];
    if (why !== undefined) {
      expect(make).toThrow(why);
      return;
    }
    const made = readObject(make().files[0]?.contents ?? new Uint8Array(0), "lp_new.o");
    const post = readObject(readFileSync(postFile), postFile);
    for (const changed of [...fact.changed, ...fact.new])
      expect(recordsOf(made, changed)).toEqual(recordsOf(post, changed));
  });
});
