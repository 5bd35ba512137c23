import { describe, expect, it } from "vitest";
import type { UpdateDescription } from "../../src/index.ts";
import { renderJson } from "../../src/report/json.ts";
import {
  foreignStatement,
  isStatement,
  PREDICATE_TYPE,
  subjectProblems,
  toStatement,
} from "../../src/report/statement.ts";
import { FIXTURES, join, ROOT, readText } from "../support/paths.ts";

type ObjectPair = UpdateDescription["objects"][number];
type File = NonNullable<ObjectPair["pre"]>;

function updateWith(objects: readonly ObjectPair[]): UpdateDescription {
  return { ...golden(), objects: [...objects] };
}

function golden(): UpdateDescription {
  return JSON.parse(readText(join(FIXTURES, "text/body/expected.json"))) as UpdateDescription;
}

const file = (path: string, digit: string, member?: string): File => ({
  path,
  ...(member === undefined ? {} : { member }),
  sha256: digit.repeat(64),
  size: 1,
});
const pair = (pre?: File, post?: File): ObjectPair => ({
  ...(pre && { pre }),
  ...(post && { post }),
  target: "vmlinux",
  status: "changed",
});

describe("a statement, by the rules of in-toto's spec/v1", () => {
  const statement = JSON.parse(renderJson(toStatement(golden())));

  it("has the four fields and no others (statement.md)", () => {
    expect(Object.keys(statement)).toEqual(["_type", "subject", "predicateType", "predicate"]);
    expect(statement._type).toBe("https://in-toto.io/Statement/v1");
    expect(statement.predicate).toEqual(golden());
  });

  it("names its predicate by a URI with scheme and authority in lower case, and a version (field_types.md)", () => {
    const { protocol, href } = new URL(statement.predicateType);
    expect([protocol, href]).toEqual(["urn:", statement.predicateType]);
    expect(readText(join(ROOT, "docs/ci.md"))).toContain(`\`${PREDICATE_TYPE}\``);
    expect(statement.predicateType).toMatch(/^[a-z][a-z0-9+.-]*:.*[:/]v?\d+$/);
  });

  it("has a subject with a digest each, hexadecimal in lower case (digest_set.md), names unique and sorted", () => {
    for (const { digest } of statement.subject)
      expect(digest).toEqual({ sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
    const names = statement.subject.map(({ name }: { name: string }) => name);
    expect(names).toEqual([...new Set(names)].sort());
    const [{ pre, post }] = golden().objects as [ObjectPair];
    const digests = statement.subject.map(({ digest }: { digest: { sha256: string } }) => digest.sha256);
    expect(digests.sort()).toEqual([pre?.sha256, post?.sha256].sort());
  });

  it("is the same to the byte whenever it is made", () => {
    expect(renderJson(toStatement(golden()))).toBe(renderJson(toStatement(golden())));
  });
});

describe("subjects", () => {
  const cases: [teaches: string, objects: ObjectPair[], subjects: string[]][] = [
    ["both sides, sorted by name", [pair(file("pre/b.o", "2"), file("post/b.o", "1"))], ["post/b.o 1", "pre/b.o 2"]],
    ["an object that is only there afterwards", [pair(undefined, file("n.o", "1"))], ["n.o 1"]],
    ["members of an archive", [pair(file("a.a", "1", "x.o"), file("b.a", "2", "x.o"))], ["a.a(x.o) 1", "b.a(x.o) 2"]],
    ["one file on both sides is one subject", [pair(file("a.o", "1"), file("a.o", "1"))], ["a.o 1"]],
    ["two files of one name get a number", [pair(file("a.o", "2"), file("a.o", "1"))], ["a.o 1", "a.o~1 2"]],
    [
      "a number that is taken is passed over",
      [pair(file("a.o", "2"), file("a.o", "1")), pair(file("a.o~1", "3"))],
      ["a.o 1", "a.o~1 3", "a.o~2 2"],
    ],
  ];
  it.each(cases)("%s", (_teaches, objects, subjects) => {
    const { subject } = toStatement(updateWith(objects));
    expect(subject.map(({ name, digest }) => `${name} ${digest.sha256[0]}`)).toEqual(subjects);
    expect(subjectProblems(subject, updateWith(objects))).toEqual([]);
  });
});

describe("reading a statement", () => {
  it.each([
    ["a description", golden(), false],
    ["a statement", toStatement(golden()), true],
    ["null", null, false],
    ["a number as type", { _type: 1 }, false],
  ])("%s", (_teaches, value, expected) => {
    expect(isStatement(value)).toBe(expected);
  });

  it.each([
    ["another version", { _type: "https://in-toto.io/Statement/v0.1" }, /of type https:.*v0\.1/],
    ["another predicate", { predicateType: "https://slsa.dev/provenance/v1" }, /about https:\/\/slsa/],
    ["its own", {}, undefined],
  ])("%s", (_teaches, change, problem) => {
    const words = foreignStatement({ ...toStatement(golden()), ...change });
    if (problem === undefined) expect(words).toBeUndefined();
    else expect(words).toMatch(problem);
  });

  it("a subject that the description does not have, and one that is missing, are told", () => {
    const { subject } = toStatement(golden());
    const other = [{ name: "other.o", digest: { sha256: "0".repeat(64) } }, ...subject.slice(1)];
    expect(subjectProblems(other, golden()).map(({ check, path }) => `${check} ${path}`)).toEqual([
      "statement $.subject[0].digest",
      "statement $.subject",
    ]);
    expect(subjectProblems(undefined, golden())).toHaveLength(subject.length);
    expect(subjectProblems([null], golden())[0]?.message).toBe("no SHA-256");
  });
});
