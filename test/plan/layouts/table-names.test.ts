import { describe, expect, it } from "vitest";
import { describeLayoutPair } from "../../support/layouts.ts";

describe("tables of functions, named by debug information", () => {
  it.each(["loop-tables/dwarf5", "loop-tables/aarch64"])("%s", async (name) => {
    const { switchOver } = await describeLayoutPair(name);
    const named = (switchOver.tables ?? []).map(({ label, type, slots }) => ({
      label: label.replace(/<.*/, ""),
      type,
      slots: slots.map(({ offset, member, status }) => `${offset} ${member ?? ""} ${status}`),
    }));
    expect(named).toEqual([
      {
        label: "lo_fops",
        type: "struct device_operations",
        slots: ["0 open changed", "8 release same", "16 ioctl moved"],
      },
      {
        label: "transfers",
        type: "struct transfer[2]",
        slots: ["8 [0].by.encode same", "16 [0].by.decode empty", "32 [1].by.encode changed"],
      },
    ]);
  });

  it("a member in the middle moves the slot behind it, whose callers know only the old place", async () => {
    const { switchOver } = await describeLayoutPair("loop-tables/dwarf5");
    const [table] = switchOver.tables ?? [];
    expect(table?.compatibility).toBe("incompatible");
    expect(table?.reasons.join()).toMatch(/lo_ioctl<[^>]*> moves from \+0x10 to \+0x18/);
  });
});
