import { archFor } from "../arch/registry.ts";
import { ET, SHN, SHT, STB, STT } from "../elf/constants.ts";
import type { ElfSymbol, Section } from "../elf/object.ts";
import { type ByteSource, type ImageHeader, sectionBytes } from "../elf/segments.ts";
import { findSymbolTable, readSymbols, type TableContext } from "../elf/tables.ts";
import { FormatError } from "../errors.ts";
import { NO_SYMBOLS, type RunSymbol, type RunSymbols, runSymbols } from "./run-symbols.ts";
import { movedBy } from "./slide.ts";

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

/** What the values of an image's symbols are. */
export interface SymbolForm {
  /** Whether the image was linked to fixed addresses. */
  readonly isExec?: boolean;
  /** Whether the low bit of a function's value tells its instruction set (Thumb, MIPS16). */
  readonly tagged?: boolean | undefined;
}

/** How the symbols of an image are to be read. */
export function symbolForm(header: ImageHeader): SymbolForm {
  return { isExec: header.type === ET.EXEC, tagged: archFor(header).functionTagBit };
}

/** The symbols of a linked image at the addresses where they run; those that name files or sections are left out. */
export function linkedSymbols(symbols: readonly ElfSymbol[], slide: bigint, form: SymbolForm = {}): RunSymbols {
  const list: RunSymbol[] = [];
  // Locals follow the STT_FILE symbol of their file; behind one without a name come the linker's own. gABI chapter 4, "Symbol Table".
  let file: number | undefined;
  for (const { name, value, size, shndx, type, bind, index } of symbols) {
    if (type === STT.FILE) file = name === "" ? undefined : index;
    if (name === "" || shndx === SHN.UNDEF || type === STT.FILE || type === STT.SECTION) continue;
    const tag = form.tagged && (type === STT.FUNC || type === STT.GNU_IFUNC) ? value & 1n : 0n;
    // A thread-local's value is its offset in the image's thread-locals. gABI chapter 4, "Symbol Values".
    const stays = shndx === SHN.ABS || type === STT.TLS;
    const address = stays ? value : movedBy(slide, value - tag, form.isExec ?? false);
    // GNU ld writes `stdout@GLIBC_2.2.5` for what it copied out of a shared object.
    const version = name.indexOf("@", 1);
    list.push({
      name: version === -1 ? name : name.slice(0, version),
      address,
      size,
      weak: bind === STB.WEAK,
      module: undefined,
      index,
      type,
      ...(bind !== STB.LOCAL || file === undefined ? {} : { file }),
      ...(tag === 0n ? {} : { tagged: true as const }),
    });
  }
  return list.length === 0 ? NO_SYMBOLS : runSymbols("symbol-table", list);
}
