import { groupBy } from "../grouping.ts";
import { hex, signedHex } from "../hex.ts";
import type { Contents, EntryRow, FunctionDetail, FunctionInspection, RelocationRow } from "../inspect/function.ts";
import type {
  DataRow,
  ExportRow,
  FragmentRow,
  FunctionRow,
  GroupRow,
  Inspection,
  NameInside,
  ObjectHeader,
  SectionRow,
  SpanRow,
  TableRow,
} from "../inspect/rows.ts";
import { isComparedByContents } from "../spans/section-kind.ts";
import { specialTableOf } from "../spans/special.ts";
import { plural } from "../wording.ts";
import { joinLines } from "./escape.ts";

/** Lines are kept to this width where names allow it. */
const WIDTH = 100;
/** A longer cell stands out of its column instead of widening it for all. */
const WIDEST_CELL = 32;
/** Sections of one family (`.text.f`, `.text.g`, …) are shown one by one up to here, else as one row. */
const FOLDED_FROM = 4;

/** The whole object for a person. */
export function renderInspection(inspection: Inspection): string {
  const { functions, fragments, data, commons, tables, exports, hooks, groups, findings } = inspection;
  const listed = data.filter(({ kind }) => !isComparedByContents(kind));
  return textOf([
    ...headerLines(inspection),
    "",
    ...sectionLines(inspection.sections),
    ...block(title("functions", functions), FUNCTION_COLUMNS, functions.map(functionRow)),
    ...fragmentLines(fragments),
    ...block(title("data", listed), DATA_COLUMNS, listed.map(dataRow)),
    ...contentLines(data),
    ...block(
      title("common symbols", commons),
      ["size>", "align>", "name"],
      commons.map(({ size, align, name }) => ({ cells: [size, align, name] })),
    ),
    ...block(title("tables", tables), TABLE_COLUMNS, tables.map(tableRow)),
    ...block(title("exports", exports), ["licence", "crc", "namespace", "name"], exports.map(exportRow)),
    ...block(
      title("hooks", hooks),
      ["stage", "place", "function"],
      hooks.map(({ stage, section, offset, function: name }) => ({
        cells: [stage, `${section}${signedHex(offset)}`, name],
      })),
    ),
    ...block(title("groups", groups), ["kind", "members>", "signature"], groups.map(groupRow)),
    ...(findings.length === 0 ? [] : [title("findings", findings)]),
    ...findings.map(
      ({ severity, code, offset, message }) =>
        `  ${severity.padEnd(7)} ${code}: ${message}${offset === undefined || offset === 0 ? "" : ` at ${hex(offset)}`}`,
    ),
  ]);
}

/** The functions of one name for a person: bytes, relocations in words, table entries. */
export function renderFunctions(inspection: FunctionInspection): string {
  return textOf([
    ...headerLines(inspection),
    ...inspection.functions.flatMap((detail) => ["", ...detailLines(detail)]),
  ]);
}

function headerLines({ file, member, arch, source, compiler }: ObjectHeader): string[] {
  const order = arch.data === "lsb" ? "little-endian" : "big-endian";
  const origin = [source === undefined ? [] : `from ${source}`, compiler ?? []].flat().join(", ");
  const name = member === undefined ? file : `${file}(${member})`;
  return [`${name}: ${arch.name}, ${arch.class}-bit, ${order}`, ...(origin === "" ? [] : [`  ${origin}`])];
}

/** One row of a table, with what else is to be said of it. */
interface Row {
  readonly cells: readonly (string | number)[];
  readonly notes?: readonly string[];
}

const SECTION_COLUMNS = ["#>", "kind", "size>", "align>", "flags", "bits>", "spans>", "relocs>", "name"];

