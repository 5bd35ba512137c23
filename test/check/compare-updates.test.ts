import { describe, expect, it } from "vitest";
import { compareUpdates } from "../../src/check/compare-updates.ts";
import type { TableComparison } from "../../src/contract/comparison.ts";
import type { UpdateDescription } from "../../src/index.ts";
import { renderComparison } from "../../src/report/compare-text.ts";
import { updateOf } from "../support/built-pair.ts";
import { describePair } from "../support/describe-pair.ts";
import { data, type Part, rodata, section, text } from "../support/elf-parts.ts";
import { FIXTURES, join } from "../support/paths.ts";

const nops = "90".repeat(8);
const fn = (name: string, byte: string, rest = ""): Part =>
  text(name, `b8${byte}000000${nops}${rest}c3`, { bind: "global" });
const bug = (f: number, g: number): Part => {
  const line = (n: number): string => `${n.toString(16).padStart(2, "0")}000000`;
  return section("__bug_table", `{PC32 f}{PC32 .rodata.t}${line(f)}{PC32 g}{PC32 .rodata.t}${line(g)}`);
};
const base = [fn("f", "01"), fn("g", "01"), rodata("t", "01020304")];
const v1 = updateOf(base, [fn("f", "02"), fn("g", "01"), rodata("t", "01020304")]);

/** The rows of a table: `+ g`, `- f`, `f: code status`. */
function rowsOf({ added, dropped, altered }: TableComparison): string[] {
  return [
    ...added.map(({ name }) => `+ ${name}`),
    ...dropped.map(({ name }) => `- ${name}`),
    ...altered.map(({ name, what }) => `${name}: ${what.map(({ field }) => field).join(" ")}`),
  ];
}

describe("functions and patches", () => {
  it.each<[teaches: string, post: Part[], functions: string[], superset: boolean]>([
    ["the same patch", [fn("f", "02"), fn("g", "01"), rodata("t", "01020304")], [], true],
    ["one more function", [fn("f", "02"), fn("g", "02"), rodata("t", "01020304")], ["+ g"], true],
    ["other new code", [fn("f", "03"), fn("g", "01"), rodata("t", "01020304")], ["f: code"], true],
    ["longer new code", [fn("f", "02", "90"), fn("g", "01"), rodata("t", "01020304")], ["f: size code"], true],
    ["another function only", [fn("f", "01"), fn("g", "02"), rodata("t", "01020304")], ["+ g", "- f"], false],
    ["nothing any more", base, ["- f"], false],
    ["deleted instead of changed", [fn("g", "01"), rodata("t", "01020304")], ["f: status code"], true],
  ])("%s", (_teaches, post, functions, superset) => {
    const comparison = compareUpdates(v1, updateOf(base, post));
    expect([rowsOf(comparison.functions), comparison.superset]).toEqual([functions, superset]);
    expect(comparison.lacking.map(({ name }) => name)).toEqual(superset ? [] : ["f"]);
    expect(comparison.otherBase).toEqual([]);
  });

  it("the same bytes with a call of something else are other code", () => {
    const call = (name: string): Part => text("f", `e8{PLT32 ${name}-4}${nops}c3`, { bind: "global" });
    const [a, b] = ["g", "h"].map((name) => updateOf(base, [call(name), fn("g", "01"), rodata("t", "01020304")])) as [
      UpdateDescription,
      UpdateDescription,
    ];
    expect(rowsOf(compareUpdates(a, b).functions)).toEqual(["f: relocations"]);
  });

  it("an update and itself differ in nothing", () => {
    const comparison = compareUpdates(v1, v1);
    for (const name of ["functions", "data", "exports", "patches", "hooks", "findings", "objects"] as const)
      expect(comparison[name]).toEqual({ added: [], dropped: [], altered: [] });
    expect(comparison.verdict).toEqual({ recommended: { a: "splice", b: "splice" }, altered: [] });
    expect(renderComparison(comparison)).toContain("nothing differs");
  });

  it("old code that differs is told: no running system has both", () => {
    const other = updateOf([fn("f", "07"), fn("g", "01")], [fn("f", "02"), fn("g", "01")]);
    expect(compareUpdates(v1, other).otherBase).toEqual([{ target: "vmlinux", label: "f" }]);
  });

  it("another target is another patch", () => {
    const loop = updateOf(base, [fn("f", "02"), fn("g", "01")], {}, { target: "loop" });
    const { superset, patches } = compareUpdates(v1, loop);
    expect([superset, rowsOf(patches)]).toEqual([false, ["+ f", "- f"]]);
  });
});

