import { align, type Edit } from "./align.ts";
import type { Instruction } from "./instruction.ts";

type Listing = readonly Instruction[];

/**
 * The instructions in which two functions differ. A branch within its function is compared without its distance at first, which
 * changes whenever anything between changes. Once it is known which instructions are the same, so are the places that branches
 * lead to: the second comparison tells those that lead elsewhere, and which of several equal branches is which.
 */
export function differingInstructions(pre: Listing, post: Listing): Edit[] {
  const loose = align(
    pre.map(({ normalised }) => normalised),
    post.map(({ normalised }) => normalised),
  );
  const [prePlaces, postPlaces] = placeNames(loose, pre, post);
  return align(pre.map(withPlace(prePlaces)), post.map(withPlace(postPlaces)));
}

function withPlace(places: ReadonlyMap<number, number>): (instruction: Instruction) => string {
  return ({ normalised, inner }) =>
    inner === undefined ? normalised : `${normalised} → ${places.get(inner) ?? "inside"}`;
}

/**
 * For each side, the name of each instruction's offset, and of the end: equal on both sides for instructions that are the same,
 * and for all that belong to one edit.
 */
function placeNames(edits: readonly Edit[], pre: Listing, post: Listing): [Map<number, number>, Map<number, number>] {
  const prePlaces = new Map<number, number>();
  const postPlaces = new Map<number, number>();
  const isPreTarget = targetTest(pre);
  const isPostTarget = targetTest(post);
  const end: Edit = { pre: pre.length + 1, preEnd: pre.length + 1, post: post.length + 1, postEnd: post.length + 1 };
  let i = 0;
  let j = 0;
  for (const [number, edit] of [...edits, end].entries()) {
    for (; i < edit.pre; i++, j++) {
      prePlaces.set(offsetOf(pre, i), i);
      postPlaces.set(offsetOf(post, j), i);
    }
    const isApart = isPreTarget(edit.pre, edit.preEnd) || isPostTarget(edit.post, edit.postEnd);
    const name = isApart ? -1 - number : edit.preEnd;
    for (; i < edit.preEnd; i++) prePlaces.set(offsetOf(pre, i), name);
    for (; j < edit.postEnd; j++) postPlaces.set(offsetOf(post, j), name);
  }
  return [prePlaces, postPlaces];
}

/**
 * Tells whether branches lead both into an edit and to what follows it. If so, the two are different places. If not, code was put
 * before a place that is branched to, or taken from before it, and a branch to it before still leads to it.
 */
function targetTest(listing: Listing): (from: number, end: number) => boolean {
  const targets = new Set(listing.map(({ inner }) => inner));
  const isTarget = (index: number): boolean => targets.has(offsetOf(listing, index));
  return (from, end) => {
    if (!isTarget(end)) return false;
    for (let index = from; index < end; index++) if (isTarget(index)) return true;
    return false;
  };
}

/** Offset of an instruction; one past the last is the end of the code. */
function offsetOf(listing: Listing, index: number): number {
  const last = listing.at(-1);
  return listing[index]?.offset ?? (last === undefined ? 0 : last.offset + last.size);
}
