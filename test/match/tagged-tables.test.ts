import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, describe, expect, it } from "vitest";
import { matchFiles } from "../support/match-objects.ts";
import { join } from "../support/paths.ts";
import { needPrograms } from "../support/tools.ts";

/** A switch with a table: in code that is not position-independent its entries are addresses with the Thumb bit. */
const SOURCE = `
int puts(const char *); int state;
__attribute__((noinline)) int pick(int n) {
  switch (n & 15) {
    case 0: state = n; return 0; case 1: state ^= 3; return state; case 2: puts("two"); return state * 5;
    case 3: state -= 7; return 1; case 4: puts("four"); return 44; case 5: state <<= 1; return state & 255;
    case 6: puts("six"); return 7; case 7: return n * 9; default: return -25;
  }
}
int main(int c, char **v) { (void)v; return pick(c); }
`;

describe("the tables of switches in Thumb code", () => {
  const folder = mkdtempSync(join(tmpdir(), "elfsplice-tables-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.for([
    ["-O0", "-fno-pie", "-no-pie"],
    ["-O1", "-fno-pie", "-no-pie"],
    ["-Os", "-fno-pie", "-static"],
    ["-O1", "-fPIE", "-pie"],
  ])("match with the places in their function: %s %s %s", ([level = "", model = "", link = ""], { skip }) => {
    const tool = "arm-linux-gnueabihf-gcc";
    needPrograms(skip, tool);
    const name = `tables${level}${link}`;
    writeFileSync(join(folder, `${name}.c`), SOURCE);
    const run = (...args: readonly string[]): void => {
      execFileSync(tool, ["-mthumb", ...args], { cwd: folder, stdio: "ignore" });
    };
    run(level, model, "-c", `${name}.c`, "-o", `${name}.o`);
    run(link, `${name}.o`, "-o", `${name}.exe`);
    const { outcome, sections } = matchFiles([join(folder, `${name}.o`)], { run: join(folder, `${name}.exe`) });
    expect(outcome).toBe("matched");
    expect(sections.filter(({ kind }) => kind === "text").map(({ status }) => status)).toEqual(["matched", "matched"]);
  });
});
