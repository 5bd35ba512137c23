/** Whether `npm run test:full` runs: every row of every matrix. `npm test` takes some of them, so that it ends soon. */
export const IS_FULL = process.env["ELFSPLICE_FULL"] !== undefined;

/** Of a long matrix every n-th row, the first among them; all rows in a full run. */
export function sampled<T>(rows: readonly T[], every: number): readonly T[] {
  return IS_FULL ? rows : rows.filter((_row, i) => i % every === 0);
}

/** How many random cases, or milliseconds of them, a property is given: all in a full run, an eighth otherwise. */
export function runs(count: number): number {
  return IS_FULL ? count : Math.ceil(count / 8);
}
