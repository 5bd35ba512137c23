/** JSON as we print it: two spaces, one line end at the end; equal values give equal bytes. */
export function renderJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
