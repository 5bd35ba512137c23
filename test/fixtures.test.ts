import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { renderJson } from "../src/report/json.ts";
import { dataNames, describePair, findingCodes, functionNames, rungStatus } from "./support/describe-pair.ts";
import { FIXTURES, fixtureCases, join, objectsBelow, readText, relative } from "./support/paths.ts";
import { schemaErrors } from "./support/schema.ts";

interface Truth {
  readonly teaches: string;
  readonly functions: {
    changed: string[];
    new: string[];
    deleted: string[];
    renamed: [string, string][];
    lineOnly: string[];
  };
  readonly data: { inPlace: string[]; new: string[]; changed: string[] };
  readonly findings: string[];
  readonly splice: string;
  readonly none: boolean;
}

const cases = fixtureCases();

describe("every fixture: what the patch did, as truth.json tells it", () => {
  it.each(cases)("%s", async (name) => {
    const folder = join(FIXTURES, name);
    const truth = JSON.parse(readText(join(folder, "truth.json"))) as Truth;
    const update = await describePair(join(folder, "pre.o"), join(folder, "post.o"));
    const renamed = update.functions
      .filter((change) => change.status === "renamed")
      .map((change) => [change.name, change.renamedTo]);
    const loud = update.findings.filter((finding) => finding.severity !== "note").map((finding) => finding.code);
    expect({
      functions: {
        changed: functionNames(update, "changed"),
        new: functionNames(update, "new"),
        deleted: functionNames(update, "deleted"),
        renamed,
        lineOnly: functionNames(update, "line-only"),
      },
      data: {
        inPlace: dataNames(update, "in-place"),
        new: dataNames(update, "new"),
        changed: dataNames(update, "changed"),
      },
      unexpected: loud.filter((code) => !truth.findings.includes(code)),
      missing: truth.findings.filter((code) => !findingCodes(update).includes(code)),
      splice: rungStatus(update, "splice"),
      none: rungStatus(update, "none") === "applicable",
    }).toEqual({
      functions: { ...truth.functions, changed: [...truth.functions.changed].sort() },
      data: {
        inPlace: [...truth.data.inPlace].sort(),
        new: [...truth.data.new].sort(),
        changed: [...truth.data.changed].sort(),
      },
      unexpected: [],
      missing: [],
      splice: truth.splice,
      none: truth.none,
    });
    expect(schemaErrors(update)).toEqual([]);
  });
});

describe("golden descriptions: equal to the byte", () => {
  it.each(cases.filter((name) => existsSync(join(FIXTURES, name, "expected.json"))))("%s", async (name) => {
    const folder = join(FIXTURES, name);
    const update = await describePair(join(folder, "pre.o"), join(folder, "post.o"), { contents: true });
    await expect(renderJson(update)).toMatchFileSnapshot(join(folder, "expected.json"));
    expect(schemaErrors(JSON.parse(readText(join(folder, "expected.json"))))).toEqual([]);
  });
});

describe("fixtures/README.md", () => {
  it("says how every object was made", () => {
    const text = readText(join(FIXTURES, "README.md"));
    const folders = new Set(
      objectsBelow(FIXTURES).map((path) => relative(FIXTURES, join(path, "..")).replaceAll("\\", "/")),
    );
    expect([...folders].filter((folder) => !text.includes(folder))).toEqual([]);
  });
});
