import { shortTarget } from "../diff/difference.ts";
import type { ElfObject } from "../elf/object.ts";
import { UsageError } from "../errors.ts";
import { hex } from "../hex.ts";
import { withSlashes } from "../paths.ts";
import { isAnonymousName } from "../spans/names.ts";
import { isCode } from "../spans/section-kind.ts";
import type { Span, SpanRelocation, TableEntry } from "../spans/span.ts";
import { editDistance } from "../wording.ts";
import { describeFragment, describeFunction, describeHeader, type LabelledSpans, labelledSpans } from "./inspect.ts";
import type { FragmentRow, FunctionRow, ObjectHeader } from "./rows.ts";

/** One relocation, and in words what it points to. */
export interface RelocationRow {
  /** From the function's symbol; in a table entry or a fragment, from its start. */
  readonly offset: number;
  readonly howto: string;
  /** Label of the span, or name of a symbol that is defined elsewhere; empty when the record names none. */
  readonly symbol: string;
  readonly insnAddend: string;
  readonly targetAddend: string;
  /** `foo+0x18`, `"text"`. */
  readonly target: string;
}

/** Bytes with their relocations. */
export interface Contents {
  /** Offset of the first byte: negative where a prefix stands in front of the symbol. */
  readonly start: number;
  /** Hexadecimal; empty where the file has none. */
  readonly bytes: string;
  readonly relocations: readonly RelocationRow[];
}

/** One entry of a kernel table that belongs to the function. */
export interface EntryRow extends Contents {
  readonly table: string;
  /** Offset in the table. */
  readonly offset: number;
  readonly size: number;
  /** Where in the function it points, from the symbol. */
  readonly ownerOffset: number;
}

export interface FunctionDetail {
  readonly function: FunctionRow | FragmentRow;
  readonly code: Contents;
  readonly entries: readonly EntryRow[];
  readonly fragments: readonly { readonly fragment: FragmentRow; readonly code: Contents }[];
}

/** Everything about the functions of one name. */
export interface FunctionInspection extends ObjectHeader {
  readonly functions: readonly FunctionDetail[];
}

/** Finds functions by name, alias or label; throws a UsageError with the closest names when there is none. */
export function inspectFunction(object: ElfObject, name: string): FunctionInspection {
  const spans = labelledSpans(object);
  const code = spans.table.spans.filter(({ kind }) => isCode(kind));
  const found = code.filter((span) => isCalled(spans, span, name));
  if (found.length === 0) throw new UsageError(notFound(spans, code, name));
  return { ...describeHeader(spans), functions: found.map((span) => describeDetail(spans, span)) };
}

function isCalled({ object, labels }: LabelledSpans, span: Span, name: string): boolean {
  const label = labels.get(span) as string;
  if (label === name || namesOf(span).includes(name)) return true;
  // `diff` shows the same label with more of the path: filldir<fs/readdir.o>.
  const wanted = splitLabel(name);
  const own = splitLabel(label);
  if (wanted === undefined || own === undefined || wanted.rest !== own.rest) return false;
  return `/${withSlashes(object.file)}`.endsWith(`/${wanted.object}`);
}

function namesOf(span: Span): string[] {
  return span.symbols.map(({ symbol }) => symbol.name).filter((name) => !isAnonymousName(name));
}

/** A local's label without its object, and that object. */
function splitLabel(label: string): { rest: string; object: string } | undefined {
  const match = /^(.+)<([^<>]*)>(~\d+)?$/.exec(label);
  return match === null ? undefined : { rest: `${match[1]}${match[3] ?? ""}`, object: match[2] as string };
}

const SUGGESTED = 5;

function notFound({ object, table }: LabelledSpans, code: readonly Span[], name: string): string {
  const start = `${object.file}: no function is called ${JSON.stringify(name)}`;
  const isData = table.spans.some((span) => !isCode(span.kind) && namesOf(span).includes(name));
  if (isData) return `${start}: that is data`;
  const close = closestNames(name, new Set(code.flatMap(namesOf)));
  return close.length === 0 ? start : `${start}; the closest: ${close.join(", ")}`;
}

/** The names that contain what is wanted, then those that are the fewest edits away. */
function closestNames(wanted: string, names: ReadonlySet<string>): string[] {
  const lower = wanted.toLowerCase();
  const limit = Math.max(2, Math.floor(wanted.length / 2));
  const scored = [...names].flatMap((name) => {
    const other = name.toLowerCase();
    const score = lower !== "" && other.includes(lower) ? 0 : editDistance(lower, other, limit);
    return score <= limit ? [{ name, score }] : [];
  });
  // The sort is stable: equally close names stay in file order.
  return scored
    .sort((a, b) => a.score - b.score || a.name.length - b.name.length)
    .slice(0, SUGGESTED)
    .map(({ name }) => name);
}

function describeDetail(spans: LabelledSpans, span: Span): FunctionDetail {
  return {
    function: span.kind === "fragment" ? describeFragment(spans, span) : describeFunction(spans, span),
    code: contentsOf(spans, span, span.entry),
    entries: span.entries.map((entry) => describeEntry(spans, span, entry)),
    fragments: (spans.fragments.get(span) ?? []).map((fragment) => ({
      fragment: describeFragment(spans, fragment),
      code: contentsOf(spans, fragment, 0),
    })),
  };
}

function describeEntry(spans: LabelledSpans, owner: Span, entry: TableEntry): EntryRow {
  const { section, offset, size, ownerOffset } = entry;
  return { table: section.name, offset, size, ownerOffset: ownerOffset - owner.entry, ...contentsOf(spans, entry, 0) };
}

/** Bytes and relocations, offsets counted from `origin`. */
function contentsOf(spans: LabelledSpans, part: Pick<Span, "bytes" | "relocations">, origin: number): Contents {
  const { bytes } = part;
  return {
    start: 0 - origin,
    bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex"),
    relocations: part.relocations.map((relocation) => describeRelocation(spans, relocation, origin)),
  };
}

function describeRelocation({ labels }: LabelledSpans, relocation: SpanRelocation, origin: number): RelocationRow {
  const { offset, howto, symbol, insnAddend, target } = relocation;
  const addend = target === undefined ? relocation.targetAddend : relocation.targetOffset - target.entry;
  return {
    offset: offset - origin,
    howto: howto.name,
    symbol: (target === undefined ? symbol?.name : labels.get(target)) ?? "",
    insnAddend: hex(insnAddend),
    targetAddend: hex(addend),
    target: targetWords(relocation),
  };
}

/** What a relocation points to, where shortTarget alone would not tell one nameless thing from the next. */
function targetWords(relocation: SpanRelocation): string {
  const { howto, symbol, target, targetOffset } = relocation;
  if (symbol === undefined && (howto.role === "hint" || howto.role === "none")) return "";
  if (target === undefined || target.symbol !== undefined || target.kind === "string") return shortTarget(relocation);
  const offset = target.offset + targetOffset;
  const place = `${target.section.name}${offset < 0 ? "-" : "+"}${offset === 0 ? "0" : hex(Math.abs(offset))}`;
  const [held] = target.kind === "toc" ? target.relocations : [];
  return held === undefined ? place : `${place} (${shortTarget(held)})`;
}
