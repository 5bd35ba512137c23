/** Characters that JSON may hold as they are, and a terminal acts on: DEL, C1 controls, what is invisible or reorders text. */
const UNSAFE = /[\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** JSON as we print it: two spaces, one line end at the end; equal values give equal bytes, and none of them steers a terminal. */
export function renderJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2).replace(UNSAFE, escapeUnit)}\n`;
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
