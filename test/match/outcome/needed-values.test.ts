import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, describe, expect, it } from "vitest";
import type { CodeSymbol } from "../../../src/contract/code.ts";
import { diffObjects, matchSubject, matchUpdate, objectName, placeUpdate, readObject } from "../../../src/index.ts";
import { join } from "../../support/paths.ts";
import { schemaErrors } from "../../support/schema.ts";
import { isInstalled } from "../../support/tools.ts";

const folder = mkdtempSync(join(tmpdir(), "elfsplice-needed-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Case {
  readonly what: string;
  readonly pre: string;
  readonly post: string;
  readonly rest: string;
  readonly gcc?: readonly string[];
  readonly link?: readonly string[];
  /** What the symbol is in the update, by its name; a value by name is that of the program's symbol. */
  readonly needed: string;
  readonly wanted: {
    readonly kind?: string;
    readonly at?: RegExp | bigint;
    readonly isStub?: true;
  };
}

const GCC = ["x86_64-linux-gnu-gcc", "-O1", "-fno-pie"];
const MAIN = "int f(int); int main(int c, char **v) { return f(c); }";

/** Each is a function whose new code refers to something that is not in it. */
const CASES: readonly Case[] = [
  {
    what: "a string has the value of its section's piece",
    pre: 'void say(const char *); int f(int n) { say("called"); return n + 1; }',
    post: 'void say(const char *); int f(int n) { say("called"); return n + 2; }',
    rest: `char last; void say(const char *s) { last = *s; } ${MAIN}`,
    needed: ".rodata.str1.1",
    wanted: {},
  },
  {
    what: "a thread-local has its offset, and is told as one",
    pre: "extern __thread int level; int f(int n) { return level + n; }",
    post: "extern __thread int level; int f(int n) { return level * n; }",
    rest: `__thread int before = 1, level = 3; ${MAIN}`,
    needed: "level",
    wanted: { kind: "thread-offset", at: /\b(TLS)\b.* level$/ },
  },
  {
    what: "of statics of one name, the one beside the object's other data",
    pre: "static int depth = 4, other = 5; int g(int); int f(int n) { other += n; return g(other); } int *keep(void) { return &depth; }",
    post: "static int depth = 4, other = 5; int g(int); int f(int n) { other += n; depth++; return g(other + depth); } int *keep(void) { return &depth; }",
    rest: `static int depth = 6; int g(int n) { return depth += n; } ${MAIN}`,
    needed: "depth",
    wanted: {},
  },
  {
    what: "a weak symbol that nothing defines is 0",
    pre: "int absent(int) __attribute__((weak)); int f(int n) { return n * 5 % 3; }",
    post: "int absent(int) __attribute__((weak)); int f(int n) { return absent ? absent(n) : n * 7 % 3; }",
    rest: MAIN,
    needed: "absent",
    wanted: { kind: "undefined", at: 0n },
  },
  {
    what: "an import that the old code calls has the address of its stub",
    pre: "int puts(const char *); int f(int n) { puts(0); return n + 1; }",
    post: "int puts(const char *); int f(int n) { puts(0); return n + 2; }",
    rest: MAIN,
    needed: "puts",
    wanted: { isStub: true },
  },
  {
    what: "what a resolver chooses has the address of its stub, never the resolver's",
    pre: "int chosen(int); int f(int n) { return chosen(n) + 1; }",
    post: "int chosen(int); int f(int n) { return chosen(n) + 2; }",
    rest: `static int one(int n) { return n; } static void *resolve(void) { return one; } int chosen(int) __attribute__((ifunc("resolve"))); ${MAIN}`,
    link: ["-static"],
    needed: "chosen",
    wanted: { kind: "ifunc", isStub: true },
  },
  {
    what: "a Thumb function is told as one",
    pre: "int g(int); int f(int n) { return g(n) + 1; }",
    post: "int g(int); int f(int n) { return g(n) + 2; }",
    rest: `int g(int n) { return n * 3; } ${MAIN}`,
    gcc: ["arm-linux-gnueabihf-gcc", "-mthumb", "-O1", "-fno-pie"],
    needed: "g",
    wanted: { kind: "tagged", at: /FUNC.* g$/ },
  },
];

async function place({ pre, post, rest, gcc = GCC, link = [] }: Case): Promise<{
  readonly outcome: string;
  readonly symbols: readonly CodeSymbol[];
  readonly run: string;
}> {
  const [tool = "", ...flags] = gcc;
  const objects: Record<string, string> = {};
  for (const [name, text] of Object.entries({ pre, post, rest })) {
    writeFileSync(join(folder, `${name}.c`), text);
    objects[name] = join(folder, `${name}.o`);
    execFileSync(tool, [...flags, "-w", "-c", join(folder, `${name}.c`), "-o", objects[name]], { stdio: "ignore" });
  }
  const run = join(folder, "run");
  const inputs = [objects["pre"] as string, objects["rest"] as string];
  execFileSync(tool, [...flags, "-no-pie", ...link, ...inputs, "-o", run], { stdio: "ignore" });
  const [before, after] = [objects["pre"] as string, objects["post"] as string];
  const object = readObject(readFileSync(before), before);
  const update = await diffObjects(object, readObject(readFileSync(after), after));
  const subject = matchSubject(object, objectName(before, after));
  const result = matchUpdate([subject], { run, update });
  const placed = placeUpdate(update, result);
  expect(schemaErrors(placed)).toEqual([]);
  return { outcome: result.outcome, symbols: placed.changes[0]?.newCode.symbols ?? [], run };
}

const isMissing = (gcc: readonly string[] = GCC): boolean => !isInstalled(gcc[0] as string) || !isInstalled("readelf");

/** Tests that lack their compiler are skipped by name. */
const LACKING = CASES.filter(({ gcc }) => isMissing(gcc));

describe("the value of what new code needs (skipped where the compiler is absent)", () => {
  it.each(CASES.filter(({ gcc }) => !isMissing(gcc)))("$what", async (wanted) => {
    const { outcome, symbols, run } = await place(wanted);
    expect(outcome).toBe("matched");
    const outer = symbols.filter(({ section }) => section === null);
    expect(outer.filter(({ value, slot }) => value === undefined && slot === undefined)).toEqual([]);
    const found = outer.find(({ name }) => name === wanted.needed);
    expect(found?.kind).toBe(wanted.wanted.kind);
    const value = BigInt(found?.value ?? -1);
    const { at, isStub } = wanted.wanted;
    if (typeof at === "bigint") expect(value).toBe(at);
    if (at instanceof RegExp) {
      const line = execFileSync("readelf", ["-sW", run], { encoding: "utf8" })
        .split("\n")
        .find((text) => at.test(text));
      const named = BigInt(`0x${line?.trim().split(/\s+/)[1]}`);
      expect(value).toBe(wanted.wanted.kind === "tagged" ? named - (named % 2n) : named);
    }
    if (isStub) {
      const line = execFileSync("readelf", ["-SW", run], { encoding: "utf8" })
        .split("\n")
        .filter((text) => / \.i?plt/.test(text));
      const isInside = line.some((text) => {
        const [, start = "0", size = "0"] = /\.i?plt\S*\s+\S+\s+(\S+)\s+\S+\s+(\S+)/.exec(text) ?? [];
        return value >= BigInt(`0x${start}`) && value < BigInt(`0x${start}`) + BigInt(`0x${size}`);
      });
      expect(isInside).toBe(true);
    }
  });

  it.skipIf(LACKING.length > 0)("has all its compilers here", () => expect(LACKING).toEqual([]));
});
