import { hex } from "../hex.ts";

/** Physical addresses from `start` to `end`, both belonging to it, as /proc/iomem writes them. */
export interface Range {
  readonly start: bigint;
  readonly end: bigint;
}

export function rangeText({ start, end }: Range): string {
  return `${hex(start)}-${hex(end)}`;
}

/** The same addresses as few ranges in ascending order; ranges that touch become one. */
export function mergeRanges(ranges: readonly Range[]): Range[] {
  const sorted = ranges.toSorted((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
  const merged: { start: bigint; end: bigint }[] = [];
  for (const { start, end } of sorted) {
    const last = merged.at(-1);
    if (last !== undefined && start <= last.end + 1n) {
      if (end > last.end) last.end = end;
    } else merged.push({ start, end });
  }
  return merged;
}

/** What remains of ranges without others; in ascending order. */
export function subtractRanges(from: readonly Range[], without: readonly Range[]): Range[] {
  const holes = mergeRanges(without);
  const left: Range[] = [];
  let first = 0;
  for (const { start, end } of mergeRanges(from)) {
    let at = start;
    while (first < holes.length && (holes[first] as Range).end < start) first++;
    for (let index = first; index < holes.length; index++) {
      const hole = holes[index] as Range;
      if (hole.start > end) break;
      if (hole.start > at) left.push({ start: at, end: hole.start - 1n });
      if (hole.end + 1n > at) at = hole.end + 1n;
    }
    if (at <= end) left.push({ start: at, end });
  }
  return left;
}

/** Whether one of the ranges, which are merged and in order, holds all of another. */
export function isWithin(ranges: readonly Range[], { start, end }: Range): boolean {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ranges[middle] as Range).end < start) low = middle + 1;
    else high = middle;
  }
  const found = ranges[low];
  return found !== undefined && found.start <= start && found.end >= end;
}

/** The whole pages in ranges; what is left over at both ends belongs to none. */
export function wholePages(ranges: readonly Range[], pageSize: number): Range[] {
  const size = BigInt(pageSize);
  return mergeRanges(ranges).flatMap(({ start, end }) => {
    const first = ((start + size - 1n) / size) * size;
    const last = ((end + 1n) / size) * size - 1n;
    return last > first ? [{ start: first, end: last }] : [];
  });
}
