import { FormatError, UsageError } from "../errors.ts";
import { hex } from "../hex.ts";
import type { Range } from "./ranges.ts";

/** A number generator with a seed, the same on every machine: xorshift32. Marsaglia, "Xorshift RNGs", 2003. */
function randomNumbers(seed: number): (below: number) => number {
  let state = (seed ^ 0x9e37_79b9) >>> 0 || 1;
  const word = (): number => {
    state = (state ^ (state << 13)) >>> 0;
    state = (state ^ (state >>> 17)) >>> 0;
    state = (state ^ (state << 5)) >>> 0;
    return state;
  };
  return (below) => Math.floor(((word() * 0x20_0000 + (word() >>> 11)) / 2 ** 53) * below);
}

/** The number of pages in ranges of whole pages. */
function pagesIn(free: readonly Range[], pageSize: number): number {
  return free.reduce((sum, { start, end }) => sum + Number((end + 1n - start) / BigInt(pageSize)), 0);
}

/** The first pages of memory, in ascending order; fewer than asked for where there are no more. */
export function ascendingPages(count: number, free: readonly Range[], pageSize: number): Float64Array {
  const wanted = Math.min(count, pagesIn(free, pageSize));
  const pages = new Float64Array(wanted);
  let filled = 0;
  for (const { start, end } of free) {
    const last = Number((end + 1n) / BigInt(pageSize));
    for (let page = Number(start / BigInt(pageSize)); page < last && filled < wanted; page++) pages[filled++] = page;
    if (filled === wanted) break;
  }
  return pages;
}

/** Pages from anywhere in memory, each once, in an order that the seed decides; fewer than asked for where there are no more. */
export function randomPages(count: number, free: readonly Range[], pageSize: number, seed: number): Float64Array {
  const total = pagesIn(free, pageSize);
  const wanted = Math.min(count, total);
  const firsts: number[] = [];
  let before = 0;
  for (const { start, end } of free) {
    firsts.push(before);
    before += Number((end + 1n - start) / BigInt(pageSize));
  }
  const pageAt = (index: number): number => {
    let low = 0;
    let high = firsts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((firsts[middle] as number) <= index) low = middle;
      else high = middle - 1;
    }
    return Number((free[low] as Range).start / BigInt(pageSize)) + index - (firsts[low] as number);
  };
  const random = randomNumbers(seed);
  // Fisher and Yates's shuffle of all pages, of which only the places that were touched are kept.
  const moved = new Map<number, number>();
  return Float64Array.from({ length: wanted }, (_, index) => {
    const other = index + random(total - index);
    const chosen = moved.get(other) ?? other;
    moved.set(other, moved.get(index) ?? index);
    return pageAt(chosen);
  });
}

/** Which pages an allocator handed out: `ascending`, `random:SEED`, or the contents of a file. */
export type SourcePages =
  | { readonly kind: "ascending" }
  | { readonly kind: "random"; readonly seed: number }
  | { readonly kind: "list"; readonly file: string; readonly text: string };

/** `random:SEED`. Throws UsageError where the seed is not a number of 32 bits. */
export function parseSeed(text: string): number {
  const seed = Number(text);
  if (!/^\d+$/.test(text) || seed > 0xffff_ffff)
    throw new UsageError(`--source-pages random:${text}: the seed is not a number below 2^32`);
  return seed;
}

const LIST_LINE = /^(?:0x)?([0-9a-fA-F]{1,16})(?:\s*\+\s*(\d{1,7}))?$/;

/**
 * Reads a list of page addresses, one a line in hexadecimal, in the order of the destination pages; `address+count` stands for as
 * many pages that follow one another. Throws FormatError with the line where one is not a page or comes twice.
 */
export function readPageList(text: string, file: string, pageSize: number, most: number): Float64Array {
  const pages: number[] = [];
  const seen = new Set<number>();
  let number = 0;
  for (const line of text.split("\n")) {
    number++;
    const trimmed = line.trim();
    if (trimmed === "" || trimmed.startsWith("#")) continue;
    const match = LIST_LINE.exec(trimmed);
    if (match === null)
      throw new FormatError({ file }, `line ${number} is not the address of a page`, trimmed.slice(0, 80));
    const address = BigInt(`0x${match[1]}`);
    if (address % BigInt(pageSize) !== 0n) {
      throw new FormatError({ file }, `line ${number}: not the start of a page of ${pageSize} bytes`, trimmed);
    }
    const first = Number(address / BigInt(pageSize));
    const count = Number(match[2] ?? 1);
    for (let page = first; page < first + count; page++) {
      if (seen.has(page)) {
        throw new FormatError({ file }, `line ${number}: page ${hex(BigInt(page) * BigInt(pageSize))} comes twice`);
      }
      if (pages.length === most) throw new FormatError({ file }, `line ${number}: more than ${most} pages`);
      seen.add(page);
      pages.push(page);
    }
  }
  return Float64Array.from(pages);
}
