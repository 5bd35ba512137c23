/*
 * Writes ELF files from a readable description, the odd ones too. What a description leaves out gets the value that an
 * assembler would choose: the machine gives class, byte order and REL or RELA; a section's name gives its type and flags.
 *
 *   buildElf({
 *     machine: "x86_64",
 *     sections: [{ name: ".text.f", code: "e8 00000000 c3", relocations: [{ offset: 1, type: 4, symbol: "ext", addend: -4 }] }],
 *     symbols: [{ name: "f", section: ".text.f", type: "func", bind: "global", size: 6 }, { name: "ext" }],
 *   })
 *
 * The file is laid out as: ELF header, program headers, contents, section headers. Section indices: 0 null, then the groups,
 * the described sections in their order, their relocation tables, `.symtab`, `.symtab_shndx`, `.strtab`, `.shstrtab`.
 */
import { ET, GRP, SHF, SHN, SHT, STB, STT, STV } from "../../src/elf/constants.ts";
import {
  type ElfDescription,
  FLAG_LETTERS,
  type GroupDescription,
  MACHINES,
  type Name,
  PLACES,
  type RelocationDescription,
  SECTION_DEFAULTS,
  type SectionDescription,
  type SectionFields,
  type SegmentDescription,
  type SymbolDescription,
} from "./elf-description.ts";
import {
  alignUp,
  bytesOf,
  type Field,
  type Lookup,
  lookup,
  numberOf,
  pack,
  padded,
  stringTable,
} from "./elf-fields.ts";

export type * from "./elf-description.ts";

/** How the numbers of one file are written. */
interface Shape {
  readonly machine: number;
  readonly class: 32 | 64;
  readonly data: "lsb" | "msb";
  readonly relocationFormat: "rel" | "rela";
}

/** A section as it will be written; `link` and `info` still go by id. */
interface Planned {
  readonly id: string;
  readonly name: Name;
  readonly type: number;
  readonly flags: bigint;
  readonly addr: number | bigint;
  readonly addralign: number;
  readonly entsize: number;
  readonly link: string | number;
  readonly info: string | number;
  readonly size: number;
  readonly content: Uint8Array;
}

const NO_BYTES = new Uint8Array(0);

/** Writes the file that the description asks for. */
export function buildElf(description: ElfDescription): Uint8Array {
  const shape = shapeOf(description);
  const described = (description.sections ?? []).map(planSection);
  const groups = (description.groups ?? []).map((group) =>
    planned({ id: `.group:${group.signature}`, name: ".group", type: SHT.GROUP, addralign: 4, entsize: 4 }),
  );
  const relocated = (description.sections ?? []).filter((section) => section.relocations !== undefined);
  const prefix = shape.relocationFormat === "rela" ? ".rela" : ".rel";
  const tableIds = new Set(relocated.map((section) => prefix + idOf(section)));
  const withSymbols = description.symbolTable !== "none";

  const before = 1 + groups.length + described.length + relocated.length;
  const extended = description.numbering === "extended" || before + 4 > SHN.LORESERVE;
  const made = [...(withSymbols ? [".symtab", ...(extended ? [".symtab_shndx"] : []), ".strtab"] : []), ".shstrtab"];
  const ids = [...groups, ...described].map((section) => section.id);
  const sectionIndex = lookup("section", ["", ...ids, ...tableIds, ...made]);

  const symbols = orderSymbols(description, relocated);
  const symbolIndex = lookup("symbol", symbols.map(idOf));
  const strtab = stringTable();
  const numbering = extended ? (description.numbering ?? "automatic") : undefined;
  const symtab = withSymbols ? planSymbolTable(shape, symbols, sectionIndex, strtab.add, numbering) : [];
  const filledGroups = groups.map((section, index) => {
    const group = (description.groups as readonly GroupDescription[])[index] as GroupDescription;
    const tables = group.members.map((id) => prefix + id).filter((id) => tableIds.has(id));
    const members = [...group.members, ...tables].map((id): Field => [4, sectionIndex(id)]);
    const flag: Field = [4, group.kind === "plain" ? 0 : GRP.COMDAT];
    return withContent(
      { ...section, link: ".symtab", info: symbolIndex(group.signature) },
      pack(shape.data, [flag, ...members]),
    );
  });
  const relocations = relocated.map((section) => planRelocations(shape, section, symbolIndex, withSymbols));
  const shstrtab = stringTable();
  const strings = withSymbols ? [withContent(planned({ id: ".strtab", type: SHT.STRTAB }), strtab.bytes())] : [];
  const sections = [
    planned({ id: "", addralign: 0 }),
    ...[...filledGroups, ...described, ...relocations, ...symtab, ...strings].map((section) =>
      overrideContent(description, section),
    ),
  ];
  const nameOffsets = [...sections.map((section) => shstrtab.add(section.name)), shstrtab.add(".shstrtab")];
  sections.push(
    overrideContent(description, withContent(planned({ id: ".shstrtab", type: SHT.STRTAB }), shstrtab.bytes())),
  );
  return write(description, shape, sections, nameOffsets, sectionIndex, extended);
}

