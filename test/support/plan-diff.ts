import type { PairFragment } from "../../src/contract/part.ts";
import type { ObjectDiff } from "../../src/diff/diff.ts";
import type { ElfObject } from "../../src/elf/object.ts";
import { comparePair, type DescribeOptions, labelPair } from "../../src/plan/describe-pair.ts";
import { planFragment } from "../../src/plan/pair/fragment.ts";
import { hasTypes } from "../../src/types/presence.ts";

/** What a comparison of objects without types contributes, at once: describePair() waits for the readers of types. */
export function fragmentOf(diff: ObjectDiff, options: DescribeOptions = {}): PairFragment {
  refuseTypes(diff.pre.table.object, diff.post.table.object);
  return planFragment(labelPair(diff, options), options);
}

/** The same of two objects; undefined: an object that only the other side has. */
export function fragmentOfObjects(
  pre: ElfObject | undefined,
  post: ElfObject | undefined,
  options: DescribeOptions = {},
): PairFragment {
  refuseTypes(pre, post);
  const { pair, absent } = comparePair(pre, post, options);
  return planFragment(pair, options, { absent });
}

function refuseTypes(...objects: readonly (ElfObject | undefined)[]): void {
  if (objects.some((object) => object && hasTypes(object)))
    throw new Error("these objects have types: use describePair()");
}
