import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openImage } from "../../src/image/image.ts";
import { isText, matchFiles } from "../support/match-objects.ts";
import { join } from "../support/paths.ts";
import { IS_FULL } from "../support/sample.ts";
import { isInstalled } from "../support/tools.ts";

/** Two files that call one another, with statics of equal names, a table of pointers, a jump table, constants and a pointer to a function. */
const A = `
typedef unsigned long ul;
static int counter = 5;
static const char *const names[] = { "one", "two", "three" };
extern int shared_value; extern ul table[16]; extern const short ctab[8];
int other(int n); int external_helper(const char *s, int n);
__attribute__((noinline)) static int bump(int x) { counter += x; return counter; }
int run_a(int n) {
  int s = 0;
  for (int i = 0; i < n; i++) { s += bump(i); s += external_helper(names[i % 3], s + shared_value); }
  return s;
}
int pick(int n) {
  switch (n) {
    case 0: return other(1); case 1: return shared_value; case 2: return counter;
    case 3: return external_helper("pick", n); case 4: return other(n) + 3; case 5: return bump(9); default: return -1;
  }
}
ul weigh(int n) { ul s = 0; for (int i = 0; i < 16; i++) s += table[i] * ctab[(i + n) & 7]; return s; }
int (*hook)(int) = other;
int via(int n) { return hook ? hook(n) : other(n); }
void store(int v) { shared_value = v; counter = v + 1; table[3] = v; }
double scale(double x) { return x * 3.25 + 1e100; }
int tail(int n) { return other(n + 1); }
void _start(void) { store(run_a(3) + pick(4) + via(1) + tail(2) + (int)weigh(1) + (int)scale(2.0)); for (;;) ; }
`;
const B = `
typedef unsigned long ul;
static int counter = 7; static char buffer[64];
int shared_value = 9; ul table[16]; const short ctab[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
__attribute__((noinline)) static int bump(int x) { counter += x; buffer[x & 63]++; return counter; }
int other(int n) { return n == 3 ? 1 : bump(n * 2); }
int external_helper(const char *s, int n) { int r = n; while (*s) r = r * 31 + *s++; return r + bump(r); }
`;

/** Compilers and what they are told, with what their linkers are told. */
const COMPILERS: Readonly<
  Record<string, { readonly gcc: readonly string[]; readonly link?: readonly string[]; readonly pie?: false }>
> = {
  x86_64: { gcc: ["x86_64-linux-gnu-gcc"] },
  i386: { gcc: ["i686-linux-gnu-gcc"] },
  aarch64: { gcc: ["aarch64-linux-gnu-gcc"] },
  arm: { gcc: ["arm-linux-gnueabihf-gcc", "-marm"] },
  thumb: { gcc: ["arm-linux-gnueabihf-gcc", "-mthumb"] },
  ppc64le: { gcc: ["powerpc64le-linux-gnu-gcc"] },
  s390x: { gcc: ["s390x-linux-gnu-gcc"] },
  // The kernel is linked without relaxation where it is traced.
  "riscv64, not relaxed": { gcc: ["riscv64-linux-gnu-gcc"], link: ["-Wl,--no-relax"] },
  riscv64: { gcc: ["riscv64-linux-gnu-gcc"] },
  "riscv64 without compressed instructions": { gcc: ["riscv64-linux-gnu-gcc", "-march=rv64g"] },
  "riscv64 with aligned loops": { gcc: ["riscv64-linux-gnu-gcc", "-falign-loops=16", "-falign-functions=32"] },
  // What the loader writes into 32-bit programs with addends of their own (RELA) is not read.
  riscv32: { gcc: ["riscv64-linux-gnu-gcc", "-march=rv32gc", "-mabi=ilp32d"], pie: false },
  mips: { gcc: ["mips-linux-gnu-gcc"] },
  mipsel: { gcc: ["mipsel-linux-gnu-gcc"] },
  mips64: { gcc: ["mips64-linux-gnuabi64-gcc"] },
  mips64el: { gcc: ["mips64el-linux-gnuabi64-gcc"] },
};

const folder = mkdtempSync(join(tmpdir(), "elfsplice-linked-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeAll(() => {
  writeFileSync(join(folder, "a.c"), A);
  writeFileSync(join(folder, "b.c"), B);
});

const MODES = { static: ["-fno-pie", "-static", "-no-pie"], pie: ["-fPIE", "-pie"] } as const;

