import { readdirSync, readFileSync, statSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { UpdateDescription } from "../../src/contract/description.ts";
import { readObject } from "../../src/elf/object.ts";
import { FormatError, UnsupportedError } from "../../src/errors.ts";
import { diffObjects } from "../../src/plan/update.ts";
import { summaryOf, updateOf } from "../support/built-pair.ts";
import { bss, data, type Part, rodata, section, strings, text } from "../support/elf-parts.ts";
import { integrityErrors } from "../support/integrity.ts";
import { FIXTURES, fixtureCases, join } from "../support/paths.ts";
import { runs, sampled } from "../support/sample.ts";
import { schemaErrors } from "../support/schema.ts";

const cases = fixtureCases();
const read = (name: string, side: "pre" | "post"): Uint8Array => readFileSync(join(FIXTURES, name, `${side}.o`));
const describeBytes = (pre: Uint8Array, post: Uint8Array): Promise<UpdateDescription> =>
  diffObjects(readObject(pre, "pre.o"), readObject(post, "post.o"));

/** Runs of random cases, bounded in time; fast-check prints seed and smallest case when one fails. */
const bounded = (milliseconds: number): fc.Parameters<unknown> => ({
  numRuns: 10_000,
  interruptAfterTimeLimit: runs(milliseconds),
  markInterruptAsFailure: false,
});

describe("an object and itself", () => {
  it.each(sampled(cases, 3))("%s", async (name) => {
    for (const side of ["pre", "post"] as const) {
      const update = await describeBytes(read(name, side), read(name, side));
      const errors = update.findings.filter(({ severity }) => severity === "error");
      expect([
        update.objects[0]?.status,
        update.functions,
        update.changes.flatMap((one) => one.patches),
        errors,
      ]).toEqual(["identical", [], [], []]);
      expect(update.data.filter(({ status }) => status !== "line-only")).toEqual([]);
      expect(update.noise).toEqual([]);
    }
  });
});

describe("every object of the fixtures and itself: never a change", () => {
  const files = readdirSync(FIXTURES, { recursive: true, encoding: "utf8" })
    .filter((path) => /\.(o|ko)$|(^|[/\\])(pre|post|vmlinux|image)$/.test(path))
    .map((path) => path.replaceAll("\\", "/"));
  // By folder: one case for each of a thousand files would be a long list.
  const topics = [...new Set(files.map((path) => path.split("/")[0] as string))].sort();
  it.each(topics)("%s", async (topic) => {
    const wrong: string[] = [];
    for (const path of files.filter((one) => one.startsWith(`${topic}/`))) {
      if (!statSync(join(FIXTURES, path)).isFile()) continue;
      const bytes = readFileSync(join(FIXTURES, path));
      if (!bytes.subarray(1, 4).equals(Buffer.from("ELF"))) continue;
      let update: UpdateDescription;
      try {
        update = await describeBytes(bytes, bytes);
      } catch (error) {
        if (error instanceof FormatError || error instanceof UnsupportedError) continue;
        throw error;
      }
      const { functions, data, exports, layouts, changes, verdict, objects, findings } = update;
      const changed = [...functions, ...data, ...exports].filter(({ status }) => status !== "line-only");
      const patches = changes.flatMap((one) => one.patches);
      // Wrong use of shadow variables is told of the new object as it is, whatever it was before.
      const errors = findings.filter(({ severity, code }) => severity === "error" && !code.startsWith("shadow-"));
      const isMisused = findings.some(({ severity, code }) => severity === "error" && code.startsWith("shadow-"));
      if (changed.length + layouts.length + patches.length > 0 || objects[0]?.status !== "identical")
        wrong.push(`${path}: changed`);
      if (errors.length > 0) wrong.push(`${path}: ${errors.map(({ code }) => code).join(", ")}`);
      else if (verdict.recommended !== "none" && !isMisused) wrong.push(`${path}: ${verdict.recommended}`);
    }
    expect(wrong).toEqual([]);
  });
});

describe("there and back", () => {
  const names = (update: UpdateDescription, status: string): string[] =>
    update.functions
      .filter((one) => one.status === status)
      .map((one) => one.label.replace(/\.\d+/g, ""))
      .sort();
  it.each(sampled(cases, 4))("%s: new and deleted change places, changed stays", async (name) => {
    const there = await describeBytes(read(name, "pre"), read(name, "post"));
    const back = await describeBytes(read(name, "post"), read(name, "pre"));
    const both = (update: UpdateDescription): unknown => [
      names(update, "changed"),
      update.functions.filter(({ status }) => status === "renamed").length,
      update.data.filter(({ status }) => status === "in-place").length,
    ];
    expect(both(back)).toEqual(both(there));
    // What becomes init code stays as it runs; what was init code comes as a copy: a change that has no way back.
    const isInit = [there, back].some(({ findings }) =>
      findings.some(({ code }) => code === "function-lifetime-changed"),
    );
    if (isInit) return;
    expect(names(back, "new").length).toBe(names(there, "deleted").length);
    expect(names(back, "deleted").length).toBe(names(there, "new").length);
  });
});

describe("the order of sections and symbols", () => {
  const call = (name: string): string => `e8{PLT32 ${name}-4}`;
  const pre: Part[] = [
    text("f", `b801000000${call("g")}c3`),
    text("g", `8b05{PC32 n.1-4}${call("h")}c3`),
    text("h", "48c7c7{32S .rodata.str1.1+2}c3"),
    text("i.isra.0", "31c08b05{PC32 n.2-4}c3"),
    text("j", "ff24c5{32S .rodata.j}c3"),
    section(".rodata.j", "{64 .text.j:j+7}{64 .text.j:j}"),
    bss("n.1", 4),
    bss("n.2", 8),
    data("v", "{64 f}"),
    rodata("t", "{64 g}{64 h}"),
    strings("a", "b"),
    section("__bug_table", "{PC32 f}{PC32 .rodata.str1.1}0100 0000{PC32 g}{PC32 .rodata.str1.1}0200 0000"),
  ];
  const post: Part[] = [
    text("f", `b802000000${call("g")}c3`),
    text("g", `8b05{PC32 n.7-4}${call("h")}c3`),
    text("h", "48c7c7{32S .rodata.str1.1+2}c3"),
    text("i.isra.4", "31c08b05{PC32 n.9-4}c3"),
    text("j", "ff24c5{32S .rodata.j}c3"),
    section(".rodata.j", "{64 .text.j:j+7}{64 .text.j:j}"),
    bss("n.7", 4),
    bss("n.9", 8),
    data("v", "{64 f}"),
    rodata("t", "{64 h}{64 g}"),
    strings("x", "b"),
    text("k", "31ffc3"),
    section("__bug_table", "{PC32 f}{PC32 .rodata.str1.1}0100 0000{PC32 g}{PC32 .rodata.str1.1}0300 0000"),
  ];
  const verdict = (a: readonly Part[], b: readonly Part[]): unknown => [
    summaryOf(updateOf(a, b)),
    updateOf(a, b).functions.map(({ label, status, reasons }) => [label, status, reasons]),
  ];

  it("changes no verdict", () => {
    const expected = verdict(pre, post);
    fc.assert(
      fc.property(
        fc.shuffledSubarray(pre, { minLength: pre.length }),
        fc.shuffledSubarray(post, { minLength: post.length }),
        (a, b) => {
          expect(verdict(a, b)).toEqual(expected);
        },
      ),
      bounded(800),
    );
  });

  it("an object and itself in another order are equivalent", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(pre, { minLength: pre.length }), (shuffled) => {
        const update = updateOf(pre, shuffled);
        expect([update.functions, update.changes, update.verdict.recommended]).toEqual([[], [], "none"]);
      }),
      bounded(800),
    );
  });
});

