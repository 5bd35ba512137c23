/** Characters that JSON may hold as they are, and a terminal acts on: DEL, C1 controls, what is invisible or reorders text. */
const UNSAFE = /[\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** JSON as we print it: two spaces, one line end at the end; equal values give equal bytes, and none of them steers a terminal. Throws RangeError where it is longer than a string can be: see jsonPieces. */
export function renderJson(value: unknown): string {
  return `${safeJson(value)}\n`;
}

/** The same text in pieces, none of which holds more than one item of a list: together they may be longer than a string can be. Without a gap all stands in one line. */
export function* jsonPieces(value: unknown, gap: "  " | "" = "  "): Generator<string> {
  yield* piecesOf(value, gap, gap === "" ? "" : "\n", DEPTH);
  yield "\n";
}

/** How deep lists and objects are taken apart: a description's code stands at `changes[0].newCode.sections[0]`. */
const DEPTH = 6;

/** `start` is what a line begins with: a line end and the blanks before the item. */
function* piecesOf(value: unknown, gap: string, start: string, depth: number): Generator<string> {
  if (typeof value !== "object" || value === null || depth === 0) {
    const text = safeJson(value, gap);
    yield start.length > 1 ? text.replaceAll("\n", start) : text;
    return;
  }
  const isList = Array.isArray(value);
  const items = isList
    ? value.map((item: unknown): [string, unknown] => ["", item === undefined ? null : item])
    : Object.entries(value)
        .filter(([, item]) => item !== undefined)
        .map(([key, item]): [string, unknown] => [`${safeJson(key)}:${gap === "" ? "" : " "}`, item]);
  if (items.length === 0) {
    yield isList ? "[]" : "{}";
    return;
  }
  const inner = `${start}${gap}`;
  let before = isList ? "[" : "{";
  for (const [key, item] of items) {
    yield `${before}${inner}${key}`;
    yield* piecesOf(item, gap, inner, isSmall(item) ? 0 : depth - 1);
    before = ",";
  }
  yield `${start}${isList ? "]" : "}"}`;
}

/** Whether an item is written at once: one without lists in it. */
function isSmall(item: unknown): boolean {
  return typeof item !== "object" || item === null || !Object.values(item).some((part) => typeof part === "object");
}

function safeJson(value: unknown, gap = "  "): string {
  return JSON.stringify(value, null, gap).replace(UNSAFE, escapeUnit);
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
