import { readFileSync, writeFileSync } from "node:fs";
import Ajv2020 from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import type { UpdateDescription } from "../../src/contract/description.ts";
import shipped from "../../src/contract/match.schema.json" with { type: "json" };
import type { MatchResult } from "../../src/contract/match.ts";
import { makeSchema } from "../../src/contract/schema.ts";
import { buildElf } from "../support/elf-builder.ts";
import { join, ROOT } from "../support/paths.ts";
import { schemaErrors, strict } from "../support/schema.ts";
import { linesOf, useProgram } from "./program.ts";

const { run, folder } = useProgram();
const validate = new Ajv2020.default({ strict: false }).compile(strict(shipped) as object);

/** `f` returns a number and is called by `g`. */
function objectOf(result: string): Uint8Array {
  return buildElf({
    sections: [
      { name: ".text.f", code: `b8${result}000000c3` },
      { name: ".text.g", code: "e800000000c3", relocations: [{ offset: 1, type: 4, symbol: "f", addend: -4 }] },
    ],
    symbols: [
      { name: "f", section: ".text.f", type: "func", bind: "global", size: 6 },
      { name: "g", section: ".text.g", type: "func", bind: "global", size: 6 },
    ],
  });
}

const SYMBOLS = { f: 0x1000, g: 0x1010 };

function imageOf(result: string, symbols: Readonly<Record<string, number>>): Uint8Array {
  const code = `b8${result}000000c3${"cc".repeat(10)}e8ebffffffc3${"cc".repeat(64)}`;
  return buildElf({
    type: "exec",
    sections: [{ name: ".text", code, addr: 0x1000 }],
    segments: [{ section: ".text", vaddr: 0x1000, flags: 5 }],
    symbols: Object.entries(symbols).map(([name, value]) => ({
      name,
      section: ".text",
      value,
      type: "func" as const,
      bind: "global" as const,
    })),
  });
}

/** Files of one case: pre.o, post.o, the image they run in, and one that was built from something else. */
function makeCase(): { place: string; file: (name: string) => string } {
  const place = folder();
  const file = (name: string): string => join(place, name);
  writeFileSync(file("pre.o"), objectOf("01"));
  writeFileSync(file("post.o"), objectOf("02"));
  writeFileSync(file("image"), imageOf("01", SYMBOLS));
  writeFileSync(file("other"), imageOf("03", SYMBOLS));
  writeFileSync(file("stripped"), imageOf("01", {}));
  writeFileSync(file("System.map"), "0000000000001000 T f\n0000000000001010 T g\n");
  return { place, file };
}

