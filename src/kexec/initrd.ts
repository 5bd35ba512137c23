import type { InitrdLimit } from "../arch/kernel.ts";
import { hex } from "../hex.ts";
import { type Range, subtractRanges, wholePages } from "./ranges.ts";
import type { LoadSegment } from "./segments.ts";

/** The memory that a segment takes. */
export function rangeOf({ mem, memsz }: LoadSegment): Range {
  return { start: mem, end: mem + BigInt(memsz) - 1n };
}

/** The initrd as a segment at an address. */
export function initrdSegment(mem: bigint, size: number, pageSize: number): LoadSegment {
  const skipped = Number(mem % BigInt(pageSize));
  const memsz = Math.ceil((skipped + size) / pageSize) * pageSize;
  const parts = [{ from: "initrd", offset: 0, size, at: skipped }] as const;
  return { name: "the initrd", mem: mem - BigInt(skipped), memsz, bufsz: skipped + size, parts };
}

/**
 * The highest page-aligned address where the initrd has room; undefined where it has none. The top, because kernels expand
 * upward from where they are loaded.
 */
export function placeInitrd(
  size: number,
  pageSize: number,
  memory: readonly Range[],
  taken: readonly LoadSegment[],
  { last }: InitrdLimit,
): bigint | undefined {
  const above = last === undefined ? [] : [{ start: last + 1n, end: (1n << 64n) - 1n }];
  const room = wholePages(subtractRanges(memory, [...taken.map(rangeOf), ...above]), pageSize);
  const needed = BigInt(Math.ceil(size / pageSize) * pageSize);
  for (let index = room.length - 1; index >= 0; index--) {
    const { start, end } = room[index] as Range;
    if (end + 1n - start >= needed) return end + 1n - needed;
  }
  return undefined;
}

export function noRoom(size: number, { last, why }: InitrdLimit): string {
  const limit = last === undefined ? "" : ` at or below ${hex(last)} (${why})`;
  return `${size} bytes in one piece${limit}`;
}
