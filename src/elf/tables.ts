/*
 * Readers of the tables that sections hold: symbols, relocations, section groups. Each checks its table's shape before it
 * allocates anything, and each record before it is believed. The loops are plain because a table may have millions of records.
 */

import { UnsupportedError } from "../errors.ts";
import { addTo } from "../grouping.ts";
import { constantName, EM, ET, GRP, SHF, SHN, SHT } from "./constants.ts";
import { readCompactRelocations } from "./crel.ts";
import type { ElfObject, ElfSymbol, Group, Relocation, Section } from "./model.ts";
import { nameReader } from "./names.ts";

/** What the table readers need to know of the file that the tables are in. */
export type TableContext = Pick<ElfObject, "class" | "data" | "machine" | "type" | "sections" | "error">;

/** Bytes of one record, by class. gABI chapter 4, "Symbol Table" and "Relocation". */
const SYMBOL_SIZE = { 32: 16, 64: 24 } as const;
const REL_SIZE = { 32: 8, 64: 16 } as const;
const RELA_SIZE = { 32: 12, 64: 24 } as const;
/** "ZLIB", which starts a `.zdebug_*` section. */
const ZLIB = 0x5a4c_4942;
/** Bytes of a section index in SHT_SYMTAB_SHNDX and of a word in SHT_GROUP. */
const WORD = 4;

/** The one SHT_SYMTAB of the file; undefined when it is stripped. gABI chapter 4, "Sections": a file has at most one. */
export function findSymbolTable(context: TableContext): Section | undefined {
  const [table, second] = context.sections.filter((section) => section.type === SHT.SYMTAB);
  if (second !== undefined) {
    throw context.error("second symbol table in one file", { section: placeName(second) }, second.index);
  }
  return table;
}

/** Every symbol of the table, entry 0 included. gABI chapter 4, "Symbol Table". */
export function readSymbols(context: TableContext, table: Section): readonly ElfSymbol[] {
  const entsize = SYMBOL_SIZE[context.class];
  const section = placeName(table);
  const count = countRecords(context, table, entsize);
  if (table.info > count) {
    throw context.error("sh_info counts more local symbols than there are symbols", { section }, table.info);
  }
  const extended = readSectionIndices(context, table, count);
  let offset = 0;
  const nameAt = nameReader(linkedSection(context, table, SHT.STRTAB).bytes, (problem, nameOffset) => {
    throw context.error(`st_name: ${problem}`, { section, offset }, nameOffset);
  });
  const view = dataView(table.bytes);
  const little = context.data === "lsb";
  const wide = context.class === 64;
  const sectionCount = context.sections.length;
  const symbols = new Array<ElfSymbol>(count);
  for (let index = 0; index < count; index++, offset += entsize) {
    const info = view.getUint8(offset + (wide ? 4 : 12));
    const shndx = view.getUint16(offset + (wide ? 6 : 14), little);
    let defining: number | undefined;
    if (shndx === SHN.XINDEX) {
      defining = extended?.getUint32(index * WORD, little);
      if (defining === undefined) {
        const problem = "st_shndx is SHN_XINDEX but there is no SHT_SYMTAB_SHNDX section";
        throw context.error(problem, { section, offset }, index);
      }
    } else if (shndx !== SHN.UNDEF && shndx < SHN.LORESERVE) {
      defining = shndx;
    }
    if (defining !== undefined && (defining === 0 || defining >= sectionCount)) {
      const problem = `symbol ${index} is defined in a section that does not exist: there are ${sectionCount}`;
      throw context.error(problem, { section, offset }, defining);
    }
    const size = wide ? uint64(view, offset + 16, little) : view.getUint32(offset + 8, little);
    if (!Number.isSafeInteger(size)) {
      const problem = `st_size of symbol ${index} is larger than any file`;
      throw context.error(problem, { section, offset }, view.getBigUint64(offset + 16, little));
    }
    symbols[index] = {
      index,
      name: nameAt(view.getUint32(offset, little)),
      value: wide ? bigUint64(view, offset + 8, little) : toBigInt(view.getUint32(offset + 4, little)),
      size,
      bind: info >> 4,
      type: info & 0xf,
      other: view.getUint8(offset + (wide ? 5 : 13)),
      shndx,
      section: defining,
    };
  }
  return symbols;
}