describe.each(Object.keys(COMPILERS))("a program for %s (skipped where its gcc is absent)", (name) => {
  const { gcc, link = [], pie } = COMPILERS[name] as (typeof COMPILERS)[string];
  const [tool = "", ...flags] = gcc;
  const modes = (["static", "pie"] as const).filter((mode) => mode === "static" || (pie !== false && IS_FULL));

  it.skipIf(!isInstalled(tool)).each(modes)(
    "is what its objects say, each function where the linker put it: %s",
    (mode) => {
      const [code, ...linking] = MODES[mode];
      const common = [...flags, "-O2", "-ffreestanding", "-fno-tree-vectorize", code];
      const objects = ["a", "b"].map((file) => join(folder, `${file}-${name.replaceAll(/\W/g, "-")}-${mode}.o`));
      for (const [index, file] of ["a.c", "b.c"].entries()) {
        execFileSync(tool, [...common, "-c", join(folder, file), "-o", objects[index] as string], { stdio: "ignore" });
      }
      const run = join(folder, `${name.replaceAll(/\W/g, "-")}-${mode}`);
      execFileSync(tool, [...flags, ...linking, ...link, "-nostdlib", "-nostartfiles", ...objects, "-o", run], {
        stdio: "ignore",
      });

      const result = matchFiles(objects, { run });
      expect(result.sections.filter((section) => isText(section) && section.status !== "matched")).toEqual([]);
      expect(result.abort).toBeNull();
      expect(result.counts.text).toBeGreaterThanOrEqual(12);
      const image = openImage(run);
      const labels = new Set(result.sections.map(({ label }) => label));
      const wrong = result.symbols.filter(
        ({ label, name: of, value }) =>
          labels.has(label) &&
          value !== null &&
          !image.symbols.named(of).some(({ address }) => `0x${address.toString(16)}` === value),
      );
      image.close();
      // Constants and strings have no symbols in an image.
      expect(wrong.filter(({ name: of }) => !of.startsWith(".") && !of.startsWith("$"))).toEqual([]);
      const bumps = result.symbols.filter(({ name: of }) => of === "bump").map(({ value }) => value);
      expect(new Set(bumps).size).toBe(2);
    },
    20_000,
  );
});

describe("what linkers write anew", () => {
  const rulesOf = (gcc: readonly string[], mode: "static" | "pie"): string[] => {
    const [tool = "", ...flags] = gcc;
    const [code, ...linking] = MODES[mode];
    const objects = ["a", "b"].map((file) => join(folder, `${file}-rules.o`));
    for (const [index, file] of ["a.c", "b.c"].entries()) {
      const options = [...flags, "-O2", "-ffreestanding", code, "-c", join(folder, file)];
      execFileSync(tool, [...options, "-o", objects[index] as string], { stdio: "ignore" });
    }
    const run = join(folder, "rules");
    execFileSync(tool, [...flags, ...linking, "-nostdlib", "-nostartfiles", ...objects, "-o", run], {
      stdio: "ignore",
    });
    return [...new Set(matchFiles(objects, { run }).sections.flatMap(({ rules }) => rules))].sort();
  };

  it.skipIf(!isInstalled("powerpc64le-linux-gnu-gcc"))(
    "is named: Power's TOC (skipped where its gcc is absent)",
    () => {
      expect(rulesOf(["powerpc64le-linux-gnu-gcc"], "static")).toEqual(["toc-high-nop", "toc-low", "toc-setup"]);
      expect(rulesOf(["powerpc64le-linux-gnu-gcc"], "pie")).toEqual(["toc-high-nop", "toc-low"]);
    },
  );

  it.skipIf(!isInstalled("riscv64-linux-gnu-gcc"))("is named: RISC-V (skipped where its gcc is absent)", () => {
    const relaxed = ["global-pointer", "high-gone", "short-call", "short-lui"];
    expect(rulesOf(["riscv64-linux-gnu-gcc"], "static")).toEqual(relaxed);
    const objects = ["a", "b"].map((file) => join(folder, `${file}-rules.o`));
    const run = join(folder, "no-pointer");
    execFileSync("riscv64-linux-gnu-objcopy", ["--strip-symbol=__global_pointer$", join(folder, "rules"), run]);
    // What lies near it and is known otherwise tells where it points.
    const result = matchFiles(objects, { run });
    expect(result.abort).toBeNull();
    expect(result.counts.unmatched).toBe(0);
  });

  it.skipIf(!isInstalled("mips-linux-gnu-gcc"))("is named: calls of MIPS (skipped where its gcc is absent)", () => {
    expect(rulesOf(["mips-linux-gnu-gcc"], "static")).toEqual(["jalr-branch"]);
  });

  it.skipIf(!isInstalled("powerpc64le-linux-gnu-gcc"))(
    "behind calls that leave the image: the TOC pointer comes back (skipped where gcc for Power is absent)",
    () => {
      const tool = "powerpc64le-linux-gnu-gcc";
      const [a, b, library, run] = ["a-out.o", "b-out.o", "libb.so", "out"].map((file) => join(folder, file)) as [
        string,
        string,
        string,
        string,
      ];
      const common = ["-O2", "-ffreestanding"];
      execFileSync(tool, [...common, "-fPIE", "-c", join(folder, "a.c"), "-o", a], { stdio: "ignore" });
      execFileSync(tool, [...common, "-fPIC", "-c", join(folder, "b.c"), "-o", b], { stdio: "ignore" });
      execFileSync(tool, ["-shared", "-nostdlib", b, "-o", library], { stdio: "ignore" });
      execFileSync(tool, ["-pie", "-nostdlib", "-nostartfiles", a, library, "-o", run], { stdio: "ignore" });
      const result = matchFiles([a], { run });
      expect(result.abort).toBeNull();
      const rules = new Set(result.sections.flatMap((section) => section.rules));
      expect(rules).toContain("toc-restore");
      expect(rules).toContain("plt-stub");
    },
    20_000,
  );
});
