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
