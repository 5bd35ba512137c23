import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareUpdates } from "../../src/check/compare-updates.ts";
import { unmetGates } from "../../src/check/gates.ts";
import { integrityProblems } from "../../src/check/integrity.ts";
import { validateDescription } from "../../src/check/validate.ts";
import type { UpdateDescription } from "../../src/index.ts";
import { subjectProblems } from "../../src/report/statement.ts";
import { FIXTURES, join, readText } from "../support/paths.ts";
import { runs } from "../support/sample.ts";

const goldens = ["text/body", "bug-table/line-only", "exports/added", "hooks/apply", "init/init-text-refused"];
const texts = new Map(goldens.map((name) => [name, readText(join(FIXTURES, name, "expected.json"))]));

type Node = { [key: string]: unknown };

/** Every place in a document where something can be replaced: the holder and the key. */
function placesIn(value: unknown, places: [Node, string][] = []): [Node, string][] {
  if (typeof value !== "object" || value === null) return places;
  for (const [key, inner] of Object.entries(value)) {
    places.push([value as Node, key]);
    placesIn(inner, places);
  }
  return places;
}

const part = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const strange = fc.oneof(
  fc.constantFrom<unknown>(null, "", "__proto__", "constructor", -1, 2 ** 53 - 1, 1e300, [], {}, "0x", "a".repeat(64)),
  fc.jsonValue({ maxDepth: 2 }),
);

describe("a damaged description", () => {
  const run = (damage: (place: [Node, string], value: unknown) => void): void => {
    fc.assert(
      fc.property(
        fc.constantFrom(...goldens),
        fc.array(fc.tuple(part, strange), { minLength: 1, maxLength: 3 }),
        (name, hits) => {
          const whole = JSON.parse(texts.get(name) as string) as UpdateDescription;
          const broken = JSON.parse(texts.get(name) as string);
          for (const [where, value] of hits) {
            const places = placesIn(broken);
            damage(places[Math.floor(where * places.length)] as [Node, string], value);
          }
          const { update, problems } = validateDescription(broken);
          expect(update === undefined).toBe(problems.length > 0);
          if (update === undefined) return;
          for (const { path, message } of integrityProblems(update))
            expect([path?.[0], message !== ""]).toEqual(["$", true]);
          unmetGates(update, { require: "splice", failOn: ["note"], maxFunctions: 0, allowTargets: [] });
          subjectProblems([update.id], update);
          if (update.arch.name === whole.arch.name) compareUpdates(whole, update);
        },
      ),
      { numRuns: 5000, interruptAfterTimeLimit: runs(1000), markInterruptAsFailure: false },
    );
  };

  it("with other values gives problems, never an exception", () => {
    run(([holder, key], value) => {
      holder[key] = value;
    });
  });

  it("with numbers and labels of its own exchanged, too", () => {
    run(([holder, key], value) => {
      const old = holder[key];
      if (typeof old === "number")
        holder[key] = typeof value === "number" ? Math.trunc(Math.abs(value)) % 1000 : old + 1;
      else if (typeof old === "string") holder[key] = typeof value === "string" ? value : `${old}!`;
    });
  });
});
