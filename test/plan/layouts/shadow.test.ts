import { describe, expect, it } from "vitest";
import type { UpdateDescription } from "../../../src/contract/description.ts";
import { sizeArgument } from "../../../src/plan/layouts/shadow-calls.ts";
import { shadowCoverage } from "../../../src/plan/verdict/shadow-coverage.ts";
import { describeLayoutPair } from "../../support/layouts.ts";
import { schemaErrors } from "../../support/schema.ts";

function shadowFindings({ findings }: UpdateDescription): string[] {
  return findings.filter(({ code }) => code.startsWith("shadow-")).map(({ code, where }) => `${code} ${where.name}`);
}

describe("a shadow variable for each member that came to a live struct", () => {
  it.each([
    ["x86-64", "sta-lock/dwarf5", 16],
    ["BTF", "sta-lock/btf", 16],
    ["i386", "sta-lock/i386", 12],
    ["Arm", "sta-lock/arm", 12],
    ["s390x", "sta-lock/s390x", 16],
    ["MIPS", "sta-lock/mips", 12],
    ["RISC-V", "sta-lock/riscv64", 16],
    ["ppc64le", "sta-lock/ppc64le", 16],
    ["LoongArch", "sta-lock/loongarch64", 16],
    ["AArch64", "sta-lock/aarch64", 16],
  ])("the lock itself, not a pointer to it (%s)", async (_what, name, size) => {
    const { shadow } = await describeLayoutPair(name);
    expect(shadow?.plans).toEqual([
      expect.objectContaining({
        parent: "struct sta_info",
        id: 1,
        member: "ps_lock",
        type: "spinlock_t",
        size,
        constructorNeeded: true,
        lifecycle: "with-parent",
        allocatedIn: ["sta_info_alloc"],
        freedIn: ["sta_info_free"],
      }),
    ]);
    const [alloc] = shadow?.plans[0]?.evidence ?? [];
    expect(alloc).toMatchObject({ function: "sta_info_alloc", kind: "size", callee: "kzalloc" });
  });

  it("a struct in a static variable is never allocated: attach where it is used", async () => {
    const { shadow } = await describeLayoutPair("embedded/dwarf5");
    expect(shadow?.plans).toEqual([
      expect.objectContaining({
        parent: "struct counter",
        member: "dropped",
        lifecycle: "get-or-alloc",
        constructorNeeded: false,
      }),
    ]);
    expect(shadow?.plans[0]?.lifecycleBecause).toContain("bridge");
  });

  it("a flag needs no value", async () => {
    const { shadow } = await describeLayoutPair("bit-fields/dwarf5");
    expect(shadow?.plans.map(({ member, lifecycle }) => `${member} ${lifecycle}`)).toEqual(["paused flag"]);
  });

  it("none for what only lives on a stack", async () => {
    expect((await describeLayoutPair("unused/dwarf5")).shadow).toBeUndefined();
  });
});

const MISUSE_64 = [
  "shadow-pointer-size sta_info_alloc",
  "shadow-two-sizes sta_count_wide",
  "shadow-needs-get-or-alloc sta_count",
  "shadow-not-allocated sta_has_mark",
  "shadow-not-freed sta_info_alloc",
];
// `unsigned int` and `unsigned long` have one size there.
const MISUSE_32 = MISUSE_64.filter((finding) => !finding.startsWith("shadow-two-sizes"));

describe("shadow variables that post uses", () => {
  it.each([["dwarf5"], ["s390x"], ["aarch64"], ["ppc64le"], ["riscv64"], ["loongarch64"], ["i386"], ["arm"], ["mips"]])(
    "rightly: ids and sizes are found, nothing is wrong (%s)",
    async (variant) => {
      const update = await describeLayoutPair(`shadow-used/${variant}`);
      const size = ["i386", "arm", "mips"].includes(variant) ? 12 : 16;
      expect(update.shadow?.uses.map(({ api, id, size: bytes }) => [api, id, bytes])).toEqual([
        ["klp_shadow_alloc", "0x7", size],
        ["klp_shadow_free", "0x7", undefined],
        ["klp_shadow_get_or_alloc", "0x7", size],
      ]);
      expect(shadowFindings(update)).toEqual([]);
      expect(schemaErrors(JSON.parse(JSON.stringify(update)))).toEqual([]);
    },
  );

  it.each([
    ["dwarf5", MISUSE_64],
    ["s390x", MISUSE_64],
    ["aarch64", MISUSE_64],
    ["ppc64le", MISUSE_64],
    ["riscv64", MISUSE_64],
    ["loongarch64", MISUSE_64],
    ["i386", MISUSE_32],
    ["arm", MISUSE_32],
    ["thumb", MISUSE_32],
    ["mips", MISUSE_32],
  ])("wrongly, on %s", async (variant, findings) => {
    expect(shadowFindings(await describeLayoutPair(`shadow-misused/${variant}`))).toEqual(findings);
  });
});

describe("how far shadow variables carry an update", () => {
  it.each([
    ["nothing in the way, none used", "unused/dwarf5", "not-needed", 0],
    ["post uses them, and keeps the struct", "shadow-used/dwarf5", "covered", 0],
    ["each new member can become one", "sta-lock/dwarf5", "plannable", 1],
    ["what only follows from it too", "embedded/dwarf5", "plannable", 3],
    ["used wrongly", "shadow-misused/dwarf5", "plannable", 2],
    ["members that swap places cannot", "renamed/dwarf5", "not-coverable", 1],
    ["a bit field that grows cannot", "bit-fields/dwarf5", "not-coverable", 1],
    ["a union that grows cannot", "union/dwarf5", "not-coverable", 3],
  ])("%s (%s)", async (_what, name, status, count) => {
    const { layouts, shadow, findings } = await describeLayoutPair(name);
    const coverage = shadowCoverage(layouts, shadow, findings);
    expect({ status: coverage.status, count: coverage.because.length }).toEqual({ status, count });
  });
});

describe("allocators, by the argument that is the size", () => {
  it.each([
    ["kmalloc", 0],
    ["kzalloc", 0],
    ["__kmalloc", 0],
    ["__kmalloc_noprof", 0],
    ["kmalloc_trace", 2],
    ["__kmalloc_cache_noprof", 2],
    ["kmem_cache_alloc_trace", 2],
    ["kmem_cache_alloc", -1],
    ["kcalloc", 1],
    ["kvzalloc", 0],
    ["vmalloc", 0],
    ["devm_kmalloc", 1],
    ["__alloc_percpu", 0],
    ["klp_shadow_alloc", undefined],
    ["reallocate_window", undefined],
  ])("%s", (name, at) => {
    expect(sizeArgument(name)).toBe(at);
  });
});
