/*
 * Which function a stretch of code belongs to, where that is declared, and what was inlined into it. Only the entries of
 * functions that are asked for are read; past the others one moves by DW_AT_sibling. DWARF 5 sections 3.3 and 3.3.8.
 */

import { Cursor, type Fail } from "../cursor.ts";
import type { DebugSection, DebugSections, Target } from "../sections.ts";
import { type Abbreviation, type Abbreviations, abbreviationReader } from "./abbrev.ts";
import { SOURCE_AT as AT, FORM, TAG, UT } from "./constants.ts";
import { nextForm, readNumber, readReference, skipForm } from "./forms.ts";
import type { PlaceReader } from "./places.ts";
import { type CodeRange, rangeReader } from "./ranges.ts";
import { type Bases, type Lookups, lookupsOf } from "./strings.ts";
import { readUnits, type Unit } from "./units.ts";

/** The unit of a compilation that has functions which are asked for. */
export interface SourceUnit {
  /** Byte offset of its line table; undefined where it has none. */
  readonly lines: number | undefined;
  /** DW_AT_comp_dir; empty where it is not told. */
  readonly folder: string;
  readonly addressSize: number;
}

/** A function, or one that was inlined. File numbers are those of the unit's line table. */
export interface Scope {
  readonly name: string;
  readonly unit: SourceUnit;
  readonly file: number | undefined;
  readonly line: number | undefined;
  readonly ranges: readonly CodeRange[];
  /** Of an inlined function: where its caller calls it. */
  readonly callFile: number | undefined;
  readonly callLine: number | undefined;
  /** The scope that it was inlined into, as index into the list; undefined for the function itself. */
  readonly parent: number | undefined;
}

/** Attributes as they are read; what refers to other entries is followed later. */
interface Draft {
  name: string;
  origin: number | undefined;
  low: Target | undefined;
  /** The end, or bytes from the start. */
  high: Target | number | undefined;
  rangesAt: { offset: number; isIndex: boolean } | undefined;
  file: number | undefined;
  line: number | undefined;
  callFile: number | undefined;
  callLine: number | undefined;
  sibling: number | undefined;
  lines: number | undefined;
  folder: string;
}

interface Context {
  readonly unit: Unit;
  readonly table: Abbreviations;
  readonly cursor: Cursor;
  readonly bases: Bases;
  /** DW_AT_rnglists_base. */
  ranges: number | undefined;
  base: Target | undefined;
}

/** Steps from an instance to the abstract function and on to its declaration. */
const MOST_STEPS = 4;

/** Reads the scopes of functions that have code in one of the wanted stretches. Throws FormatError. */
export function readScopes(
  sections: DebugSections,
  placeAt: PlaceReader,
  isWanted: (range: CodeRange) => boolean,
): { readonly scopes: Scope[]; readonly units: SourceUnit[] } {
  return new ScopeReader(sections, placeAt, isWanted).read();
}

class ScopeReader {
  readonly #sections: DebugSections;
  readonly #placeAt: PlaceReader;
  readonly #isWanted: (range: CodeRange) => boolean;
  readonly #lookups: Lookups;
  readonly #units: readonly Unit[];
  readonly #contexts = new Map<Unit, Context>();
  readonly #tableAt: (offset: number) => Abbreviations;
  readonly #rangesAt: ReturnType<typeof rangeReader>;
  readonly #scopes: Scope[] = [];

