/*
 * What a person sees first: the verdict, the totals, and one row for each function, by source file.
 */

import type { FunctionChange, UpdateDescription } from "../contract/description.ts";
import { groupBy } from "../grouping.ts";
import { plural } from "../wording.ts";
import { fileOf, headline, placeOf } from "./cause-text.ts";
import { escapeLine } from "./escape.ts";

/** How wide lines may be, and whether they may be coloured. */
export interface OverviewStyle {
  readonly width: number;
  readonly colour: boolean;
}

/** Rows of functions before the rest is only counted. */
const MOST_ROWS = 200;
/** Fewest and most columns of a name. */
const NAME = { least: 12, most: 48 } as const;

const MARKERS = { changed: "~", new: "+", deleted: "-", renamed: ">", "line-only": "#" } as const;
const COLOURS = { changed: 33, new: 32, deleted: 31, renamed: 36, "line-only": 2 } as const;
/** Rungs that need nothing but jumps. */
const GOOD: readonly string[] = ["none", "splice"];

/** The first screen; every line is escaped and fits the width. `isAll`: nothing else is shown, so findings are told by code. */
export function renderOverview(
  description: UpdateDescription,
  { width, colour }: OverviewStyle,
  isAll: boolean,
): string[] {
  const paint = (text: string, code: number): string => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);
  const { functions, summary, findings } = description;
  const told = functions.filter(({ suppressed }) => suppressed === undefined);
  const folded = told.filter(isFolded);
  const rows = told.filter((one) => !isFolded(one));
  const shown = rows.slice(0, MOST_ROWS);
  const columns = columnsOf(shown, width);
  const best = description.verdict.recommended;
  const fitted = (line: string): string => cut(escapeLine(line), width);
  return [
    paint(fitted(verdictText(description)), best === null ? 31 : GOOD.includes(best) ? 32 : 33),
    ...wrapped(totals(description), width).map(fitted),
    ...(summary?.inlined ?? []).map(({ name, functions: count }) =>
      fitted(`${plural(count, "function")} changed because ${name} is inlined`),
    ),
    ...[...groupBy(shown, (one) => groupOf(one, description))].flatMap(([file, list]) => [
      "",
      fitted(file),
      ...list.map((one) => paint(fitted(rowText(one, columns)), COLOURS[one.status])),
    ]),
    ...(rows.length > shown.length ? [fitted(`… ${plural(rows.length - shown.length, "more function")}`)] : []),
    ...foldedLines(folded).map((line) => paint(fitted(line), 2)),
    ...(isAll && findings.length > 0 ? [""] : []),
    ...(isAll ? findingCounts(findings) : []).map(({ text, severity }) =>
      paint(fitted(text), severity === "error" ? 31 : severity === "warning" ? 33 : 2),
    ),
    "",
  ];
}

/** Whether a function is only counted: other line numbers, or moved as it is. */
function isFolded({ status, movedTo, movedFrom }: FunctionChange): boolean {
  return status === "line-only" || movedTo !== undefined || movedFrom !== undefined;
}

function verdictText({ verdict }: UpdateDescription): string {
  const rungs = verdict.rungs.filter(({ status }) => status !== "not-applicable");
  const words = rungs.map(({ rung, status }) => `${rung} ${status}`).join(", ");
  return `verdict: ${verdict.recommended ?? "nothing applicable yet"}${words === "" ? "" : `  (${words})`}`;
}

function totals({ summary, objects, changes }: UpdateDescription): string[] {
  if (summary === undefined) return [];
  const { functions, data, size, newCode, moved, suppressed } = summary;
  const part = (count: number | undefined, word: string): string[] => (count ? [`${count} ${word}`] : []);
  const counted = Object.entries(functions).flatMap(([status, count]) => part(count, status));
  const differing = objects.filter(({ status }) => status !== "identical" && status !== "equivalent").length;
  const patches = changes.reduce((sum, change) => sum + change.patches.length, 0);
  return [
    `functions: ${[...counted, ...part(moved, "moved"), ...part(suppressed, "suppressed")].join(", ") || "none"}`,
    ...(size.pre + size.post > 0 ? [`${size.pre} → ${size.post} bytes (${signed(size.post - size.pre)})`] : []),
    ...part(data["in-place"], "data in place"),
    ...(patches > 0 ? [plural(patches, "patch", "patches")] : []),
    ...(newCode.bytes > 0 ? [`new code ${plural(newCode.bytes, "byte")}, ${plural(newCode.imports, "import")}`] : []),
    ...(objects.length > 1 ? [`${differing} of ${plural(objects.length, "object")} differ`] : []),
  ];
}

