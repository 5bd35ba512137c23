import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readObject } from "../../src/elf/object.ts";
import { buildSpans } from "../../src/spans/spans.ts";
import { sampled } from "../support/sample.ts";
import { needPrograms } from "../support/tools.ts";
import { compiled, inFolder, verdictOf } from "./matrix.ts";

/** Compilers that reach variables by their distance from a common anchor, with what makes them do so. */
const COMPILERS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  "aarch64-linux-gnu-gcc": [[], ["-fPIC"]],
  "arm-linux-gnueabihf-gcc": [
    ["-fno-pic"],
    ["-fno-pic", "-marm"],
    ["-fno-pic", "-marm", "-march=armv6", "-mfloat-abi=soft"],
    ["-fPIC"],
    ["-fPIC", "-marm"],
  ],
  "powerpc64le-linux-gnu-gcc": [[]],
  "mips-linux-gnu-gcc": [["-fsection-anchors", "-fno-pic", "-mno-abicalls", "-G0"], ["-fsection-anchors"]],
  "mips64el-linux-gnuabi64-gcc": [["-fsection-anchors"]],
  "riscv64-linux-gnu-gcc": [["-fno-pic"], ["-mcmodel=medany", "-fno-pic"], []],
  "s390x-linux-gnu-gcc": [[], ["-fno-pic"]],
};

const ROWS = Object.entries(COMPILERS).flatMap(([compiler, all]) => all.map((flags) => [compiler, flags] as const));

interface Outcome {
  readonly verdict: string;
  /** Functions whose bytes are the same on both sides. */
  readonly same: readonly string[];
}

function codeOf(object: Uint8Array): Map<string, string> {
  const { spans } = buildSpans(readObject(object, "unit.o"));
  return new Map(
    spans.filter(({ kind }) => kind === "text").map(({ name, bytes }) => [name, Buffer.from(bytes).toString("hex")]),
  );
}

async function outcomeOf(compiler: string, flags: readonly string[], pre: string, post: string): Promise<Outcome> {
  return inFolder(async (folder) => {
    const objects: Uint8Array[] = [];
    for (const [side, text] of [
      ["pre", pre],
      ["post", post],
    ] as const) {
      writeFileSync(join(folder, "unit.c"), text);
      objects.push(await compiled(compiler, ["-O2", ...flags], folder, "unit.c", `${side}.o`));
    }
    const [a, b] = objects as [Uint8Array, Uint8Array];
    const after = codeOf(b);
    const same = [...codeOf(a)].filter(([name, code]) => after.get(name) === code).map(([name]) => name);
    return { verdict: verdictOf(a, b), same };
  });
}

/** Variables lie in the order in which functions first use them. */
function twoArrays(used: string, other: string): string {
  return `
static int table[12], bank[8], fund[8];
int look(int i) { table[i] += ${used}[2]; table[3] = ${used}[5]; ${used}[1] = i; return table[2]; }
int rest(int i) { ${other}[i] = i; return ${other}[7 - i] + bank[i] + fund[i]; }
void fill(int i) { bank[i] = i; fund[i] = i; }
`;
}

describe("equal bytes that reach another variable are a change", () => {
  it.for(sampled(ROWS, 3))("%s %j", async ([compiler, flags], { skip }) => {
    needPrograms(skip, compiler);
    const { verdict, same } = await outcomeOf(compiler, flags, twoArrays("bank", "fund"), twoArrays("fund", "bank"));
    expect(same).toContain("look");
    expect(verdict).toMatch(/\blook\b/);
  });
});

const AARCH64 = "aarch64-linux-gnu-gcc";

