import { SHF, SHT } from "../elf/constants.ts";
import { PT } from "../elf/segments.ts";
import { Growing, SIZES } from "./growing-file.ts";
import type { Layout } from "./layout.ts";
import { MORE_PT, type Program } from "./program.ts";
import { type ApplyRecord, encodeRecord, RECORD_SECTION, sha256Of } from "./record.ts";

/** A symbol of new code. */
export interface NewSymbol {
  readonly name: string;
  readonly address: bigint;
  readonly size: number;
  /** STT_* number. */
  readonly type: number;
  /** st_other. */
  readonly other: number;
}

/** Bytes that go into the file at an offset: over old ones, or behind them. */
export interface Written {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** All that is written into a copy of a program. */
export interface Edition {
  readonly id: string;
  readonly digest: string;
  readonly layout: Layout;
  /** Where the program headers go. */
  readonly headersAt: number;
  readonly written: readonly Written[];
  readonly symbols: readonly NewSymbol[];
  /** A section of the program that is somewhere else now. */
  readonly moved: readonly {
    readonly section: number;
    readonly address: bigint;
    readonly offset: number;
    readonly size: number;
  }[];
}

const SECTION_NAMES = { constant: ".rodata.elfsplice", code: ".text.elfsplice", data: ".data.elfsplice" } as const;

/** Number of program headers with those of new segments. */
export function headerCount({ header }: Program, more: number): number {
  return header.segments.length + more;
}

export function headerSize(program: Program): number {
  return SIZES[program.object.class].program;
}

/** The program with an update in it. */
export function writeProgram(program: Program, edition: Edition): Uint8Array {
  const file = new Growing(program, edition.layout.end);
  for (const { offset, bytes } of edition.written) file.put(offset, bytes);
  file.put(edition.headersAt, programHeaders(program, edition));
  const tables = new SectionTables(program, edition, file);
  const headers = tables.append();
  file.putHeader(
    edition.headersAt,
    headers.offset,
    headerCount(program, edition.layout.segments.length),
    headers.count,
    headers.names,
  );
  const record: ApplyRecord = {
    id: edition.id,
    digest: edition.digest,
    size: program.bytes.length,
    sha256: sha256Of(program.bytes),
    ranges: file.ranges(),
  };
  tables.finish(encodeRecord(record, program.object.data));
  return file.bytes();
}

/** The program headers with those of the new segments behind the last that is loaded. gABI chapter 5, "Program Header". */
function programHeaders(program: Program, { layout, headersAt }: Edition): Uint8Array {
  const { object, header, bias } = program;
  const size = SIZES[object.class].program;
  const count = headerCount(program, layout.segments.length);
  const out = new Uint8Array(size * count);
  const view = new DataView(out.buffer);
  const little = object.data === "lsb";
  const wide = object.class === 64;
  let at = 0;
  interface Fields {
    readonly type: number;
    readonly flags: number;
    readonly offset: number;
    readonly vaddr: bigint;
    readonly paddr: bigint;
    readonly filesz: number;
    readonly memsz: number;
    readonly align: bigint;
  }
  const add = ({ type, flags, offset, vaddr, paddr, filesz, memsz, align }: Fields): void => {
    view.setUint32(at, type, little);
    view.setUint32(at + (wide ? 4 : 24), flags, little);
    const words: readonly (readonly [number, number, bigint])[] = [
      [4, 8, BigInt(offset)],
      [8, 16, vaddr],
      [12, 24, paddr],
      [16, 32, BigInt(filesz)],
      [20, 40, BigInt(memsz)],
      [28, 48, align],
    ];
    for (const [narrow, broad, value] of words) {
      if (wide) view.setBigUint64(at + broad, value, little);
      else view.setUint32(at + narrow, Number(value), little);
    }
    at += size;
  };
  const last = header.segments.findLastIndex(({ type }) => type === PT.LOAD);
  for (const [index, segment] of header.segments.entries()) {
    if (segment.type === MORE_PT.PHDR) {
      const address = BigInt(headersAt) + bias;
      add({ ...segment, offset: headersAt, vaddr: address, paddr: address, filesz: out.length, memsz: out.length });
    } else add(segment);
    if (index !== last) continue;
    for (const { flags, offset, address, size: length } of layout.segments) {
      const align = BigInt(layout.align);
      add({ type: PT.LOAD, flags, offset, vaddr: address, paddr: address, filesz: length, memsz: length, align });
    }
  }
  return out;
}

interface SectionHeader {
  name: number;
  readonly type: number;
  readonly flags: bigint;
  readonly addr: bigint;
  offset: number;
  size: number;
  link: number;
  readonly info: number;
  readonly align: number;
  readonly entsize: number;
}

/** The section headers, names and symbols of the program with those of new code. gABI chapter 4. */
class SectionTables {
  readonly #program: Program;
  readonly #edition: Edition;
  readonly #file: Growing;
  readonly #headers: SectionHeader[];
  readonly #names: Buffer[] = [];
  #nameSize = 0;
  #recordIndex = 0;
  #tableAt = 0;

