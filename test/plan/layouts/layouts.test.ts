import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { UpdateDescription } from "../../../src/contract/description.ts";
import { diffSpans } from "../../../src/diff/diff.ts";
import { readObject } from "../../../src/elf/object.ts";
import { planLayouts } from "../../../src/plan/layouts/layouts.ts";
import { planPair } from "../../../src/plan/pair/pair.ts";
import { rungStatus } from "../../support/describe-pair.ts";
import { describeLayoutPair, layoutFixture } from "../../support/layouts.ts";
import { FIXTURES, join } from "../../support/paths.ts";
import { schemaErrors } from "../../support/schema.ts";

/** Findings about layouts: `struct-layout-changed struct sta_info`. */
function aboutLayouts({ findings }: UpdateDescription): string[] {
  return findings
    .filter(({ code }) => /^(struct|enum|type|debug-info)-/.test(code))
    .map(({ code, where }) => `${code} ${where.name}`);
}

describe("what a change of layout means for a system that runs", () => {
  it.each([
    ["objects on the heap: an error", "sta-lock/dwarf5", ["struct-layout-changed struct sta_info"], "needs-work"],
    ["the same from BTF", "sta-lock/btf", ["struct-layout-changed struct sta_info"], "needs-work"],
    [
      "each struct around it",
      "embedded/dwarf5",
      [
        "struct-layout-changed struct bridge",
        "struct-layout-changed struct counter",
        "struct-layout-changed struct port",
      ],
      "needs-work",
    ],
    ["only on the stack: a note", "unused/dwarf5", ["struct-layout-unused struct box in area"], "applicable"],
    [
      "values of an enum: a warning; one that is added at the end: nothing",
      "enum-growth/dwarf5",
      ["enum-value-changed enum phase", "enum-value-changed enum {DEPTH, …}"],
      "applicable",
    ],
    [
      "another type of the same size: a warning",
      "retyped/dwarf5",
      ["struct-member-retyped struct timer"],
      "applicable",
    ],
    ["members that swap places", "renamed/dwarf5", ["struct-layout-changed struct budget"], "needs-work"],
    [
      "a struct that stays as it is, and state in shadow variables: the rung above",
      "shadow-used/dwarf5",
      [],
      "not-applicable",
    ],
  ])("%s (%s)", async (_what, name, findings, splice) => {
    const update = await describeLayoutPair(name);
    expect(aboutLayouts(update)).toEqual(findings);
    expect(rungStatus(update, "splice")).toBe(splice);
    expect(schemaErrors(JSON.parse(JSON.stringify(update)))).toEqual([]);
  });

  it("says where objects are alive, and who touches them", async () => {
    const { layouts } = await describeLayoutPair("embedded/dwarf5");
    const bridge = layouts.find(({ name }) => name === "bridge");
    expect(bridge).toMatchObject({ alive: "variable", variables: ["bridge"], own: false, because: ["struct port"] });
    const counter = layouts.find(({ name }) => name === "counter");
    expect(counter?.touchedBy).toContainEqual({
      function: "bridge_errors",
      how: "member",
      by: "pointer",
      via: "struct watcher.bridge",
    });
    const heap = (await describeLayoutPair("sta-lock/dwarf5")).layouts[0];
    expect(heap).toMatchObject({
      name: "sta_info",
      alive: "heap",
      status: "changed",
      pre: { size: 64 },
      post: { size: 80 },
    });
    expect([...new Set(heap?.touchedBy.map((touch) => touch.function))]).toEqual([
      "sta_info_alloc",
      "sta_info_free",
      "sta_ps_deliver_wakeup",
    ]);
  });

  it("gives every changed member its places, and whole layouts where the type itself changed", async () => {
    const { layouts } = await describeLayoutPair("sta-lock/dwarf5");
    expect(layouts[0]?.members).toEqual([
      {
        member: "ps_queue",
        what: ["moved"],
        pre: { type: "struct queue", offset: 32, size: 24 },
        post: { type: "struct queue", offset: 48, size: 24 },
      },
      expect.objectContaining({ member: "deliver", what: ["moved"] }),
      { member: "ps_lock", what: ["added"], post: { type: "spinlock_t", offset: 32, size: 16 } },
    ]);
    expect(layouts[0]?.pre?.members).toHaveLength(5);
    expect(layouts[0]?.post?.members).toHaveLength(6);
  });
});

describe("debug information that cannot be used is a finding, and the code is compared all the same", () => {
  it.each([["split DWARF", "sta-lock/split", "split DWARF"]])("%s", async (_what, name, words) => {
    const update = await describeLayoutPair(name);
    const unread = update.findings.filter(({ code }) => code === "debug-info-unread");
    expect(unread.map(({ where }) => where.side).sort()).toEqual(["post", "pre"]);
    expect(unread[0]?.message).toContain(words);
    expect(update.functions.length).toBeGreaterThan(0);
  });

  it("on one side only", async () => {
    const read = (path: string) => readObject(readFileSync(path), path);
    const plain = join(FIXTURES, "text/body/pre.o");
    const pair = planPair(diffSpans(read(plain), read(layoutFixture("sta-lock/dwarf5", "post"))), 0, "x.o", "vmlinux");
    const { findings, layouts } = await planLayouts(pair);
    expect({ codes: findings.map(({ code }) => code), layouts }).toEqual({
      codes: ["debug-info-one-sided"],
      layouts: [],
    });
  });

  it("none on either side: nothing to say", async () => {
    const read = (side: string) => readObject(readFileSync(join(FIXTURES, "text/body", side)), side);
    const pair = planPair(diffSpans(read("pre.o"), read("post.o")), 0, "x.o", "vmlinux");
    expect(await planLayouts(pair)).toEqual({ layouts: [], shadow: undefined, findings: [] });
  });
});