  constructor(sections: DebugSections, placeAt: PlaceReader, isWanted: (range: CodeRange) => boolean) {
    this.#sections = sections;
    this.#placeAt = placeAt;
    this.#isWanted = isWanted;
    this.#lookups = lookupsOf(sections);
    // What is left out is told where types are read.
    this.#units = readUnits(
      sections,
      (section) => this.#failIn(section.name),
      () => {},
    );
    this.#tableAt = abbreviationReader(
      sections.only(".debug_abbrev"),
      sections.object.data,
      this.#failIn(".debug_abbrev"),
    );
    this.#rangesAt = rangeReader(sections, this.#lookups, placeAt, (section) => this.#cursorOf(section));
  }

  #failIn(section: string): Fail {
    return (problem, offset, value) => {
      throw this.#sections.object.error(problem, { section, offset }, value);
    };
  }

  #cursorOf(section: DebugSection, end = section.bytes.length): Cursor {
    return new Cursor(section.bytes.subarray(0, end), this.#sections.object.data, this.#failIn(section.name));
  }

  read(): { scopes: Scope[]; units: SourceUnit[] } {
    const units: SourceUnit[] = [];
    for (const unit of this.#units) {
      if (unit.type !== UT.compile && unit.type !== UT.partial && unit.type !== UT.skeleton) continue;
      const context = this.#contextOf(unit);
      const { cursor } = context;
      cursor.at = unit.start;
      const root = this.#abbreviation(context);
      if (root === undefined) continue;
      const { lines, folder } = this.#readEntry(context, root);
      const source: SourceUnit = { lines, folder, addressSize: unit.addressSize };
      units.push(source);
      if (root.hasChildren) this.#readFunctions(context, source);
    }
    return { scopes: this.#scopes, units };
  }

  /** The unit with the bases that its first entry tells. */
  #contextOf(unit: Unit): Context {
    const known = this.#contexts.get(unit);
    if (known !== undefined) return known;
    const cursor = this.#cursorOf(unit.section, unit.end);
    const bases: Bases = { strings: undefined, addresses: undefined, lowerBound: 0 };
    const table = this.#tableAt(unit.abbreviations);
    const context: Context = { unit, table, cursor, bases, ranges: undefined, base: undefined };
    this.#contexts.set(unit, context);
    cursor.at = unit.start;
    const root = this.#abbreviation(context);
    if (root === undefined) return context;
    const at = cursor.at;
    for (const { name, form } of root.attributes) {
      const isBase = form === FORM.sec_offset;
      if (isBase && name === AT.str_offsets_base) bases.strings = cursor.unsigned(unit.offsetSize);
      else if (isBase && name === AT.addr_base) bases.addresses = cursor.unsigned(unit.offsetSize);
      else if (isBase && name === AT.rnglists_base) context.ranges = cursor.unsigned(unit.offsetSize);
      else skipForm(cursor, form, unit);
    }
    cursor.at = at;
    context.base = this.#readEntry(context, root).low;
    return context;
  }

  /** The abbreviation of the entry at the cursor, which is left at its attributes; undefined for the end of a list. */
  #abbreviation({ cursor, table }: Context): Abbreviation | undefined {
    const at = cursor.at;
    const code = cursor.uleb();
    if (code === 0) return undefined;
    const abbreviation = table.get(code);
    if (abbreviation === undefined) cursor.fail("entry has an abbreviation that does not exist", at, code);
    return abbreviation;
  }

  /** Functions at any depth outside functions: those of classes and namespaces, too. */
  #readFunctions(context: Context, source: SourceUnit): void {
    const { cursor, unit } = context;
    for (let depth = 1; depth > 0 && cursor.at < unit.end; ) {
      const abbreviation = this.#abbreviation(context);
      if (abbreviation === undefined) {
        depth--;
        continue;
      }
      const entry = this.#readEntry(context, abbreviation);
      const { tag, hasChildren } = abbreviation;
      if (tag === TAG.subprogram) {
        const ranges = this.#rangesOf(context, entry);
        if (ranges.some(this.#isWanted)) {
          const index = this.#add(context, source, entry, ranges, undefined);
          if (hasChildren) this.#readInlined(context, source, index);
          continue;
        }
      }
      if (!hasChildren) continue;
      const isOpen = tag === TAG.namespace || tag === TAG.structure_type || tag === TAG.class_type;
      if (!isOpen && entry.sibling !== undefined && entry.sibling > cursor.at && entry.sibling < unit.end)
        cursor.at = entry.sibling;
      else depth++;
    }
  }

  /** Everything below a function, up to its end. */
  #readInlined(context: Context, source: SourceUnit, owner: number): void {
    const { cursor, unit } = context;
    const owners = [owner];
    while (owners.length > 0 && cursor.at < unit.end) {
      const abbreviation = this.#abbreviation(context);
      if (abbreviation === undefined) {
        owners.pop();
        continue;
      }
      const entry = this.#readEntry(context, abbreviation);
      let inner = owners.at(-1) as number;
      if (abbreviation.tag === TAG.inlined_subroutine)
        inner = this.#add(context, source, entry, this.#rangesOf(context, entry), inner);
      if (abbreviation.hasChildren) owners.push(inner);
    }
  }

  #add(context: Context, source: SourceUnit, entry: Draft, ranges: CodeRange[], parent: number | undefined): number {
    const { name, file, line } = this.#resolve(context, entry);
    const { callFile, callLine } = entry;
    this.#scopes.push({ name, unit: source, file, line, ranges, callFile, callLine, parent });
    return this.#scopes.length - 1;
  }

  /** Name and declaration, which an instance has from its origin. File numbers of an origin in another unit mean another table. */
  #resolve(context: Context, entry: Draft): Pick<Draft, "name" | "file" | "line"> {
    let { name, file, line } = entry;
    let [origin, at] = [entry.origin, context as Context | undefined];
    for (let steps = 0; steps < MOST_STEPS && origin !== undefined && (name === "" || line === undefined); steps++) {
      const found: { entry: Draft; context: Context } | undefined = this.#entryAt(origin);
      if (found === undefined) break;
      if (name === "") name = found.entry.name;
      if (line === undefined && found.context === at) ({ file, line } = found.entry);
      at = found.context === at ? at : undefined;
      origin = found.entry.origin;
    }
    return { name, file, line };
  }

  /** The entry of a number among all sections; the cursor of its unit stays where it is. */
  #entryAt(number: number): { entry: Draft; context: Context } | undefined {
    const unit = this.#unitOf(number);
    if (unit === undefined) return undefined;
    const context = this.#contextOf(unit);
    const { cursor } = context;
    const before = cursor.at;
    cursor.at = number - unit.base;
    const abbreviation = this.#abbreviation(context);
    const entry = abbreviation && this.#readEntry(context, abbreviation);
    cursor.at = before;
    return entry && { entry, context };
  }

  #unitOf(number: number): Unit | undefined {
    let low = 0;
    let high = this.#units.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const unit = this.#units[middle] as Unit;
      if (unit.base + unit.offset <= number) low = middle + 1;
      else high = middle;
    }
    const unit = this.#units[low - 1];
    return unit !== undefined && number >= unit.base + unit.start && number < unit.base + unit.end ? unit : undefined;
  }

  #rangesOf(context: Context, { low, high, rangesAt }: Draft): CodeRange[] {
    if (rangesAt !== undefined) {
      const offset = rangesAt.isIndex ? this.#indexedList(context, rangesAt.offset) : rangesAt.offset;
      return offset === undefined ? [] : this.#rangesAt(offset, context);
    }
    if (low === undefined || high === undefined) return [];
    const to = typeof high === "number" ? low.offset + high : high.offset;
    return [{ section: low.section, from: low.offset, to }];
  }

  /** DW_FORM_rnglistx: an index into the offsets behind the header of the unit's lists. DWARF 5 section 7.28. */
  #indexedList({ unit, ranges }: Context, index: number): number | undefined {
    const section = this.#sections.only(".debug_rnglists");
    if (section === undefined) return undefined;
    const base = ranges ?? (unit.offsetSize === 8 ? 20 : 12);
    const cursor = this.#cursorOf(section);
    cursor.at = base + index * unit.offsetSize;
    return base + cursor.unsigned(unit.offsetSize);
  }

  /** Reads the attributes that tell of source; the cursor is left behind the entry. */
  #readEntry(context: Context, { attributes }: Abbreviation): Draft {
    const { cursor, unit, bases } = context;
    const entry: Draft = {
      name: "",
      origin: undefined,
      low: undefined,
      high: undefined,
      rangesAt: undefined,
      file: undefined,
      line: undefined,
      callFile: undefined,
      callLine: undefined,
      sibling: undefined,
      lines: undefined,
      folder: "",
    };
    const addressOf = (form: number): Target | undefined => {
      if (form === FORM.addr) return this.#placeAt(unit.section, cursor.take(unit.addressSize), unit.addressSize);
      return this.#lookups.address(readNumber(cursor, form) ?? 0, unit, bases);
    };
    for (const { name, form: given, constant } of attributes) {
      const form = given === FORM.indirect ? nextForm(cursor) : given;
      const number = (): number | undefined => {
        if (form === FORM.implicit_const) return constant;
        if (form === FORM.sec_offset) return cursor.unsigned(unit.offsetSize);
        const value = readNumber(cursor, form);
        if (value === undefined) skipForm(cursor, form, unit);
        return value;
      };
      switch (name) {
        case AT.name:
          entry.name = this.#lookups.string(cursor, form, unit, bases) ?? "";
          break;
        case AT.comp_dir:
          entry.folder = this.#lookups.string(cursor, form, unit, bases) ?? "";
          break;
        case AT.stmt_list:
          entry.lines = number();
          break;
        case AT.low_pc:
          entry.low = addressOf(form);
          break;
        case AT.high_pc:
          // Of class constant since DWARF 4: bytes from the start.
          entry.high = form === FORM.addr || isAddressIndex(form) ? addressOf(form) : number();
          break;
        case AT.ranges: {
          const isIndex = form === FORM.rnglistx;
          const offset = isIndex ? cursor.uleb() : number();
          entry.rangesAt = offset === undefined ? undefined : { offset, isIndex };
          break;
        }
        case AT.abstract_origin:
        case AT.specification: {
          const reference = readReference(cursor, form, unit);
          if (typeof reference === "number") entry.origin ??= reference;
          break;
        }
        case AT.sibling: {
          const reference = readReference(cursor, form, unit);
          if (typeof reference === "number") entry.sibling = reference - unit.base;
          break;
        }
        case AT.decl_file:
          entry.file = number();
          break;
        case AT.decl_line:
          entry.line = number();
          break;
        case AT.call_file:
          entry.callFile = number();
          break;
        case AT.call_line:
          entry.callLine = number();
          break;
        default:
          skipForm(cursor, form, unit);
      }
    }
    return entry;
  }
}

function isAddressIndex(form: number): boolean {
  return (
    form === FORM.addrx ||
    form === FORM.addrx1 ||
    form === FORM.addrx2 ||
    form === FORM.addrx3 ||
    form === FORM.addrx4 ||
    form === FORM.GNU_addr_index
  );
}
