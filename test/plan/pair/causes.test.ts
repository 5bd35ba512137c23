import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { FunctionChange } from "../../../src/contract/description.ts";
import { describePair } from "../../support/describe-pair.ts";
import { describeLayoutPair } from "../../support/layouts.ts";
import { FIXTURES, join } from "../../support/paths.ts";

/** `constant 4096 2048`, `inlined-change pipe_full`, `instructions`: the cause that tells most. */
function headline({ causes = [] }: FunctionChange): string {
  const [first] = causes;
  return [first?.kind, first?.name, first?.pre, first?.post].filter((part) => part !== undefined).join(" ");
}

const folders = readdirSync(join(FIXTURES, "source")).sort();

describe("why functions changed, and where", () => {
  it.each(folders)("source/%s: an inline function, a text and a check are told by name and line", async (name) => {
    const folder = join(FIXTURES, "source", name);
    const { functions, summary } = await describePair(join(folder, "pre.o"), join(folder, "post.o"));
    const of = (wanted: string): FunctionChange => functions.find((one) => one.name === wanted) as FunctionChange;
    expect(headline(of("do_splice"))).toBe("inlined-change pipe_full");
    expect(headline(of("message"))).toBe('string "too many" "too many pipes"');
    expect(headline(of("checked"))).toBe("instructions");
    expect(of("checked").source).toMatchObject({
      pre: { declared: { file: "pipe.c", line: 51 } },
      post: { declared: { file: "pipe.c", line: 53 }, differs: { file: "pipe.c" } },
    });
    expect(functions.map((one) => one.source?.post?.declared.line)).toEqual([53, 19, 32, 41, 48]);
    // Clang writes do_tee anew; the others say the inline function once for both.
    if (name !== "causes-clang") {
      expect(headline(of("do_tee"))).toBe("inlined-change pipe_full");
      expect(summary?.inlined).toEqual([{ name: "pipe_full", functions: 2 }]);
    }
  });

  it.each([
    ["causes", "4096", "2048"],
    ["causes-dwarf2", "4096", "2048"],
    ["causes-aarch64", "4096", "2048"],
    ["causes-ppc64le", "4096", "2048"],
    ["causes-clang", "4097", "2049"],
  ])("source/%s: a constant alone is told with both values", async (name, pre, post) => {
    const folder = join(FIXTURES, "source", name);
    const { functions } = await describePair(join(folder, "pre.o"), join(folder, "post.o"));
    expect(functions.find((one) => one.name === "limit")?.causes).toEqual([{ kind: "constant", pre, post }]);
  });

  it("a member that moved names itself, not the displacement", async () => {
    const { functions } = await describeLayoutPair("sta-lock/dwarf5");
    const kinds = functions.flatMap(({ causes = [] }) => causes.filter(({ kind }) => kind === "data-layout"));
    expect(kinds.length).toBeGreaterThan(0);
    expect(kinds[0]?.name).toMatch(/^(sizeof\()?struct /);
  });

  it.each([
    ["text/body", "constant 100 90"],
    ["text/call-target", "reference bus_read+0 bus_reset+0"],
    ["clones/cold", "part-of-parent; instructions"],
    ["clones/constprop-appears", "callee-signature stretch"],
    ["aarch64/cold-part", "instructions"],
    ["strings/changed", "string"],
    ["special/alternative-replacement", "table-entry .altinstr_replacement"],
  ])("%s: %s", async (name, expected) => {
    const { functions } = await describePair(join(FIXTURES, name, "pre.o"), join(FIXTURES, name, "post.o"));
    const changed = functions.filter(({ status }) => status === "changed");
    expect(changed.map(headline).join("; ")).toContain(expected);
  });

  it("every changed function of every fixture has a cause, and no other one has", async () => {
    for (const name of ["text/body", "clones/constprop-appears", "bug-table/added", "entry-points/second-entry"]) {
      const { functions } = await describePair(join(FIXTURES, name, "pre.o"), join(FIXTURES, name, "post.o"));
      for (const { status, causes, label } of functions)
        expect([label, (causes?.length ?? 0) > 0]).toEqual([label, status === "changed"]);
    }
  });
});
