import { constantName, EM, ET } from "../elf/constants.ts";
import { requireMachineCode } from "../elf/machine-code.ts";
import type { ElfObject } from "../elf/object.ts";
import { UnsupportedError } from "../errors.ts";
import { buildSpans } from "../spans/spans.ts";
import { usesIn } from "../spans/uses.ts";
import { correlate } from "./correlate.ts";
import type { Pairing, Side } from "./pairing.ts";
import { type Outcome, propagate } from "./propagate.ts";

/** Everything that is known about one pair of objects. */
export interface ObjectDiff {
  readonly pre: Side;
  readonly post: Side;
  readonly pairing: Pairing;
  readonly outcome: Outcome;
}

function sideOf(object: ElfObject): Side {
  const table = buildSpans(object);
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
  for (const object of [preObject, postObject]) requireMachineCode(object);
  requireSameTarget(preObject, postObject);
  const pre = sideOf(preObject);
  const post = sideOf(postObject);
  const pairing = correlate(pre, post);
  // From here on every post span has a twin or is new.
  const outcome = propagate(pre, post, pairing);
  // From here on every pair has its fate, with reasons.
  return { pre, post, pairing, outcome };
}
