import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MatchResult } from "../../src/contract/match.ts";
import { openImage } from "../../src/image/image.ts";
import { isText, matchFiles, sectionOf } from "../support/match-objects.ts";
import { join } from "../support/paths.ts";
import { isInstalled } from "../support/tools.ts";

const A = `
#include <stdio.h>
#include <unistd.h>
static int counter = 5;
static const char *const names[] = { "one", "two" };
int other(int n);
extern int shared_value;
static __attribute__((noinline)) int bump(int x) { counter += x; return counter; }
int run_a(int n) {
  int s = 0;
  for (int i = 0; i < n; i++) { s += bump(i); printf("%s %d\\n", names[i & 1], s + shared_value); }
  return s;
}
int main(void) {
  run_a(3); other(4);
  printf("main %p other %p counter %p shared %p\\n", (void *)main, (void *)other, (void *)&counter, (void *)&shared_value);
  fflush(stdout);
  pause();
  return 0;
}
`;
const B = `
#include <stdio.h>
static int counter = 7;
int shared_value = 9;
static char buffer[64];
static __attribute__((noinline)) int bump(int x) { counter += x; return counter; }
int other(int n) {
  snprintf(buffer, sizeof buffer, "other %d", bump(n));
  puts(buffer);
  printf("counter of other %p\\n", (void *)&counter);
  return n == 3 ? 1 : bump(n * 2);
}
`;

const HAS_TOOLS = process.platform === "linux" && process.arch === "x64" && ["gcc", "gdb", "gcore"].every(isInstalled);

/** A program that was run, and its core. */
interface Dumped {
  readonly program: string;
  readonly core: string;
  readonly objects: readonly string[];
  /** What the process printed of itself: addresses by name. */
  readonly addresses: Readonly<Record<string, string>>;
}

describe.skipIf(!HAS_TOOLS)(
  "objects against the core of a running program (skipped where gcc or gdb's gcore is absent)",
  () => {
    const folder = mkdtempSync(join(tmpdir(), "elfsplice-core-"));
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    function compile(name: string, source: string, flags: readonly string[]): string {
      const path = join(folder, `${name}.c`);
      writeFileSync(path, source);
      const object = join(folder, `${name}${flags.join("")}.o`);
      execFileSync("gcc", ["-O2", ...flags, "-c", path, "-o", object]);
      return object;
    }

    /** Links what was compiled without function sections, runs it, and dumps it. */
    async function dump(kind: "pie" | "no-pie"): Promise<Dumped> {
      const flags = kind === "pie" ? ["-fPIE"] : ["-fno-pie"];
      const objects = [
        compile("a", A, [...flags, "-ffunction-sections", "-fdata-sections"]),
        compile("b", B, [...flags, "-ffunction-sections", "-fdata-sections"]),
      ];
      const program = join(folder, `program-${kind}`);
      execFileSync("gcc", [`-${kind}`, compile("a", A, flags), compile("b", B, flags), "-o", program]);
      const child = spawn(program, { stdio: ["ignore", "pipe", "inherit"] });
      let printed = "";
      await new Promise<void>((resolve, reject) => {
        child.on("error", reject);
        child.stdout.on("data", (text) => {
          printed += text;
          if (printed.includes("shared")) resolve();
        });
      });
      const core = join(folder, `core-${kind}`);
      execFileSync("gcore", ["-o", core, String(child.pid)], { stdio: "ignore" });
      const path = `${core}.${child.pid}`;
      child.kill("SIGKILL");
      const main = /main (\S+) other (\S+) counter (\S+) shared (\S+)/.exec(printed) as RegExpExecArray;
      const counter = /counter of other (\S+)/.exec(printed) as RegExpExecArray;
      const addresses = {
        main: main[1] as string,
        other: main[2] as string,
        "counter of a": main[3] as string,
        shared_value: main[4] as string,
        "counter of b": counter[1] as string,
      };
      return { program, core: path, objects, addresses };
    }

    const addressOf = (result: MatchResult, label: string): string | null | undefined =>
      result.symbols.find((symbol) => symbol.label === label)?.value;

    describe.each(["pie", "no-pie"] as const)("%s", (kind) => {
      let dumped: Dumped;
      beforeAll(async () => {
        dumped = await dump(kind);
      }, 60_000);

      it("matches every function at the address that the process itself printed, statics of equal names too", () => {
        const result = matchFiles(dumped.objects, { run: dumped.core, symbolFiles: [dumped.program] });
        const open = result.sections.filter(({ status }) => status === "unmatched" || status === "ambiguous");
        expect(open.filter(isText)).toEqual([]);
        expect(result.outcome).toBe("matched");
        const [a, b] = dumped.objects.map((path) => path.split("/").at(-1));
        const { addresses } = dumped;
        expect(addressOf(result, "main")).toBe(addresses["main"]);
        expect(addressOf(result, "other")).toBe(addresses["other"]);
        expect(addressOf(result, "shared_value")).toBe(addresses["shared_value"]);
        expect(addressOf(result, `counter<${a}>`)).toBe(addresses["counter of a"]);
        expect(addressOf(result, `counter<${b}>`)).toBe(addresses["counter of b"]);
        expect(addressOf(result, `bump<${a}>`)).not.toBe(addressOf(result, `bump<${b}>`));
      });

      it("counts equal names as livepatch does, and unique ones as 0", () => {
        const result = matchFiles(dumped.objects, { run: dumped.core, symbolFiles: [dumped.program] });
        const positions = result.symbols.filter(({ name }) => name === "bump").map(({ sympos }) => sympos);
        expect(positions.sort()).toEqual([1, 2]);
        expect(result.symbols.find(({ label }) => label === "run_a")?.sympos).toBe(0);
      });

      it("matches the executable itself as well", () => {
        const result = matchFiles(dumped.objects, { run: dumped.program });
        expect(result.outcome).toBe("matched");
        expect(result.run.kind).toBe(kind === "pie" ? "dyn" : "exec");
      });

      it("says how far the program was moved", () => {
        const image = openImage(dumped.core, { symbolFiles: [dumped.program] });
        expect(image.kind).toBe("core");
        expect(image.slide === 0n).toBe(kind === "no-pie");
        image.close();
      });

      it("refuses a program that is not the one of the core", () => {
        const impostor = join(folder, "impostor", `program-${kind}`);
        execFileSync("mkdir", ["-p", join(folder, "impostor")]);
        const flags = kind === "pie" ? "-fPIE" : "-fno-pie";
        execFileSync("gcc", [`-${kind}`, "-O1", flags, join(folder, "a.c"), join(folder, "b.c"), "-o", impostor]);
        expect(() => matchFiles(dumped.objects, { run: dumped.core, symbolFiles: [impostor] })).toThrow(/build ID/);
      });

      it("refuses objects of another source", () => {
        const other = compile("a2", A.replace("s += bump(i)", "s -= bump(i)"), [
          kind === "pie" ? "-fPIE" : "-fno-pie",
          "-ffunction-sections",
        ]);
        const [, b] = dumped.objects;
        const result = matchFiles([other, b as string], { run: dumped.core, symbolFiles: [dumped.program] });
        expect(result.abort).toMatchObject({ cause: "no_match", at: "run_a" });
        expect(sectionOf(result, "run_a").mismatch?.pre).not.toBe(sectionOf(result, "run_a").mismatch?.run);
      });
    });
  },
);
