import { constantName, EM, ET } from "../elf/constants.ts";
import { requireMachineCode } from "../elf/machine-code.ts";
import type { ElfObject } from "../elf/object.ts";
import { UnsupportedError } from "../errors.ts";
import type { Selection } from "../spans/selection.ts";
import { buildSpans } from "../spans/spans.ts";
import { usesIn } from "../spans/uses.ts";
import { correlate } from "./correlate.ts";
import type { Pairing, Side } from "./pairing.ts";
import { type DiffResult, propagate } from "./propagate.ts";
import { changedContext, isComplete } from "./settle/outcome.ts";
import { select, selectSections } from "./settle/settle.ts";

/** Everything that is known about one pair of objects. */
export interface ObjectDiff {
  readonly pre: Side;
  readonly post: Side;
  readonly pairing: Pairing;
  readonly result: DiffResult;
}

function sideOf(object: ElfObject, selection?: Selection): Side {
  const table = buildSpans(object, selection);
  return { table, uses: usesIn(table) };
}

/** Refuses pairs that no patch can have made: other machines, classes or byte orders, one linked and one not. */
function requireSameTarget(pre: ElfObject, post: ElfObject): void {
  const kind = (object: ElfObject): string => (object.type === ET.REL ? "a relocatable object" : "a linked image");
  const words = (object: ElfObject): string =>
    `${kind(object)}, ${constantName(EM, "EM_", object.machine)}, ${object.class} bits, ${object.data === "lsb" ? "little-endian" : "big-endian"}`;
  if (words(pre) === words(post)) return;
  throw new UnsupportedError(
    { file: post.file, member: post.member },
    `${words(post)}, but ${pre.file} is ${words(pre)}: they cannot be two builds of one object`,
  );
}

/** Compares two objects: spans, pairs, differences, and what follows from them. */
export function diffSpans(preObject: ElfObject, postObject: ElfObject): ObjectDiff {
  requireComparable(preObject, postObject);
  return compareSides(sideOf(preObject), sideOf(postObject));
}

function requireComparable(pre: ElfObject, post: ElfObject): void {
  for (const object of [pre, post]) requireMachineCode(object);
  requireSameTarget(pre, post);
}

function compareSides(pre: Side, post: Side): ObjectDiff {
  const pairing = correlate(pre, post);
  // From here on every post span has a twin or is new.
  const result = propagate(pre, post, pairing);
  // From here on every pair has its outcome, with reasons.
  return { pre, post, pairing, result };
}

/** Sections of which an object has at least so many are worth a sweep before any span is made. */
const MANY_SECTIONS = 400;

/** How often more is read when something that is the same on both sides changes as a consequence. */
const MOST_ROUNDS = 4;

/**
 * Compares two objects like diffSpans(), but makes no spans of sections that are the same on both sides and that nothing said
 * of the rest can depend on; undefined where that cannot be told, or would save little.
 */
export function diffSelected(pre: ElfObject, post: ElfObject, least = MANY_SECTIONS): ObjectDiff | undefined {
  requireComparable(pre, post);
  let selected = selectSections(pre, post, least);
  const changed = new Set<number>();
  for (let round = 0; selected !== undefined && round < MOST_ROUNDS; round++) {
    const diff = compareSides(sideOf(pre, selected.pre), sideOf(post, selected.post));
    const moved = changedContext(selected, diff);
    if (moved.length === 0) return isComplete(selected, diff) ? diff : undefined;
    for (const section of moved) changed.add(section);
    selected = select(selected.sweep, changed, selected.share);
  }
  return undefined;
}
