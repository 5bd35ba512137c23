import { align, type Edit, joined } from "./align.ts";
import type { Instruction } from "./instruction.ts";

type Listing = readonly Instruction[];

/**
 * The instructions in which two functions differ. A branch that stays in its function compares without its distance, which
 * changes whenever anything between changes; once it is known which instructions are the same, so are their places, and a
 * branch that leads to another one counts as an edit after all.
 */
export function differingInstructions(pre: Listing, post: Listing): Edit[] {
  const normalised = (listing: Listing): string[] => listing.map((instruction) => instruction.normalised);
  const edits = align(normalised(pre), normalised(post));
  return withRedirected(edits, pre, post);
}

/** Adds the branches that are equal but for where they lead. */
function withRedirected(edits: readonly Edit[], pre: Listing, post: Listing): Edit[] {
  const isSamePlace = placeTest(edits, pre, post);
  const result: Edit[] = [];
  const addRedirected = (from: number, to: number, shift: number): void => {
    for (let i = from; i < to; i++) {
      const before = pre[i]?.inner;
      const after = post[i + shift]?.inner;
      if (before === undefined || after === undefined || isSamePlace(before, after)) continue;
      result.push({ pre: i, preEnd: i + 1, post: i + shift, postEnd: i + shift + 1 });
    }
  };
  let at = 0;
  for (const edit of edits) {
    addRedirected(at, edit.pre, edit.post - edit.pre);
    result.push(edit);
    at = edit.preEnd;
  }
  addRedirected(at, pre.length, post.length - pre.length);
  return joined(result);
}

/** Tells whether an offset in pre and one in post are the same place: the same instruction, or both within one edit. */
function placeTest(edits: readonly Edit[], pre: Listing, post: Listing): (before: number, after: number) => boolean {
  const preIndex = indexByOffset(pre);
  const postIndex = indexByOffset(post);
  // By index: the instruction in post, or, below zero, the edit.
  const twins = new Int32Array(pre.length + 1);
  const editOf = new Map<number, number>();
  let shift = 0;
  let at = 0;
  for (const [number, edit] of edits.entries()) {
    for (; at < edit.pre; at++) twins[at] = at + shift;
    for (; at < edit.preEnd; at++) twins[at] = -1 - number;
    for (let j = edit.post; j < edit.postEnd; j++) editOf.set(j, -1 - number);
    shift = edit.postEnd - edit.preEnd;
  }
  for (; at <= pre.length; at++) twins[at] = at + shift;
  return (before, after) => {
    const i = preIndex.get(before);
    const j = postIndex.get(after);
    if (i === undefined || j === undefined) return i === j;
    return twins[i] === (editOf.get(j) ?? j);
  };
}

/** Index of each instruction by its offset; the end of the last one counts as a place too. */
function indexByOffset(listing: Listing): Map<number, number> {
  const places = new Map(listing.map(({ offset }, i) => [offset, i]));
  const last = listing.at(-1);
  if (last !== undefined) places.set(last.offset + last.size, listing.length);
  return places;
}
