import { SHN, SHT } from "../elf/constants.ts";
import type { ElfData, ElfSymbol, Section } from "../elf/object.ts";

/** What the ELF header says beside the tables. */
export interface FileIdentity {
  readonly data: ElfData;
  /** EM_* number. */
  readonly machine: number;
  /** e_flags. */
  readonly flags: number;
  readonly osabi: number;
}

/** One section header with its contents; `size` counts where SHT_NOBITS has none. gABI chapter 4, "Sections". */
export interface FileSection
  extends Pick<Section, "name" | "type" | "flags" | "link" | "info" | "addralign" | "entsize" | "bytes"> {
  readonly size?: number;
}

/** One symbol as the table stores it; `shndx` is below SHN_LORESERVE or reserved, never extended. gABI chapter 4, "Symbol Table". */
export type FileSymbol = Omit<ElfSymbol, "index" | "section">;

/** One RELA record. gABI chapter 4, "Relocation". */
export interface FileRelocation {
  readonly offset: bigint;
  readonly type: number;
  readonly symbol: number;
  readonly addend: bigint;
}

/** Bytes of the ELFCLASS64 header, section header, symbol and RELA record. gABI chapter 4. */
const HEADER = 64;
const SECTION_HEADER = 64;
export const SYMBOL_SIZE = 24;
export const RELA_SIZE = 24;

/** Names one after the other, each once, and the offset of each. gABI chapter 4, "String Table". */
export class StringTable {
  readonly #offsets = new Map<string, number>([["", 0]]);
  readonly #parts: Buffer[];
  #size: number;

  /** Goes on behind the contents of a table that there is already. */
  constructor(before: Uint8Array = Buffer.alloc(1)) {
    this.#parts = [Buffer.from(before)];
    this.#size = before.length;
  }

  offsetOf(name: string): number {
    const known = this.#offsets.get(name);
    if (known !== undefined) return known;
    const bytes = Buffer.from(`${name}\0`, "latin1");
    const offset = this.#size;
    this.#offsets.set(name, offset);
    this.#parts.push(bytes);
    this.#size += bytes.length;
    return offset;
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.#parts);
  }
}

/** The contents of `.symtab` and `.strtab`. `sh_info` is the index of the first symbol that is not local: the caller sorts. */
export function encodeSymbols(
  symbols: readonly FileSymbol[],
  data: ElfData,
): { readonly symtab: Uint8Array; readonly strtab: Uint8Array } {
  const strings = new StringTable();
  const symtab = Buffer.alloc(symbols.length * SYMBOL_SIZE);
  const view = new DataView(symtab.buffer, symtab.byteOffset, symtab.byteLength);
  const little = data === "lsb";
  for (const [i, symbol] of symbols.entries()) {
    const at = i * SYMBOL_SIZE;
    view.setUint32(at, strings.offsetOf(symbol.name), little);
    view.setUint8(at + 4, (symbol.bind << 4) | symbol.type);
    view.setUint8(at + 5, symbol.other);
    view.setUint16(at + 6, symbol.shndx, little);
    view.setBigUint64(at + 8, BigInt.asUintN(64, symbol.value), little);
    view.setBigUint64(at + 16, BigInt(symbol.size), little);
  }
  return { symtab, strtab: strings.bytes() };
}

/** The contents of an SHT_RELA section of an ELFCLASS64 file. */
export function encodeRelocations(relocations: readonly FileRelocation[], data: ElfData): Uint8Array {
  const bytes = Buffer.alloc(relocations.length * RELA_SIZE);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = data === "lsb";
  for (const [i, { offset, type, symbol, addend }] of relocations.entries()) {
    const at = i * RELA_SIZE;
    view.setBigUint64(at, offset, little);
    view.setBigUint64(at + 8, (BigInt(symbol) << 32n) | BigInt(type), little);
    view.setBigInt64(at + 16, BigInt.asIntN(64, addend), little);
  }
  return bytes;
}

