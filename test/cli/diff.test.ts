import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { UpdateDescription } from "../../src/index.ts";
import { buildElf } from "../support/elf-builder.ts";
import { join } from "../support/paths.ts";
import { schemaErrors } from "../support/schema.ts";
import { linesOf, pairOf, useProgram } from "./program.ts";

const { run, folder } = useProgram();

function describeFixture(name: string, ...options: string[]): UpdateDescription {
  const { status, stdout, stderr } = run(["diff", ...pairOf(name), "--quiet", ...options]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return JSON.parse(stdout) as UpdateDescription;
}

describe("diff prints one description, and says in short what it found", () => {
  it.each([
    ["nothing to do", "no-change/identical", "identical", "none"],
    ["other bytes, the same code", "no-change/static-to-global", "equivalent", "none"],
    ["one function", "loop-driver/ioctl", "changed", "splice"],
    ["a fixup that belongs to code", "mips/extable", "changed", "splice"],
    ["an export and much else gone", "loop-driver/core-moved", "changed", "splice"],
    ["an obstacle", "loop-driver/new-slot-refused", "changed", "kexec"],
    ["more than one obstacle", "loop-driver/switcher-refused", "changed", "kexec"],
    ["a table that another can replace", "switch-over/loop-core-refused", "changed", "switch-over"],
    ["a big-endian machine", "s390x/body", "changed", "splice"],
    ["a 32-bit machine", "arm/body", "changed", "splice"],
  ])("%s: %s", (_teaches, name, objectStatus, recommended) => {
    const { status, stdout, stderr } = run(["diff", ...pairOf(name)]);
    expect(status).toBe(0);
    const update = JSON.parse(stdout) as UpdateDescription;
    expect(schemaErrors(update)).toEqual([]);
    expect(update.objects[0]).toMatchObject({ status: objectStatus, pre: { path: pairOf(name)[0] } });
    expect(update.verdict.recommended).toBe(recommended);
    const summary = linesOf(stderr);
    expect(summary.length).toBeGreaterThanOrEqual(2);
    expect(summary.length).toBeLessThanOrEqual(10);
    expect(summary[0]).toContain(`elfsplice: ${objectStatus}, verdict: ${recommended}`);
  });
});

describe("diff of two linked images that have symbols", () => {
  it("compares them like objects", () => {
    const place = folder();
    const [pre, post] = ["b801000000c3", "b802000000c3"].map((code, index) => {
      const path = join(place, `image-${index}`);
      const symbols = [{ name: "f", section: ".text", type: "func", bind: "global", size: 6, value: 0x1000 }] as const;
      writeFileSync(path, buildElf({ type: "exec", sections: [{ name: ".text", code, addr: 0x1000 }], symbols }));
      return path;
    }) as [string, string];
    const { status, stdout } = run(["diff", pre, post]);
    expect(status).toBe(0);
    const update = JSON.parse(stdout) as UpdateDescription;
    expect(schemaErrors(update)).toEqual([]);
    expect(update.functions.map(({ name, status: fate }) => `${name} ${fate}`)).toEqual(["f changed"]);
  });
});

describe("options of diff", () => {
  it("--explain tells the ladder beside JSON, behind a text, and changes neither", () => {
    const pair = pairOf("switch-over/loop-core-refused");
    const [json, told] = [[], ["--explain"]].map((more) => run(["diff", ...pair, "--quiet", ...more]));
    expect(told?.stdout).toBe(json?.stdout);
    expect(told?.stderr).toMatch(/^ {2}switch-over +applicable$/m);
    expect(told?.stderr).toMatch(/recommended: switch-over\n$/);
    const [text, both] = [[], ["--explain"]].map((more) =>
      run(["diff", ...pair, "--quiet", "--format", "text", ...more]),
    );
    expect(both?.stderr).toBe("");
    expect(both?.stdout).toBe(`${text?.stdout}${told?.stderr}`);
  });

  it("--require is met by a rung that disrupts less", () => {
    const status = (rung: string): number | null =>
      run(["diff", ...pairOf("switch-over/loop-core-refused"), "--quiet", "--require", rung]).status;
    expect(["splice", "switch-over", "kexec"].map(status)).toEqual([1, 0, 0]);
  });

  it("--quiet leaves standard error empty and standard output as it was", () => {
    const [loud, long, short] = [[], ["--quiet"], ["-q"]].map((more) => run(["diff", ...pairOf("text/body"), ...more]));
    expect([long?.stderr, short?.stderr]).toEqual(["", ""]);
    expect([long?.stdout, short?.stdout]).toEqual([loud?.stdout, loud?.stdout]);
  });

  it("--id names the update and its changes; without it the inputs' hashes do", () => {
    const named = describeFixture("text/body", "--id", "fix-led");
    expect([named.id, named.name, named.changes[0]?.name]).toEqual([
      "fix-led",
      "ksplice_fix-led",
      "ksplice_fix-led_vmlinux",
    ]);
    const [pre, post] = (["pre", "post"] as const).map((side) => named.objects[0]?.[side]?.sha256);
    const derived = createHash("sha256").update(`${pre} ${post}\n`).digest("hex").slice(0, 12);
    expect(describeFixture("text/body").id).toBe(derived);
  });

  it("--target says which module is patched, wherever a target is named", () => {
    const { objects, functions, changes, id } = describeFixture("loop-driver/ioctl", "--target", "loop");
    expect([objects, functions, changes].map(([first]) => first?.target)).toEqual(["loop", "loop", "loop"]);
    expect(changes[0]?.name).toBe(`ksplice_${id}_loop`);
  });

  it("--contents adds the bytes, and they are those that the hashes are of", () => {
    const codes = (update: UpdateDescription) => update.changes.flatMap(({ oldCode, newCode }) => [oldCode, newCode]);
    const sections = codes(describeFixture("text/body", "--contents")).flatMap((code) => code.sections);
    expect(sections.length).toBeGreaterThan(0);
    for (const { contents, size, sha256 } of sections) {
      const bytes = Buffer.from(contents ?? "", "base64");
      expect([bytes.length, createHash("sha256").update(bytes).digest("hex")]).toEqual([size, sha256]);
    }
    const bare = codes(describeFixture("text/body")).flatMap((code) => code.sections);
    expect(bare.filter((section) => section.contents !== undefined)).toEqual([]);
  });

  it("--old-code all keeps code that nothing refers to; needed, the default, does not", () => {
    const oldLabels = (...options: string[]) =>
      describeFixture("text/body", ...options).changes[0]?.oldCode.sections.map((section) => section.label) ?? [];
    const needed = oldLabels();
    expect(oldLabels("--old-code", "needed")).toEqual(needed);
    const all = oldLabels("--old-code", "all");
    expect(all).toEqual(expect.arrayContaining(needed));
    expect(all.length).toBeGreaterThan(needed.length);
  });

  it("--format text prints what a person reads, the verdict first and last", () => {
    const { status, stdout } = run(["diff", ...pairOf("loop-driver/ioctl"), "--format", "text"]);
    expect(status).toBe(0);
    const lines = linesOf(stdout);
    expect(lines[0]).toMatch(/^verdict: splice /);
    expect(lines).toContain("fixtures/loop-driver/ioctl/pre.o → fixtures/loop-driver/ioctl/post.o  changed");
    expect(lines.filter((line) => /^\s+changed\s+lo_ioctl/.test(line))).toHaveLength(1);
    expect(lines.at(-1)).toMatch(/^verdict: splice /);
  });

  it("--instructions puts the differing instructions into the JSON, and --source-root names the files", () => {
    const args = ["diff", ...pairOf("source/causes"), "-q", "--instructions", "--source-root", "pipe.c=unused"];
    const { functions } = JSON.parse(run(args).stdout);
    const limit = functions.find((one: { name: string }) => one.name === "limit");
    expect(limit.instructions.filter((row: { marker: string }) => row.marker !== " ")).toMatchObject([
      {
        marker: "~",
        pre: { text: expect.stringContaining("$0x1000") },
        post: { text: expect.stringContaining("$0x800") },
      },
    ]);
    expect(limit.source.post.declared.file).toBe("pipe.c");
  });

  it("--color always colours what goes into a pipe; never, and NO_COLOR, do not", () => {
    const args = ["diff", ...pairOf("text/body"), "--format", "text", "-q", "--color"];
    expect(run([...args, "always"]).stdout).toContain("\x1b[");
    expect(run([...args, "never"]).stdout).not.toContain("\x1b[");
  });

  it("--no-instructions leaves out the instructions, and nothing else", () => {
    const args = ["diff", ...pairOf("text/body"), "--format", "text", "-q"];
    const [all, without] = [args, [...args, "--no-instructions"]].map((list) => linesOf(run(list).stdout));
    const isInstruction = (line: string): boolean => line.includes(" │ ");
    expect(without?.filter(isInstruction)).toEqual([]);
    expect(all?.filter(isInstruction).length).toBeGreaterThan(0);
    expect(all?.filter((line) => !isInstruction(line))).toEqual(without);
  });

  it("may stand before, between or after the inputs", () => {
    const [pre, post] = pairOf("text/body");
    const orders = [
      ["diff", "-q", "--format", "text", pre, post],
      ["diff", pre, "--format=text", post, "-q"],
      ["diff", "-q", "--format", "text", "--", pre, post],
    ];
    expect(new Set(orders.map((args) => run(args).stdout)).size).toBe(1);
  });
});

describe("gates: the status says whether one is met, the description is printed all the same", () => {
  it.each([
    ["identical objects", "no-change/identical", ["--exit-code"], 0],
    ["code that is the same", "no-change/static-to-global", ["--exit-code"], 0],
    ["a changed function", "text/body", ["--exit-code"], 1],
    ["a changed function, not asked", "text/body", [], 0],
    ["an obstacle", "loop-driver/new-slot-refused", ["--exit-code"], 1],
    ["an obstacle, not asked", "loop-driver/new-slot-refused", [], 0],
    ["a function that can be spliced", "text/body", ["--require", "splice"], 0],
    ["nothing to splice", "no-change/identical", ["--require", "splice"], 0],
    ["an obstacle to splicing", "loop-driver/new-slot-refused", ["--require", "splice"], 1],
    ["init code, which has run", "init/init-text-refused", ["--require", "splice"], 1],
    ["nothing to do", "no-change/identical", ["--require", "none"], 0],
    ["something to do", "text/body", ["--require", "none"], 1],
    ["both gates, one of them met", "text/body", ["--require", "splice", "--exit-code"], 1],
  ])("%s: %s %j → %i", (_teaches, name, gates, expected) => {
    const { status, stdout } = run(["diff", ...pairOf(name), "--quiet", ...gates]);
    expect(status).toBe(expected);
    expect(schemaErrors(JSON.parse(stdout))).toEqual([]);
  });
});

describe("--output writes a file that is whole or absent", () => {
  it.each([
    ["a description", ["diff", ...pairOf("text/body"), "-q"]],
    ["a text", ["diff", ...pairOf("text/body"), "-q", "--format", "text"]],
    ["an inspection", ["inspect", pairOf("text/body")[0]]],
    ["the schema", ["schema"]],
  ])("%s: the bytes of standard output, and nothing beside it", (_teaches, args) => {
    const place = folder();
    const { status, stdout, stderr } = run([...args, "-o", join(place, "out")]);
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(readdirSync(place)).toEqual(["out"]);
    expect(readFileSync(join(place, "out"), "utf8")).toBe(run(args).stdout);
  });

  it("replaces a file that is there, also a longer one", () => {
    const file = join(folder(), "update.json");
    writeFileSync(file, "x".repeat(1_000_000));
    expect(run(["diff", ...pairOf("text/body"), "-q", "--output", file]).status).toBe(0);
    expect(schemaErrors(JSON.parse(readFileSync(file, "utf8")))).toEqual([]);
  });

  it("is written too when a gate is not met, and keeps the old file when the input cannot be read", () => {
    const file = join(folder(), "update.json");
    expect(run(["diff", ...pairOf("text/body"), "-q", "-o", file, "--exit-code"]).status).toBe(1);
    const written = readFileSync(file, "utf8");
    expect(schemaErrors(JSON.parse(written))).toEqual([]);
    expect(run(["diff", "absent.o", pairOf("text/body")[1], "-o", file]).status).toBe(2);
    expect(readFileSync(file, "utf8")).toBe(written);
  });

  it.each([
    ["a folder that is not there", (place: string) => join(place, "absent", "out.json")],
    ["a folder in place of the file", (place: string) => place],
  ])("%s: one line, status 2, nothing left behind", (_teaches, target) => {
    const place = folder();
    const file = target(place);
    const { status, stdout, stderr } = run(["diff", ...pairOf("text/body"), "-o", file]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(linesOf(stderr)).toEqual([expect.stringContaining(`elfsplice: cannot write ${file}: `)]);
    expect(readdirSync(place)).toEqual([]);
    expect(readdirSync(join(place, "..")).filter((name) => name.endsWith(".part"))).toEqual([]);
  });
});
