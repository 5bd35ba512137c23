import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { buildElf } from "../support/elf-builder.ts";
import { join } from "../support/paths.ts";
import { linesOf, objectOf, useProgram } from "./program.ts";

const { run, folder } = useProgram();
const good = objectOf("text/body");

/** What stands where an object belongs, and what the program says of it. */
interface Refusal {
  readonly name: string;
  readonly content: () => string | Uint8Array;
  readonly problem: RegExp;
}

const refusals: readonly Refusal[] = [
  { name: "an empty file", content: () => "", problem: /file is empty/ },
  { name: "a text", content: () => "int main(void);\n", problem: /not an ELF file/ },
  {
    name: "one byte of an object",
    content: () => readFileSync(good).subarray(0, 1),
    problem: /not an ELF file|header/,
  },
  { name: "a header cut short", content: () => readFileSync(good).subarray(0, 40), problem: /header/ },
  { name: "an object cut short", content: () => readFileSync(good).subarray(0, 700), problem: /truncated/ },
  {
    name: "an executable without symbols",
    content: () => buildElf({ type: "exec", sections: [{ name: ".text", code: "c3" }] }),
    problem: /an executable without a symbol table.*relocatable object/,
  },
  { name: "a shared object", content: () => buildElf({ type: "dyn" }), problem: /a shared object.*relocatable object/ },
  { name: "a core file", content: () => buildElf({ type: "core" }), problem: /a core file; a relocatable object/ },
];

describe("a file that is not a relocatable object: one line that names it, status 2, nothing on standard output", () => {
  it.each(refusals)("$name", ({ content, problem }) => {
    const file = join(folder(), "broken.o");
    writeFileSync(file, content());
    for (const args of [
      ["diff", file, good],
      ["diff", good, file],
      ["inspect", file],
    ]) {
      const { status, stdout, stderr } = run(args);
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
      expect(linesOf(stderr)).toEqual([expect.stringMatching(problem)]);
      expect(stderr).toMatch(/^elfsplice: /);
      expect(stderr).toContain(file);
    }
  });

  it.each([
    ["a folder", "fixtures/text/body", / is a folder, .* is not/],
    ["a missing file", "fixtures/text/absent.o", /: cannot be read: no such file or directory/],
    ["a file taken for a folder", "package.json/pre.o", /: cannot be read: /],
  ])("%s", (_teaches, path, problem) => {
    const { status, stdout, stderr } = run(["diff", good, path]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(linesOf(stderr)).toEqual([expect.stringMatching(problem)]);
    expect(stderr).toContain(path);
  });
});

it.runIf(process.platform === "linux").each(["/dev/zero", "/dev/null", "/dev/urandom"])(
  "%s, which is a device and may never end: one line, status 2",
  (device) => {
    for (const args of [
      ["diff", device, good],
      ["diff", good, device],
      ["inspect", device],
    ]) {
      const { status, stdout, stderr } = run(args);
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
      expect(linesOf(stderr)).toEqual([expect.stringContaining(`${device}: a device`)]);
    }
  },
);

it("an object and a linked image are no pair: one line that names both", () => {
  const image = join(folder(), "image");
  const symbols = [{ name: "f", section: ".text", type: "func", bind: "global", size: 1 }] as const;
  writeFileSync(image, buildElf({ type: "exec", sections: [{ name: ".text", code: "c3", addr: 0x1000 }], symbols }));
  for (const pair of [
    [good, image],
    [image, good],
  ]) {
    const { status, stdout, stderr } = run(["diff", ...pair]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(linesOf(stderr)).toHaveLength(1);
    for (const part of pair) expect(stderr).toContain(part);
  }
});

describe("two objects that cannot be builds of one: one line that names both", () => {
  it.each([
    ["32 and 64 bits", "i386/body", "text/body", "32 bits"],
    ["two machines", "aarch64/body", "text/body", "EM_AARCH64"],
    ["two byte orders", "mips/body", "mipsel/body", "big-endian"],
  ])("%s", (_teaches, one, other, word) => {
    const [pre, post] = [objectOf(one), objectOf(other, "post")];
    const { status, stdout, stderr } = run(["diff", pre, post]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(linesOf(stderr)).toHaveLength(1);
    for (const part of [pre, post, word]) expect(stderr).toContain(part);
  });
});
