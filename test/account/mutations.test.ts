import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { FIXTURES, fixtureCases, join } from "../support/paths.ts";
import { sampled } from "../support/sample.ts";
import { MUTATIONS, mutate, randomNumbers } from "./mutations.ts";
import { fateOf } from "./silence.ts";

/** Mutations of each kind for each fixture; `npm run mutate` makes as many as it is told. */
const EACH = 2;

describe("one thing changed in an object is never silent", () => {
  it.each(MUTATIONS)("%s", async (kind) => {
    const random = randomNumbers(1);
    const silent: string[] = [];
    let made = 0;
    for (const name of sampled(fixtureCases(), 4)) {
      const original = new Uint8Array(readFileSync(join(FIXTURES, name, "pre.o")));
      for (let i = 0; i < EACH; i++) {
        const mutant = mutate(original, kind, random);
        if (mutant === undefined) continue;
        made++;
        const { fate } = await fateOf(original, mutant);
        if (fate === "silent") silent.push(`${name} ${mutant.section.name}+${mutant.offset}: ${mutant.words}`);
      }
    }
    expect(silent).toEqual([]);
    expect(made).toBeGreaterThan(100);
  });
});
