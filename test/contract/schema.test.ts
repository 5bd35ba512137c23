import { describe, expect, it } from "vitest";
import pkg from "../../package.json" with { type: "json" };
import { validateDescription } from "../../src/check/validate.ts";
import comparison from "../../src/contract/compare.schema.json" with { type: "json" };
import kexec from "../../src/contract/kexec.schema.json" with { type: "json" };
import match from "../../src/contract/match.schema.json" with { type: "json" };
import { DOCUMENT_NAMES, type DocumentName } from "../../src/contract/names/documents.ts";
import { SCHEMA_VERSION } from "../../src/contract/names/rungs.ts";
import { makeSchema } from "../../src/contract/schema.ts";
import shipped from "../../src/contract/update.schema.json" with { type: "json" };
import { VERSION } from "../../src/version.ts";
import { describePair } from "../support/describe-pair.ts";
import { documentText } from "../support/documents.ts";
import { FIXTURES, join } from "../support/paths.ts";
import { schemaErrors, shippedSchemaErrors } from "../support/schema.ts";

const SCHEMAS: Readonly<Record<DocumentName, object>> = { update: shipped, match, compare: comparison, kexec };

/** Paths of the properties of a schema that nothing describes, neither there nor where the property's type is defined. */
function undescribed(schema: object): string[] {
  const { $defs = {} } = schema as { $defs?: Readonly<Record<string, { readonly description?: string }>> };
  const isDescribed = (property: { readonly description?: string; readonly $ref?: string }): boolean =>
    (property.description ?? $defs[property.$ref?.split("/").at(-1) ?? ""]?.description ?? "") !== "";
  const below = (node: unknown, path: string): string[] => {
    if (typeof node !== "object" || node === null) return [];
    const properties = Object.entries((node as { properties?: Record<string, object> }).properties ?? {});
    return [
      ...properties.filter(([, property]) => !isDescribed(property)).map(([name]) => `${path}.${name}`),
      ...Object.entries(node).flatMap(([key, value]) => below(value, key === "properties" ? path : `${path}.${key}`)),
    ];
  };
  return below(schema, "");
}

describe.each(DOCUMENT_NAMES)("the schema of %s", (name) => {
  it("that is shipped is the one the types come from (npm run schema renews it)", () => {
    expect(SCHEMAS[name]).toEqual(JSON.parse(JSON.stringify(makeSchema(name))));
  });

  it("describes every property", () => {
    expect(undescribed(SCHEMAS[name])).toEqual([]);
  });

  it("is exported by the package, as README and docs/library.md say", () => {
    const entry = name === "update" ? "./schema.json" : `./${name}.schema.json`;
    expect(pkg.exports).toHaveProperty([entry], `./dist/${name}.schema.json`);
    expect(documentText("docs/library.md")).toContain(`\`elfsplice${entry.slice(1)}\``);
  });
});

describe("the schema", () => {
  it("is JSON Schema 2020-12 of the version that descriptions carry", () => {
    expect(shipped.$schema).toBe("https://json-schema.org/draft/2020-12/schema");
    const { schemaVersion } = shipped.properties as { schemaVersion: { pattern?: string; examples?: string[] } };
    expect(schemaVersion.examples).toEqual([SCHEMA_VERSION]);
    expect(schemaVersion.pattern).toBe(`^${SCHEMA_VERSION.split(".")[0]}\\.\\d+$`);
  });

  const update = async (): Promise<Record<string, unknown>> => ({
    ...(await describePair(join(FIXTURES, "text/body/pre.o"), join(FIXTURES, "text/body/post.o"))),
  });
  it.each([
    ["a field that is not in the schema", { extra: 1 }, "must NOT have additional properties"],
    ["a missing part", { verdict: undefined }, "must have required property 'verdict'"],
    [
      "a finding code that is not in the table",
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

describe("a document of a later minor version", () => {
  const later = async (): Promise<Record<string, unknown>> => {
    const update = await describePair(
      join(FIXTURES, "rodata/in-place/pre.o"),
      join(FIXTURES, "rodata/in-place/post.o"),
    );
    const [major, minor] = SCHEMA_VERSION.split(".").map(Number);
    return {
      ...update,
      schemaVersion: `${major}.${(minor ?? 0) + 1}`,
      addition: { of: "a later version" },
      functions: update.functions.map((one) => ({ ...one, pairedBy: "a-new-pass", another: 1 })),
      data: update.data.map((one) => ({ ...one, kind: "a-new-kind" })),
      findings: [{ code: "a-new-finding", severity: "note", where: { line: 3 }, message: "x" }],
      verdict: { ...update.verdict, rungs: update.verdict.rungs.map((one) => ({ ...one, cost: "low", because: [] })) },
    };
  };

  it("is accepted by the schema that is shipped, and by check", async () => {
    const document = JSON.parse(JSON.stringify(await later()));
    expect(shippedSchemaErrors(document)).toEqual([]);
    expect(validateDescription(document).problems).toEqual([]);
    // Our own documents are held against what is told, and nothing more.
    expect(schemaErrors(document)).not.toEqual([]);
  });

  it.each([
    ["another major version", { schemaVersion: "2.0" }],
    ["a known field of another type", { id: 7 }],
    [
      "a member that a closed set does not have",
      { findings: [{ code: "x", severity: "loud", where: {}, message: "" }] },
    ],
    ["a required field that is missing", { verdict: undefined }],
  ])("is refused with %s", async (_teaches, change) => {
    expect(shippedSchemaErrors(JSON.parse(JSON.stringify({ ...(await later()), ...change })))).not.toEqual([]);
  });
});

describe("the version", () => {
  it("is package.json's", () => {
    expect(VERSION).toBe(pkg.version);
  });
});
