import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, describe, expect, it } from "vitest";
import { matchFiles } from "../support/match-objects.ts";
import { join } from "../support/paths.ts";
import { needPrograms } from "../support/tools.ts";

/** GCC reaches these variables by their distance from one of them: nothing but that distance tells which is meant. */
const source = (read: string): string => `
static int first, second, third, fourth;
void put(int x) { first = x; second += x; third = x + 2; fourth -= x; }
__attribute__((noinline)) int look(int x) { first = x; return ${read}; }
int rest(int x) { third += x; return first + second * fourth + first; }
int main(int c, char **v) { (void)v; put(c); return look(c) + rest(c); }
`;

const COMPILERS: readonly (readonly string[])[] = [
  ["aarch64-linux-gnu-gcc"],
  ["arm-linux-gnueabihf-gcc", "-mthumb"],
  ["arm-linux-gnueabihf-gcc", "-marm"],
  ["riscv64-linux-gnu-gcc"],
];

describe("code that reaches another variable by its distance from a loaded address", () => {
  const folder = mkdtempSync(join(tmpdir(), "elfsplice-anchors-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.for(COMPILERS)("is not the code that a program was linked from: %s %s", ([tool = "", ...flags], { skip }) => {
    needPrograms(skip, tool);
    const compile = (...args: readonly string[]): void => {
      execFileSync(tool, [...flags, "-O2", "-fsection-anchors", ...args], { cwd: folder, stdio: "ignore" });
    };
    for (const name of ["second", "third"]) {
      writeFileSync(join(folder, `${name}.c`), source(name));
      compile("-c", `${name}.c`, "-o", `${name}.o`);
      compile(`${name}.o`, "-o", `${name}.exe`);
    }
    const outcome = (object: string, run: string): string =>
      matchFiles([join(folder, `${object}.o`)], { run: join(folder, `${run}.exe`) }).outcome;
    expect([outcome("second", "second"), outcome("third", "third")]).toEqual(["matched", "matched"]);
    expect([outcome("second", "third"), outcome("third", "second")]).toEqual(["aborted", "aborted"]);
  });
});
