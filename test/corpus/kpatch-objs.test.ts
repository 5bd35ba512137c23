import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readObject } from "../../src/index.ts";
import { describePair, findingCodes, functionNames, rungStatus } from "../support/describe-pair.ts";
import { CORPUS, HAS_CORPUS, join, readText } from "../support/paths.ts";

interface Fact {
  readonly post: string;
  readonly changed: string[];
  readonly new: string[];
  readonly ignored: string[];
  readonly outcome: "patchable" | "refused" | "no-change";
}

const folder = join(CORPUS, "kpatch-objs");
const facts = HAS_CORPUS ? (JSON.parse(readText(join(folder, "facts.json"))) as Record<string, Fact>) : {};

/** create-diff-object does not list parts of functions: cold ones, and split ones whose function is in the object, go with it. */
function withoutParts(names: readonly string[], object: string): string[] {
  const defined = new Set(readObject(readFileSync(object), object).symbols.map((symbol) => symbol.name));
  return names.filter((name) => {
    const part = /^(.*)\.part\.\d+$/.exec(name)?.[1];
    return !/\.cold(\.\d+)?$/.test(name) && !(part !== undefined && defined.has(part));
  });
}

describe.skipIf(!HAS_CORPUS)("kpatch's own test objects (skipped where the corpus is absent)", () => {
  it.each(Object.entries(facts))("%s", async (name, fact) => {
    const [arch = "", base = ""] = name.split("/");
    const pre = join(folder, arch, `${base}.ORIG.o`);
    const post = join(folder, arch, fact.post);
    const update = await describePair(pre, post);
    expect({
      changed: withoutParts(functionNames(update, "changed"), post),
      new: withoutParts(functionNames(update, "new"), post),
    }).toEqual({ changed: fact.changed, new: fact.new });
    if (fact.outcome === "patchable") expect(rungStatus(update, "splice")).toBe("applicable");
    if (fact.outcome === "no-change") expect(rungStatus(update, "none")).toBe("applicable");
    if (fact.outcome === "refused") expect(findingCodes(update)).toContain("init-text-changed");
  });
});
