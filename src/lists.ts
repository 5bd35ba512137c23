/* Lists whose length comes from a file: an argument for each item would overflow the stack. */

/** Adds all items at the end of a list, however many there are. */
export function append<T>(list: T[], items: Iterable<T>): void {
  for (const item of items) list.push(item);
}

/** The largest of the numbers; -Infinity where there are none. */
export function largest(numbers: Iterable<number>): number {
  let most = Number.NEGATIVE_INFINITY;
  for (const number of numbers) if (number > most) most = number;
  return most;
}

/** The smallest of the numbers; Infinity where there are none. */
export function smallest(numbers: Iterable<number>): number {
  let least = Number.POSITIVE_INFINITY;
  for (const number of numbers) if (number < least) least = number;
  return least;
}

/** The numbers in ascending order. */
export function sortedNumbers(numbers: Iterable<number>): number[] {
  return [...numbers].sort((a, b) => a - b);
}

/** Index of the last item whose number is not larger than `limit`; −1 when all are larger. The numbers must ascend. */
export function lastAtOrBefore<T>(sorted: readonly T[], numberOf: (item: T) => number, limit: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (numberOf(sorted[middle] as T) <= limit) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The first of ascending numbers that is larger than another one. */
export function firstAfter(sorted: readonly number[], number: number): number | undefined {
  return sorted[lastAtOrBefore(sorted, (each) => each, number) + 1];
}
