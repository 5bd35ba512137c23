import type { DataChange, FunctionChange, Reason, UpdateDescription } from "../contract/description.ts";
import { hex, signedHex } from "../hex.ts";
import { plural } from "../wording.ts";
import { escapeColouredLine, escapeLine, joinLines } from "./escape.ts";
import { layoutLines, shadowLines } from "./layout-text.ts";
import { type OverviewStyle, renderOverview } from "./overview.ts";

type Finding = UpdateDescription["findings"][number];

/** How many reasons a changed function shows before the rest is only counted. */
const SHOWN_REASONS = 4;

function reasonText({ kind, offset, within, pre, post }: Reason): string {
  const where = `${within === undefined ? "" : `${within} `}at ${hex(offset)}`;
  if (pre === "") return `${kind} ${where}: ${post}`;
  if (post === "") return `${kind} ${where}: ${pre}`;
  return kind === "size" ? `size ${pre} → ${post}` : `${kind} ${where}: ${pre} → ${post}`;
}

function reasonLines(reasons: readonly Reason[]): string[] {
  const lines = reasons.slice(0, SHOWN_REASONS).map((reason) => `      ${reasonText(reason)}`);
  const rest = reasons.length - SHOWN_REASONS;
  return rest > 0 ? [...lines, `      … ${plural(rest, "more reason")}`] : lines;
}

/** Lines that show how a function changed. */
export type Details = (change: FunctionChange) => readonly string[] | undefined;

function functionLines(change: FunctionChange, objectName: (index: number) => string): string[] {
  const size = change.status === "new" ? change.post?.size : change.pre?.size;
  const renamed = change.renamedTo === undefined ? "" : ` → ${change.renamedTo}`;
  const notes = [plural(size ?? 0, "byte")];
  if (change.entry.kind !== "none") notes.push(change.entry.kind);
  if (change.pairedBy !== undefined && change.pairedBy !== "global-name") notes.push(`paired by ${change.pairedBy}`);
  if (change.movedTo !== undefined) notes.push(`moved to ${objectName(change.movedTo)}`);
  if (change.movedFrom !== undefined) notes.push(`moved here from ${objectName(change.movedFrom)}`);
  if (change.suppressed !== undefined) notes.push(`suppressed: ${change.suppressed}`);
  return [
    `  ${change.status.padEnd(9)} ${change.label}${renamed}  (${notes.join(", ")})`,
    ...(change.demangled === undefined ? [] : [`      ${change.demangled}`]),
    ...reasonLines(change.reasons),
  ];
}

function dataLines(change: DataChange): string[] {
  const what = change.text === undefined ? change.label : JSON.stringify(change.text);
  const renamed = change.renamedTo === undefined ? "" : ` → ${change.renamedTo}`;
  return [`  ${change.status.padEnd(9)} ${change.kind} ${what}${renamed}`, ...reasonLines(change.reasons)];
}

function block(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [title, ...lines, ""];
}

function verdictLine({ verdict }: UpdateDescription): string {
  const rungs = verdict.rungs
    .filter(({ status }) => status !== "not-applicable")
    .map(({ rung, status }) => `${rung} ${status}`);
  return `verdict: ${verdict.recommended ?? "nothing applicable yet"}${rungs.length === 0 ? "" : `  (${rungs.join(", ")})`}`;
}

/** What accounts for the bytes of post (of pre where there is no post), most first. */
function accountLine({ accounting }: UpdateDescription): string[] {
  const { bytes, allocated, records } = accounting.post.allocated > 0 ? accounting.post : accounting.pre;
  if (allocated === 0) return [];
  const shares = Object.entries(bytes).sort(([a, x = 0], [b, y = 0]) => y - x || (a < b ? -1 : 1));
  const words = shares.map(([owner, amount]) => `${amount} ${owner}`).join(", ");
  return [`account: ${plural(allocated, "byte")}, ${plural(records, "relocation")}: ${words}`];
}

function findingLines(findings: readonly Finding[]): string[] {
  return findings.map(({ severity, code, message }) => `  ${severity.padEnd(7)} ${code}: ${message}`);
}

function fileText(file: UpdateDescription["objects"][number]["pre"]): string {
  if (file === undefined) return "(none)";
  return file.member === undefined ? file.path : `${file.path}(${file.member})`;
}

/** How a text is shown. */
export interface TextStyle extends OverviewStyle {
  /** Show every detail, however many functions differ. */
  readonly verbose: boolean;
}

const PLAIN: TextStyle = { width: 120, colour: false, verbose: false };
/** Functions that differ up to which details are shown unasked. */
const FEW = 8;

/**
 * The description for a person: the overview, and where few functions differ, or all is asked for, every detail; `details` is
 * what to show of each changed function besides the reasons. Of several objects, those that are the same are only counted.
 */
export function renderText(description: UpdateDescription, details?: Details, style: TextStyle = PLAIN): string {
  const telling = description.functions.filter(({ status }) => status !== "line-only");
  const isAll = !style.verbose && telling.length > FEW;
  const overview = renderOverview(description, style, isAll).join("\n");
  if (isAll)
    return `${overview}\n${escapeLine("--verbose tells reasons, instructions, patches and findings one by one")}\n`;
  return `${overview}\n${renderDetails(description, details)}`;
}