  constructor(program: Program, edition: Edition, file: Growing) {
    this.#program = program;
    this.#edition = edition;
    this.#file = file;
    const { sections } = program.object;
    this.#headers = sections.map((section) => ({
      name: this.#name(section.name),
      type: section.type,
      flags: section.flags,
      addr: section.addr,
      offset: section.offset,
      size: section.size,
      link: section.link,
      info: section.info,
      align: section.addralign,
      entsize: section.entsize,
    }));
    if (this.#headers.length === 0) this.#headers.push(NULL_SECTION);
    for (const { section, address, offset, size } of edition.moved) {
      const header = this.#headers[section];
      if (header !== undefined) this.#headers[section] = { ...header, addr: address, offset, size };
    }
  }

  /** A name's offset in the table that is written last. */
  #name(name: string): number {
    if (this.#nameSize === 0) this.#nameSize = this.#names.push(Buffer.alloc(1));
    if (name === "") return 0;
    const at = this.#nameSize;
    const bytes = Buffer.from(`${name}\0`, "latin1");
    this.#names.push(bytes);
    this.#nameSize += bytes.length;
    return at;
  }

  /** Writes all tables but the contents of the record; returns where the headers are, how many, and which has their names. */
  append(): { readonly offset: number; readonly count: number; readonly names: number } {
    const { object } = this.#program;
    const rooms = new Map<string, number>();
    for (const { room, offset, address, size } of this.#edition.layout.segments) {
      const flags = SHF.ALLOC | (room === "code" ? SHF.EXECINSTR : room === "data" ? SHF.WRITE : 0n);
      rooms.set(room, this.#headers.length);
      this.#headers.push({
        ...NULL_SECTION,
        name: this.#name(SECTION_NAMES[room]),
        type: SHT.PROGBITS,
        flags,
        addr: address,
        offset,
        size,
        align: 16,
      });
    }
    this.#appendSymbols(rooms);
    this.#recordIndex = this.#headers.length;
    this.#headers.push({ ...NULL_SECTION, name: this.#name(RECORD_SECTION), type: SHT.NOTE, align: 4 });
    const names = this.#headers.length;
    const nameOfNames = this.#name(".shstrtab");
    const table = Buffer.concat(this.#names);
    const offset = this.#file.append(table, 1);
    this.#headers.push({ ...NULL_SECTION, name: nameOfNames, type: SHT.STRTAB, offset, size: table.length, align: 1 });
    const size = SIZES[object.class].section;
    this.#tableAt = this.#file.append(new Uint8Array(size * this.#headers.length), 8);
    this.#write();
    return { offset: this.#tableAt, count: this.#headers.length, names };
  }

  finish(record: Uint8Array): void {
    const header = this.#headers[this.#recordIndex] as SectionHeader;
    header.offset = this.#file.append(record, 4);
    header.size = record.length;
    this.#write();
  }

  #appendSymbols(rooms: ReadonlyMap<string, number>): void {
    const { object } = this.#program;
    const table = object.sections.find(({ type }) => type === SHT.SYMTAB);
    const strings = table === undefined ? undefined : object.sections[table.link];
    const size = SIZES[object.class].symbol;
    const names: Buffer[] = [Buffer.from(strings?.bytes ?? new Uint8Array(1))];
    let nameAt = names[0]?.length ?? 0;
    const rows: Uint8Array[] = [table?.bytes ?? new Uint8Array(size)];
    for (const symbol of this.#edition.symbols) {
      const holder = this.#edition.layout.segments.find(
        ({ address, size: length }) => symbol.address >= address && symbol.address < address + BigInt(length),
      );
      if (holder === undefined) continue;
      const name = Buffer.from(`${symbol.name}\0`, "latin1");
      rows.push(this.#symbol(symbol, nameAt, rooms.get(holder.room) ?? 0));
      names.push(name);
      nameAt += name.length;
    }
    const [symbolBytes, nameBytes] = [Buffer.concat(rows), Buffer.concat(names)];
    const wide = object.class === 64;
    const places = [this.#file.append(symbolBytes, wide ? 8 : 4), this.#file.append(nameBytes, 1)] as const;
    if (table === undefined || strings === undefined) {
      const link = this.#headers.length + 1;
      this.#headers.push({
        ...NULL_SECTION,
        name: this.#name(".symtab"),
        type: SHT.SYMTAB,
        offset: places[0],
        size: symbolBytes.length,
        link,
        info: 1,
        align: wide ? 8 : 4,
        entsize: size,
      });
      this.#headers.push({
        ...NULL_SECTION,
        name: this.#name(".strtab"),
        type: SHT.STRTAB,
        offset: places[1],
        size: nameBytes.length,
        align: 1,
      });
      return;
    }
    const symbols = this.#headers[table.index] as SectionHeader;
    symbols.offset = places[0];
    symbols.size = symbolBytes.length;
    const texts = this.#headers[strings.index] as SectionHeader;
    texts.offset = places[1];
    texts.size = nameBytes.length;
  }

  #symbol({ address, size, type, other }: NewSymbol, name: number, section: number): Uint8Array {
    const { object } = this.#program;
    const little = object.data === "lsb";
    const view = new DataView(new ArrayBuffer(SIZES[object.class].symbol));
    const wide = object.class === 64;
    view.setUint32(0, name, little);
    // Global, because locals come before all others.
    view.setUint8(wide ? 4 : 12, (1 << 4) | type);
    view.setUint8(wide ? 5 : 13, other);
    view.setUint16(wide ? 6 : 14, section, little);
    if (wide) {
      view.setBigUint64(8, address, little);
      view.setBigUint64(16, BigInt(size), little);
    } else {
      view.setUint32(4, Number(address), little);
      view.setUint32(8, size, little);
    }
    return new Uint8Array(view.buffer);
  }

  #write(): void {
    const { object } = this.#program;
    const size = SIZES[object.class].section;
    const wide = object.class === 64;
    const little = object.data === "lsb";
    const out = new DataView(new ArrayBuffer(size * this.#headers.length));
    for (const [index, header] of this.#headers.entries()) {
      const at = index * size;
      out.setUint32(at, header.name, little);
      out.setUint32(at + 4, header.type, little);
      const words = [header.flags, header.addr, BigInt(header.offset), BigInt(header.size)];
      for (const [i, value] of words.entries()) {
        if (wide) out.setBigUint64(at + 8 + 8 * i, value, little);
        else out.setUint32(at + 8 + 4 * i, Number(value), little);
      }
      out.setUint32(at + (wide ? 40 : 24), header.link, little);
      out.setUint32(at + (wide ? 44 : 28), header.info, little);
      for (const [i, value] of [header.align, header.entsize].entries()) {
        if (wide) out.setBigUint64(at + 48 + 8 * i, BigInt(value), little);
        else out.setUint32(at + 32 + 4 * i, value, little);
      }
    }
    this.#file.put(this.#tableAt, new Uint8Array(out.buffer));
  }
}

const NULL_SECTION: SectionHeader = {
  name: 0,
  type: SHT.NULL,
  flags: 0n,
  addr: 0n,
  offset: 0,
  size: 0,
  link: 0,
  info: 0,
  align: 0,
  entsize: 0,
};
