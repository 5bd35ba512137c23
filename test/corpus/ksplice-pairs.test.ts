import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { describePair, findingCodes, functionNames, rungStatus } from "../support/describe-pair.ts";
import { CORPUS, HAS_CORPUS, join, readText } from "../support/paths.ts";

interface Verdict {
  readonly changed: string[];
  readonly added: string[];
  readonly deleted: string[];
  readonly inPlace: string[];
  readonly bugs: number;
  readonly exports: string[];
}

/** The name in a Ksplice label: `t<.text.lab>+0<obj.o>` is `t`. */
function nameIn(label: string): string {
  return label.replace(/<.*$/, "");
}

/** What the original said of a pair. */
function readVerdict(text: string): Verdict {
  const labels = (pattern: RegExp): string[] =>
    [...text.matchAll(pattern)].map((match) => nameIn(match[1] as string)).sort();
  return {
    changed: labels(/^PATCH text (.+)$/gm),
    added: labels(/^NEW text (.+)$/gm),
    deleted: labels(/^DELETED (.+)$/gm),
    inPlace: labels(/^PATCH inplace (.+)$/gm),
    bugs: [...text.matchAll(/^PATCH bug /gm)].length,
    exports: [...text.matchAll(/^NEW export __ksymtab:(.+)$/gm)].map((match) => match[1] as string),
  };
}

/** Where the original dies or is wrong, and what is right instead; `why` is the reason. */
const BETTER: Readonly<Record<string, Partial<Verdict> & { readonly why: string; readonly finding?: string }>> = {
  "alias-removed": { why: "it dies; the code stays, one of its names is gone", finding: "alias-removed" },
  "data-grow2": {
    changed: [],
    why: "a second copy of live data would lose the running value: the users stay, the finding stops the gate",
    finding: "writable-data-resized",
  },
  "data-static-init": { changed: [], why: "as above: the running value survives", finding: "writable-data-changed" },
  "ops-nonconst": { changed: [], why: "as above", finding: "writable-data-changed" },
  "percpu-init": {
    changed: [],
    why: "patching the users changes nothing: every processor has its copy already",
    finding: "percpu-data-changed",
  },
  "ops-grow": {
    changed: ["init"],
    why: "it dies; the new tables and their user are described, the global one is an error",
    finding: "global-rodata-resized",
  },
  "short-new": {
    changed: ["tiny", "u"],
    why: "it dies of the new function's size; the trampoline lies in the old one, which has room",
    finding: "trampoline-no-room-next",
  },
  "rename-global": {
    added: [],
    deleted: [],
    why: "the code is the same: a rename",
    finding: "function-renamed-global",
  },
  "rename-static": { changed: [], added: [], deleted: [], why: "the code is the same: a rename, so no caller changes" },
  "static-local-rename": {
    changed: [],
    why: "every use stands where the other name's stood: the same variables, whose values must survive",
  },
};

describe.skipIf(!HAS_CORPUS)("pairs judged by the original Ksplice differ (skipped where the corpus is absent)", () => {
  const folder = join(CORPUS, "ksplice-pairs");
  const cases = HAS_CORPUS ? readdirSync(folder).sort() : [];

  it("are all 38 there", () => {
    expect(cases).toHaveLength(38);
    expect(Object.keys(BETTER).filter((name) => !cases.includes(name))).toEqual([]);
  });

  it.each(cases)("%s", async (name) => {
    const update = await describePair(join(folder, name, "pre.o"), join(folder, name, "post.o"));
    const original = readVerdict(readText(join(folder, name, "verdict")));
    const { why: _, finding, ...better } = BETTER[name] ?? { why: "" };
    const patches = update.changes.flatMap((change) => change.patches);
    const ours: Verdict = {
      changed: functionNames(update, "changed"),
      added: functionNames(update, "new"),
      deleted: functionNames(update, "deleted"),
      inPlace: update.data
        .filter((change) => change.status === "in-place")
        .map((change) => nameIn(change.label))
        .sort(),
      bugs: patches.filter((patch) => patch.type === "bug").length,
      exports: update.exports.filter((change) => change.status === "new").map((change) => change.name),
    };
    expect(ours).toEqual({ ...original, ...better });
    if (finding !== undefined) expect(findingCodes(update)).toContain(finding);
    expect(rungStatus(update, "splice")).toBe(
      update.findings.some(({ severity }) => severity === "error") ? "needs-work" : "applicable",
    );
  });
});
