import { existsSync, readFileSync } from "node:fs";
import {
  assembleUpdate,
  type DescribeOptions,
  identicalFragment,
  type PairFragment,
  readObject,
  readSuppressions,
  type UpdateDescription,
} from "../../src/index.ts";
import { diffOf } from "./built-pair.ts";
import type { ElfExtra, Part } from "./elf-parts.ts";
import { FIXTURES, join, objectsBelow, relative } from "./paths.ts";
import { fragmentOf, fragmentOfObjects } from "./plan-diff.ts";

/** What each pair of a fixture of several objects contributes; what lies in `drivers` is a module of its own. */
export function treeFragments(tree: string, options: DescribeOptions = {}): PairFragment[] {
  const root = (side: string): string => join(FIXTURES, "trees", tree, side);
  const paths = new Set(
    ["pre", "post"].flatMap((side) => objectsBelow(root(side)).map((path) => relative(root(side), path))),
  );
  return [...paths].map((path) => {
    const name = path.replaceAll("\\", "/");
    const target = /^drivers\/(.*)\.o$/.exec(name)?.[1] ?? "vmlinux";
    const read = (side: string): Buffer | undefined =>
      existsSync(join(root(side), path)) ? readFileSync(join(root(side), path)) : undefined;
    const [pre, post] = [read("pre"), read("post")];
    const all = { ...options, name, target };
    if (pre !== undefined && post !== undefined && pre.equals(post)) {
      const file = (side: string) => ({ path: `${side}/${name}`, size: pre.length });
      return identicalFragment({ name, target, pre: file("pre"), post: file("post") }, pre);
    }
    const [before, after] = [pre && readObject(pre, `pre/${name}`), post && readObject(post, `post/${name}`)];
    return fragmentOfObjects(before, after, all);
  });
}

/** One built pair: name, pre, post, target. */
export type BuiltPair = readonly [
  name: string,
  pre: readonly Part[],
  post: readonly Part[],
  target?: string,
  extra?: ElfExtra,
];

export function builtFragments(...pairs: readonly BuiltPair[]): PairFragment[] {
  return pairs.map(([name, pre, post, target, extra]) => fragmentOf(diffOf(pre, post, extra), { name, target }));
}

/** The update of several built pairs, with the lines of a suppression file. */
export function updateOfMany(pairs: readonly BuiltPair[], rules = ""): UpdateDescription {
  return assembleUpdate(builtFragments(...pairs), { suppress: readSuppressions(rules, "rules") });
}

/** Findings as `code: message`, notes left out on request. */
export function findingLines(update: UpdateDescription, code?: string): string[] {
  return update.findings
    .filter((one) => code === undefined || one.code === code)
    .map((one) => `${one.code}: ${one.message}`);
}