/** Sections with contents, those of one family together; what only describes or links the object is counted. */
function sectionLines(sections: readonly SectionRow[]): string[] {
  const contents = sections.filter(({ kind, size }) => kind !== "metadata" && size > 0);
  const empty = sections.filter(({ kind, size }) => kind !== "metadata" && size === 0);
  const metadata = sections.filter(({ kind, type }) => kind === "metadata" && !FORMAT.test(type));
  const keyOf = ({ index, name, kind, flags }: SectionRow): string => [familyOf(name) ?? index, kind, flags].join();
  const rows = [...groupBy(contents, keyOf).values()]
    .flatMap((members) => (members.length < FOLDED_FROM ? members.map((member) => [member]) : [members]))
    .sort(([a], [b]) => (a as SectionRow).index - (b as SectionRow).index)
    .map(sectionRow);
  return [
    ...block(title("sections with contents", contents), SECTION_COLUMNS, rows).slice(0, -1),
    ...restLines("empty sections", empty),
    ...restLines("sections of metadata", metadata),
    "",
  ];
}

const FAMILY = /^(?:\.data\.rel(?:\.ro)?(?:\.local)?\.|\.(?:text|rodata|data|bss)\.(?=[^.])|___ksymtab(?:_gpl)?\+)/;

/** The family of a section that the compiler made for one symbol, else undefined. */
function familyOf(name: string): string | undefined {
  return FAMILY.exec(name)?.[0];
}

/** One section, or a family of them with their sums, in place of its first. */
function sectionRow(members: readonly SectionRow[]): Row {
  const { index, name, kind, flags, flagBits } = members[0] as SectionRow;
  const isFamily = members.length > 1;
  const sum = (field: "size" | "spans" | "relocations"): number => total(members, (member) => member[field]);
  return {
    cells: [
      isFamily ? `${members.length}×` : index,
      kind,
      sum("size"),
      widest(members, ({ align }) => align),
      flags,
      flagBits,
      sum("spans"),
      sum("relocations"),
      isFamily ? `${familyOf(name)}*` : name,
    ],
  };
}

/** Sections of the format itself: they hold what the rest of the report shows. */
const FORMAT = /^SHT_(SYMTAB|STRTAB|RELA?|CREL|GROUP|SYMTAB_SHNDX)$/;

function restLines(what: string, rest: readonly SectionRow[]): string[] {
  if (rest.length === 0) return [];
  return wrap(`  and ${title(what, rest)}: `, [...new Set(rest.map(({ name }) => name))], " ", 4);
}

const FUNCTION_COLUMNS = ["size>", "bind", "entry", "relocs>", "entries>", "label", "place"];

function functionRow(row: FunctionRow): Row {
  const { size, bind, entry, relocations, tables, label } = row;
  const hook = entry.kind === "none" ? "" : `${entry.kind}${entry.offset === 0 ? "" : signedHex(entry.offset)}`;
  const entries = total(Object.values(tables), (count) => count);
  return { cells: [size, bind ?? "", hook, relocations, entries, label, shortPlace(row)], notes: functionNotes(row) };
}

function functionNotes(row: FunctionRow): string[] {
  const { kind, partOf, fragments, exempt, localEntry } = row;
  return [
    ...(kind === "text" ? [] : [kind]),
    ...(partOf === undefined ? [] : [`part of ${partOf}`]),
    ...nameNotes(row),
    ...(localEntry === undefined ? [] : [`local entry at ${hex(localEntry)}`]),
    ...(fragments === 0 ? [] : [plural(fragments, "fragment")]),
    ...(exempt ? ["left alone on request"] : []),
  ];
}

/** Other names, and the tables that say something of their own: `derived` ones only repeat where an instruction is. */
function nameNotes({ aliases, tables }: SpanRow): string[] {
  const telling = Object.entries(tables).filter(([table]) => specialTableOf(table)?.policy !== "derived");
  return [
    ...aliases.map(({ name, offset }) => `= ${name}${offset === 0 ? "" : ` at ${hex(offset)}`}`),
    ...telling.map(([table, count]) => `${table} ${count}`),
  ];
}

/** Section and offset; `.text.*` for the section `.text.f` of `f` or `f.cold`: its name is said once. */
function shortPlace({ section, name, offset, partOf }: SpanRow & { readonly partOf?: string }): string {
  const tail = [name, partOf].find((symbol) => symbol !== undefined && section.endsWith(`.${symbol}`));
  const short = tail === undefined ? section : `${section.slice(0, -tail.length)}*`;
  return offset === 0 ? short : `${short}${signedHex(offset)}`;
}

