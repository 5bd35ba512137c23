/**
 * Writes relocatable x86-64 objects, little-endian, with RELA tables: as much of ELF as the benchmark needs.
 * It shares no code with elfsplice, so that a mistake in reading does not hide behind the same mistake in writing.
 */

export const SHT = { PROGBITS: 1, SYMTAB: 2, STRTAB: 3, RELA: 4 } as const;
export const SHF = { WRITE: 1, ALLOC: 2, EXECINSTR: 4, MERGE: 16, STRINGS: 32, INFO_LINK: 64 };
export const STT = { NOTYPE: 0, OBJECT: 1, FUNC: 2, SECTION: 3, FILE: 4 };
export const R_X86_64 = { 64: 1, PC32: 2, PLT32: 4, "32S": 11 };

const SHN_ABS = 0xfff1;
const SHN_LORESERVE = 0xff00;
const HEADER_SIZE = 64;
const SECTION_SIZE = 64;
const SYMBOL_SIZE = 24;
const RELA_SIZE = 24;

export interface WrittenRelocation {
  readonly offset: number;
  readonly type: number;
  /** The symbol's id, or its name where it has none. */
  readonly symbol: string;
  readonly addend: number;
}

export interface WrittenSection {
  readonly name: string;
  readonly type: number;
  readonly flags?: number;
  readonly align: number;
  readonly entsize?: number;
  readonly link?: number;
  readonly info?: number;
  readonly content: Buffer;
  readonly relocations?: readonly WrittenRelocation[];
}

export interface WrittenSymbol {
  readonly name: string;
  readonly id?: string;
  /** Name of its section; none: undefined; `*ABS*`: absolute. */
  readonly section?: string;
  readonly size?: number;
  readonly type?: number;
  readonly local?: boolean;
}

type Header = WrittenSection & { readonly nameOffset: number };

interface StringTable {
  /** Offset of a text in the table. */
  add(text: string): number;
  bytes(): Buffer;
}

/** Collects names into a string table; equal names share an offset. */
function stringTable(): StringTable {
  const offsets = new Map([["", 0]]);
  let text = "\0";
  return {
    add(name) {
      let offset = offsets.get(name);
      if (offset === undefined) {
        offset = text.length;
        offsets.set(name, offset);
        text += `${name}\0`;
      }
      return offset;
    },
    bytes: () => Buffer.from(text, "latin1"),
  };
}

/** Sections and symbols go by name; symbols without a section are undefined, those in `*ABS*` absolute. */
export function writeObject({
  sections,
  symbols,
}: {
  readonly sections: readonly WrittenSection[];
  readonly symbols: readonly WrittenSymbol[];
}): Buffer {
  const names = stringTable();
  const ordered = [...symbols.filter(({ local }) => local), ...symbols.filter(({ local }) => !local)];
  const symbolIndex = new Map(ordered.map(({ id, name }, index) => [id ?? name, index + 1]));
  const sectionIndex = new Map(sections.map(({ name }, index) => [name, index + 1]));
  const relocated = sections.flatMap(({ name, relocations }) =>
    relocations === undefined ? [] : [{ name, relocations }],
  );
  const symtab = sections.length + relocated.length + 1;
  const made: WrittenSection[] = [
    ...relocated.map(({ name, relocations }) => ({
      name: `.rela${name}`,
      type: SHT.RELA,
      flags: SHF.INFO_LINK,
      align: 8,
      entsize: RELA_SIZE,
      link: symtab,
      info: sectionIndex.get(name) as number,
      content: writeRelocations(relocations, symbolIndex),
    })),
    {
      name: ".symtab",
      type: SHT.SYMTAB,
      align: 8,
      entsize: SYMBOL_SIZE,
      link: symtab + 1,
      info: ordered.filter(({ local }) => local).length + 1,
      content: writeSymbols(ordered, sectionIndex, names),
    },
    { name: ".strtab", type: SHT.STRTAB, align: 1, content: names.bytes() },
  ];
  const sectionNames = stringTable();
  const headers: Header[] = [...sections, ...made].map((section) => ({
    ...section,
    nameOffset: sectionNames.add(section.name),
  }));
  const nameOffset = sectionNames.add(".shstrtab");
  headers.push({ name: ".shstrtab", type: SHT.STRTAB, align: 1, nameOffset, content: sectionNames.bytes() });
  if (headers.length + 1 >= SHN_LORESERVE) throw new Error(`${headers.length} sections need extended numbering`);
  return writeFile(headers);
}

