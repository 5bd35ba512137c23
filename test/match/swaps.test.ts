import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, describe, expect, it } from "vitest";
import { matchUpdate } from "../../src/match/match.ts";
import { subjectOf } from "../support/match-objects.ts";
import { join } from "../support/paths.ts";
import { IS_FULL } from "../support/sample.ts";
import { swapsOf } from "../support/swaps.ts";
import { isInstalled } from "../support/tools.ts";

/*
 * A match is a proof: whatever two imports, thread-locals, strings, variables or functions change places in an object's relocations,
 * the object is not the one that the program was linked from. `SWAPS=all` tries every pair, `SEED` and `SWAPS=<count>` others.
 */

const SUBJECT = `
int puts(const char *); int remove(const char *); int rmdir(const char *);
extern void *stdout, *stderr; int fputs(const char *, void *);
extern __thread int xa, xb; __thread int ga1 = 1, ga2 = 2; static __thread int sa, sb = 4;
extern int xd1, xd2; int gd1 = 1, gd2 = 2; static int sd1, sd2 = 3;
extern int other1(int), other2(int);
__attribute__((noinline)) int g1(int n) { return n * 3 + sd1; }
__attribute__((noinline)) int g2(int n) { return n * 3 + sd2; }
static __attribute__((noinline)) int s1(int n) { gd1 += n; return n + gd2; }
static __attribute__((noinline)) int s2(int n) { gd2 += n; return n + gd1; }
int imports(const char *s) { return puts(s) + 2 * remove(s) + 3 * rmdir(s); }
int streams(const char *s) { return fputs(s, stdout) * 3 + fputs(s, stderr); }
int threads(int n) { xa += n; ga1 += xb; sa += ga2; return sb + sa * 2; }
int data(int n) { xd1 += n; gd1 += xd2; sd1 += gd2; sd2 += n; return sd2 * 2; }
int calls(int n) { return other1(n) * 2 + other2(n) + g1(n) * 5 + g2(n) + s1(n) * 7 + s2(n); }
const char *strings(int n) { return n == 1 ? "first" : n == 2 ? "second one" : n == 3 ? "the third" : "fourth"; }
int (*get(int n))(const char *) { return n ? puts : remove; }
int (*getg(int n))(int) { return n ? g1 : n == 2 ? s2 : g2; }
`;
const OTHER = `
__thread int xa = 5, xb; int xd1 = 8, xd2;
int other1(int n) { return n + xa; } int other2(int n) { return n - xb; }
`;
const MAIN = `
int imports(const char *), streams(const char *), threads(int), data(int), calls(int), puts(const char *); const char *strings(int);
int main(int c, char **v) {
  if (c > 3) return imports(v[0]) + streams(v[0]);
  return threads(c) + data(c) + calls(c) + puts(strings(c));
}
`;

const COMPILERS: Readonly<Record<string, readonly string[]>> = {
  x86_64: ["x86_64-linux-gnu-gcc"],
  i386: ["i686-linux-gnu-gcc"],
  aarch64: ["aarch64-linux-gnu-gcc"],
  arm: ["arm-linux-gnueabihf-gcc", "-marm"],
  thumb: ["arm-linux-gnueabihf-gcc", "-mthumb"],
  riscv64: ["riscv64-linux-gnu-gcc"],
  ppc64le: ["powerpc64le-linux-gnu-gcc"],
  s390x: ["s390x-linux-gnu-gcc"],
  mips: ["mips-linux-gnu-gcc"],
};

const WAYS: Readonly<Record<string, { readonly compile: readonly string[]; readonly link: readonly string[] }>> = {
  static: { compile: ["-fno-pie"], link: ["-static", "-no-pie"] },
  dynamic: { compile: ["-fno-pie"], link: ["-no-pie"] },
  pie: { compile: ["-fPIE"], link: ["-pie"] },
  shared: { compile: ["-fPIC"], link: ["-shared"] },
};

const folder = mkdtempSync(join(tmpdir(), "elfsplice-swaps-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function build(arch: string, way: string, level: string): { readonly object: string; readonly run: string } {
  const [tool = "", ...flags] = COMPILERS[arch] as readonly string[];
  const { compile, link } = WAYS[way] as (typeof WAYS)[string];
  const stem = join(folder, `${arch}-${way}${level}`);
  for (const [name, text] of Object.entries({ subject: SUBJECT, other: OTHER, main: MAIN })) {
    writeFileSync(`${stem}-${name}.c`, text);
    const options = [...flags, level, ...compile, "-fno-section-anchors", "-w", "-c", `${stem}-${name}.c`];
    execFileSync(tool, [...options, "-o", `${stem}-${name}.o`], { stdio: "ignore" });
  }
  const objects = ["subject", "other", "main"].map((name) => `${stem}-${name}.o`);
  execFileSync(tool, [...flags, ...link, ...objects, "-o", stem], { stdio: "ignore" });
  return { object: `${stem}-subject.o`, run: stem };
}

/** Numbers that look random and are the same every time. */
function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const { SWAPS = "6", SEED = "1", SWAP_ARCH = "", SWAP_LEVELS = "-O2" } = process.env;

describe.each(Object.keys(COMPILERS).filter((name) => SWAP_ARCH === "" || SWAP_ARCH.split(",").includes(name)))(
  "two that change places on %s (skipped where its gcc is absent)",
  (arch) => {
    const isMissing = !isInstalled((COMPILERS[arch] as readonly string[])[0] as string);
    // Of four ways to link each architecture has one in its turn, unless everything is asked for.
    const turn = Object.keys(COMPILERS).indexOf(arch) % 4;
    const ways = Object.keys(WAYS).filter((_way, i) => IS_FULL || SWAPS === "all" || i === turn);
    const cases = SWAP_LEVELS.split(",").flatMap((level) => ways.map((way) => ({ way, level })));

    it.skipIf(isMissing).each(cases)(
      "are told apart: $way $level",
      ({ way, level }) => {
        const { object, run } = build(arch, way, level);
        const bytes = readFileSync(object);
        const original = matchUpdate([subjectOf(bytes, "subject.o")], { run });
        expect(original.abort).toBeNull();
        const swaps = swapsOf(bytes, "subject.o");
        const random = numbers(Number(SEED));
        const chosen =
          SWAPS === "all"
            ? swaps
            : swaps
                .map((swap) => ({ swap, at: random() }))
                .sort((a, b) => a.at - b.at)
                .slice(0, Number(SWAPS))
                .map(({ swap }) => swap);
        const matched = chosen.filter(
          (swap) => matchUpdate([subjectOf(swap.bytes, "subject.o")], { run }).outcome === "matched",
        );
        if (SWAPS === "all") process.stderr.write(`${arch} ${way} ${level}: ${chosen.length} swaps\n`);
        expect(matched.map(({ what }) => what)).toEqual([]);
      },
      120_000,
    );
  },
);