/** Fragments by section; a function tells in its notes how many it has. */
function fragmentLines(fragments: readonly FragmentRow[]): string[] {
  const rows = [...groupBy(fragments, ({ section }) => section)].map(([section, list]): Row => {
    const owners = new Set(list.map(({ owner }) => owner).filter((owner) => owner !== undefined)).size;
    const ownerless = list.filter(({ owner }) => owner === undefined).length;
    const size = total(list, (fragment) => fragment.size);
    const relocations = total(list, (fragment) => fragment.relocations);
    const cells = [list.length, size, relocations, owners, section];
    return { cells, notes: ownerless === 0 ? [] : [`${ownerless} used by no function`] };
  });
  return block(title("fragments", fragments), ["pieces>", "size>", "relocs>", "functions>", "section"], rows);
}

const DATA_COLUMNS = ["size>", "bind", "kind", "relocs>", "label", "place"];

function dataRow(row: DataRow): Row {
  const { size, bind, kind, relocations, label } = row;
  return { cells: [size, bind ?? "", kind, relocations, label, shortPlace(row)], notes: nameNotes(row) };
}

/** Strings and constants are counted: what code does with them is shown where the code is. */
function contentLines(data: readonly DataRow[]): string[] {
  const known = data.filter(({ kind }) => isComparedByContents(kind));
  const rows = [...groupBy(known, ({ kind }) => kind)].map(([kind, list]): Row => {
    return { cells: [list.length, total(list, ({ size }) => size), kind] };
  });
  return block(title("strings and constants", known), ["spans>", "size>", "kind"], rows);
}

const TABLE_COLUMNS = ["entries>", "each>", "size>", "owners>", "policy", "section"];

function tableRow({ section, size, policy, entries, entrySize, owned, owners }: TableRow): Row {
  const without = (entries ?? owned) - owned;
  return {
    cells: [entries ?? "?", entrySize ?? "?", size, owners, policy, section],
    notes: without === 0 ? [] : [`${without} without an owner here`],
  };
}

function exportRow({ name, licence, crc, namespace, target }: ExportRow): Row {
  const notes = target === undefined ? ["defined elsewhere"] : target === name ? [] : [`→ ${target}`];
  return { cells: [licence, crc ?? "", namespace ?? "", name], notes };
}

function groupRow({ signature, comdat, members }: GroupRow): Row {
  const shown = members.filter((member) => !/^\.rela?\./.test(member));
  return { cells: [comdat ? "comdat" : "plain", members.length, signature], notes: shown };
}

function detailLines({ function: row, code, entries, fragments }: FunctionDetail): string[] {
  const names = "aliases" in row ? row.aliases : [];
  return [
    row.label,
    ...wrap("  ", detailNotes(row), ", ", 4),
    "",
    ...contentsLines(code, row.size, names),
    ...entries.flatMap((entry) => ["", ...entryLines(entry)]),
    ...fragments.flatMap(({ fragment, code: inner }) => [
      "",
      `  ${fragment.label}, ${plural(fragment.size, "byte")}`,
      ...contentsLines(inner, fragment.size, []),
    ]),
  ];
}

function detailNotes(row: FunctionRow | FragmentRow): string[] {
  const place = [`${row.section}${signedHex(row.offset)}`, plural(row.size, "byte")];
  const relocations = plural(row.relocations, "relocation");
  if (!("entry" in row))
    return [...place, "fragment", ...(row.owner === undefined ? [] : [`of ${row.owner}`]), relocations];
  const hook = row.entry.kind === "none" ? "no entry hook" : `${row.entry.kind} at ${hex(row.entry.offset)}`;
  return [...place, ...(row.bind === undefined ? [] : [row.bind]), hook, relocations, ...functionNotes(row)];
}

function entryLines({ table, offset, size, ownerOffset, ...contents }: EntryRow): string[] {
  return [
    `  ${table}${signedHex(offset)}, ${plural(size, "byte")}, points to ${hex(ownerOffset)}`,
    ...contentsLines(contents, size, []),
  ];
}

const ROW = 16;