function renderDetails(description: UpdateDescription, details: Details | undefined): string {
  const { objects, functions, data, exports, changes, findings, arch } = description;
  const shown = objects.length === 1 ? objects : objects.filter(({ status }) => status !== "identical");
  const nameOfObject = (index: number): string =>
    objects[index]?.name ?? fileText(objects[index]?.post ?? objects[index]?.pre);
  const lines = shown.flatMap(({ pre, post, status, target, source, compiler, suppressed }) => [
    `${fileText(pre)} → ${fileText(post)}  ${status}${suppressed === undefined ? "" : `, suppressed: ${suppressed}`}`,
    `  ${arch.name}, target ${target}${source === undefined ? "" : `, from ${source}`}${compiler === undefined ? "" : `, ${compiler}`}`,
  ]);
  const rest = objects.length - shown.length;
  if (rest > 0) lines.push(`${rest === 1 ? "1 object is" : `${rest} objects are`} the same on both sides`);
  const patches = changes.flatMap((change) =>
    change.patches.map(({ type, oldLabel, oldOffset, replacement, size }) => {
      const to = replacement === null ? (type === "text" ? "trap" : "") : `→ ${replacement}`;
      return `  ${type.padEnd(6)} ${oldLabel}${signedHex(oldOffset)}  ${plural(size, "byte")} ${to}`.trimEnd();
    }),
  );
  const before = [...lines, ""].map(escapeLine);
  // The details may be coloured.
  const changed = block(
    "functions",
    functions.flatMap((change) => [
      ...functionLines(change, nameOfObject).map(escapeLine),
      ...(change.status === "changed" ? (details?.(change) ?? []).map(escapeColouredLine) : []),
    ]),
  );
  const after = [
    ...block("data", data.flatMap(dataLines)),
    ...block(
      "exports",
      exports.map(({ status, name, licence }) => `  ${status.padEnd(9)} ${name} (${licence})`),
    ),
    ...block("layouts", layoutLines(description.layouts)),
    ...block("shadow variables", shadowLines(description.shadow)),
    ...block("patches", patches),
    ...block("findings", findingLines(findings)),
    ...accountLine(description),
    verdictLine(description),
    "",
  ].map(escapeLine);
  return [...before, ...changed, ...after].join("\n");
}

function nameOf({ demangled, name }: FunctionChange): string {
  return demangled ?? name;
}

/** Whether a change is told by itself: neither one end of a move, nor left alone on request. */
function isOwn({ movedTo, movedFrom, suppressed }: FunctionChange): boolean {
  return movedTo === undefined && movedFrom === undefined && suppressed === undefined;
}

const SHOWN_NAMES = 6;

function nameList(names: readonly string[]): string {
  const shown = names.slice(0, SHOWN_NAMES).join(", ");
  return names.length > SHOWN_NAMES ? `${shown}, … ${names.length - SHOWN_NAMES} more` : shown;
}

const STATUSES = ["changed", "added", "removed", "equivalent", "identical"] as const;

/** ` (12 changed, 3 added)`. */
function countText(objects: UpdateDescription["objects"]): string {
  const counts = STATUSES.map((status) => [objects.filter((one) => one.status === status).length, status] as const);
  return ` (${counts.flatMap(([count, status]) => (count > 0 ? [`${count} ${status}`] : [])).join(", ")})`;
}

/** Findings about files that were not compared; the number of them stands before the colon. */
const LEFT_OUT: readonly Finding["code"][] = [
  "files-covered",
  "files-of-others",
  "files-not-objects",
  "files-not-followed",
  "files-left-out",
];

/** Two to ten lines for standard error: what changed, what stands in the way, what to do. */
export function renderSummary(description: UpdateDescription): string {
  const { functions, data, findings, objects } = description;
  const status =
    objects.length === 1 ? (objects[0]?.status ?? "") : `${plural(objects.length, "object")}${countText(objects)}`;
  const lines = [`elfsplice: ${status}, ${verdictLine(description)}`];
  for (const kind of ["changed", "new", "deleted", "renamed", "line-only"] as const) {
    const names = functions.filter((change) => change.status === kind && isOwn(change)).map(nameOf);
    if (names.length > 0) lines.push(`  ${plural(names.length, "function")} ${kind}: ${nameList(names)}`);
  }
  const moved = functions.filter(({ movedTo, suppressed }) => movedTo !== undefined && suppressed === undefined);
  if (moved.length > 0)
    lines.push(`  ${plural(moved.length, "function")} moved to another object: ${nameList(moved.map(nameOf))}`);
  const suppressed = functions.filter((change) => change.suppressed !== undefined);
  if (suppressed.length > 0)
    lines.push(`  ${plural(suppressed.length, "function")} suppressed: ${nameList(suppressed.map(nameOf))}`);
  const rewritten = data.filter((change) => change.status === "in-place").map((change) => change.name);
  if (rewritten.length > 0)
    lines.push(`  ${plural(rewritten.length, "object")} rewritten in place: ${nameList(rewritten)}`);
  const errors = findings.filter((finding) => finding.severity === "error");
  const warnings = findings.filter((finding) => finding.severity === "warning");
  if (errors.length > 0)
    lines.push(`  ${plural(errors.length, "error")}: ${errors[0]?.message}${errors.length > 1 ? " …" : ""}`);
  if (warnings.length > 0)
    lines.push(`  ${plural(warnings.length, "warning")}: ${warnings[0]?.message}${warnings.length > 1 ? " …" : ""}`);
  const leftOut = findings.filter(({ code }) => LEFT_OUT.includes(code));
  // From here on what does not ask for a change.
  const isQuiet = lines.length === 1;
  if (leftOut.length > 0) lines.push(`  ${leftOut.map(({ message }) => message.replace(/: .*/s, "")).join("; ")}`);
  if (isQuiet) lines.push("  no function or data of the running system has to change");
  return `${joinLines(lines)}\n`;
}
