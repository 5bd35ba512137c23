/* Orders that no machine, language or file system changes. */

/** Half of a character beyond U+FFFF: such text sorts otherwise by code units than by code points. */
const SURROGATE = /[\ud800-\udfff]/;

/** Sorted by the code points of each item's text. */
export function sortByCodePoints<T>(items: readonly T[], textOf: (item: T) => string): T[] {
  const byUnits = (a: T, b: T): number => {
    const [left, right] = [textOf(a), textOf(b)];
    return left < right ? -1 : left > right ? 1 : 0;
  };
  const byPoints = (a: T, b: T): number => compareCodePoints(textOf(a), textOf(b));
  return items.toSorted(items.some((item) => SURROGATE.test(textOf(item))) ? byPoints : byUnits);
}

/** All keys of both maps, each once, by their code points. */
export function sortedUnion(a: ReadonlyMap<string, unknown>, b: ReadonlyMap<string, unknown>): string[] {
  const keys = [...a.keys()];
  for (const key of b.keys()) if (!a.has(key)) keys.push(key);
  // Without a function the engine compares code units itself, which is much faster.
  return keys.some((key) => SURROGATE.test(key)) ? keys.sort(compareCodePoints) : keys.sort();
}

/** UTF-8 sorts by bytes as its characters do by code points. */
function compareCodePoints(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