/** The SHT_SYMTAB_SHNDX words that go with the symbol table. gABI chapter 4, "Sections", SHT_SYMTAB_SHNDX. */
function readSectionIndices(context: TableContext, symbolTable: Section, symbolCount: number): DataView | undefined {
  const [table, second] = context.sections.filter(
    (section) => section.type === SHT.SYMTAB_SHNDX && section.link === symbolTable.index,
  );
  if (table === undefined) return undefined;
  if (second !== undefined) {
    const problem = "second SHT_SYMTAB_SHNDX section for one symbol table";
    throw context.error(problem, { section: placeName(second) }, second.index);
  }
  const count = countRecords(context, table, WORD);
  if (count !== symbolCount) {
    throw context.error(`has not one index for each of ${symbolCount} symbols`, { section: placeName(table) }, count);
  }
  return dataView(table.bytes);
}

/**
 * SHT_REL, SHT_RELA and SHT_CREL sections by the index of the section that they relocate, in table order. gABI chapter 4,
 * "Relocation". Throws UnsupportedError where a section of another type relocates what is loaded: without its records, what
 * code refers to cannot be told.
 */
export function findRelocationTables(context: TableContext): ReadonlyMap<number, readonly number[]> {
  const byTarget = new Map<number, number[]>();
  for (const table of context.sections) {
    if (!isRelocationTable(table)) {
      requireNoOther(context, table);
      continue;
    }
    if (isDynamic(context, table)) continue;
    const target = context.sections[table.info];
    if (target === undefined || !isRelocatable(target)) {
      throw context.error("sh_info names no section that can be relocated", { section: placeName(table) }, table.info);
    }
    if (table.link !== 0) linkedSection(context, table, SHT.SYMTAB);
    if (table.type !== SHT.CREL) countRecords(context, table, relocationSize(context, table));
    addTo(byTarget, table.info, table.index);
  }
  return byTarget;
}

function isRelocationTable({ type }: Section): boolean {
  return type === SHT.REL || type === SHT.RELA || type === SHT.CREL;
}

const TYPES: ReadonlySet<number> = new Set(Object.values(SHT));
const PACKED: ReadonlySet<number> = new Set([SHT.ANDROID_REL, SHT.ANDROID_RELA]);

/** Refuses relocations in a form that is not read: Android's packed ones, and any type that relates the symbol table to what is loaded. */
function requireNoOther(context: TableContext, table: Section): void {
  const target = context.sections[table.info];
  const isCarrier =
    (PACKED.has(table.type) && table.size > 0) ||
    (context.type === ET.REL &&
      (!TYPES.has(table.type) || table.type === SHT.RELR || table.type === SHT.ANDROID_RELR) &&
      context.sections[table.link]?.type === SHT.SYMTAB &&
      target !== undefined &&
      target.index !== 0 &&
      (target.flags & SHF.ALLOC) !== 0n);
  if (!isCarrier) return;
  const { place } = context.error("", { section: placeName(table) });
  const problem = `relocations in a form that is not read (${constantName(SHT, "SHT_", table.type)}): what is loaded refers to things that cannot be told`;
  throw new UnsupportedError(place, problem);
}

/** Relocations of a linked image against its dynamic symbols are the dynamic linker's; those that `ld --emit-relocs` keeps are against `.symtab`. */
function isDynamic(context: TableContext, table: Section): boolean {
  return context.type !== ET.REL && (table.info === 0 || context.sections[table.link]?.type !== SHT.SYMTAB);
}

