/*
 * In which order pages are moved, so that none is overwritten before it is read.
 *
 * Each destination page has one source page, and no two share one: "the page that I overwrite is the source of" is a partial
 * injective map between moves, and its graph consists of paths and cycles. A path is walked from its free end. Example, pages
 * 1 → 2, 2 → 3: the second move goes first, because page 2 must be read before it is overwritten. A cycle (1 → 2, 2 → 1) has
 * no free end: one of its pages is put aside on a spare page, which is free again when the cycle is done, so one spare page
 * serves any number of cycles. Every move is visited once: time and memory are linear. The algorithm of the first kexec
 * patches looked for each page in all earlier ones.
 */

/** A run of pages, moved one after the other: page number + k to page number + k. */
interface Run {
  /** Lowest page number that is read. */
  readonly from: number;
  /** Lowest page number that is written. */
  readonly to: number;
  readonly count: number;
  /** Whether the lowest or the highest page is moved first. */
  readonly order: "ascending" | "descending";
}

/** The moves in their order. */
export interface CopyOrder {
  readonly moves: readonly Run[];
  /** Pages that are where they belong. */
  readonly identity: number;
  /** How often a page is put aside on the spare page. */
  readonly cycles: number;
}

/**
 * Orders the moves `sources[i]` → `destinations[i]`, all of them page numbers. Sources must differ from one another, so must
 * destinations, and `spare` must be none of either.
 */
export function orderCopies(
  sources: ArrayLike<number>,
  destinations: ArrayLike<number>,
  spare: number | undefined,
): CopyOrder {
  const count = sources.length;
  /** By page: the move that overwrites it. */
  const writers = new Map<number, number>();
  const done = new Uint8Array(count);
  let identity = 0;
  for (let move = 0; move < count; move++) {
    if (sources[move] === destinations[move]) {
      done[move] = 1;
      identity++;
    } else writers.set(destinations[move] as number, move);
  }
  /** 1: the page that the move overwrites has been read, or is never read. */
  const ready = new Uint8Array(count).fill(1);
  for (let move = 0; move < count; move++) {
    if (done[move] === 1) continue;
    const writer = writers.get(sources[move] as number);
    if (writer !== undefined) ready[writer] = 0;
  }
  const runs = runCollector();
  const waiting = startsOf(sources, destinations, done, ready);

  /** Makes one move, and returns which one may be made because of it. */
  function make(move: number, from: number): void {
    runs.add(from, destinations[move] as number);
    done[move] = 1;
    release(sources[move] as number);
  }
  function release(page: number): void {
    const writer = writers.get(page);
    if (writer === undefined || done[writer] === 1 || ready[writer] === 1) return;
    ready[writer] = 1;
    waiting.push(writer);
  }
  /** Goes on with neighbours as long as they move by the same distance: such moves are one run. */
  function makeRun(first: number, held: number): void {
    const distance = (destinations[first] as number) - (sources[first] as number);
    const step = distance > 0 ? -1 : 1;
    for (let move = first; ; ) {
      make(move, move === held ? (spare as number) : (sources[move] as number));
      const next = move + step;
      if (next < 0 || next >= count || done[next] === 1 || ready[next] === 0 || next === held) return;
      if ((destinations[next] as number) - (sources[next] as number) !== distance) return;
      if ((sources[next] as number) !== (sources[move] as number) + step) return;
      move = next;
    }
  }
  function makeWaiting(held: number): void {
    for (let move = waiting.pop(); move !== undefined; move = waiting.pop()) if (done[move] === 0) makeRun(move, held);
  }

  makeWaiting(-1);
  // From here on only cycles are left.
  let cycles = 0;
  for (let move = 0; move < count; move++) {
    if (done[move] === 1) continue;
    if (spare === undefined) throw new RangeError("a cycle of pages needs a spare page");
    cycles++;
    runs.add(sources[move] as number, spare);
    release(sources[move] as number);
    makeWaiting(move);
  }
  return { moves: runs.all(), identity, cycles };
}

/** Moves that nothing stands in the way of, so that taking them from the end makes long runs: what moves down lowest first. */
function startsOf(
  sources: ArrayLike<number>,
  destinations: ArrayLike<number>,
  done: Uint8Array,
  ready: Uint8Array,
): number[] {
  const up: number[] = [];
  const down: number[] = [];
  for (let move = 0; move < sources.length; move++) {
    if (done[move] === 1 || ready[move] === 0) continue;
    if ((destinations[move] as number) > (sources[move] as number)) up.push(move);
    else down.push(move);
  }
  const starts = up;
  for (let index = down.length - 1; index >= 0; index--) starts.push(down[index] as number);
  return starts;
}

/** Joins single moves to runs as they come. */
function runCollector(): { add(from: number, to: number): void; all(): Run[] } {
  const runs: { from: number; to: number; count: number; order: "ascending" | "descending" }[] = [];
  let last: (typeof runs)[number] | undefined;
  return {
    add(from, to) {
      if (
        last !== undefined &&
        last.order === "ascending" &&
        from === last.from + last.count &&
        to === last.to + last.count
      ) {
        last.count++;
        return;
      }
      const goesDown = last !== undefined && from === last.from - 1 && to === last.to - 1;
      if (last !== undefined && goesDown && (last.order === "descending" || last.count === 1)) {
        last.order = "descending";
        last.from = from;
        last.to = to;
        last.count++;
        return;
      }
      last = { from, to, count: 1, order: "ascending" };
      runs.push(last);
    },
    all: () => runs,
  };
}
