import { describe, expect, it } from "vitest";
import { RUNGS } from "../../src/contract/names/rungs.ts";
import { renderExplanation } from "../../src/report/explain.ts";
import { describePair } from "../support/describe-pair.ts";
import { FIXTURES, join } from "../support/paths.ts";

const explain = async (name: string): Promise<string> =>
  renderExplanation(
    await describePair(join(FIXTURES, name, "pre.o"), join(FIXTURES, name, "post.o"), { target: "loop" }),
  );

describe("renderExplanation", () => {
  it.each(["switch-over/loop", "switch-over/loop-core-refused", "switch-over/called-too", "no-change/identical"])(
    "%s: every rung in order, on lines of at most 100 characters",
    async (name) => {
      const lines = (await explain(name)).split("\n");
      const rungs = lines.flatMap(
        (line) => /^ {2}([a-z]\S*) +(?:applicable|needs-work|not-applicable)$/.exec(line)?.[1] ?? [],
      );
      expect(rungs).toEqual([...RUNGS]);
      expect(lines.filter((line) => line.length > 100)).toEqual([]);
    },
  );

  it("gives the work, the findings and the steps", async () => {
    const text = await explain("switch-over/loop");
    expect(text).toContain("recommended: splice");
    expect(text).toMatch(/reached:\n +- lo_open<\S+> by lo_fops<\S+>\+0x0\n/);
    expect(text).toMatch(/switch-over +needs-work/);
    expect(text).toMatch(/to do:\n +- move these variables/);
    expect(text).toContain("note shared-module-state:");
    expect(text).toMatch(/steps:\n +- move these variables/);
  });

  it("names a slot of an array by its element", async () => {
    expect(await explain("switch-over/array")).toMatch(/plain_send<\S+> by protocols<\S+>\[0\]\+0x10/);
  });

  it("cuts a name that no line can hold", async () => {
    const update = await describePair(join(FIXTURES, "text/body/pre.o"), join(FIXTURES, "text/body/post.o"));
    const [first] = update.verdict.rungs;
    const rungs = [{ ...(first as NonNullable<typeof first>), why: "x".repeat(250) }];
    const lines = renderExplanation({ ...update, verdict: { ...update.verdict, rungs } }).split("\n");
    expect(lines.filter((line) => line.length > 100)).toEqual([]);
    expect(lines.join("").match(/x/g)?.length).toBe(250);
  });
});
