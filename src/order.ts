/*
 * The one order of texts: by code points, which is the order of their bytes in UTF-8. No machine, language or file system
 * changes it, and a consumer that searches a sorted table by bisection needs nothing but the bytes.
 */

/** Half of a character beyond U+FFFF: such text sorts otherwise by UTF-16 units, which `<` compares, than by code points. */
const SURROGATE = /[\ud800-\udfff]/;

/** Order of two texts by code points. */
export function byText(a: string, b: string): number {
  const order = byUnits(a, b);
  return order !== 0 && (SURROGATE.test(a) || SURROGATE.test(b)) ? byBytes(a, b) : order;
}

/** Sorted by the code points of each item's text; for long lists, as it looks at each text only once. */
export function sortByText<T>(items: readonly T[], textOf: (item: T) => string): T[] {
  const order = items.some((item) => SURROGATE.test(textOf(item))) ? byBytes : byUnits;
  return items.toSorted((a, b) => order(textOf(a), textOf(b)));
}

/** All keys of both maps, each once, by their code points. */
export function sortedUnion(a: ReadonlyMap<string, unknown>, b: ReadonlyMap<string, unknown>): string[] {
  const keys = [...a.keys()];
  for (const key of b.keys()) if (!a.has(key)) keys.push(key);
  // Without a function the engine compares code units itself, which is much faster.
  return keys.some((key) => SURROGATE.test(key)) ? keys.sort(byBytes) : keys.sort();
}

function byUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** UTF-8 sorts by bytes as its characters do by code points. */
function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
