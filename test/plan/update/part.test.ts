import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readPart } from "../../../src/contract/part.ts";
import {
  assembleUpdate,
  type PairFragment,
  readSuppressions,
  renderJson,
  type UpdatePart,
  UsageError,
} from "../../../src/index.ts";
import { assembleParts } from "../../../src/plan/update/join-parts.ts";
import { VERSION } from "../../../src/version.ts";
import { treeFragments } from "../../support/many-pairs.ts";

const fragments = treeFragments("moved", { contents: true });
const suppress = readSuppressions("function tape_seek: later", "rules");
const options: UpdatePart["options"] = { contents: true, oldCode: "needed", suppress };

function part(index: number, of: number, held: readonly PairFragment[], more: Partial<UpdatePart> = {}): UpdatePart {
  return {
    generator: { name: "elfsplice", version: VERSION },
    shard: { index, of },
    options,
    pairs: fragments.length,
    fragments: [...held],
    ...more,
  };
}

describe("assembleParts", () => {
  it("gives what one run gives, to the byte, for every split and every order", () => {
    const expected = renderJson(assembleUpdate(fragments, options));
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.nat(), { minLength: fragments.length, maxLength: fragments.length }),
        fc.infiniteStream(fc.nat()),
        (of, shares, order) => {
          const parts = Array.from({ length: of }, (_none, i) =>
            part(
              i + 1,
              of,
              fragments.filter((_fragment, at) => (shares[at] as number) % of === i),
            ),
          );
          const ranks = new Map(parts.map((one) => [one, order.next().value as number]));
          parts.sort((a, b) => (ranks.get(a) as number) - (ranks.get(b) as number));
          const read = parts.map((one) => readPart(JSON.parse(renderJson(one as never)), "part.json"));
          expect(renderJson(assembleParts(read))).toBe(expected);
        },
      ),
      { numRuns: 60 },
    );
  });

  const [first, ...rest] = fragments;
  const a = part(1, 2, [first as PairFragment]);
  const b = part(2, 2, rest);
  const cases: [string, UpdatePart[], string][] = [
    ["none", [], "no parts to join"],
    ["one is missing", [a], "part 2/2 is missing"],
    ["one is given twice", [a, b, a], "part 1/2 is given twice"],
    ["of another run", [a, part(2, 3, rest)], "part 2/3 does not belong to a run of 2 parts"],
    ["a number that cannot be", [a, part(3, 2, rest)], "part 3/2 is not possible"],
    [
      "another version",
      [a, part(2, 2, rest, { generator: { name: "elfsplice", version: "0.0.1" } })],
      "part 2/2 was written by",
    ],
    ["another total", [a, part(2, 2, rest, { pairs: 9 })], "part 2/2 comes from a run over 9 pairs"],
    [
      "other options",
      [a, part(2, 2, rest, { options: { ...options, contents: false } })],
      "part 2/2 was made with other options than part 1/2",
    ],
    ["other rules", [a, part(2, 2, rest, { options: { ...options, suppress: [] } })], "other options"],
    ["a pair is missing", [a, part(2, 2, rest.slice(1))], `the parts hold ${fragments.length - 1} pairs`],
    ["a pair twice", [a, part(2, 2, [...rest.slice(1), first as PairFragment])], "two pairs of objects are called"],
  ];
  it.each(cases)("%s: refused in one line", (_what, parts, words) => {
    expect(() => assembleParts(parts)).toThrow(UsageError);
    expect(() => assembleParts(parts)).toThrow(words);
  });
});

describe("readPart", () => {
  it.each<[string, unknown, string]>([
    ["no object", 5, "p.json: not a part of an update: the document: "],
    ["nothing", null, "p.json: not a part of an update"],
    ["an update description", assembleUpdate(fragments), "p.json: not a part of an update: shard"],
    [
      "another version",
      { ...part(1, 1, fragments), generator: { name: "elfsplice", version: "9" } },
      "p.json: written by elfsplice 9",
    ],
    ["a damaged fragment", part(1, 1, [{ ...fragments[0], hasChanges: 3 } as never]), "fragments.0.hasChanges"],
    ["a field that is not in the schema", { ...part(1, 1, fragments), more: 1 }, "more"],
  ])("%s is refused, and the line names the file", (_what, value, words) => {
    expect(() => readPart(value, "p.json")).toThrow(UsageError);
    expect(() => readPart(value, "p.json")).toThrow(words);
  });
});
