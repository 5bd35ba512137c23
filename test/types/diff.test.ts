import { describe, expect, it } from "vitest";
import { diffLayouts } from "../../src/types/diff.ts";
import { changeWords, layoutsOfFixture } from "../support/layouts.ts";

const BIT_FIELDS = [
  "struct link:  [because of struct link_state]",
  "struct link_state: speed resized, duplex moved, signed_level moved, serial moved, paused added",
];
const EMBEDDED = [
  "struct bridge: ports resized, used moved [because of struct port]",
  "struct counter: errors moved, dropped added",
  "struct port: rx resized, tx moved+resized, name moved [because of struct counter]",
];

describe("differences between two builds", () => {
  it.each([
    [
      "a member is added; those behind it move",
      "sta-lock/dwarf5",
      ["struct sta_info: ps_queue moved, deliver moved, ps_lock added"],
    ],
    ["the same from BTF", "sta-lock/btf", ["struct sta_info: ps_queue moved, deliver moved, ps_lock added"]],
    [
      "a struct changes because one in it does, however deep; not one that only points to it",
      "embedded/dwarf5",
      EMBEDDED,
    ],
    ["the same from BTF", "embedded/btf", EMBEDDED],
    ["bit fields grow and move within a struct that keeps its size", "bit-fields/dwarf5", BIT_FIELDS],
    ["bit fields of DWARF 2", "bit-fields/dwarf2", BIT_FIELDS],
    ["bit fields, most significant bit first", "bit-fields/s390x", BIT_FIELDS],
    [
      "an enum grows in the middle: values change",
      "enum-growth/dwarf5",
      [
        "enum colour: BLUE added",
        "enum phase: PHASE_RUN changed, PHASE_WAIT added",
        "enum {DEPTH, …}: DEPTH changed",
        "struct job:  [because of enum colour, enum phase]",
      ],
    ],
    [
      "unions and anonymous parts: members by the names that C uses",
      "union/dwarf5",
      [
        "struct address: cache moved, cache[].bytes moved, cache[].valid moved, v6 added, v6.bytes added",
        "typedef table_t: slots resized [because of union value]",
        "union value: text added",
      ],
    ],
    [
      "another name at the same place is a rename; two that swap places are moved",
      "renamed/dwarf5",
      ["struct budget: limit renamed to ceiling, used retyped, low moved, high moved, refill retyped"],
    ],
  ])("%s (%s)", async (_what, name, changes) => {
    const diffs = diffLayouts(await layoutsOfFixture(name, "pre"), await layoutsOfFixture(name, "post"));
    const onBoth = diffs.filter(({ pre, post }) => pre !== undefined && post !== undefined);
    expect(onBoth.map(changeWords)).toEqual(changes);
  });

  it("none, when both sides define the same", async () => {
    const one = await layoutsOfFixture("union/dwarf5", "pre");
    expect(diffLayouts(one, await layoutsOfFixture("union/dwarf5", "pre"))).toEqual([]);
  });

  it("none between two ways to write the same debug information", async () => {
    const of = (variant: string) => layoutsOfFixture(`sta-lock/${variant}`);
    for (const variant of ["dwarf2", "types5", "compressed"]) {
      const members = diffLayouts(await of("dwarf5"), await of(variant)).filter(({ members }) => members.length > 0);
      expect(members.map(changeWords)).toEqual([]);
    }
  });

  it("types that only one side has", async () => {
    const diffs = diffLayouts(
      await layoutsOfFixture("shadow-used/dwarf5", "pre"),
      await layoutsOfFixture("shadow-used/dwarf5"),
    );
    expect(diffs.map(({ key, pre, post }) => `${key} ${pre === undefined} ${post === undefined}`)).toContain(
      "typedef spinlock_t true false",
    );
  });
});
