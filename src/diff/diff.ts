import type { ElfObject } from "../elf/object.ts";
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

/** Compares two objects: spans, pairs, differences, and what follows from them. */
export function diffSpans(preObject: ElfObject, postObject: ElfObject): ObjectDiff {
  const pre = sideOf(preObject);
  const post = sideOf(postObject);
  const pairing = correlate(pre, post);
  // From here on every post span has a twin or is new.
  const outcome = propagate(pre, post, pairing);
  // From here on every pair has its fate, with reasons.
  return { pre, post, pairing, outcome };
}