describe("what covers a patch that writes bytes", () => {
  const withBugs = (f: string, linesF: number, linesG: number): Part[] => [
    fn("f", f),
    fn("g", "01"),
    rodata("t", "01020304"),
    bug(linesF, linesG),
  ];
  const old = withBugs("01", 1, 1);
  const lines = updateOf(old, withBugs("01", 2, 1));

  it.each<[teaches: string, post: Part[], superset: boolean]>([
    ["the same line", withBugs("01", 3, 1), true],
    ["another line only", withBugs("01", 1, 2), false],
    ["the function that the entry belongs to is replaced", withBugs("02", 2, 1), true],
  ])("a bug table's line: %s", (_teaches, post, superset) => {
    expect(lines.changes[0]?.patches.map(({ type }) => type)).toEqual(["bug"]);
    expect(compareUpdates(lines, updateOf(old, post)).superset).toBe(superset);
  });

  it("data rewritten in place", () => {
    const t = (bytes: string): Part[] => [fn("f", "01"), fn("g", "01"), rodata("t", bytes)];
    const a = updateOf(t("01020304"), t("01020305"));
    expect(compareUpdates(a, updateOf(t("01020304"), t("09090909"))).superset).toBe(true);
    expect(compareUpdates(a, v1).superset).toBe(false);
  });
});

describe("the other tables", async () => {
  const fixture = (name: string): Promise<UpdateDescription> =>
    describePair(join(FIXTURES, name, "pre.o"), join(FIXTURES, name, "post.o"));
  const none = await fixture("no-change/identical");

  it.each<[table: "exports" | "hooks" | "data" | "findings", of: string, row: string]>([
    ["exports", "exports/added", "+ "],
    ["hooks", "hooks/apply", "+ "],
    ["data", "rodata/in-place", "+ "],
    ["findings", "init/init-text-refused", "+ "],
  ])("%s: what %s brings is added, and dropped the other way round", async (table, of, sign) => {
    const there = compareUpdates(none, await fixture(of));
    const back = compareUpdates(await fixture(of), none);
    expect(rowsOf(there[table]).length).toBeGreaterThan(0);
    expect(rowsOf(there[table]).every((row) => row.startsWith(sign))).toBe(true);
    expect(back[table].dropped).toEqual(there[table].added);
  });

  it("objects that were built again are altered, wherever they lie", () => {
    const moved = { ...v1, objects: v1.objects.map((one) => ({ ...one, post: { ...one.post, path: "new/x.o" } })) };
    moved.objects[0] = { ...moved.objects[0], post: { ...moved.objects[0]?.post, sha256: "0".repeat(64) } } as never;
    expect(rowsOf(compareUpdates(v1, moved as UpdateDescription).objects)).toEqual(["x.o: post"]);
  });

  it("rows of one key are all kept", async () => {
    const [finding] = (await fixture("init/init-text-refused")).findings;
    const twice = { ...none, findings: [finding, finding] } as UpdateDescription;
    expect(compareUpdates(none, twice).findings.added).toHaveLength(2);
  });

  it("a verdict tells each rung that changed", async () => {
    const { verdict } = compareUpdates(none, await fixture("init/init-text-refused"));
    expect(verdict.recommended.a).toBe("none");
    expect(verdict.altered.map(({ rung }) => rung)).toEqual(expect.arrayContaining(["none", "splice"]));
  });

  it("two architectures cannot be compared", async () => {
    const arm = await fixture("arm/body");
    expect(() => compareUpdates(none, arm)).toThrow(/is for arm, and .* for x86_64/);
  });
});

describe("in words", () => {
  it("short, sorted, and with the answer at the end", () => {
    const b = updateOf(base, [fn("f", "03"), fn("g", "02"), rodata("t", "01020304")], {}, { id: "two" });
    const a = updateOf(base, [fn("f", "02"), fn("g", "01"), rodata("t", "01020304")], {}, { id: "one" });
    const lines = renderComparison(compareUpdates(a, b)).split("\n");
    expect(lines[0]).toBe("ksplice_one → ksplice_two");
    expect(lines).toEqual(
      expect.arrayContaining([
        "functions",
        "  added    vmlinux g",
        expect.stringMatching(/^ {2}altered {2}vmlinux f: code [0-9a-f]{12} → [0-9a-f]{12}$/),
        "patches",
        "  added    vmlinux text g +0x0",
        "verdict: splice in both",
        "superset: yes, ksplice_two patches all that ksplice_one patches",
      ]),
    );
    expect(renderComparison(compareUpdates(b, a))).toContain("superset: no, 1 of ksplice_two's patches is missing");
  });

  it("live data that changes shows as what it is", () => {
    const b = updateOf([...base, data("d", "01000000")], [...base, data("d", "02000000")]);
    expect(renderComparison(compareUpdates(v1, b))).toContain("writable-data-changed");
  });
});
