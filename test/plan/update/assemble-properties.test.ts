import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assembleUpdate, type PairFragment, readSuppressions, renderJson } from "../../../src/index.ts";
import { bss, group, type Part, rodata, section, strings, text } from "../../support/elf-parts.ts";
import { integrityErrors } from "../../support/integrity.ts";
import { builtFragments } from "../../support/many-pairs.ts";
import { runs } from "../../support/sample.ts";
import { schemaErrors } from "../../support/schema.ts";

/*
 * Builds of a few objects, each side made of any of these parts: functions that call each other across objects, move,
 * change and vanish, with tables, strings, copies and exports; and any rules. Whatever comes out must be whole.
 */
const call = (name: string): string => `e8{PLT32 ${name}-4}`;
const global = { bind: "global" } as const;
const variants = (name: string, extra = {}): Part[] => [
  text(name, "b801000000c3", extra),
  text(name, `b802000000${call("g")}c3`, extra),
  text(name, `b803000000${call("s")}48c7c7{32S .rodata.str1.1}c3`, extra),
  text(name, `8b05{PC32 t-4}8b05{PC32 v-4}${call("f")}${call("f+1")}c3`, extra),
  text(name, "c3", extra),
];
const inline = (x: string): Part[] => [
  text("k", `b8${x}000000${call("f")}c3`, { bind: "weak", in: ".text.k", extra: { id: ".text.k" } }),
  group("k", ".text.k"),
];
const bug = (line: string): Part => section("__bug_table", `{PC32 f}{PC32 .rodata.str1.1}${line}00 0000`);
/** At most one of each list in one object. */
const POOL: readonly (readonly (readonly Part[])[])[] = [
  variants("f", global).flatMap((one) => [[one], [one, bug("01")], [one, bug("02")]]),
  variants("g", global).map((one) => [one]),
  variants("s").map((one) => [one]),
  [[rodata("t", "0102")], [rodata("t", "0103")], [rodata("t", "010203")]],
  [[bss("v", 4, global)], [bss("v", 8, global)]],
  [inline("01"), inline("02")],
];
const base = [text("z", "31ffc3"), strings("a", "b")];

const side = fc
  .tuple(...POOL.map((list) => fc.option(fc.constantFrom(...list), { freq: 2 })))
  .map((chosen) => [...base, ...chosen.flatMap((parts) => parts ?? [])])
  .map((parts) => {
    // Every part may refer to these; where the object has none, they are undefined symbols.
    const has = new Set(parts.flatMap(({ symbols }) => symbols.map(({ name }) => name)));
    const isWhole = (part: Part): boolean => part.sections[0]?.name !== "__bug_table" || has.has("f");
    return parts.filter(isWhole);
  });
const build = fc.array(fc.tuple(side, side, fc.constantFrom("vmlinux", "loop")), { minLength: 1, maxLength: 4 });
const rules = fc.array(
  fc.constantFrom(
    "function f: x",
    "function s in a*: x",
    "function *: x",
    "data t: x",
    "object b.o: x",
    "data *: x",
    "function k: x",
  ),
  { maxLength: 2 },
);

function fragmentsOf(pairs: readonly (readonly [Part[], Part[], string])[]): PairFragment[] {
  return builtFragments(...pairs.map(([pre, post, target], i) => [`${"abcd"[i]}.o`, pre, post, target] as const));
}

describe("any build of several objects", () => {
  it("gives a description that is whole, the same for every order, and leaves its input alone", () => {
    fc.assert(
      fc.property(build, rules, (pairs, lines) => {
        const fragments = fragmentsOf(pairs);
        const before = JSON.stringify(fragments);
        const suppress = readSuppressions(lines.join("\n"), "rules");
        const update = assembleUpdate(fragments, { suppress });
        expect(schemaErrors(update)).toEqual([]);
        expect(integrityErrors(update)).toEqual([]);
        expect(renderJson(assembleUpdate(fragments.toReversed(), { suppress }))).toBe(renderJson(update));
        expect(JSON.stringify(fragments)).toBe(before);
      }),
      { numRuns: 300, interruptAfterTimeLimit: runs(2500) },
    );
  });

  it("one object suppressed is one object left out of the changes", () => {
    fc.assert(
      fc.property(build, (pairs) => {
        const fragments = fragmentsOf(pairs);
        const [first, ...rest] = fragments;
        if (first === undefined || rest.length === 0 || rest.every(({ change }) => change === null)) return;
        const suppress = readSuppressions(`object ${first.name}: x`, "rules");
        const changesOf = (list: readonly PairFragment[], options = {}) =>
          assembleUpdate(list, { id: "x", ...options }).changes;
        expect(changesOf(fragments, { suppress })).toEqual(changesOf(rest));
      }),
      { numRuns: 200, interruptAfterTimeLimit: runs(1500) },
    );
  });
});
