import { addTo } from "../grouping.ts";
import type { Difference, LineEvidence } from "./difference.ts";

/** The line numbers of one pair of spans. */
export interface PairLines {
  readonly lines: readonly Difference[];
}

/** A line before the patch, and the one that it is after it. */
interface Point {
  readonly pre: number;
  readonly post: number;
}

/** Evidence of a constant in code, which has to fit the map; a field of a table is a line by its form. */
function isClaim({ by }: LineEvidence): boolean {
  return by === "callee" || by === "format";
}

/**
 * Which pairs have line numbers that a patch of the source can have made. Lines of one file never cross: what stood above
 * stands above, in the whole object, and one line becomes one line. The longest such map through everything that looks like a
 * line is the patch; a constant off it is a line only in a function that moved as a whole, whose tables moved by the same step.
 * A constant that only a format calls a line needs another line of the same step in its function, or the name of a file.
 */
export function unprovenLines<T extends PairLines>(pairs: readonly T[]): T[] {
  const points = new Map<string, Point[]>();
  for (const { lines } of pairs) {
    for (const { line } of lines) {
      if (line === undefined) continue;
      addTo(points, line.place, line);
    }
  }
  const maps = new Map([...points].map(([place, list]) => [place, longestMap(list)]));
  return pairs.filter(({ lines }) =>
    lines.some(({ line }) => line !== undefined && isClaim(line) && !fits(line, lines, maps)),
  );
}

function fits(
  line: LineEvidence,
  all: readonly Difference[],
  maps: ReadonlyMap<string, ReadonlyMap<number, number>>,
): boolean {
  const step = line.post - line.pre;
  const confirmed = all.some(
    ({ line: other }) => other !== undefined && !isClaim(other) && other.post - other.pre === step,
  );
  if (line.by === "format" && line.place.endsWith("()") && !confirmed) return false;
  if (maps.get(line.place)?.get(line.pre) === line.post) return true;
  const movedAsOne = all.every(({ line: other }) => other === undefined || other.post - other.pre === step);
  return movedAsOne && confirmed;
}

/** The longest set of points in which both numbers grow, as a map from pre to post. Patience sorting: n log n. */
function longestMap(points: readonly Point[]): ReadonlyMap<number, number> {
  const sorted = [...points].sort((a, b) => a.pre - b.pre || b.post - a.post);
  const before = new Int32Array(sorted.length).fill(-1);
  const ends: number[] = [];
  for (const [i, { post }] of sorted.entries()) {
    let low = 0;
    let high = ends.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((sorted[ends[middle] as number] as Point).post < post) low = middle + 1;
      else high = middle;
    }
    if (low > 0) before[i] = ends[low - 1] as number;
    ends[low] = i;
  }
  const map = new Map<number, number>();
  for (let i = ends.at(-1) ?? -1; i >= 0; i = before[i] as number) {
    const { pre, post } = sorted[i] as Point;
    map.set(pre, post);
  }
  return map;
}
