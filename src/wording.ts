/** A number and what is counted: `1 byte`, `2 bytes`, `3 entries`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** Letters to insert, delete or replace to make one word the other; more than `limit` is not counted out. Levenshtein 1966. */
export function editDistance(a: string, b: string, limit = Number.POSITIVE_INFINITY): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}

/** Known words that a misspelt one may stand for, the nearest first. */
export function nearWords(text: string, known: readonly string[]): string[] {
  const far = Math.max(2, Math.floor(text.length / 3));
  return known
    .map((word) => ({ word, distance: word.includes(text) ? 0 : editDistance(text, word) }))
    .filter(({ distance }) => distance <= far)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ word }) => word);
}
