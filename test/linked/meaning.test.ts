import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describePair, findingCodes, functionNames } from "../support/describe-pair.ts";
import { join } from "../support/paths.ts";
import { IS_FULL } from "../support/sample.ts";

interface Case {
  readonly what: string;
  readonly language: "c" | "c++";
  readonly flags: readonly string[];
  readonly pre: string;
  readonly post: string;
  readonly changed: readonly string[];
}

const TABLES = `
struct ops { int (*get)(int); int (*put)(int); };
static int get(int x) { return x + 1; }
static int put(int x) { return x * 2; }
static int put_other(int x) { return x * 3; }
static const struct ops one = { get, put }, two = { get, put_other };
const struct ops *volatile current;
const struct ops *volatile other;
__attribute__((noinline)) void choose(void) { current = &one; }
__attribute__((noinline)) void keep(void) { other = &two; other = &one; }
int main(void) { choose(); keep(); return current->put(1); }
`;

const CATCH = `
struct A { int a; }; struct B { int b; };
void leave(int); int note;
struct Guard { ~Guard() { note += 3; } };
__attribute__((noinline)) int alpha(int x) { try { leave(x); } catch (A &) { return 1; } catch (B &) { return 2; } return 0; }
__attribute__((noinline)) int beta(int x) { try { leave(x); } catch (B &) { return 1; } return 0; }
__attribute__((noinline)) int gamma_(int x) { Guard guard; leave(x); return note; }
__attribute__((noinline)) void leave(int x) { if (x > 1) throw A(); if (x < -9) throw B(); }
int main(int c, char **) { return alpha(c) + beta(c) + gamma_(c); }
`;

const THREADS = `
extern int abs(int);
static __thread const char *greeting = "good morning";
static __thread int depth; static __thread int level = 7;
const char *get(void) { return greeting; }
int enter(int n) { depth += n; return depth; }
int climb(int n) { level += n; return level; }
const char *tell(int n) { return n ? "certainly, with pleasure" : "no!"; }
int plain(int n) { return n * 3 + abs(n); }
int main(int c, char **v) { return get()[0] + enter(c) + climb(c) + tell(c)[0] + plain(c); }
`;

const IMPORTS = `
#include <stdio.h>
#include <stdlib.h>
__attribute__((noinline)) int call(const char *text) { return puts(text) + 1; }
__attribute__((noinline)) int other(const char *text) { return remove(text) + 2; }
__attribute__((noinline)) FILE *stream(void) { return stdout; }
__attribute__((noinline)) FILE *errors(void) { return stderr; }
int main(int c, char **v) { return call(v[0]) + other(v[0]) + (stream() == errors()); }
`;

const STATICS = `
volatile int sink;
__attribute__((noinline)) int step(int n) { sink = n; return n + 1; }
__attribute__((noinline)) int walk(int n) { static int first[4], second[4]; first[n & 3]++; return second[n & 3] + first[1]; }
int main(int c, char **v) { sink = c + 5; return step(c) + walk(c) + sink; }
`;

const PIE = ["-fPIE", "-pie"];
const FIXED = ["-fno-pie", "-no-pie"];
const SHARED = ["-fPIC", "-shared"];

const CASES: readonly Case[] = [
  ...[PIE, FIXED, SHARED].flatMap((flags): Case[] => [
    {
      what: "another table with the same first member is another table",
      language: "c",
      flags,
      pre: TABLES,
      post: TABLES.replace("current = &one", "current = &two"),
      changed: ["choose"],
    },
    {
      what: "a catch of another type changes its function alone, though only the exception table tells",
      language: "c++",
      flags,
      pre: CATCH,
      post: CATCH.replace("catch (B &) { return 1; }", "catch (A &) { return 1; }"),
      changed: ["_Z4betai"],
    },
    {
      what: "another thread-local of the same size is another one; a text that moved is none",
      language: "c",
      flags,
      pre: THREADS,
      post: THREADS.replace("certainly, with pleasure", "yes"),
      changed: ["tell"],
    },
    {
      what: "a thread-local more moves the others and changes none of their users",
      language: "c",
      flags,
      pre: THREADS,
      post: THREADS.replace(
        "int plain(int n) { return",
        "static __thread int more; int plain(int n) { more++; return more +",
      ),
      changed: ["plain"],
    },
    {
      what: "a call of another import is another call, whatever stub lies between",
      language: "c",
      flags,
      pre: IMPORTS,
      post: IMPORTS.replace("return puts(text) + 1", "return remove(text) + 1"),
      changed: ["call"],
    },
    {
      what: "another imported variable is another one",
      language: "c",
      flags,
      pre: IMPORTS,
      post: IMPORTS.replace("*stream(void) { return stdout; }", "*stream(void) { return stderr; }"),
      changed: ["stream"],
    },
    {
      what: "symbols of the linker name no variable: a static more changes no start-up code",
      language: "c",
      flags,
      pre: STATICS,
      post: STATICS.replace(
        "{ sink = n; return n + 1; }",
        "{ static int seen[64]; sink = n; return n + ++seen[n & 63]; }",
      ),
      changed: ["step"],
    },
  ]),
];