/** Parts on as many lines as they need. */
function wrapped(parts: readonly string[], width: number): string[] {
  const lines: string[] = [];
  for (const part of parts) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 3 + part.length <= width) lines[lines.length - 1] = `${last} · ${part}`;
    else lines.push(part);
  }
  return lines;
}

/** The heading that a function stands under: its source file; a bare name of one, as objects without debug information have it, behind the object's. */
function groupOf(change: FunctionChange, { objects }: UpdateDescription): string {
  const file = fileOf(change);
  const object = objects[change.object];
  const name = object?.name ?? object?.post?.path ?? object?.pre?.path ?? "";
  if (file === undefined) return name;
  const isWhole = placeOf(change) !== file || file.includes("/");
  return isWhole || !name.includes("/") ? file : `${name} (${file})`;
}

interface Columns {
  readonly name: number;
  readonly size: number;
  readonly place: number;
}

function columnsOf(rows: readonly FunctionChange[], width: number): Columns {
  const widest = (texts: readonly string[], most: number): number =>
    Math.min(
      most,
      texts.reduce((longest, text) => Math.max(longest, text.length), 0),
    );
  const most = Math.max(NAME.least, Math.min(NAME.most, Math.floor(width * 0.4)));
  return {
    name: widest(rows.map(nameOf), most),
    size: width < 72 ? 0 : widest(rows.map(sizeText), 24),
    place: width < 60 ? 0 : widest(rows.map(placeOf), Math.floor(width * 0.3)),
  };
}

function nameOf({ demangled, name }: FunctionChange): string {
  return demangled ?? name;
}

function sizeText({ status, pre, post }: FunctionChange): string {
  if (status === "new") return `${post?.size ?? 0}`;
  if (status === "deleted") return `${pre?.size ?? 0} →`;
  return pre?.size === post?.size ? `${pre?.size ?? 0}` : `${pre?.size ?? 0} → ${post?.size ?? 0}`;
}

function deltaText({ status, pre, post }: FunctionChange): string {
  const [before, after] = [status === "new" ? 0 : (pre?.size ?? 0), status === "deleted" ? 0 : (post?.size ?? 0)];
  return before === after ? "" : signed(after - before);
}

function rowText(change: FunctionChange, { name, size, place }: Columns): string {
  const cells = [
    `  ${MARKERS[change.status]} ${cut(nameOf(change), name).padEnd(name)}`,
    ...(size === 0 ? [] : [sizeText(change).padEnd(size)]),
    deltaText(change).padStart(5),
    ...(place === 0 ? [] : [cutStart(placeOf(change), place).padEnd(place)]),
    headline(change),
  ];
  return cells.join("  ").trimEnd();
}

function foldedLines(folded: readonly FunctionChange[]): string[] {
  const lines = folded.filter(({ status }) => status === "line-only");
  const moved = folded.filter((one) => one.movedTo !== undefined);
  const names = (list: readonly FunctionChange[]): string => list.map(nameOf).join(", ");
  return [
    ...(folded.length > 0 ? [""] : []),
    ...(lines.length > 0 ? [`${plural(lines.length, "function")} with other line numbers only: ${names(lines)}`] : []),
    ...(moved.length > 0 ? [`${plural(moved.length, "function")} moved to another object: ${names(moved)}`] : []),
  ];
}

/** Findings by code with their number, the severest first. */
function findingCounts(
  findings: UpdateDescription["findings"],
): { readonly text: string; readonly severity: "error" | "warning" | "note" }[] {
  const groups = [...groupBy(findings, ({ code }) => code)];
  return groups.map(([code, list]) => {
    const { severity, message } = list[0] as UpdateDescription["findings"][number];
    const times = list.length > 1 ? ` ×${list.length}` : "";
    const text = `${severity.padEnd(7)} ${code}${times}: ${message}`;
    return { text, severity };
  });
}

function signed(value: number): string {
  return value > 0 ? `+${value}` : value < 0 ? `−${-value}` : "±0";
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

/** Of a path the end matters. */
function cutStart(text: string, width: number): string {
  return text.length <= width ? text : `…${text.slice(text.length - width + 1)}`;
}