function shapeOf(description: ElfDescription): Shape {
  const { machine = "x86_64" } = description;
  const row = typeof machine === "string" ? MACHINES[machine] : { ...MACHINES.x86_64, machine };
  return {
    machine: row.machine,
    class: description.class ?? row.class,
    data: description.data ?? row.data,
    relocationFormat: description.relocationFormat ?? row.format,
  };
}

function planned(some: Partial<Planned> & { readonly id: string }): Planned {
  const numbers = { type: 0, flags: 0n, addr: 0, addralign: 1, entsize: 0, link: 0, info: 0, size: 0 };
  return { ...numbers, content: NO_BYTES, name: some.id, ...some };
}

function withContent(section: Planned, content: Uint8Array): Planned {
  return { ...section, content, size: content.length };
}

function overrideContent(description: ElfDescription, section: Planned): Planned {
  const content = description.overrides?.[section.id]?.content;
  return content === undefined ? section : withContent(section, bytesOf(content));
}

function planSection(section: SectionDescription): Planned {
  const defaults = SECTION_DEFAULTS.find((row) =>
    row.name.test(String(section.name)),
  ) as (typeof SECTION_DEFAULTS)[number];
  const flagsDefault = section.code !== undefined ? "AX" : section.strings !== undefined ? "AMS" : defaults.flags;
  const { flags = flagsDefault } = section;
  const type = section.type === undefined ? defaults.type : numberOf(SHT, section.type);
  const strings = section.strings?.map((text) => `${text}\0`).join("");
  const content = bytesOf(section.code ?? section.content ?? (strings === undefined ? NO_BYTES : Buffer.from(strings)));
  return planned({
    id: idOf(section),
    name: section.name,
    type,
    flags: typeof flags === "bigint" ? flags : [...flags].reduce((bits, letter) => bits | flagBit(letter), 0n),
    addr: section.addr ?? 0,
    addralign: section.addralign ?? (section.code !== undefined ? 16 : defaults.addralign),
    entsize: section.entsize ?? (section.strings === undefined ? 0 : 1),
    link: section.link ?? 0,
    info: section.info ?? 0,
    size: section.size ?? content.length,
    content: type === SHT.NOBITS ? NO_BYTES : padded(content, section.size),
  });
}

function planRelocations(
  shape: Shape,
  section: SectionDescription,
  symbolIndex: Lookup,
  withSymbols: boolean,
): Planned {
  const wide = shape.class === 64;
  const rela = shape.relocationFormat === "rela";
  const entsize = (wide ? 16 : 8) + (rela ? (wide ? 8 : 4) : 0);
  const records = (section.relocations ?? []).flatMap((relocation) =>
    relocationFields(shape, relocation, symbolIndex(relocation.symbol ?? 0)),
  );
  const id = (rela ? ".rela" : ".rel") + idOf(section);
  const name = typeof section.name === "string" ? (rela ? ".rela" : ".rel") + section.name : section.name;
  const table = planned({
    id,
    name,
    type: rela ? SHT.RELA : SHT.REL,
    flags: SHF.INFO_LINK,
    addralign: wide ? 8 : 4,
    entsize,
    link: withSymbols ? ".symtab" : 0,
    info: idOf(section),
  });
  return withContent(table, pack(shape.data, records));
}