/** The records of an SHT_RELA section of an ELFCLASS64 file; a part of a record at the end is left out. */
export function decodeRelocations(bytes: Uint8Array, data: ElfData): FileRelocation[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = data === "lsb";
  return Array.from({ length: Math.floor(bytes.length / RELA_SIZE) }, (_, i) => {
    const info = view.getBigUint64(i * RELA_SIZE + 8, little);
    return {
      offset: view.getBigUint64(i * RELA_SIZE, little),
      type: Number(info & 0xffff_ffffn),
      symbol: Number(info >> 32n),
      addend: view.getBigInt64(i * RELA_SIZE + 16, little),
    };
  });
}

/**
 * An ELFCLASS64 relocatable file with these sections, index 0 (SHT_NULL) not among them; `.shstrtab` is added at `namesAt`,
 * which must be the index that it gets (default: last). Contents follow the header in the order of the sections.
 */
export function writeRelocatable(
  identity: FileIdentity,
  sections: readonly FileSection[],
  namesAt?: number,
): Uint8Array {
  const names = new StringTable();
  const all = [...sections];
  const shstrndx = namesAt ?? sections.length + 1;
  all.splice(shstrndx - 1, 0, plainSection(".shstrtab", SHT.STRTAB, Buffer.alloc(0)));
  const offsets = all.map(({ name }) => names.offsetOf(name));
  all[shstrndx - 1] = plainSection(".shstrtab", SHT.STRTAB, names.bytes());
  const parts: Uint8Array[] = [];
  let end = HEADER;
  const starts = all.map((section) => {
    const align = Math.max(section.addralign, 1);
    const gap = (align - (end % align)) % align;
    parts.push(Buffer.alloc(gap), section.type === SHT.NOBITS ? Buffer.alloc(0) : section.bytes);
    const start = end + gap;
    end = start + (section.type === SHT.NOBITS ? 0 : section.bytes.length);
    return start;
  });
  const tail = (8 - (end % 8)) % 8;
  const little = identity.data === "lsb";
  const table = Buffer.alloc((all.length + 1) * SECTION_HEADER);
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  for (const [i, section] of all.entries()) {
    const at = (i + 1) * SECTION_HEADER;
    view.setUint32(at, offsets[i] as number, little);
    view.setUint32(at + 4, section.type, little);
    view.setBigUint64(at + 8, section.flags, little);
    view.setBigUint64(at + 24, BigInt(starts[i] as number), little);
    view.setBigUint64(at + 32, BigInt(section.size ?? section.bytes.length), little);
    view.setUint32(at + 40, section.link, little);
    view.setUint32(at + 44, section.info, little);
    view.setBigUint64(at + 48, BigInt(section.addralign), little);
    view.setBigUint64(at + 56, BigInt(section.entsize), little);
  }
  return Buffer.concat([header(identity, end + tail, all.length + 1, shstrndx), ...parts, Buffer.alloc(tail), table]);
}

/** A section that nothing refers to, without flags. */
export function plainSection(name: string, type: number, bytes: Uint8Array): FileSection {
  return { name, type, flags: 0n, link: 0, info: 0, addralign: 1, entsize: 0, bytes };
}

/** Whether so many sections need no extended numbering. gABI chapter 4, "ELF Header". */
export function fitsPlainNumbering(sections: number): boolean {
  return sections < SHN.LORESERVE;
}

function header(identity: FileIdentity, tableAt: number, count: number, shstrndx: number): Uint8Array {
  const bytes = Buffer.alloc(HEADER);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = identity.data === "lsb";
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, little ? 1 : 2, 1, identity.osabi]);
  view.setUint16(16, 1, little);
  view.setUint16(18, identity.machine, little);
  view.setUint32(20, 1, little);
  view.setBigUint64(40, BigInt(tableAt), little);
  view.setUint32(48, identity.flags, little);
  view.setUint16(52, HEADER, little);
  view.setUint16(58, SECTION_HEADER, little);
  view.setUint16(60, count, little);
  view.setUint16(62, shstrndx, little);
  return bytes;
}
