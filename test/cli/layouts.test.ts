import { describe, expect, it } from "vitest";
import type { UpdateDescription } from "../../src/contract/description.ts";
import { schemaErrors } from "../support/schema.ts";
import { linesOf, pairOf, useProgram } from "./program.ts";

const { run } = useProgram();
const lock = "fixtures/layout/sta-lock/dwarf5/post.o";

describe("inspect --struct", () => {
  it("prints a struct as pahole does, with holes and padding", () => {
    const { status, stdout, stderr } = run(["inspect", lock, "--struct", "sta_info"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(linesOf(stdout)).toEqual([
      "/* unit.c, DWARF */",
      "struct sta_info {",
      "    struct list_head list;                   /*     0    16 */",
      "    unsigned char addr[6];                   /*    16     6 */",
      "    /* 2 bytes hole */",
      "    unsigned int flags;                      /*    24     4 */",
      "    /* 4 bytes hole */",
      "    spinlock_t ps_lock;                      /*    32    16 */",
      "    struct queue ps_queue;                   /*    48    24 */",
      "    void (*deliver)(struct sta_info *, int); /*    72     8 */",
      "    /* size: 80, members: 6, holes: 2, sum holes: 6 */",
      "};",
    ]);
  });

  it("prints enums with their values, unions and anonymous parts", () => {
    expect(run(["inspect", "fixtures/layout/enum-growth/dwarf5/pre.o", "--struct", "enum phase"]).stdout).toContain(
      "    PHASE_FAILED = -5,\n",
    );
    const union = run(["inspect", "fixtures/layout/union/dwarf5/pre.o", "--struct", "address"]).stdout;
    expect(union).toContain("        struct {\n            short unsigned int port;         /*     4     2 */\n");
    expect(union).toContain("    } cache[2];                              /*     8    16 */\n");
  });

  it("prints the same as JSON, from BTF too", () => {
    const args = ["inspect", "fixtures/layout/sta-lock/btf/post.o", "--struct", "struct sta_info", "--format", "json"];
    const { status, stdout } = run(args);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      source: "BTF",
      structs: [
        {
          kind: "struct",
          name: "sta_info",
          size: 80,
          members: { 3: { name: "ps_lock", type: "spinlock_t", offset: 32, size: 16 } },
        },
      ],
    });
  });

  it.each([
    ["a name that no type has", [lock, "--struct", "not-there"], "no type named not-there"],
    ["no debug information", ["fixtures/text/body/pre.o", "--struct", "led"], "no debug information (DWARF or BTF)"],
    [
      "split DWARF",
      ["fixtures/layout/sta-lock/split/pre.o", "--struct", "sta_info"],
      "not read: the types of this unit are in object.dwo",
    ],
    ["a function at once", [lock, "--struct", "sta_info", "--function", "sta_info_free"], "cannot be given together"],
  ])("%s: one line, status 2", (_what, args, problem) => {
    const { status, stdout, stderr } = run(["inspect", ...args]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(linesOf(stderr)).toEqual([expect.stringContaining(problem)]);
  });
});

describe("diff of objects with debug information", () => {
  it("describes layouts and shadow variables; a changed layout stands in the way of splicing", () => {
    const { status, stdout } = run(["diff", ...pairOf("layout/sta-lock/dwarf5"), "--quiet", "--require", "splice"]);
    expect(status).toBe(1);
    const update = JSON.parse(stdout) as UpdateDescription;
    expect(schemaErrors(update)).toEqual([]);
    expect(update.layouts.map(({ name }) => name)).toEqual(["sta_info"]);
    expect(update.shadow?.plans.map(({ member }) => member)).toEqual(["ps_lock"]);
  });

  it("shows both as text, with marks", () => {
    const { stdout } = run(["diff", ...pairOf("layout/sta-lock/dwarf5"), "--quiet", "--format", "text"]);
    expect(stdout).toContain("  changed   struct sta_info  (64 → 80 bytes, alive: heap)\n");
    expect(stdout).toContain("    +     spinlock_t ps_lock;                      /*    32    16 */\n");
    expect(stdout).toContain("    ~     struct queue ps_queue;                   /*    48    24 */\n");
    expect(stdout).toContain("      ps_queue moved 32 → 48\n");
    expect(stdout).toContain("  struct sta_info: spinlock_t ps_lock, 16 bytes, id 1, with-parent\n");
  });

  it("shadow variables are found without debug information too", () => {
    const { stdout } = run(["diff", ...pairOf("layout/shadow-used/dwarf5"), "--quiet", "--format", "text"]);
    expect(stdout).toContain("used     sta_info_alloc: klp_shadow_alloc, id 7, 16 bytes\n");
  });

  it("debug information that is the same on both sides leads to no layout", () => {
    const { stdout } = run(["diff", ...pairOf("no-change/debug-lines"), "--quiet"]);
    const { layouts, verdict } = JSON.parse(stdout) as UpdateDescription;
    expect({ layouts, recommended: verdict.recommended }).toEqual({ layouts: [], recommended: "none" });
  });
});