/** The records of one relocation table. gABI chapter 4, "Relocation". */
export function readRelocations(context: TableContext, table: Section, symbolCount: number): Relocation[] {
  const section = placeName(table);
  const target = context.sections[table.info] as Section;
  if (table.type === SHT.CREL) return readCompact(context, table, target, symbolCount);
  const entsize = relocationSize(context, table);
  const view = dataView(table.bytes);
  const little = context.data === "lsb";
  const wide = context.class === 64;
  const rela = table.type === SHT.RELA;
  // MIPS64 stores the symbol as a word in data order and then four bytes in fixed order, most significant first.
  const littleType = little && !isMips64(context);
  const symbolAt = wide && littleType ? 12 : 8;
  const typeAt = 20 - symbolAt;
  const limit = table.link === 0 ? 0 : symbolCount;
  const targetSize = uncompressedSize(context, target);
  const linked = context.type !== ET.REL;
  // In linked images r_offset is an address.
  const base = linked ? target.addr : 0n;
  const end = table.bytes.length;
  const records: Relocation[] = [];
  for (let at = 0; at < end; at += entsize) {
    let offset = wide ? uint64(view, at, little) : view.getUint32(at, little);
    if (base !== 0n) offset = Number((wide ? view.getBigUint64(at, little) : BigInt(offset)) - base);
    let type: number;
    let symbol: number;
    if (wide) {
      symbol = view.getUint32(at + symbolAt, little);
      type = view.getUint32(at + typeAt, littleType);
    } else {
      const info = view.getUint32(at + 4, little);
      symbol = info >>> 8;
      type = info & 0xff;
    }
    // At the end there is no field, but R_*_NONE needs none.
    if (offset > targetSize || offset < 0) {
      // The kernel's scripts/sorttable.h blanks the records of the tables that it sorts in vmlinux.
      if (linked && type === 0 && symbol === 0) continue;
      const problem = `r_offset lies outside section ${placeName(target)} (${targetSize} bytes)`;
      throw context.error(problem, { section, offset: at }, offset);
    }
    if (symbol !== 0 && symbol >= limit) {
      const problem = `relocation names a symbol that does not exist: there are ${limit}`;
      throw context.error(problem, { section, offset: at }, symbol);
    }
    const addend = !rela ? 0n : wide ? int64(view, at + 16, little) : toBigInt(view.getInt32(at + 8, little));
    records.push({ offset, type, symbol, addend, rela });
  }
  return records;
}

/** The records of an SHT_CREL section, checked as those of the others are. */
function readCompact(context: TableContext, table: Section, target: Section, symbolCount: number): Relocation[] {
  const section = placeName(table);
  const limit = table.link === 0 ? 0 : symbolCount;
  const size = uncompressedSize(context, target);
  const base = context.type === ET.REL ? 0 : Number(target.addr);
  const records = readCompactRelocations(table.bytes, context.class, (problem, offset, value) => {
    throw context.error(problem, { section, offset }, value);
  });
  return records.map((record, index) => {
    const offset = record.offset - base;
    if (offset > size || offset < 0) {
      throw context.error(
        `r_offset of record ${index} lies outside section ${placeName(target)} (${size} bytes)`,
        { section },
        offset,
      );
    }
    if (record.symbol !== 0 && record.symbol >= limit) {
      throw context.error(
        `record ${index} names a symbol that does not exist: there are ${limit}`,
        { section },
        record.symbol,
      );
    }
    return base === 0 ? record : { ...record, offset };
  });
}

/** Every SHT_GROUP section. gABI chapter 4, "Section Groups". */
export function readGroups(context: TableContext, symbols: readonly ElfSymbol[]): readonly Group[] {
  return context.sections
    .filter((section) => section.type === SHT.GROUP)
    .map((table) => readGroup(context, table, symbols));
}

function readGroup(context: TableContext, table: Section, symbols: readonly ElfSymbol[]): Group {
  const section = placeName(table);
  const count = countRecords(context, table, WORD);
  if (count === 0) throw context.error("section group has no flag word", { section }, table.size);
  linkedSection(context, table, SHT.SYMTAB);
  const symbol = symbols[table.info];
  if (symbol === undefined) {
    throw context.error(`sh_info names no symbol: there are ${symbols.length}`, { section }, table.info);
  }
  const view = dataView(table.bytes);
  const little = context.data === "lsb";
  const members = Array.from({ length: count - 1 }, (_, index) => {
    const offset = (index + 1) * WORD;
    const member = view.getUint32(offset, little);
    if (member === 0 || member >= context.sections.length) {
      throw context.error(
        `section group has a member that does not exist: there are ${context.sections.length} sections`,
        { section, offset },
        member,
      );
    }
    return member;
  });
  // A section symbol has no name of its own; assemblers use it where the group is called like the section.
  const named = symbol.name === "" && symbol.section !== undefined ? context.sections[symbol.section] : symbol;
  return {
    section: table.index,
    signature: named?.name ?? "",
    comdat: (view.getUint32(0, little) & GRP.COMDAT) !== 0,
    members,
  };
}

