import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openImage } from "../../src/image/image.ts";
import { matchUpdate } from "../../src/match/match.ts";
import { isText, matchFiles, subjectOf } from "../support/match-objects.ts";
import { join } from "../support/paths.ts";
import { sampled } from "../support/sample.ts";
import { isInstalled } from "../support/tools.ts";

/** Thread-local variables here and elsewhere, a function too far to be called directly, weak names that nothing defines, loops to be aligned. */
const NEAR = `
__thread int tv = 3; __thread long tw[4]; static __thread int ts = 4;
extern __thread int te; extern int far_fn(int); int gv; int ga[4] = { 1, 2, 3, 4 };
extern int weak_one(int) __attribute__((weak)); extern int weak_data __attribute__((weak));
int use(int n) { tv += n; tw[2] += tv; ts += te; return tv + (int)tw[1] + ts; }
int farcall(int n) { return far_fn(n) + far_fn(n + 1) * gv; }
int fartail(int n) { return far_fn(n + ga[2]); }
int weakly(int n) { if (&weak_data) n += weak_data; return weak_one ? weak_one(n) : n; }
int loops(int *p, int n) {
  int s = 0;
  for (int i = 0; i < n; i++) s += p[i] * 3;
  for (int i = 0; i < n; i++) { s ^= p[i]; if (s & 4) s += ga[s & 3]; }
  return s;
}
void _start(void) { gv = use(1) + farcall(2) + fartail(3) + weakly(4) + loops(ga, 4); for (;;) ; }
`;
const FAR = `
__thread int te = 5; extern int gv;
__attribute__((section(".far"), noinline)) int far_fn(int n) { return n * 3 + gv; }
`;

interface Toolchain {
  readonly gcc: readonly string[];
  /** Address of the far function. */
  readonly far: string;
  readonly rules: readonly string[];
}

const TOOLCHAINS: Readonly<Record<string, Toolchain>> = {
  riscv64: {
    gcc: ["riscv64-linux-gnu-gcc", "-falign-loops=16"],
    far: "0x30000000",
    rules: [
      "absolute-call",
      "align-padding",
      "global-pointer",
      "high-gone",
      "short-call",
      "short-lui",
      "thread-pointer",
    ],
  },
  aarch64: {
    gcc: ["aarch64-linux-gnu-gcc"],
    far: "0x20000000",
    rules: ["branch-veneer", "tls-local-exec", "weak-call-nop"],
  },
  i386: { gcc: ["i686-linux-gnu-gcc"], far: "0x2000000", rules: ["tls-relaxation"] },
  s390x: { gcc: ["s390x-linux-gnu-gcc"], far: "0x2000000", rules: [] },
};

const folder = mkdtempSync(join(tmpdir(), "elfsplice-far-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeAll(() => {
  writeFileSync(join(folder, "near.c"), NEAR);
  writeFileSync(join(folder, "far.c"), FAR);
});

function build(name: string, mode: "static" | "pie"): { readonly objects: readonly string[]; readonly run: string } {
  const { gcc, far } = TOOLCHAINS[name] as Toolchain;
  const [tool = "", ...flags] = gcc;
  const [code, ...linking] = mode === "static" ? ["-fno-pie", "-static", "-no-pie"] : ["-fPIE", "-pie"];
  const objects = ["near", "far"].map((file) => join(folder, `${file}-${name}-${mode}.o`));
  for (const [index, file] of ["near.c", "far.c"].entries()) {
    const options = [...flags, "-O2", "-ffreestanding", code as string, "-c", join(folder, file)];
    execFileSync(tool, [...options, "-o", objects[index] as string], { stdio: "ignore" });
  }
  const run = join(folder, `${name}-${mode}`);
  const options = [...flags, ...linking, "-nostdlib", "-nostartfiles", `-Wl,--section-start=.far=${far}`];
  execFileSync(tool, [...options, ...objects, "-o", run], { stdio: "ignore" });
  return { objects, run };
}

/** Functions whose every reference can be followed in the file. */
const FULL = ["far_fn", "farcall", "fartail", "loops"];

describe.each(sampled(Object.keys(TOOLCHAINS), 3))("near and far for %s (skipped where its gcc is absent)", (name) => {
  const { gcc, rules } = TOOLCHAINS[name] as Toolchain;
  const isMissing = !isInstalled(gcc[0] as string);

  it.skipIf(isMissing).each(["static", "pie"] as const)(
    "every function and its symbols are found: %s",
    (mode) => {
      const { objects, run } = build(name, mode);
      const result = matchFiles(objects, { run });
      expect(result.abort).toBeNull();
      expect(result.sections.filter((section) => isText(section) && section.status !== "matched")).toEqual([]);
      const image = openImage(run);
      const placeOf = (of: string): string[] =>
        image.symbols.named(of).map(({ address }) => `0x${address.toString(16)}`);
      for (const { name: of, value } of result.symbols) {
        if (value !== null && placeOf(of).length > 0) expect(placeOf(of), of).toContain(value);
      }
      image.close();
      expect(result.symbols.find(({ name: of }) => of === "far_fn")?.value).not.toBeNull();
      const used = result.sections.flatMap((section) => section.rules);
      if (mode === "static") expect([...new Set(used)].sort()).toEqual(rules);
    },
    30_000,
  );

  // On x86 filler behind jumps is not looked at. Slots of the GOT that only the loader fills tell nothing but that they are slots.
  it.skipIf(isMissing || name === "i386").each(["static", "pie"] as const)(
    "every flipped bit of what reads no empty slot is seen: %s",
    (mode) => {
      const { objects, run } = build(name, mode);
      const subjects = objects.map((path) => subjectOf(readFileSync(path), path));
      const bytes = readFileSync(run);
      const opened = openImage(run);
      const missed: string[] = [];
      const full = mode === "static" ? FULL : FULL.filter((label) => label !== "far_fn");
      const wanted = matchUpdate(subjects, { run }).safety.filter(({ label }) => full.includes(label));
      for (const { label, start, size } of wanted) {
        const at = bytes.indexOf(Buffer.from(opened.memory.read(BigInt(start), size) ?? []));
        for (let i = 0; i < size; i++) {
          const flipped = Uint8Array.from(bytes);
          flipped[at + i] = (flipped[at + i] as number) ^ (1 << (i % 8));
          writeFileSync(join(folder, "flipped"), flipped);
          const { outcome } = matchUpdate(subjects, { run: join(folder, "flipped") });
          if (outcome === "matched") missed.push(`${label}+0x${i.toString(16)}`);
        }
      }
      opened.close();
      expect(wanted.map(({ label }) => label).sort()).toEqual(full);
      expect(missed).toEqual([]);
    },
    60_000,
  );
});
