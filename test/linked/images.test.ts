import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describePair, findingCodes, functionNames } from "../support/describe-pair.ts";
import { join } from "../support/paths.ts";
import { isInstalled } from "../support/tools.ts";

/** A program with every kind of reference that linking resolves: calls, PLT, statics, pointers in data, a jump table, strings. */
const SOURCE = `
extern int puts(const char *), printf(const char *, ...), rand(void), abs(int);
extern void abort(void);
static int counter = 3;
const char *names[] = { "one", "two" };
static __attribute__((noinline)) int add(int a) { counter += a; return counter * 3; }
__attribute__((noinline)) int twice(int a) { printf("twice %d\\n", a); return add(a) + add(a + 1); }
__attribute__((noinline)) int show(int i) {
  switch (i) {
  case 0: puts("zero"); break;
  case 1: puts(names[1]); break;
  case 2: abort();
  case 3: return twice(9);
  case 4: puts("four"); break;
  case 5: return 7;
  }
  return puts(names[i & 1]);
}
int main(int argc, char **argv) { return show(argc) + twice(argc); }
`;

/** Only add() differs; it grows, so that everything behind it moves. */
const PATCHED = SOURCE.replace("return counter * 3", "return counter * 5 + a * a * 77 + (a > 3 ? abs(a) : rand())");

function has(tool: string): boolean {
  return isInstalled(tool);
}

const FORMS = [
  ["a position-independent executable", ["-O2", "-fPIE", "-pie"]],
  ["an executable at a fixed address: addresses stand whole in code and data", ["-O2", "-fno-pie", "-no-pie"]],
  ["unoptimised code", ["-O0"]],
  ["a shared object: calls go through the PLT, data through the GOT", ["-O2", "-fPIC", "-shared"]],
  ["without PLT: calls go through the GOT", ["-O2", "-fPIC", "-shared", "-fno-plt"]],
] as const;

describe.each(["gcc", "clang"])("images linked by %s (skipped where it is absent)", (compiler) => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "elfsplice-linked-"));
    writeFileSync(join(folder, "pre.c"), SOURCE);
    writeFileSync(join(folder, "post.c"), PATCHED);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.skipIf(!has(compiler)).each(FORMS)("%s: only the function that changed differs", async (_what, flags) => {
    for (const side of ["pre", "post"]) {
      // gcc tells callers which registers a static callee spares: without this, they would really change with it.
      const separate = compiler === "gcc" ? ["-fno-ipa-ra"] : [];
      execFileSync(compiler, [...flags, ...separate, "-o", join(folder, side), join(folder, `${side}.c`)]);
    }
    const update = await describePair(join(folder, "pre"), join(folder, "post"));
    expect(functionNames(update, "changed")).toEqual(["add"]);
    expect(functionNames(update, "new")).toEqual([]);
    expect(functionNames(update, "deleted")).toEqual([]);
    expect(findingCodes(update).filter((code) => code !== "no-entry-hook")).toEqual([]);
  });
});

describe("patchable entries before a function (skipped where gcc is absent)", () => {
  it.skipIf(!has("gcc"))("belong to it and not to the start-up code without size that stands before", async () => {
    const folder = mkdtempSync(join(tmpdir(), "elfsplice-sites-"));
    const text = "int first(int n) { return n * 5 + 1; } int second(int n) { return n + 2; }";
    for (const [side, source] of [
      ["pre", text],
      ["post", text.replace("n * 5", "n * 3")],
    ] as const) {
      writeFileSync(join(folder, `${side}.c`), source);
      const flags = ["-O2", "-fPIC", "-shared", "-fpatchable-function-entry=16,14"];
      execFileSync("gcc", [...flags, "-o", join(folder, side), join(folder, `${side}.c`)]);
    }
    const update = await describePair(join(folder, "pre"), join(folder, "post"));
    rmSync(folder, { recursive: true, force: true });
    expect(update.functions.map(({ name, entry }) => [name, entry])).toEqual([
      ["first", { kind: "patchable", offset: -14 }],
    ]);
    expect(findingCodes(update)).not.toContain("no-entry-hook");
  });
});
