/* Orders that no machine, language or file system changes. */

/** Half of a character beyond U+FFFF: such text sorts otherwise by code units than by code points. */
const SURROGATE = /[\ud800-\udfff]/;

/** Sorted by the code points of each item's text. */
export function sortByCodePoints<T>(items: readonly T[], textOf: (item: T) => string): T[] {
  return items
    .map((item) => ({ item, text: textOf(item) }))
    .sort((a, b) => compareCodePoints(a.text, b.text))
    .map(({ item }) => item);
}

/** All keys of both maps, each once, by their code points. */
export function sortedUnion(a: ReadonlyMap<string, unknown>, b: ReadonlyMap<string, unknown>): string[] {
  const keys = [...new Set([...a.keys(), ...b.keys()])];
  // Without a function the engine compares code units itself, which is much faster.
  return keys.some((key) => SURROGATE.test(key)) ? keys.sort(compareCodePoints) : keys.sort();
}

function compareCodePoints(a: string, b: string): number {
  if (SURROGATE.test(a) || SURROGATE.test(b)) return Buffer.compare(Buffer.from(a), Buffer.from(b));
  return a < b ? -1 : a > b ? 1 : 0;
}
