import { ET, SHF, SHN, SHT, STB } from "../elf/constants.ts";
import type { ElfObject } from "../elf/object.ts";
import { UnsupportedError } from "../errors.ts";
import { append } from "../lists.ts";
import {
  decodeRelocations,
  encodeRelocations,
  type FileRelocation,
  type FileSection,
  fitsPlainNumbering,
  StringTable,
  SYMBOL_SIZE,
  writeRelocatable,
} from "./elf-file.ts";
import { fromLinkName, klpRelaName, linkName, objectOfRela } from "./klp-names.ts";
import { push } from "./pieces.ts";

/*
 * Two forms of one object: the form that the kernel loads has livepatch relocation sections and SHN_LIVEPATCH symbols beside
 * the ordinary ones; the form for a linker has one relocation table for each section, and undefined weak symbols instead.
 * kbuild links a module in several steps, so the object is given to it in the second form, and the module is finished after it.
 */

/** Flags of a livepatch relocation section. Linux: Documentation/livepatch/module-elf-format.rst, 3.1. */
export const KLP_RELA_FLAGS = SHF.ALLOC | SHF.INFO_LINK | SHF.RELA_LIVEPATCH;

/** A file that is taken apart: its sections without SHT_NULL, and its one symbol table. */
class Draft {
  readonly object: ElfObject;
  readonly sections: FileSection[];
  readonly symtab: number;
  readonly #symbols: Buffer;
  readonly #strings: StringTable;

  constructor(object: ElfObject) {
    const where = { file: object.file, member: object.member };
    if (object.type !== ET.REL || object.class !== 64)
      throw new UnsupportedError(where, "not a relocatable ELF file of 64 bits, as livepatch modules are");
    const symtab = object.sections.find(({ type }) => type === SHT.SYMTAB);
    const strtab = symtab && object.sections[symtab.link];
    if (symtab === undefined || strtab === undefined) throw new UnsupportedError(where, "it has no symbol table");
    if (object.sections.some(({ type }) => type === SHT.SYMTAB_SHNDX))
      throw new UnsupportedError(where, "it has more sections than a module can");
    this.object = object;
    this.symtab = symtab.index;
    this.#symbols = Buffer.from(symtab.bytes);
    this.#strings = new StringTable(strtab.bytes);
    this.sections = object.sections.slice(1).map((section) => ({ ...section }));
  }

