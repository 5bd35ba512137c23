import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { validateDescription } from "../../src/check/validate.ts";
import { FIXTURES, fixtureCases, join, readText } from "../support/paths.ts";
import { schemaErrors } from "../support/schema.ts";

// biome-ignore lint/suspicious/noExplicitAny: the point is to write what the types forbid
type Loose = any;

const golden = (name: string): Loose => JSON.parse(readText(join(FIXTURES, name, "expected.json")));
const body = (): Loose => golden("text/body");
const goldens = fixtureCases().filter((name) => existsSync(join(FIXTURES, name, "expected.json")));

describe("validateDescription", () => {
  it.each([
    ["a missing field", (u: Loose) => delete u.verdict, "$.verdict"],
    ["a field that is not in the schema", (u: Loose) => Object.assign(u, { extra: 1 }), "$"],
    [
      "a number where a label belongs",
      (u: Loose) => Object.assign(u.changes[0].patches[0], { oldLabel: 1 }),
      "$.changes[0].patches[0].oldLabel",
    ],
    [
      "a status that is not in the schema, deep down",
      (u: Loose) => Object.assign(u.functions[0], { status: "odd" }),
      "$.functions[0].status",
    ],
    ["a negative index", (u: Loose) => Object.assign(u.functions[0], { object: -1 }), "$.functions[0].object"],
    [
      "a howto with a name that is not an identifier",
      (u: Loose) => Object.assign(u.howtos, { "R 1": {} }),
      '$.howtos["R 1"].type',
    ],
    [
      "a hash in capitals",
      (u: Loose) => Object.assign(u.objects[0].pre, { sha256: "A".repeat(64) }),
      "$.objects[0].pre.sha256",
    ],
  ])("%s: named by its path, and the shipped schema refuses it too", (_teaches, breaks, path) => {
    const update = body();
    breaks(update);
    const { problems } = validateDescription(update);
    expect(problems[0]).toMatchObject({ check: "schema", path });
    expect(problems[0]?.message).toMatch(/^[a-z]/);
    expect(schemaErrors(update)).not.toEqual([]);
  });

  it.each(goldens)("takes %s", (name) => {
    expect(validateDescription(golden(name)).problems).toEqual([]);
  });

  it("takes another minor version: additions are passed over, all else is told", () => {
    const update = { ...body(), schemaVersion: "1.9", addition: true };
    expect(validateDescription(update).update).toMatchObject({ schemaVersion: "1.9", id: update.id });
    update.functions[0].object = "0";
    expect(validateDescription(update).problems.map(({ path }) => path)).toEqual(["$.functions[0].object"]);
  });
});
