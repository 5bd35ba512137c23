/*
 * Source files and lines of code, from DWARF. Read for the functions that are asked for, and never for others: the cost
 * follows the change, not the object.
 */

import type { ElfObject } from "../elf/object.ts";
import { groupBy } from "../grouping.ts";
import { Cursor } from "./cursor.ts";
import { type LineHeader, readLineHeader } from "./dwarf/line-header.ts";
import { type LineSequence, runLineProgram } from "./dwarf/line-program.ts";
import { placeReader } from "./dwarf/places.ts";
import type { CodeRange } from "./dwarf/ranges.ts";
import { readScopes, type Scope, type SourceUnit } from "./dwarf/scopes.ts";
import { lookupsOf } from "./dwarf/strings.ts";
import { type DebugSections, readDebugSections } from "./sections.ts";

/** A line of a source file. */
interface SourceLine {
  /** From the folder of the compilation where it lies below that, else whole. */
  readonly file: string;
  /** From 1; 0 for code that comes from no line. */
  readonly line: number;
}

/** A function that was inlined at some place, with the line where its caller calls it. */
interface InlinedAt {
  readonly name: string;
  readonly declaration: SourceLine | undefined;
  readonly call: SourceLine | undefined;
}

/** What debug information tells of the wanted code. Offsets are bytes in the section. */
export interface SourceView {
  /** Where the function is declared that has the code at a place. */
  declarationAt(section: number, offset: number): SourceLine | undefined;
  /** The line that the instruction at a place comes from. */
  lineAt(section: number, offset: number): SourceLine | undefined;
  /** The rows of the line table in a stretch of code, with the offset at which each begins. */
  linesIn(section: number, from: number, to: number): readonly { readonly offset: number; readonly line: SourceLine }[];
  /** Functions that were inlined at a place, the innermost first. */
  inlinedAt(section: number, offset: number): readonly InlinedAt[];
}

/** Reads the source lines of stretches of code; `types` are the sections that hold types, where they were read already. Throws FormatError and UnsupportedError. */
export async function readSource(
  object: ElfObject,
  wanted: readonly CodeRange[],
  types?: DebugSections,
): Promise<SourceView> {
  const sections = await readDebugSections(object, types ?? (await readDebugSections(object)));
  const placeAt = placeReader(object);
  const bySection = groupBy(
    [...wanted].sort((a, b) => a.from - b.from),
    ({ section }) => section,
  );
  // Functions do not overlap: the last one that begins before the end is the one.
  const isWanted = ({ section, from, to }: CodeRange): boolean => {
    const list = bySection.get(section) ?? [];
    const last = list[countUpTo(list.length, (index) => (list[index] as CodeRange).from < to) - 1];
    return last !== undefined && from < last.to;
  };
  const { scopes, units } = readScopes(sections, placeAt, isWanted);
  const tables = readTables(sections, placeAt, scopes, units, (section) => bySection.has(section));
  return new View(scopes, tables);
}

