import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { sampled } from "../support/sample.ts";
import { needPrograms } from "../support/tools.ts";
import { compiled, inFolder, verdictOf } from "./matrix.ts";

/** Statements of no interest: so much code that the places and distances of all that follows change. */
function filler(count: number, variable: string): string {
  return Array.from({ length: count }, (_, i) => `x = x * ${i + 3} + ${i}; ${variable} ^= x;`).join(" ");
}

/**
 * Functions that call, jump to and loop around each other, with two between them that grow. The grown ones push the
 * others over the reach of a short branch, and loops off their alignment.
 */
function source(size: number): string {
  return `
int ext(int); extern int tab[];
int s1, s2;
static __attribute__((noinline, used)) int leaf(int x) {
  for (int i = 0; i < x; i++) { if (tab[i] > 3) s1 += ext(i); else s2 ^= i; }
  return ext(x) + s1;
}
int first(int x) {
  if (x > 3) return leaf(x);
  while (x--) { s2 += tab[x]; if (s2 & 4) ext(s2); }
  switch (x & 7) {
    case 0: return ext(1); case 1: return ext(20); case 2: return s1; case 3: return tab[3];
    case 4: return ext(x * 5); case 5: return leaf(s2); default: return s1 ^ s2;
  }
}
int grower(int x) { ${filler(size, "s1")} return x; }
int middle(int x) {
  int r = 0;
  for (int i = 0; i < x; i++) {
    if (i % 3 == 0) r += leaf(i); else if (tab[i] == 7) return first(r);
    r ^= tab[i];
  }
  return first(r) + x;
}
int grower_too(int x) { ${filler((size * 7) % 11, "s2")} return x; }
int last(int x) {
  if (x & 1) return first(x);
  if (x & 2) return middle(x + 1);
  for (int i = 0; i < 10; i++) s1 += tab[i] * x;
  return leaf(x + 2);
}
`;
}

const SIZES = Array.from({ length: 11 }, (_, i) => i * 4);

/** Verdicts about pairs of sizes in which anything but the grown functions is said to differ. */
async function wrongVerdicts(compiler: string, args: readonly string[]): Promise<string[]> {
  return inFolder(async (folder) => {
    const objects: Uint8Array[] = [];
    for (const size of SIZES) {
      writeFileSync(join(folder, "growth.c"), source(size));
      objects.push(await compiled(compiler, [...args, "-fno-function-sections"], folder, "growth.c", "growth.o"));
    }
    const wrong: string[] = [];
    for (const [i, pre] of objects.entries()) {
      for (const [j, post] of objects.entries()) {
        const verdict = verdictOf(pre, post);
        if (!/^(changed=grower(_too)?(,grower_too)?)?$/.test(verdict))
          wrong.push(`${SIZES[i]} to ${SIZES[j]}: ${verdict}`);
      }
    }
    return wrong;
  });
}

describe("a function is the same whatever its neighbour grows by", () => {
  it.for(
    sampled(
      [
        ["gcc", "-O0"],
        ["gcc", "-O2"],
        ["gcc", "-O2 -fPIC"],
        ["gcc", "-Os"],
        ["gcc", "-O2 -fno-align-functions"],
        ["clang", "-O2"],
        ["clang", "-Os -fPIC"],
        ["aarch64-linux-gnu-gcc", "-O0"],
        ["aarch64-linux-gnu-gcc", "-Os"],
      ] as const,
      5,
    ),
  )("%s %s", async ([compiler, args], { skip }) => {
    needPrograms(skip, compiler);
    expect(await wrongVerdicts(compiler, args.split(" "))).toEqual([]);
  });

  // Loops are aligned by a nop more or less.
  it("aarch64-linux-gnu-gcc -O2", async ({ skip }) => {
    needPrograms(skip, "aarch64-linux-gnu-gcc");
    expect(await wrongVerdicts("aarch64-linux-gnu-gcc", ["-O2"])).toEqual([]);
  });
});
