import { describe, expect, it } from "vitest";
import { sampled } from "../support/sample.ts";
import { isInstalled, needPrograms } from "../support/tools.ts";
import { chosen, SECTIONS, SECTIONS_AND_PIC, settings, trueVerdict, verdictsOf } from "./matrix.ts";

/**
 * What a compiler makes of a case where it inlines, clones or splits otherwise than `gcc -O2`, for which truth.json speaks.
 * Each was read from the sources: with -O0 nothing is inlined or cloned; clang makes no `.isra`, `.constprop`, `.part`
 * and `.cold` of these; -Os splits off nothing cold.
 */
type Otherwise = Readonly<Record<string, string>>;

const O0 = "gcc -O0|clang -O0|aarch64-linux-gnu-gcc -O0";
const NOT_COLD = `${O0}|gcc -Os|clang -O2|clang -Os|aarch64-linux-gnu-gcc -O2|aarch64-linux-gnu-gcc -Os`;
const NO_CLONES = `${O0}|clang -O2|clang -Os`;

const CASES: Readonly<Record<string, Otherwise>> = {
  "text/body": {},
  "text/call-target": {},
  "text/new-function": {},
  "text/deleted-static": {},
  "text/renamed-static": {},
  "text/inlined-helper": { [O0]: "changed=clamp_reading" },
  "text/mutual-recursion-renamed": {},
  "text/mutual-recursion-body": {},
  "text/renamed-global": {},
  "text/renamed-and-edited": {},
  "text/swapped-names": {},
  "text/deleted-global": {},
  "text/no-longer-inlined": { [`${O0}|clang -O2`]: "changed=mix_level" },
  "text/jump-table": { [NOT_COLD]: "changed=panel_key" },
  "text/jump-table-grown": { [NOT_COLD]: "changed=panel_key" },
  "text/computed-goto": {},
  "text/immediate-after-relocation": {},
  "text/tail-call": {},
  "text/line-argument": {},
  "text/address-taken": {},
  "data/new-static": { [NOT_COLD]: "changed=temp_poll" },
  "data/bss-grown-refused": {},
  "data/pointer-target-refused": {},
  "data/list-head": {},
  "data/static-deleted": {},
  "data/const-removed": {},
  "data/const-added": {},
  "rodata/in-place": {},
  "rodata/grown": {},
  "rodata/ops-slot": {},
  // clang puts the numbers into the code.
  "rodata/static-local": { "clang -O2|clang -Os": "changed=scale_weight" },
  // Without optimisation a switch is compares and jumps.
  "rodata/switch-values": { [O0]: "changed=colour_of" },
  "rodata/string-table": {},
  "strings/changed": {},
  "strings/shifted": {},
  "strings/reordered": {},
  "strings/shared": {},
  "statics/renumbered": {},
  "statics/renamed": {},
  "statics/two-in-one-function": {},
  "statics/once-flag": {},
  "clones/cold": { [NOT_COLD]: "changed=flash_write" },
  "clones/isra-body": { [NO_CLONES]: "changed=glyph_cost" },
  "clones/isra-disappears": { [NO_CLONES]: "changed=glyph_cost" },
  "clones/constprop-appears": {
    [O0]: "changed=font_wide",
    "clang -O2|clang -Os": "changed=font_bold,font_wide,stretch",
  },
  "clones/constprop-body": { [NO_CLONES]: "changed=stretch" },
  "clones/part-body": {
    [`${O0}|gcc -Os|clang -Os|aarch64-linux-gnu-gcc -Os`]: "changed=load_glyph",
    "clang -O2": "changed=font_first,font_last,font_next",
  },
  "aliases/added": {},
  "aliases/removed": {},
  "aliases/changed": {},
  "weak/body": {},
  // A weak function may be replaced when linked, a strong one is inlined.
  "weak/to-strong-refused": { "clang -O2|clang -Os": "changed=cpu_has" },
  "weak/new-reference": {},
  "exports/body": {},
  "hooks/apply": {},
  "sections/middle-grows": {},
  "sections/new-in-front": {},
  "sections/reordered": {},
  "sections/wrong-callee": {},
  "sections/one-data": {},
  "loop-driver/ioctl": {},
};

function expected(name: string, setting: string): string {
  const row = Object.entries(CASES[name] ?? {}).find(([where]) => where.split("|").includes(setting));
  return row?.[1] ?? trueVerdict(name);
}

/** All that was found, against all that is right, in one comparison. */
function expectTrue(name: string, found: Record<string, Record<string, string>>): void {
  const right = Object.entries(found).map(([setting, row]) => [
    setting,
    Object.fromEntries(Object.keys(row).map((variant) => [variant, expected(name, setting)])),
  ]);
  expect(found).toEqual(Object.fromEntries(right));
}

const X86 = ["-mno-red-zone", "-fcf-protection=none"];
const LEVELS = ["-O0", "-O2", "-Os"];

describe("x86-64: neither sections nor -fPIC make a difference, whatever the compiler and its optimisation", () => {
  const compilers = ["gcc", "clang"].filter(isInstalled);
  const all = settings(compilers, LEVELS);
  it.for(
    sampled(
      Object.keys(CASES).map((name, i) => [name, i] as const),
      8,
    ),
  )("%s", async ([name, i], { skip }) => {
    if (all.length === 0) skip("neither gcc nor clang is installed");
    expectTrue(name, await verdictsOf(name, chosen(all, i, 2), SECTIONS_AND_PIC, X86));
  });

  it("has both compilers", ({ skip }) => {
    needPrograms(skip, "gcc", "clang");
  });
});

describe("AArch64: sections make no difference", () => {
  const compiler = "aarch64-linux-gnu-gcc";
  const all = settings([compiler], LEVELS);
  const names = Object.keys(CASES).filter((name) => name.startsWith("text/"));

  it.for(
    sampled(
      names.map((name, i) => [name, i] as const),
      8,
    ),
  )("%s", async ([name, i], { skip }) => {
    needPrograms(skip, compiler);
    expectTrue(name, await verdictsOf(name, chosen(all, i, 1), SECTIONS, []));
  });

  // Variables are reached from a common anchor, by a distance in the instruction that moves with every new variable.
  it.for(["statics/renumbered", "statics/once-flag"])("%s, with section anchors", async (name, { skip }) => {
    needPrograms(skip, compiler);
    expectTrue(name, await verdictsOf(name, settings([compiler], LEVELS), SECTIONS, []));
  });

  it("data/bss-to-data-refused: two variables in one section share an anchor, and their reader becomes other code", async ({
    skip,
  }) => {
    needPrograms(skip, compiler);
    const found = await verdictsOf("data/bss-to-data-refused", settings([compiler], ["-O2"]), SECTIONS, []);
    // csel of two loads before; a branch around the load of the second, through the anchor, after.
    expect(found).toEqual({ [`${compiler} -O2`]: { plain: "changed=volume_get", sections: "" } });
  });
});
