import { describe, expect, it } from "vitest";
import { describePair, functionNames } from "../support/describe-pair.ts";
import { FIXTURES, join, readText } from "../support/paths.ts";

/** The rows of images.tsv: the case, its command, functions that differ in post, and those that differ in other besides. */
const ROWS = readText(join(FIXTURES, "images.tsv"))
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"))
  .map((line) => line.split("\t") as [string, string, string, string]);

describe("linked images: what moved is the same, what leads elsewhere is not", () => {
  it.each(ROWS)("%s", async (name, _command, changed, besides) => {
    const namesOf = async (side: string): Promise<Record<string, string[]>> => {
      const update = await describePair(join(FIXTURES, name, "pre.elf"), join(FIXTURES, name, `${side}.elf`));
      const [differing, added, deleted] = ["changed", "new", "deleted"] as const;
      return Object.fromEntries([differing, added, deleted].map((status) => [status, functionNames(update, status)]));
    };
    const none = { new: [], deleted: [] };
    expect(await namesOf("post")).toEqual({ changed: changed.split(","), ...none });
    expect(await namesOf("other")).toEqual({ changed: [...changed.split(","), ...besides.split(",")].sort(), ...none });
  });
});