/** How many of the first `count` indices fulfil what all of a beginning do and none after it. */
function countUpTo(count: number, isBefore: (index: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}

interface LineTable {
  readonly header: LineHeader;
  readonly sequences: readonly LineSequence[];
}

/** Line tables of the units that have wanted functions; of all units where no function is told, as for assembly. */
function readTables(
  sections: DebugSections,
  placeAt: ReturnType<typeof placeReader>,
  scopes: readonly Scope[],
  units: readonly SourceUnit[],
  isWanted: (section: number) => boolean,
): ReadonlyMap<number, LineTable> {
  const tables = new Map<number, LineTable>();
  const { object } = sections;
  const lookups = lookupsOf(sections);
  const section = sections.only(".debug_line");
  if (section === undefined) return tables;
  const chosen = scopes.length > 0 ? new Set(scopes.map(({ unit }) => unit)) : units;
  for (const unit of chosen) {
    const { lines } = unit;
    if (lines === undefined || tables.has(lines)) continue;
    const cursor = new Cursor(section.bytes, object.data, (problem, offset, value) => {
      throw object.error(problem, { section: section.name, offset }, value);
    });
    cursor.at = lines;
    const header = readLineHeader(cursor, section, lookups, unit);
    if (header !== undefined)
      tables.set(lines, { header, sequences: runLineProgram(cursor, header, placeAt, isWanted) });
  }
  return tables;
}

/** A sequence, and the table that names its files. */
interface PlacedSequence {
  readonly table: LineTable;
  readonly sequence: LineSequence;
}

function rowLine({ table, sequence }: PlacedSequence, row: number): SourceLine | undefined {
  const file = table.header.files[sequence.files[row] as number];
  return file === undefined ? undefined : { file, line: sequence.lines[row] as number };
}

/** A stretch of code of a function, which stands in the list of scopes before what was inlined into it. */
interface Root {
  readonly range: CodeRange;
  readonly index: number;
}

class View implements SourceView {
  readonly #scopes: readonly Scope[];
  readonly #tables: ReadonlyMap<number, LineTable>;
  /** By section, in the order of their places. */
  readonly #rootsIn: ReadonlyMap<number, readonly Root[]>;
  readonly #sequencesIn: ReadonlyMap<number, readonly PlacedSequence[]>;

  constructor(scopes: readonly Scope[], tables: ReadonlyMap<number, LineTable>) {
    this.#scopes = scopes;
    this.#tables = tables;
    const roots = scopes.flatMap(({ parent, ranges }, index) =>
      parent === undefined ? ranges.map((range) => ({ range, index })) : [],
    );
    this.#rootsIn = groupBy(
      roots.sort((a, b) => a.range.from - b.range.from),
      ({ range }) => range.section,
    );
    const sequences = [...tables.values()].flatMap((table) => table.sequences.map((sequence) => ({ table, sequence })));
    this.#sequencesIn = groupBy(
      sequences.sort((a, b) => (a.sequence.offsets[0] as number) - (b.sequence.offsets[0] as number)),
      ({ sequence }) => sequence.section,
    );
  }

  declarationAt(section: number, offset: number): SourceLine | undefined {
    const scope = this.#chainAt(section, offset).at(-1);
    return scope && this.#line(scope.unit, scope.file, scope.line);
  }

  inlinedAt(section: number, offset: number): readonly InlinedAt[] {
    return this.#chainAt(section, offset)
      .slice(0, -1)
      .map(({ name, unit, file, line, callFile, callLine }) => ({
        name,
        declaration: this.#line(unit, file, line),
        call: this.#line(unit, callFile, callLine),
      }));
  }

  lineAt(section: number, offset: number): SourceLine | undefined {
    const found = this.#sequenceAt(section, offset);
    if (found === undefined || offset >= found.sequence.end) return undefined;
    const { offsets } = found.sequence;
    return rowLine(found, countUpTo(offsets.length, (i) => (offsets[i] as number) <= offset) - 1);
  }

  linesIn(section: number, from: number, to: number): { offset: number; line: SourceLine }[] {
    const found = this.#sequenceAt(section, from);
    if (found === undefined) return [];
    const { offsets } = found.sequence;
    const rows: { offset: number; line: SourceLine }[] = [];
    for (let row = countUpTo(offsets.length, (i) => (offsets[i] as number) < from); row < offsets.length; row++) {
      const offset = offsets[row] as number;
      if (offset >= to) break;
      const line = rowLine(found, row);
      if (line !== undefined) rows.push({ offset, line });
    }
    return rows;
  }

  #sequenceAt(section: number, offset: number): PlacedSequence | undefined {
    const list = this.#sequencesIn.get(section) ?? [];
    return list[countUpTo(list.length, (i) => (list[i]?.sequence.offsets[0] as number) <= offset) - 1];
  }

  /** Scopes around a place, the innermost first; the last one is the function itself. */
  #chainAt(section: number, offset: number): Scope[] {
    const roots = this.#rootsIn.get(section) ?? [];
    const root = roots[countUpTo(roots.length, (i) => (roots[i] as Root).range.from <= offset) - 1];
    if (root === undefined || offset >= root.range.to) return [];
    let inner = root.index;
    for (let i = root.index + 1; i < this.#scopes.length; i++) {
      const { parent, ranges } = this.#scopes[i] as Scope;
      if (parent === undefined) break;
      if (ranges.some((range) => range.section === section && range.from <= offset && offset < range.to)) inner = i;
    }
    const chain: Scope[] = [];
    for (let at: number | undefined = inner; at !== undefined; at = this.#scopes[at]?.parent)
      chain.push(this.#scopes[at] as Scope);
    return chain;
  }

  #line(unit: SourceUnit, file: number | undefined, line: number | undefined): SourceLine | undefined {
    if (file === undefined || line === undefined || unit.lines === undefined) return undefined;
    const path = this.#tables.get(unit.lines)?.header.files[file];
    return path === undefined ? undefined : { file: path, line };
  }
}