describe("damaged files", () => {
  /** Either a clean refusal, or a description that holds what the schema and its own references promise. */
  async function survives(pre: Uint8Array, post: Uint8Array): Promise<void> {
    let update: UpdateDescription;
    try {
      update = await describeBytes(pre, post);
    } catch (error) {
      if (error instanceof FormatError || error instanceof UnsupportedError) return;
      throw error;
    }
    expect(schemaErrors(update)).toEqual([]);
    expect(
      integrityErrors(update).filter((words) => /not there|which .* has not|two (sections|symbols)/.test(words)),
    ).toEqual([]);
  }
  const file = fc.constantFrom(...cases);
  const damage = fc.array(
    fc.tuple(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.integer({ min: 0, max: 255 })),
    { minLength: 1, maxLength: 8 },
  );
  const damaged = (bytes: Uint8Array, where: readonly (readonly [number, number])[], from = 0): Uint8Array => {
    const copy = Uint8Array.from(bytes);
    for (const [place, value] of where) copy[from + Math.floor(place * (copy.length - from))] = value;
    return copy;
  };

  it("bytes anywhere", async () => {
    await fc.assert(
      fc.asyncProperty(file, damage, (name, where) => survives(read(name, "pre"), damaged(read(name, "post"), where))),
      bounded(900),
    );
  });
  it("bytes of the symbol and section tables, in the second half", async () => {
    await fc.assert(
      fc.asyncProperty(file, damage, async (name, where) => {
        const bytes = read(name, "pre");
        await survives(damaged(bytes, where, bytes.length >> 1), read(name, "post"));
      }),
      bounded(900),
    );
  });
  it("the end is missing", async () => {
    await fc.assert(
      fc.asyncProperty(file, fc.double({ min: 0, max: 1, noNaN: true }), async (name, part) => {
        const bytes = read(name, "post");
        await survives(read(name, "pre"), bytes.subarray(0, Math.floor(part * bytes.length)));
      }),
      bounded(800),
    );
  });
});