const TOOLS = {
  "x86-64": ["gcc", "g++"],
  i686: ["i686-linux-gnu-gcc", "i686-linux-gnu-g++"],
  aarch64: ["aarch64-linux-gnu-gcc", "aarch64-linux-gnu-g++"],
  arm: ["arm-linux-gnueabihf-gcc", "arm-linux-gnueabihf-g++"],
  riscv64: ["riscv64-linux-gnu-gcc", "riscv64-linux-gnu-g++"],
  ppc64le: ["powerpc64le-linux-gnu-gcc", "powerpc64le-linux-gnu-g++"],
  mips: ["mips-linux-gnu-gcc", "mips-linux-gnu-g++"],
  s390x: ["s390x-linux-gnu-gcc", "s390x-linux-gnu-g++"],
} as const;

/** What is called changed though only a distance from the GOT or an offset in a literal pool moved: not told apart yet. */
const STILL_MORE: Readonly<Record<string, readonly string[]>> = {
  i686: ["climb"],
  arm: ["_start"],
  ppc64le: ["enter"],
  s390x: ["_start", "tell"],
};

/** One form on x86-64, elsewhere a third of that, each architecture another one, unless everything is asked for. */
function sampled(arch: string): readonly Case[] {
  if (IS_FULL) return CASES;
  const turn = Object.keys(TOOLS).indexOf(arch);
  return CASES.filter(({ flags }) => flags === PIE).filter((_case, i) => arch === "x86-64" || i % 3 === turn % 3);
}

function has(tool: string, language: string): boolean {
  const input = language === "c" ? "int main(void){return 0;}" : "#include <new>\nint main(){throw 1;}";
  return spawnSync(tool, ["-x", language, "-", "-o", "/dev/null"], { input }).status === 0;
}

describe.each(Object.entries(TOOLS))(
  "what linked code of %s means (skipped where its compiler is absent)",
  (arch, [c, cxx]) => {
    let folder = "";
    const found = { c: has(c, "c"), "c++": has(cxx, "c++") };
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), "elfsplice-meaning-"));
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    for (const { what, language, flags, pre, post, changed } of sampled(arch)) {
      it.skipIf(!found[language])(`${what} (${flags.join(" ")})`, async () => {
        for (const [side, text] of Object.entries({ pre, post })) {
          const source = join(folder, `${side}.${language === "c" ? "c" : "cc"}`);
          writeFileSync(source, text);
          const object = [
            "-O2",
            "-fno-ipa-ra",
            "-fno-ipa-icf",
            "-w",
            flags[0] as string,
            "-c",
            "-o",
            `${join(folder, side)}.o`,
            source,
          ];
          const tool = language === "c" ? c : cxx;
          execFileSync(tool, object);
          execFileSync(tool, [...flags, "-o", join(folder, side), `${join(folder, side)}.o`]);
        }
        const image = await describePair(join(folder, "pre"), join(folder, "post"));
        const object = await describePair(join(folder, "pre.o"), join(folder, "post.o"));
        // What inlining makes of the patch besides is for the objects to say; the image may know better where anchors moved.
        expect(functionNames(image, "changed")).toEqual(expect.arrayContaining([...changed]));
        for (const status of ["changed", "new", "deleted"] as const) {
          const known = new Set([...functionNames(object, status), ...(STILL_MORE[arch] ?? [])]);
          expect(functionNames(image, status).filter((name) => !known.has(name))).toEqual([]);
        }
        expect(findingCodes(image)).not.toContain("difference-unexplained");
      });
    }
  },
);
