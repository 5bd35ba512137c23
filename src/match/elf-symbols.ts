import { SHN, SHT, STT } from "../elf/constants.ts";
import type { ElfSymbol, Section } from "../elf/object.ts";
import { type ByteSource, type ImageHeader, sectionBytes } from "../elf/segments.ts";
import { findSymbolTable, readSymbols, type TableContext } from "../elf/tables.ts";
import { FormatError } from "../errors.ts";
import { NO_SYMBOLS, type RunSymbol, type RunSymbols, runSymbols } from "./run-symbols.ts";

const NO_BYTES = new Uint8Array(0);

/** The raw symbols of an image: `.symtab`, or what a stripped one has left in `.dynsym`. */
export function readImageSymbols(source: ByteSource, header: ImageHeader): readonly ElfSymbol[] {
  const sections = header.sections;
  const table = sections.find(({ type }) => type === SHT.SYMTAB) ?? sections.find(({ type }) => type === SHT.DYNSYM);
  if (table === undefined) return [];
  const wanted = new Set([table.index, table.link]);
  for (const section of sections) {
    if (section.type === SHT.SYMTAB_SHNDX && section.link === table.index) wanted.add(section.index);
  }
  const models: Section[] = sections.map((section) => ({
    ...section,
    type: section.index === table.index ? SHT.SYMTAB : section.type === SHT.SYMTAB ? SHT.NULL : section.type,
    info: 0,
    bytes: wanted.has(section.index) ? sectionBytes(source, section) : NO_BYTES,
  }));
  const context: TableContext = {
    class: header.class,
    data: header.data,
    machine: header.machine,
    type: header.type,
    sections: models,
    error: (problem, where, value) => new FormatError({ file: source.file, ...where }, problem, value),
  };
  return readSymbols(context, findSymbolTable(context) as Section);
}

/** The symbols of a linked image at the addresses where they run; those that name files or sections are left out. */
export function linkedSymbols(symbols: readonly ElfSymbol[], slide: bigint): RunSymbols {
  const list: RunSymbol[] = [];
  for (const { name, value, size, shndx, type, index } of symbols) {
    if (name === "" || shndx === SHN.UNDEF || type === STT.FILE || type === STT.SECTION) continue;
    const address = shndx === SHN.ABS || slide === 0n ? value : BigInt.asUintN(64, value + slide);
    // GNU ld writes `stdout@GLIBC_2.2.5` for what it copied out of a shared object.
    const version = name.indexOf("@", 1);
    list.push({ name: version === -1 ? name : name.slice(0, version), address, size, module: undefined, index });
  }
  return list.length === 0 ? NO_SYMBOLS : runSymbols("symbol-table", list);
}