/** One variable more in front of the others, or none; the functions below are the same unless a word is exchanged. */
function unit({ front = "", edits = [] as readonly (readonly [string, string])[] } = {}): string {
  const text = `
int ext(int *, int); extern int *keeper;
static int first, second; static long third; static int table[5];
int get(void) { return second; }
${front}
void put(int x) { first = x; second += x; third = x; }
int sum(void) { int s = 0; for (int i = 0; i < 5; i++) s += table[i]; return s + first; }
void scale(int x) { for (int i = 0; i < 5; i++) table[i] *= x; second = x; }
int pick(int i) { second++; return table[i] + first; }
int hand(void) { return ext(&second, first); }
int late(int x) { int r = ext(0, x); first = r; second += ext(0, r); return third + second; }
void keep(void) { keeper = &second; first = 3; }
int *point(int x) { second = x; return &table[2]; }
int choose(int x) { int *p = x ? &first : &second; ext(p, x); return *p + first; }
int swi(int x) { switch (x) { case 0: return first; case 1: return second + 3; case 2: return third; case 3: return table[x] * 5;
  case 4: return ext(0, 4); case 5: return first - second; } return x; }
`;
  return edits.reduce((result, [from, to]) => {
    if (!result.includes(from)) throw new Error(`${from} is not in the source`);
    return result.replace(from, to);
  }, text);
}

describe("AArch64: distances from an anchor count as what they reach", () => {
  const levels = sampled(["-O1", "-O2", "-O3", "-Os"], 4);

  it.for(levels)("%s: a variable behind the others moves nothing", async (level, { skip }) => {
    needPrograms(skip, AARCH64);
    const post = `${unit()}\nstatic int last; int more(void) { return last++; } int ends(void) { return 1; }`;
    expect((await outcomeOf(AARCH64, [level], unit(), post)).verdict).toBe("new=ends,more");
  });

  const front = "static short news; int more(void) { return news++; } int ends(void) { return 1; }";

  it.for(levels)(
    "%s: a variable between them moves the distances of all behind it, which change nothing",
    async (level, { skip }) => {
      needPrograms(skip, AARCH64);
      expect((await outcomeOf(AARCH64, [level], unit(), unit({ front }))).verdict).toBe("new=ends,more");
    },
  );

  const edits: readonly (readonly [name: string, from: string, to: string])[] = [
    ["put", "first = x; second += x", "first += x; second = x"],
    ["scale", "i < 5; i++) table[i] *= x", "i < 4; i++) table[i] *= x"],
    ["pick", "table[i] + first", "table[i] + second"],
    ["hand", "ext(&second, first)", "ext(&first, first)"],
    ["late", "return third + second", "return third + first"],
    ["keep", "keeper = &second", "keeper = &first"],
    ["point", "&table[2]", "&table[3]"],
    ["choose", "*p + first", "*p + second"],
    ["swi", "first - second", "second - first"],
  ];

  it.for(edits.flatMap((edit) => levels.map((level) => [level, ...edit] as const)))(
    "%s: but %s does, where %s becomes %s",
    async ([level, name, from, to], { skip }) => {
      needPrograms(skip, AARCH64);
      const post = unit({ front, edits: [[from, to]] });
      expect((await outcomeOf(AARCH64, [level], unit(), post)).verdict).toBe(`changed=${name} new=ends,more`);
    },
  );

  it.for(levels)(
    "%s: an array that grew ends elsewhere, though what follows it is the same",
    async (level, { skip }) => {
      needPrograms(skip, AARCH64);
      const code = (size: number): string => `
static int table[${size}], after, total;
void clear(int x) { for (int *p = table; p != table + ${size}; p++) *p *= x; after = x; }
int use(int i) { total += after; return table[i] + after; }
`;
      expect((await outcomeOf(AARCH64, [level], code(50), code(52))).verdict).toBe("changed=clear");
    },
  );

  it.for(levels)(
    "%s: an address on the stack, in a register of two values, or in a part cut off, is followed no further",
    async (level, { skip }) => {
      needPrograms(skip, AARCH64);
      const code = (used: string): string => `
int ext(int, ...); extern int *volatile slot;
static int one, two, three[6], four, five;
int order(void) { return one + two + three[1] + four + five; }
int many(int a, int b) {
  int *volatile kept = ${used}; ext(a); *kept = b; kept[1] = a;
  int *p = a ? ${used} : slot; p[1] = b; ext(b); p[0] = a;
  if (__builtin_expect(b > 9, 0)) { ext(1, ${used}, &four); ${used}[1] = 3; }
  return ${used}[0] + one + two;
}
`;
      expect((await outcomeOf(AARCH64, [level], code("three"), code("(three + 1)"))).verdict).toBe("changed=many");
      expect((await outcomeOf(AARCH64, [level], code("three"), code("three"))).verdict).toBe("");
    },
  );
});