function writeRelocations(relocations: readonly WrittenRelocation[], symbolIndex: ReadonlyMap<string, number>): Buffer {
  const bytes = Buffer.alloc(relocations.length * RELA_SIZE);
  for (const [index, { offset, type, symbol, addend }] of relocations.entries()) {
    const at = index * RELA_SIZE;
    const target = symbolIndex.get(symbol);
    if (target === undefined) throw new Error(`no symbol ${symbol}`);
    bytes.writeBigUInt64LE(BigInt(offset), at);
    bytes.writeUInt32LE(type, at + 8);
    bytes.writeUInt32LE(target, at + 12);
    bytes.writeBigInt64LE(BigInt(addend), at + 16);
  }
  return bytes;
}

function writeSymbols(
  symbols: readonly WrittenSymbol[],
  sectionIndex: ReadonlyMap<string, number>,
  names: StringTable,
): Buffer {
  const bytes = Buffer.alloc((symbols.length + 1) * SYMBOL_SIZE);
  for (const [index, { name, section, size = 0, type = STT.NOTYPE, local }] of symbols.entries()) {
    const at = (index + 1) * SYMBOL_SIZE;
    const shndx = section === "*ABS*" ? SHN_ABS : section === undefined ? 0 : sectionIndex.get(section);
    if (shndx === undefined) throw new Error(`no section ${section}`);
    bytes.writeUInt32LE(names.add(name), at);
    bytes.writeUInt8((local ? 0 : 16) | type, at + 4);
    bytes.writeUInt16LE(shndx, at + 6);
    bytes.writeBigUInt64LE(BigInt(size), at + 16);
  }
  return bytes;
}

function writeFile(headers: readonly Header[]): Buffer {
  let end = HEADER_SIZE;
  const offsets = headers.map(({ align, content }) => {
    const offset = Math.ceil(end / align) * align;
    end = offset + content.length;
    return offset;
  });
  const table = Math.ceil(end / 8) * 8;
  const file = Buffer.alloc(table + (headers.length + 1) * SECTION_SIZE);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  file.writeUInt16LE(1, 16); // ET_REL
  file.writeUInt16LE(62, 18); // EM_X86_64
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(BigInt(table), 40);
  file.writeUInt16LE(HEADER_SIZE, 52);
  file.writeUInt16LE(SECTION_SIZE, 58);
  file.writeUInt16LE(headers.length + 1, 60);
  file.writeUInt16LE(headers.length, 62);
  for (const [index, header] of headers.entries()) {
    const { nameOffset, type, flags = 0, align, entsize = 0, link = 0, info = 0, content } = header;
    const at = table + (index + 1) * SECTION_SIZE;
    const offset = offsets[index] as number;
    file.set(content, offset);
    file.writeUInt32LE(nameOffset, at);
    file.writeUInt32LE(type, at + 4);
    file.writeBigUInt64LE(BigInt(flags), at + 8);
    file.writeBigUInt64LE(BigInt(offset), at + 24);
    file.writeBigUInt64LE(BigInt(content.length), at + 32);
    file.writeUInt32LE(link, at + 40);
    file.writeUInt32LE(info, at + 44);
    file.writeBigUInt64LE(BigInt(align), at + 48);
    file.writeBigUInt64LE(BigInt(entsize), at + 56);
  }
  return file;
}