/** Rows of 16 bytes, each followed by its relocations; a row ends where a name stands. */
function contentsLines({ start, bytes, relocations }: Contents, size: number, names: readonly NameInside[]): string[] {
  if (bytes === "") return size === 0 ? [] : ["    (no contents in the file)"];
  const end = start + bytes.length / 2;
  const howtoWidth = widest(relocations, ({ howto }) => howto.length);
  const inside = names.filter(({ offset }) => offset > start && offset < end).sort((a, b) => a.offset - b.offset);
  const stops = [...new Set([...inside.map(({ offset }) => offset), ...(start < 0 ? [0] : []), end])].sort(
    (a, b) => a - b,
  );
  const lines: string[] = [];
  let next = 0;
  for (let at = start; at < end; ) {
    const to = Math.min(at + ROW, stops.find((stop) => stop > at) as number);
    for (const { name, offset } of names) if (offset === at && offset !== 0) lines.push(`    ${name}:`);
    lines.push(`    ${hex(at, 4)}  ${byteText(bytes.slice(2 * (at - start), 2 * (to - start)))}`);
    for (let row = relocations[next]; row !== undefined && row.offset < to; row = relocations[++next]) {
      lines.push(relocationLine(row, howtoWidth));
    }
    at = to;
  }
  return lines;
}

function byteText(digits: string): string {
  const pairs = digits.match(/../g) ?? [];
  const half = ROW / 2;
  return [pairs.slice(0, half).join(" "), pairs.slice(half).join(" ")].join("  ").trimEnd();
}

function relocationLine({ offset, howto, target, insnAddend }: RelocationRow, howtoWidth: number): string {
  const instruction =
    insnAddend === "0x0"
      ? ""
      : `  (insn ${BigInt(insnAddend.replace("-", "")) * (insnAddend.startsWith("-") ? -1n : 1n)})`;
  return `            ${hex(offset, 4)}  ${howto.padEnd(howtoWidth)}  ${target}${instruction}`.trimEnd();
}

function title(what: string, list: readonly unknown[]): string {
  return `${what} (${list.length})`;
}

/** A heading, the columns' names and the rows, then an empty line; nothing without rows. A name that ends in `>` is of a column of numbers. */
function block(heading: string, columns: readonly string[], rows: readonly Row[]): string[] {
  if (rows.length === 0) return [];
  const head = columns.map((column) => column.replace(/>$/, ""));
  const widths = head.map((name, i) => {
    const width = widest(rows, ({ cells }) => String(cells[i]).length);
    return width === 0 ? 0 : Math.max(name.length, Math.min(width, WIDEST_CELL));
  });
  const line = (cells: Row["cells"]): string => {
    const padded = cells.map((cell, i) => {
      const width = widths[i] as number;
      return columns[i]?.endsWith(">") ? String(cell).padStart(width) : String(cell).padEnd(width);
    });
    return `  ${padded.filter((_, i) => widths[i] !== 0).join("  ")}`.trimEnd();
  };
  return [heading, line(head), ...rows.flatMap(({ cells, notes = [] }) => withNotes(line(cells), notes)), ""];
}

/** Notes stand behind what they belong to, or below it where the line would get too long. */
function withNotes(line: string, notes: readonly string[]): string[] {
  if (notes.length === 0) return [line];
  const joined = `${line}  (${notes.join(", ")})`;
  return joined.length <= WIDTH ? [joined] : [line, ...wrap("      (", notes, ", ", 7, ")")];
}

/** Joins parts and breaks lines between them. */
function wrap(first: string, parts: readonly string[], separator: string, indent: number, end = ""): string[] {
  const lines: string[] = [];
  let line = first;
  parts.forEach((part, i) => {
    const last = i === parts.length - 1;
    const text = last ? `${part}${end}` : `${part}${separator}`;
    if (line.trim().length > 1 && line.length + text.trimEnd().length > WIDTH) {
      lines.push(line.trimEnd());
      line = " ".repeat(indent);
    }
    line += text;
  });
  return [...lines, line.trimEnd()];
}

function total<T>(list: readonly T[], measure: (item: T) => number): number {
  return list.reduce((sum, item) => sum + measure(item), 0);
}

function widest<T>(list: readonly T[], measure: (item: T) => number): number {
  return list.reduce((most, item) => Math.max(most, measure(item)), 0);
}

function textOf(lines: readonly string[]): string {
  const last = lines.findLastIndex((line) => line !== "");
  return `${joinLines(lines.slice(0, last + 1))}\n`;
}