/** Tables of the format itself are never relocated. */
function isRelocatable(section: Section): boolean {
  switch (section.type) {
    case SHT.NULL:
    case SHT.SYMTAB:
    case SHT.SYMTAB_SHNDX:
    case SHT.STRTAB:
    case SHT.REL:
    case SHT.RELA:
    case SHT.CREL:
    case SHT.GROUP:
      return false;
    default:
      return true;
  }
}

/** Bytes that a section has where relocations apply: after it is expanded. gABI chapter 4, "Sections", "Compressed sections"; `.zdebug_*` is GNU's older way. */
function uncompressedSize(context: TableContext, section: Section): number {
  const view = dataView(section.bytes);
  const wide = context.class === 64;
  if ((section.flags & SHF.COMPRESSED) !== 0n && section.type !== SHT.NOBITS) {
    if (view.byteLength < (wide ? 24 : 12)) {
      throw context.error("compression header is truncated", { section: placeName(section) }, view.byteLength);
    }
    const little = context.data === "lsb";
    return wide ? uint64(view, 8, little) : view.getUint32(4, little);
  }
  if (section.name.startsWith(".zdebug_") && view.byteLength >= 12 && view.getUint32(0) === ZLIB) {
    return uint64(view, 4, false);
  }
  return section.size;
}

/** MIPS64 has an r_info of its own. "64-bit ELF Object File Specification" (SGI), section 2.9. */
function isMips64(context: TableContext): boolean {
  return context.class === 64 && (context.machine === EM.MIPS || context.machine === EM.MIPS_RS3_LE);
}

function relocationSize(context: TableContext, table: Section): number {
  return (table.type === SHT.RELA ? RELA_SIZE : REL_SIZE)[context.class];
}

/** Records of a table whose size and entsize must agree with the record's. */
function countRecords(context: TableContext, table: Section, recordSize: number): number {
  const section = placeName(table);
  // SHT_GROUP and SHT_SYMTAB_SHNDX hold words whatever their producer wrote here.
  if (table.entsize !== recordSize && recordSize !== WORD) {
    throw context.error(`sh_entsize is not the ${recordSize} bytes of a record`, { section }, table.entsize);
  }
  if (table.bytes.length % recordSize !== 0) {
    throw context.error(`sh_size is not a multiple of the ${recordSize} bytes of a record`, { section }, table.size);
  }
  return table.bytes.length / recordSize;
}

/** The section that sh_link names, which must be of this type. gABI chapter 4, "Sections", sh_link. */
function linkedSection(context: TableContext, table: Section, type: number): Section {
  const linked = context.sections[table.link];
  if (linked === undefined || linked.type !== type) {
    const wanted = type === SHT.STRTAB ? "string table" : "symbol table";
    throw context.error(`sh_link names no ${wanted}`, { section: placeName(table) }, table.link);
  }
  return linked;
}

/** How errors name a section: by its name where it has one. */
function placeName(section: Section): string | number {
  return section.name === "" ? section.index : section.name;
}

function dataView(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A 64-bit number as a double: exact below 2^53, not a safe integer above. */
function uint64(view: DataView, at: number, little: boolean): number {
  return view.getUint32(at + (little ? 4 : 0), little) * 0x1_0000_0000 + view.getUint32(at + (little ? 0 : 4), little);
}

/** Most addends and values are small: one shared bigint for each of them saves most of the memory. */
const SMALL = 4096;
const SMALL_BIGINTS = Array.from({ length: 2 * SMALL }, (_, index) => BigInt(index - SMALL));

function toBigInt(value: number): bigint {
  return SMALL_BIGINTS[value + SMALL] ?? BigInt(value);
}

function int64(view: DataView, at: number, little: boolean): bigint {
  const high = view.getInt32(at + (little ? 4 : 0), little);
  const low = view.getInt32(at + (little ? 0 : 4), little);
  return high === low >> 31 ? toBigInt(low) : view.getBigInt64(at, little);
}

function bigUint64(view: DataView, at: number, little: boolean): bigint {
  const high = view.getUint32(at + (little ? 4 : 0), little);
  return high === 0 ? toBigInt(view.getUint32(at + (little ? 0 : 4), little)) : view.getBigUint64(at, little);
}
