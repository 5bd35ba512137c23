import type { ObjectDiff } from "../diff/diff.ts";
import type { Disassembler, Instruction } from "../disasm/instruction.ts";
import { type InstructionRow, mnemonicOf, rowsOf } from "../disasm/rows.ts";
import { placeText, targetKeys } from "../disasm/targets.ts";
import { isCode } from "../spans/section-kind.ts";
import type { Span } from "../spans/span.ts";
import { escapeLine } from "./escape.ts";

/** How instructions are to be shown. */
export interface InstructionStyle {
  /** Columns of a line, at most. */
  readonly width: number;
  /** Whether the reader is a terminal that shows colours. */
  readonly colour: boolean;
}

/** For files and pipes. */
export const PLAIN: InstructionStyle = { width: 120, colour: false };

/** Equal instructions shown before and after each difference. */
const CONTEXT = 2;
/** Differing rows shown per function; the rest is only counted. */
const SHOWN_ROWS = 12;
const INDENT = "      ";
const GAP = `${INDENT}  ⋮`;
const BETWEEN = " │ ";

/** For each changed function, by the label of its pre span: its differing instructions side by side, as lines. */
export function renderInstructions(
  diff: ObjectDiff,
  labels: ReadonlyMap<Span, string>,
  disassemble: Disassembler,
  style: InstructionStyle = PLAIN,
): Map<string, readonly string[]> {
  const rendered = new Map<string, readonly string[]>();
  for (const span of diff.pre.table.spans) {
    const twin = diff.pairing.postOf[span.id];
    const label = labels.get(span);
    if (twin === undefined || label === undefined || diff.result.outcomes[span.id] !== "replaced") continue;
    if (!isCode(span.kind) || span.kind === "fragment") continue;
    const pre = disassemble(span, targetKeys(diff.pairing, "pre"));
    const post = disassemble(twin, targetKeys(diff.pairing, "post"));
    const lines = renderHunks(rowsOf(pre, post, mnemonicOf), span.entry, twin.entry, style);
    if (lines.length > 0) rendered.set(label, lines);
  }
  return rendered;
}

/** The first differing rows with what stands around them, and how many more there are. */
function renderHunks(
  rows: readonly InstructionRow[],
  preEntry: number,
  postEntry: number,
  style: InstructionStyle,
): string[] {
  const differing = rows.flatMap(({ marker }, index) => (marker === " " ? [] : [index]));
  const cells = shownIndices(differing, rows.length).map((index) => {
    const { marker, pre, post } = rows[index] as InstructionRow;
    return { index, marker, pre: cellText(pre, preEntry), post: cellText(post, postEntry) };
  });
  const [left, right] = columnWidths(
    cells.map(({ pre }) => pre.length),
    cells.map(({ post }) => post.length),
    style.width - INDENT.length - "~ ".length - BETWEEN.length,
  );
  const lines = cells.flatMap(({ index, marker, pre, post }, number) => {
    const row = `${INDENT}${marker} ${cut(pre, left).padEnd(left)}${BETWEEN}${cut(post, right)}`.trimEnd();
    const isApart = number > 0 && cells[number - 1]?.index !== index - 1;
    return [...(isApart ? [GAP] : []), style.colour ? paint(row, marker) : row];
  });
  const rest = differing.length - SHOWN_ROWS;
  return rest > 0 ? [...lines, `${INDENT}  … ${rest} more differing ${rest === 1 ? "row" : "rows"}`] : lines;
}

/** Indices of the first differing rows and of the equal ones around them, in order. */
function shownIndices(differing: readonly number[], count: number): number[] {
  const shown = new Set<number>();
  const limit = differing[SHOWN_ROWS] ?? count;
  for (const index of differing.slice(0, SHOWN_ROWS)) {
    for (let at = Math.max(0, index - CONTEXT); at < Math.min(limit, index + CONTEXT + 1); at++) shown.add(at);
  }
  return [...shown];
}

function cellText(instruction: Instruction | undefined, entry: number): string {
  if (instruction === undefined) return "";
  return `${placeText(instruction.offset - entry).padEnd(6)} ${escapeLine(instruction.text)}`;
}

/** Each column gets what it needs, or half; what one leaves over the other may have. */
function columnWidths(pre: readonly number[], post: readonly number[], width: number): readonly [number, number] {
  const left = pre.reduce((most, length) => Math.max(most, length), 0);
  const right = post.reduce((most, length) => Math.max(most, length), 0);
  const half = width >>> 1;
  const taken = Math.min(left, Math.max(half, width - right));
  return [taken, width - taken];
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

const COLOURS = { "~": 33, "-": 31, "+": 32, " ": 2 } as const;

function paint(row: string, marker: InstructionRow["marker"]): string {
  return `\x1b[${COLOURS[marker]}m${row}\x1b[0m`;
}
