/*
 * The one way from a pair of objects to what the pair contributes to an update. The library, the command and its threads
 * take it, so all three give the same verdict.
 */

import type { PairFragment } from "../contract/part.ts";
import { diffSelected, diffSpans, type ObjectDiff } from "../diff/diff.ts";
import type { ElfObject } from "../elf/object.ts";
import { UsageError } from "../errors.ts";
import { objectName } from "../input/object-name.ts";
import { moduleNameOf, moduleNameOfPath, VMLINUX } from "../input/target.ts";
import { withSlashes } from "../paths.ts";
import { hasTypes, usesShadow } from "../types/presence.ts";
import type { LayoutPlan } from "./layouts/layouts.ts";
import { mayHaveEntryHooks } from "./pair/entry-points.ts";
import { type FragmentOptions, planFragment } from "./pair/fragment.ts";
import { type PlannedPair, planPair } from "./pair/pair.ts";
import { readSources } from "./pair/sources.ts";

/** What the caller may decide for one pair. */
export interface DescribeOptions extends FragmentOptions {
  /** What is patched: vmlinux or a module's name. Default: the module that the objects or their paths name, else vmlinux. */
  readonly target?: string | undefined;
  /** Of objects with at least so many sections no spans are made of what is the same and of no account. Infinity: of all. */
  readonly manySections?: number | undefined;
}

/** A pair that was compared: what an update needs of it, and the comparison itself with its labels. */
export interface DescribedPair {
  readonly fragment: PairFragment;
  readonly pair: PlannedPair;
}

/**
 * Compares two objects, and describes what the pair contributes to an update; undefined: there is no object on that side, so
 * all functions of the other are new or deleted. Layouts of types are compared where an object has DWARF or BTF; their
 * readers are loaded only then. Debug information that cannot be read is a finding. Throws UsageError without any object,
 * FormatError and UnsupportedError for objects that cannot be compared.
 */
export async function describePair(
  pre: ElfObject | undefined,
  post: ElfObject | undefined,
  options: DescribeOptions = {},
): Promise<DescribedPair> {
  const selected = pre === undefined || post === undefined ? undefined : await describeSelected(pre, post, options);
  if (selected !== undefined) return selected;
  const { pair, absent } = comparePair(pre, post, options);
  const layouts = absent === undefined ? await layoutsOf(pair) : undefined;
  const sources = await readSources(pair, layouts?.sections);
  return { fragment: planFragment(pair, options, { layouts, absent, sources }), pair };
}

/**
 * Describes a pair by what differs and what that has to do with: the same description, at a cost that follows the change.
 * Undefined where the description may have to tell of something that is the same on both sides.
 */
async function describeSelected(
  pre: ElfObject,
  post: ElfObject,
  options: DescribeOptions,
): Promise<DescribedPair | undefined> {
  if (options.oldCode === "all" || [pre, post].some((object) => hasTypes(object) || usesShadow(object)))
    return undefined;
  const diff = diffSelected(pre, post, options.manySections);
  if (diff === undefined) return undefined;
  const pair = labelPair(diff, options);
  const fragment = planFragment(pair, options, { sources: await readSources(pair) });
  const isWhole = fragment.switchOver === undefined && fragment.liveUpdate === undefined;
  // Whether any function of the object can be redirected at its entry is asked of all of them.
  return isWhole && (fragment.hasEntryHooks === true || !mayHaveEntryHooks(pre, post)) ? { fragment, pair } : undefined;
}

/** The comparison of what two objects hold, types left aside, and the side on which there is no object. */
export function comparePair(
  pre: ElfObject | undefined,
  post: ElfObject | undefined,
  options: DescribeOptions,
): { readonly pair: PlannedPair; readonly absent: "pre" | "post" | undefined } {
  const one = post ?? pre;
  if (one === undefined) throw new UsageError("a pair without objects");
  const absent = pre === undefined ? "pre" : post === undefined ? "post" : undefined;
  const diff = diffSpans(pre ?? nothingLike(one), post ?? nothingLike(one));
  return { pair: labelPair(diff, options), absent };
}

/** The comparison of two objects with labels, the object's name and its target. */
export function labelPair(diff: ObjectDiff, options: DescribeOptions = {}): PlannedPair {
  const [pre, post] = [diff.pre.table.object, diff.post.table.object];
  const name = options.name ?? objectName(withSlashes(pre.file), withSlashes(post.file));
  const target = options.target ?? moduleNameOf(post) ?? moduleNameOf(pre) ?? moduleNameOfPath(name) ?? VMLINUX;
  return planPair(diff, 0, name, target);
}

/** Layouts and shadow variables; undefined where neither object has types or uses shadow variables. */
async function layoutsOf(pair: PlannedPair): Promise<LayoutPlan | undefined> {
  const objects = [pair.diff.pre.table.object, pair.diff.post.table.object];
  if (!objects.some((object) => hasTypes(object) || usesShadow(object))) return undefined;
  const { planLayouts } = await import("./layouts/layouts.ts");
  return planLayouts(pair);
}

/** An object of the same machine with nothing in it. */
function nothingLike(object: ElfObject): ElfObject {
  return {
    ...object,
    bytes: new Uint8Array(0),
    sections: [],
    symbols: [],
    groups: [],
    relocationsOf: () => [],
    relocationSectionsOf: () => [],
  };
}