describe("match", () => {
  it("prints a result that its schema takes, and status 0", () => {
    const { file } = makeCase();
    const { status, stdout, stderr } = run(["match", file("pre.o"), "--run", file("image")]);
    expect(status).toBe(0);
    const result = JSON.parse(stdout) as MatchResult;
    expect(validate(result)).toBe(true);
    expect(result).toMatchObject({ outcome: "matched", abort: null, run: { kind: "exec", slide: "0x0" } });
    expect(result.symbols).toEqual([
      { label: "f", name: "f", value: "0x1000", sympos: 0, from: "text" },
      { label: "g", name: "g", value: "0x1010", sympos: 0, from: "text" },
    ]);
    expect(result.safety).toEqual([
      { label: "f", start: "0x1000", size: 6 },
      { label: "g", start: "0x1010", size: 6 },
    ]);
    expect(result.lifecycle.map(({ stage }) => stage)).toEqual(["preparing", "applied", "reversed"]);
    expect(linesOf(stderr)).toEqual([`elfsplice: matched: 2 of 2 functions match ${file("image")}`]);
  });

  it("gives no_match with the place and both instructions, and status 1, where the code is another", () => {
    const { file } = makeCase();
    const { status, stdout } = run(["match", file("pre.o"), "--run", file("other"), "--quiet"]);
    expect(status).toBe(1);
    const result = JSON.parse(stdout) as MatchResult;
    expect(validate(result)).toBe(true);
    expect(result.abort).toMatchObject({ cause: "no_match", errno: "ENOENT", at: "f" });
    const [section] = result.sections;
    expect(section?.mismatch).toMatchObject({ offset: 0, runAddress: "0x1000", pre: "b801000000", run: "b803000000" });
  });

  it("takes addresses from a system map where the image has none, and searches where there is none", () => {
    const { file } = makeCase();
    expect(run(["match", file("pre.o"), "--run", file("stripped"), "-q"]).status).toBe(1);
    expect(
      run(["match", file("pre.o"), "--run", file("stripped"), "--system-map", file("System.map"), "-q"]).status,
    ).toBe(0);
  });

  it("takes an update, and -o writes it back with values, old addresses and trampolines", () => {
    const { file } = makeCase();
    expect(run(["diff", file("pre.o"), file("post.o"), "-o", file("update.json"), "-q"]).status).toBe(0);
    const args = ["match", file("update.json"), "--run", file("image"), "--load-address", "0x2000"];
    expect(run([...args, "-o", file("placed.json"), "-q"]).status).toBe(0);
    const placed = JSON.parse(readFileSync(file("placed.json"), "utf8")) as UpdateDescription;
    expect(schemaErrors(placed)).toEqual([]);
    const [patch] = placed.changes[0]?.patches ?? [];
    expect(patch).toMatchObject({
      oldLabel: "f",
      oldAddress: "0x1000",
      newAddress: "0x2000",
      trampoline: "e9fb0f0000",
      saved: "b801000000",
    });
    expect(placed.changes[0]?.oldCode.symbols.find(({ label }) => label === "f")).toMatchObject({
      value: "0x1000",
      sympos: 0,
    });
  });

  it("says that a replacement is out of reach", () => {
    const { file } = makeCase();
    run(["diff", file("pre.o"), file("post.o"), "-o", file("update.json"), "-q"]);
    const { status, stdout } = run([
      "match",
      file("update.json"),
      "--run",
      file("image"),
      "--load-address",
      "0x7fff00000000",
      "-q",
    ]);
    expect(status).toBe(1);
    const result = JSON.parse(stdout) as MatchResult;
    expect(result.abort).toMatchObject({ cause: "unexpected", errno: null, at: "f" });
    expect(result.findings.map(({ code }) => code)).toContain("patch-out-of-reach");
  });

  it("prints text for people", () => {
    const { file } = makeCase();
    const { stdout } = run(["match", file("pre.o"), "--run", file("other"), "--format", "text", "-q"]);
    expect(stdout).toContain("aborted, no_match (ENOENT): f: at f+0x0 (0x1000): instructions differ");
    expect(stdout).toContain("pre  b801000000");
    expect(stdout).toContain("run  b803000000");
  });

  it.each([
    ["no image", ["match", "pre.o"], "required option '--run <image>' not specified"],
    [
      "a slide that is not a number",
      ["match", "pre.o", "--run", "image", "--slide", "far"],
      "--slide far: not a number",
    ],
    ["an image that is none", ["match", "pre.o", "--run", "System.map"], "not an ELF file"],
    [
      "an image that is not there",
      ["match", "pre.o", "--run", "absent"],
      "absent: cannot be read: no such file or directory",
    ],
    ["a map that is none", ["match", "pre.o", "--run", "image", "--system-map", "pre.o"], "is not of the form"],
    [
      "an update with objects beside it",
      ["match", "pre.o", "update.json", "--run", "image"],
      "is an update description",
    ],
  ])("refuses %s", (_teaches, args, problem) => {
    const { place } = makeCase();
    const { status, stdout, stderr } = run(args, { cwd: place });
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain(problem);
  });
});

describe("the schema of the result", () => {
  it("is the one the types come from (npm run schema renews it)", () => {
    expect(shipped).toEqual(JSON.parse(JSON.stringify(makeSchema("match"))));
  });

  it("is printed by schema --of match", () => {
    expect(JSON.parse(run(["schema", "--of", "match"]).stdout)).toEqual(shipped);
  });
});

describe("an update of several targets", () => {
  const update = () => {
    const path = join(folder(), "several.json");
    const trees = ["pre", "post"].map((side) => join(ROOT, "fixtures/trees/moved", side));
    expect(run(["diff", ...trees, "--target", "drivers/**=tape", "--quiet", "-o", path]).status).toBe(0);
    return path;
  };

  it("needs to know which of them the image is", () => {
    const { status, stderr } = run(["match", update(), "--run", update()]);
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: "elfsplice: the update changes tape, vmlinux: say with --target which of them the image is\n",
    });
  });

  it("is matched by the objects of that target alone", () => {
    const image = join(ROOT, "fixtures/trees/moved/pre/drivers/tape.o");
    const { stdout } = run(["match", update(), "--run", image, "--target", "tape", "--quiet"]);
    const labels = (JSON.parse(stdout) as MatchResult).sections.map(({ label }) => label);
    expect(labels).toContain("tape_seek");
    expect(labels).not.toContain("queue_open");
  });
});
