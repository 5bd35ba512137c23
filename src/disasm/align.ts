/*
 * The differences of two sequences, in as few edits as possible where that is cheap, and bounded where it is not.
 *
 * What both begin and end with is set aside. Myers' greedy algorithm ("An O(ND) Difference Algorithm and Its Variations", 1986)
 * finds the shortest script of up to MOST_EDITS insertions and deletions: all that a patch usually does to a function. A
 * function that was rewritten has more; then items that occur once on each side and stand in the same order on both divide the
 * problem ("patience diff"), and each part is looked at by itself. A part without such items, or whatever is left when the
 * budget is spent, is one coarse edit. So time grows linearly with length, and memory is linear plus a constant.
 */

/** pre[pre, preEnd) becomes post[post, postEnd); one of the two may be empty. Between two edits both sides are equal, item by item. */
export interface Edit {
  readonly pre: number;
  readonly preEnd: number;
  readonly post: number;
  readonly postEnd: number;
}

/** Insertions plus deletions up to which the shortest script is sought; its trace has at most the square of this. */
const MOST_EDITS = 400;
/** Comparisons per item of both sides, all searches together. */
const BUDGET_PER_ITEM = 500;

/** The edits that turn pre into post, in order; [] when they are equal. */
export function align(pre: readonly string[], post: readonly string[]): Edit[] {
  const names = new Map<string, number>();
  const aligner = new Aligner(numbersOf(pre, names), numbersOf(post, names));
  aligner.align({ from: 0, to: pre.length, start: 0, end: post.length });
  return joined(aligner.edits);
}

/** Equal strings get equal numbers, which compare faster. */
function numbersOf(items: readonly string[], names: Map<string, number>): Int32Array {
  return Int32Array.from(items, (item) => {
    const known = names.get(item);
    if (known !== undefined) return known;
    names.set(item, names.size);
    return names.size - 1;
  });
}

/** A part of both sides: a[from, to) against b[start, end). */
interface Part {
  readonly from: number;
  readonly to: number;
  readonly start: number;
  readonly end: number;
}

class Aligner {
  readonly edits: Edit[] = [];
  readonly #a: Int32Array;
  readonly #b: Int32Array;
  #budget: number;

  constructor(a: Int32Array, b: Int32Array) {
    this.#a = a;
    this.#b = b;
    this.#budget = BUDGET_PER_ITEM * (a.length + b.length);
  }

  /** Appends the edits of a part, in order. */
  align(part: Part): void {
    let { from, to, start, end } = part;
    for (; from < to && start < end && this.#a[from] === this.#b[start]; from++) start++;
    for (; from < to && start < end && this.#a[to - 1] === this.#b[end - 1]; to--) end--;
    const rest = { from, to, start, end };
    if (from === to || start === end) this.#replace(rest);
    else if (!this.#shortest(rest)) this.#divide(rest);
  }

  #replace({ from, to, start, end }: Part): void {
    if (from < to || start < end) this.edits.push({ pre: from, preEnd: to, post: start, postEnd: end });
  }

  /** Appends the shortest script; false when it would have too many edits. */
  #shortest(part: Part): boolean {
    const most = Math.min(MOST_EDITS, part.to - part.from + (part.end - part.start));
    // By diagonal (place in a minus place in b), counted from the middle: how far into a the best script of d edits comes.
    const reach = new Int32Array(2 * most + 3);
    const trace: Int32Array[] = [];
    for (let d = 0; d <= most && this.#budget > 0; d++) {
      const isDone = this.#step(part, reach, d, most + 1);
      trace.push(reach.slice(most + 1 - d, most + 2 + d));
      if (!isDone) continue;
      this.#backtrack(part, trace);
      return true;
    }
    return false;
  }

  /** Extends every diagonal by one edit and then as far as both sides are equal; true when one comes to the end of both. */
  #step({ from, to, start, end }: Part, reach: Int32Array, d: number, middle: number): boolean {
    for (let k = -d; k <= d; k += 2) {
      const down = reach[middle + k + 1] as number;
      const right = reach[middle + k - 1] as number;
      const first = d === 0 ? 0 : isDown(d, k, right, down) ? down : right + 1;
      let x = from + first;
      let y = start + first - k;
      for (; x < to && y < end && this.#a[x] === this.#b[y]; x++) y++;
      this.#budget -= 1 + x - from - first;
      reach[middle + k] = x - from;
      if (x >= to && y >= end) return true;
    }
    return false;
  }

  /** Walks the trace from the end to the start and appends the edits it finds, first ones first. */
  #backtrack({ from, to, start, end }: Part, trace: readonly Int32Array[]): void {
    const found: Edit[] = [];
    let k = to - from - (end - start);
    for (let d = trace.length - 1; d > 0; d--) {
      const before = trace[d - 1] as Int32Array;
      const reached = (diagonal: number): number => before[diagonal + d - 1] ?? 0;
      const inserts = isDown(d, k, reached(k - 1), reached(k + 1));
      k += inserts ? 1 : -1;
      const pre = from + reached(k);
      const post = start + reached(k) - k;
      found.push({ pre, preEnd: inserts ? pre : pre + 1, post, postEnd: inserts ? post + 1 : post });
    }
    for (let i = found.length - 1; i >= 0; i--) this.edits.push(found[i] as Edit);
  }

