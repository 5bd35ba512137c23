import { describe, expect, it } from "vitest";
import pkg from "../../package.json" with { type: "json" };
import comparison from "../../src/contract/compare.schema.json" with { type: "json" };
import kexec from "../../src/contract/kexec.schema.json" with { type: "json" };
import match from "../../src/contract/match.schema.json" with { type: "json" };
import { SCHEMA_VERSION } from "../../src/contract/names/rungs.ts";
import { makeCompareSchema, makeKexecSchema, makeMatchSchema, makeSchema } from "../../src/contract/schema.ts";
import shipped from "../../src/contract/update.schema.json" with { type: "json" };
import { VERSION } from "../../src/version.ts";
import { describePair } from "../support/describe-pair.ts";
import { FIXTURES, join } from "../support/paths.ts";
import { schemaErrors } from "../support/schema.ts";

describe("the schema", () => {
  it("that is shipped is the one the types come from (npm run schema renews it)", () => {
    expect(shipped).toEqual(JSON.parse(JSON.stringify(makeSchema())));
    expect(comparison).toEqual(JSON.parse(JSON.stringify(makeCompareSchema())));
    expect(match).toEqual(JSON.parse(JSON.stringify(makeMatchSchema())));
    expect(kexec).toEqual(JSON.parse(JSON.stringify(makeKexecSchema())));
  });

  it("is JSON Schema 2020-12 of the version that descriptions carry", () => {
    expect(shipped.$schema).toBe("https://json-schema.org/draft/2020-12/schema");
    expect(shipped.properties.schemaVersion.const).toBe(SCHEMA_VERSION);
  });

  const update = async (): Promise<Record<string, unknown>> => ({
    ...(await describePair(join(FIXTURES, "text/body/pre.o"), join(FIXTURES, "text/body/post.o"))),
  });
  it.each([
    ["a field nobody knows", { extra: 1 }, "must NOT have additional properties"],
    ["a missing part", { verdict: undefined }, "must have required property 'verdict'"],
    [
      "a finding code nobody knows",
      { findings: [{ code: "strange", severity: "note", where: {}, message: "" }] },
      "must be equal to one of the allowed values",
    ],
    [
      "a number where an address belongs",
      { howtos: { R_X: { type: "reloc", pcrel: true, size: 4, dstMask: 5, rightshift: 0, signedAddend: true } } },
      "must be string",
    ],
  ])("refuses %s", async (_teaches, change, problem) => {
    const value = JSON.parse(JSON.stringify({ ...(await update()), ...change }));
    expect(schemaErrors(value).join("\n")).toContain(problem);
  });
});

describe("the version", () => {
  it("is package.json's", () => {
    expect(VERSION).toBe(pkg.version);
  });
});