function relocationFields(shape: Shape, { offset, type, addend }: RelocationDescription, symbol: number): Field[] {
  const word = shape.class === 64 ? 8 : 4;
  const rela = shape.relocationFormat === "rela";
  if (addend !== undefined && !rela) throw new Error("a REL record has no addend: write it into the content");
  const tail: Field[] = rela ? [[word, addend ?? 0]] : [];
  if (shape.class === 32) return [[4, offset], [4, (symbol << 8) | type], ...tail];
  if (shape.machine === MACHINES.mips64.machine) {
    const types = [24, 16, 8, 0].map((shift): Field => [1, (type >>> shift) & 0xff]);
    return [[8, offset], [4, symbol], ...types, ...tail];
  }
  return [[8, offset], [8, (BigInt(symbol) << 32n) | BigInt(type)], ...tail];
}

/** The null symbol, section symbols that relocations ask for, locals, then the rest: the order that sh_info needs. */
function orderSymbols(
  description: ElfDescription,
  relocated: readonly SectionDescription[],
): readonly SymbolDescription[] {
  const described = description.symbols ?? [];
  const known = new Set(described.map(idOf));
  const sectionIds = new Set((description.sections ?? []).map(idOf));
  const wanted = new Set(
    relocated.flatMap((section) => (section.relocations ?? []).map((relocation) => relocation.symbol)),
  );
  const sectionSymbols = [...wanted]
    .filter((id): id is string => typeof id === "string" && sectionIds.has(id) && !known.has(id))
    .map((id): SymbolDescription => ({ name: "", id, section: id, type: "section", bind: "local" }));
  const isLocal = (symbol: SymbolDescription): boolean => bindOf(symbol) === STB.LOCAL;
  const nullSymbol: SymbolDescription = { name: "", section: "*UND*", bind: "local" };
  return [
    nullSymbol,
    ...sectionSymbols,
    ...described.filter(isLocal),
    ...described.filter((symbol) => !isLocal(symbol)),
  ];
}

function planSymbolTable(
  shape: Shape,
  symbols: readonly SymbolDescription[],
  sectionIndex: Lookup,
  addName: (name: Name) => number,
  numbering: ElfDescription["numbering"],
): Planned[] {
  const wide = shape.class === 64;
  const indices: Field[] = [];
  const records = symbols.flatMap((symbol): Field[] => {
    const place = typeof symbol.section === "string" ? PLACES[symbol.section] : (symbol.section ?? SHN.UNDEF);
    const index = place ?? sectionIndex(symbol.section as string);
    const viaTable = place === undefined && (numbering === "extended" || index >= SHN.LORESERVE);
    indices.push([4, viaTable ? index : 0]);
    const name: Field = [4, addName(symbol.name)];
    const info: Field = [1, (bindOf(symbol) << 4) | numberOf(STT, symbol.type ?? "notype")];
    const other: Field = [1, numberOf(STV, symbol.visibility ?? "default") | (symbol.other ?? 0)];
    const shndx: Field = [2, viaTable ? SHN.XINDEX : index];
    const { value = 0, size = 0 } = symbol;
    return wide ? [name, info, other, shndx, [8, value], [8, size]] : [name, [4, value], [4, size], info, other, shndx];
  });
  const locals = symbols.filter((symbol) => bindOf(symbol) === STB.LOCAL).length;
  const table = planned({
    id: ".symtab",
    type: SHT.SYMTAB,
    addralign: wide ? 8 : 4,
    entsize: wide ? 24 : 16,
    link: ".strtab",
    info: locals,
  });
  const shndx = planned({ id: ".symtab_shndx", type: SHT.SYMTAB_SHNDX, addralign: 4, entsize: 4, link: ".symtab" });
  return [
    withContent(table, pack(shape.data, records)),
    ...(numbering !== undefined ? [withContent(shndx, pack(shape.data, indices))] : []),
  ];
}

/** Where the parts of the file come to lie. */
interface Layout {
  readonly offsets: readonly number[];
  readonly phoff: number;
  readonly shoff: number;
}

function layOut(shape: Shape, sections: readonly Planned[], segmentCount: number): Layout {
  const wide = shape.class === 64;
  const headerSize = wide ? 64 : 52;
  let end = headerSize + segmentCount * (wide ? 56 : 32);
  const offsets = sections.map((section) => {
    if (section.type === SHT.NULL) return 0;
    const offset = alignUp(end, section.addralign);
    end = offset + section.content.length;
    return offset;
  });
  return { offsets, phoff: segmentCount === 0 ? 0 : headerSize, shoff: alignUp(end, wide ? 8 : 4) };
}