  /** Splits at items that occur once on each side; where there are none, everything is replaced. */
  #divide(part: Part): void {
    const anchors = this.#budget > 0 ? this.#anchors(part) : [];
    if (anchors.length === 0) {
      this.#replace(part);
      return;
    }
    let { from, start } = part;
    for (const [x, y] of anchors) {
      this.align({ from, to: x, start, end: y });
      from = x + 1;
      start = y + 1;
    }
    this.align({ ...part, from, start });
  }

  /** Places of items that are unique on both sides, as many as stand in the same order on both. */
  #anchors({ from, to, start, end }: Part): Place[] {
    const post = uniquePlaces(this.#b, start, end);
    const places: Place[] = [];
    for (const [item, x] of uniquePlaces(this.#a, from, to)) {
      const y = post.get(item) ?? -1;
      if (x >= 0 && y >= 0) places.push([x, y]);
    }
    return increasing(places.sort(([x], [y]) => x - y));
  }
}

/** A place in a and the one in b that is the same. */
type Place = readonly [x: number, y: number];

/** Whether diagonal k is reached farther by an insertion (from the one above) than by a deletion. */
function isDown(d: number, k: number, right: number, down: number): boolean {
  return k === -d || (k !== d && right < down);
}

/** Where each item stands; −1 for one that stands in several places. */
function uniquePlaces(items: Int32Array, from: number, to: number): Map<number, number> {
  const places = new Map<number, number>();
  for (let i = from; i < to; i++) {
    const item = items[i] as number;
    places.set(item, places.has(item) ? -1 : i);
  }
  return places;
}

/** The longest subsequence in which the second numbers rise; the first ones do already. Patience sorting. */
function increasing(places: readonly Place[]): Place[] {
  const piles: number[] = [];
  const previous: number[] = [];
  for (const [i, [, y]] of places.entries()) {
    let low = 0;
    let high = piles.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((places[piles[middle] as number] as Place)[1] < y) low = middle + 1;
      else high = middle;
    }
    previous.push(low === 0 ? -1 : (piles[low - 1] as number));
    piles[low] = i;
  }
  const longest: Place[] = [];
  for (let i = piles.at(-1) ?? -1; i >= 0; i = previous[i] as number) longest.push(places[i] as Place);
  return longest.reverse();
}

/** Edits that touch become one. */
function joined(edits: readonly Edit[]): Edit[] {
  const result: Edit[] = [];
  for (const edit of edits) {
    const last = result.at(-1);
    if (last !== undefined && last.preEnd === edit.pre && last.postEnd === edit.post) {
      result[result.length - 1] = { ...last, preEnd: edit.preEnd, postEnd: edit.postEnd };
    } else result.push(edit);
  }
  return result;
}