  /** Renames a symbol, and says how it is defined from now on. */
  retell(symbol: number, name: string, bind: number, shndx: number): void {
    const at = symbol * SYMBOL_SIZE;
    const view = new DataView(this.#symbols.buffer, this.#symbols.byteOffset, this.#symbols.byteLength);
    const little = this.object.data === "lsb";
    view.setUint32(at, this.#strings.offsetOf(name), little);
    view.setUint8(at + 4, (bind << 4) | (view.getUint8(at + 4) & 0xf));
    view.setUint16(at + 6, shndx, little);
  }

  relocations(section: FileSection): FileRelocation[] {
    return decodeRelocations(section.bytes, this.object.data);
  }

  replace(index: number, relocations: readonly FileRelocation[]): void {
    const section = this.sections[index - 1] as FileSection;
    this.sections[index - 1] = sized(section, encodeRelocations(relocations, this.object.data));
  }

  write(): Uint8Array {
    const symtab = this.sections[this.symtab - 1] as FileSection;
    const strtab = this.sections[symtab.link - 1] as FileSection;
    this.sections[this.symtab - 1] = sized(symtab, this.#symbols);
    this.sections[symtab.link - 1] = sized(strtab, this.#strings.bytes());
    // The table of section names is made anew, in the place that it has.
    const names = this.object.sections.findLastIndex(
      ({ type, name, index }) => type === SHT.STRTAB && name === ".shstrtab" && index !== symtab.link,
    );
    const rest = names === -1 ? this.sections : this.sections.filter((_, i) => i !== names - 1);
    if (!fitsPlainNumbering(rest.length + 2))
      throw new UnsupportedError({ file: this.object.file }, "it has more sections than a module can");
    return writeRelocatable(this.object, rest, names === -1 ? undefined : names);
  }
}

function sized(section: FileSection, bytes: Uint8Array): FileSection {
  const { size: _before, ...rest } = section;
  return { ...rest, bytes };
}

/** The object for a linker, from the one that a kernel would load. Throws UnsupportedError for another kind of file. */
export function toLinkForm(object: ElfObject): Uint8Array {
  const draft = new Draft(object);
  const isKlp = ({ type, flags }: FileSection): boolean => type === SHT.RELA && (flags & SHF.RELA_LIVEPATCH) !== 0n;
  const first = object.sections.findIndex(isKlp);
  if (first === -1) return draft.write();
  if (!object.sections.slice(first).every(isKlp))
    throw new UnsupportedError({ file: object.file }, "its livepatch relocation sections are not its last sections");
  const objectOf = new Map<number, string>();
  const ordinary = ordinaryTables(object);
  for (const section of object.sections.slice(first)) {
    const patched = objectOfRela(section.name);
    if (patched === undefined)
      throw new UnsupportedError({ file: object.file, section: section.name }, "its name tells no patched object");
    const relocations = draft.relocations(section);
    for (const { symbol } of relocations) {
      if ((objectOf.get(symbol) ?? patched) !== patched || object.symbols[symbol]?.shndx !== SHN.LIVEPATCH)
        throw new UnsupportedError({ file: object.file, section: section.name }, `symbol ${symbol} is not its own`);
      objectOf.set(symbol, patched);
    }
    moveToOrdinary(draft, ordinary.get(section.info), section, relocations);
  }
  draft.sections.splice(first - 1, draft.sections.length, ...draft.sections.slice(object.sections.length - 1));
  for (const [symbol, patched] of objectOf) {
    const name = object.symbols[symbol]?.name ?? "";
    draft.retell(symbol, linkName(patched, name), STB.WEAK, SHN.UNDEF);
  }
  return draft.write();
}

/** The index of the ordinary relocation table of each section that has one. */
function ordinaryTables(object: ElfObject): ReadonlyMap<number, number> {
  const tables = new Map<number, number>();
  for (const { type, flags, info, index } of object.sections)
    if (type === SHT.RELA && (flags & SHF.RELA_LIVEPATCH) === 0n && !tables.has(info)) tables.set(info, index);
  return tables;
}

/** Adds relocations to the ordinary table of the section that they apply to, which may be new (index 0). */
function moveToOrdinary(draft: Draft, index = 0, section: FileSection, relocations: readonly FileRelocation[]): void {
  const { object } = draft;
  const known = index === 0 ? [] : draft.relocations(draft.sections[index - 1] as FileSection);
  const all = [...known, ...relocations].sort((a, b) => (a.offset < b.offset ? -1 : a.offset > b.offset ? 1 : 0));
  if (index !== 0) {
    draft.replace(index, all);
    return;
  }
  const target = object.sections[section.info];
  draft.sections.push(
    sized(
      { ...section, name: `.rela${target?.name ?? ""}`, flags: SHF.INFO_LINK },
      encodeRelocations(all, object.data),
    ),
  );
}

/** The object that a kernel loads, from what a linker made of the other form; also how many relocations livepatch has to do. */
export function toLoadForm(object: ElfObject): { readonly bytes: Uint8Array; readonly relocations: number } {
  const draft = new Draft(object);
  const known = object.symbols.map(({ name, shndx }) => (shndx === SHN.UNDEF ? fromLinkName(name) : undefined));
  let count = 0;
  const added: FileSection[] = [];
  for (const section of object.sections) {
    if (section.type !== SHT.RELA || (section.flags & SHF.RELA_LIVEPATCH) !== 0n) continue;
    const relocations = draft.relocations(section);
    const kept: FileRelocation[] = [];
    const moved = new Map<string, FileRelocation[]>();
    for (const relocation of relocations) {
      const patched = known[relocation.symbol]?.object;
      if (patched === undefined) kept.push(relocation);
      else push(moved, patched, relocation);
    }
    if (moved.size === 0) continue;
    count += relocations.length - kept.length;
    draft.replace(section.index, kept);
    const target = object.sections[section.info]?.name ?? "";
    for (const [patched, records] of moved)
      added.push({
        name: klpRelaName(patched, target),
        type: SHT.RELA,
        flags: KLP_RELA_FLAGS,
        link: draft.symtab,
        info: section.info,
        addralign: 8,
        entsize: section.entsize,
        bytes: encodeRelocations(records, object.data),
      });
  }
  append(draft.sections, added);
  for (const [symbol, name] of known.entries())
    if (name !== undefined) draft.retell(symbol, name.klpName, STB.GLOBAL, SHN.LIVEPATCH);
  return { bytes: draft.write(), relocations: count };
}