function write(
  description: ElfDescription,
  shape: Shape,
  sections: readonly Planned[],
  nameOffsets: readonly number[],
  sectionIndex: Lookup,
  extended: boolean,
): Uint8Array {
  const { segments = [] } = description;
  const layout = layOut(shape, sections, segments.length);
  const first: SectionFields = extended ? { size: sections.length, link: sections.length - 1 } : {};
  const sectionHeaders = sections.flatMap((section, index) =>
    sectionHeader(shape, {
      ...section,
      name: nameOffsets[index] as number,
      offset: layout.offsets[index] as number,
      link: sectionIndex(section.link),
      info: sectionIndex(section.info),
      ...(index === 0 ? first : {}),
      ...description.overrides?.[section.id],
    }),
  );
  const programHeaders = segments.flatMap((segment) => {
    const index = sectionIndex(segment.section);
    return programHeader(shape, segment, sections[index] as Planned, layout.offsets[index] as number);
  });
  const headers = pack(shape.data, sectionHeaders);
  const file = new Uint8Array(layout.shoff + headers.length);
  const header = elfHeader(description, shape, layout, extended ? undefined : sections.length);
  file.set(pack(shape.data, [...header, ...programHeaders]));
  for (const [index, section] of sections.entries()) file.set(section.content, layout.offsets[index]);
  file.set(headers, layout.shoff);
  for (const { at, bytes } of description.patches ?? []) file.set(bytesOf(bytes), at);
  return file;
}

function elfHeader(
  description: ElfDescription,
  shape: Shape,
  layout: Layout,
  sectionCount: number | undefined,
): Field[] {
  const { header = {}, osabi = 0, type = "rel", entry = 0, flags = 0, segments = [] } = description;
  const wide = shape.class === 64;
  const word = wide ? 8 : 4;
  const ident = [
    header.class ?? (wide ? 2 : 1),
    header.data ?? (shape.data === "lsb" ? 1 : 2),
    header.identVersion ?? 1,
  ];
  return [
    ...[0x7f, 0x45, 0x4c, 0x46, ...ident, osabi].map((byte): Field => [1, byte]),
    [8, 0],
    [2, numberOf(ET, type)],
    [2, shape.machine],
    [4, header.version ?? 1],
    [word, entry],
    [word, header.phoff ?? layout.phoff],
    [word, header.shoff ?? layout.shoff],
    [4, flags],
    [2, header.ehsize ?? (wide ? 64 : 52)],
    [2, wide ? 56 : 32],
    [2, header.phnum ?? segments.length],
    [2, header.shentsize ?? (wide ? 64 : 40)],
    [2, header.shnum ?? sectionCount ?? 0],
    [2, header.shstrndx ?? (sectionCount === undefined ? SHN.XINDEX : sectionCount - 1)],
  ];
}

function sectionHeader(shape: Shape, fields: Required<SectionFields>): Field[] {
  const word = shape.class === 64 ? 8 : 4;
  return [
    [4, fields.name],
    [4, fields.type],
    [word, fields.flags],
    [word, fields.addr],
    [word, fields.offset],
    [word, fields.size],
    [4, fields.link],
    [4, fields.info],
    [word, fields.addralign],
    [word, fields.entsize],
  ];
}

function programHeader(shape: Shape, segment: SegmentDescription, section: Planned, offset: number): Field[] {
  const word = shape.class === 64 ? 8 : 4;
  const { type = 1, flags = 5, vaddr = 0, paddr = vaddr, memsz = section.size, align = 1 } = segment;
  const place = [offset, vaddr, paddr, section.content.length, memsz].map((value): Field => [word, value]);
  return word === 8 ? [[4, type], [4, flags], ...place, [8, align]] : [[4, type], ...place, [4, flags], [4, align]];
}

function idOf(item: { readonly id?: string; readonly name: Name }): string {
  return item.id ?? String(item.name);
}

function bindOf(symbol: SymbolDescription): number {
  const undefinedOrCommon = symbol.section === undefined || symbol.section === "*COM*";
  return numberOf(STB, symbol.bind ?? (undefinedOrCommon ? "global" : "local"));
}

function flagBit(letter: string): bigint {
  const bit = FLAG_LETTERS[letter];
  if (bit === undefined) throw new Error(`unknown section flag "${letter}"`);
  return bit;
}
