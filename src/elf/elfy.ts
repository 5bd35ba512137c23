/*
 * elfy 1.0.0 reads the header and drives the walk over the section table; this file is the only one that knows it. Section
 * headers are read here from the same bytes: elfy makes several objects of each, and has sh_addralign and sh_entsize of ELF64
 * two bytes early. So are the OS ABI, fields of 64 bits beyond 2^53, flags that it does not name, numbers of machines and
 * types, contents of NOBITS sections, and extended numbering of sections. Offsets, sizes and names are checked before they are
 * followed.
 */

import type { Body, Header, RawSection } from "elfy";
import elfy from "elfy";
import { type ByteView, byteView } from "../bytes.ts";
import { FormatError, type Place } from "../errors.ts";
import { SHN, SHT } from "./constants.ts";
import type { ElfClass, ElfData, Section, SectionTable } from "./model.ts";
import { nameReader } from "./names.ts";

/** Bytes of e_ident. gABI chapter 4, "ELF Identification". */
const EI_NIDENT = 16;
/** Bytes of the ELF header and of one section header, by class. gABI chapter 4, "ELF Header" and "Sections". */
const HEADER_SIZE = { 32: 52, 64: 64 } as const;
const SECTION_HEADER_SIZE = { 32: 40, 64: 64 } as const;
/** Sections of a well-formed file do not overlap; files that break this rule a little are read all the same. */
const SECTION_BYTES_PER_FILE_BYTE = 2;

const NO_BYTES = new Uint8Array(0);
const NO_FLAGS = {};

/** A number of 64 bits as a double: exact below 2^53, not a safe integer above. */
function uint64(view: ByteView, at: number, { endian }: Header): number {
  const isLittle = endian === "lsb";
  return view.u32(isLittle ? at + 4 : at) * 0x1_0000_0000 + view.u32(isLittle ? at : at + 4);
}

/** Few sections have flags that no other has: one big integer for each. */
const FLAGS = new Map<number, bigint>();

function sectionFlags(value: number, exact: () => bigint): bigint {
  if (value > 0xffff_ffff) return exact();
  const known = FLAGS.get(value) ?? BigInt(value);
  FLAGS.set(value, known);
  return known;
}

/** elfy's parser without what is read here or not needed: program headers, flag names, contents, section names. */
class HeaderParser extends elfy.Parser {
  readonly #view: ByteView;
  readonly #place: Place;

  constructor(view: ByteView, place: Place) {
    super();
    this.#view = view;
    this.#place = place;
  }

  protected override parseHeader(file: Buffer): Header {
    return withSectionCount(super.parseHeader(file), this.#view, this.#place);
  }

  protected override parsePrograms(): readonly unknown[] {
    return [];
  }

  protected override parseSections(_file: Buffer, header: Header): readonly RawSection[] {
    const wide = header.class === "64";
    const size = SECTION_HEADER_SIZE[wide ? 64 : 32];
    const count = header.shoff === 0 ? 0 : header.shnum;
    const sections: RawSection[] = new Array(count);
    // A loop over the file's own bytes: elfy makes a view, a slice and an object of names for each header.
    for (let index = 0, at = header.shoff; index < count; index++, at += size) {
      const view = this.#view;
      sections[index] = wide
        ? {
            name: view.u32(at),
            off: uint64(view, at + 24, header),
            size: uint64(view, at + 32, header),
            link: view.u32(at + 40),
            info: view.u32(at + 44),
          }
        : {
            name: view.u32(at),
            off: view.u32(at + 16),
            size: view.u32(at + 20),
            link: view.u32(at + 24),
            info: view.u32(at + 28),
          };
    }
    return sections;
  }

  protected override mapFlags(): Readonly<Record<string, true>> {
    return NO_FLAGS;
  }

  protected override resolveBody(body: Body): Body {
    return body;
  }
}

/** Reads the ELF header and the section table; every section's contents lie inside the file. gABI chapter 4, "ELF Header" and "Sections". */
export function readSectionTable(bytes: Uint8Array, place: Place): SectionTable {
  const identity = readIdentity(bytes, place);
  const view = byteView(bytes, identity.data, (problem, offset) => {
    throw new FormatError({ ...place, offset }, problem);
  });
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = new HeaderParser(view, place).execute(file);
  const wide = identity.class === 64;
  return {
    ...identity,
    type: view.u16(16),
    machine: view.u16(18),
    flags: header.flags,
    osabi: view.u8(7),
    entry: wide ? view.u64(24) : BigInt(header.entry),
    sections: completeSections(header, view, place),
  };
}

/** Class and byte order, after everything that tells an ELF file of a known version from something else. gABI chapter 4, "ELF Identification". */
function readIdentity(bytes: Uint8Array, place: Place): { readonly class: ElfClass; readonly data: ElfData } {
  const fail = (problem: string, offset: number, value?: number | string): never => {
    throw new FormatError({ ...place, offset }, problem, value);
  };
  if (bytes.length === 0) fail("file is empty", 0);
  const magic = [0x7f, 0x45, 0x4c, 0x46];
  if (magic.some((byte, index) => bytes[index] !== byte)) {
    fail("not an ELF file: it does not start with 7f 45 4c 46", 0, hexText(bytes.subarray(0, 4)));
  }
  if (bytes.length < EI_NIDENT) fail(`ELF header is truncated: the file has only ${bytes.length} bytes`, bytes.length);
  const [class_, data, version] = bytes.subarray(4, 7);
  if (class_ !== 1 && class_ !== 2) return fail("unknown ELF class: neither 32-bit (1) nor 64-bit (2)", 4, class_);
  if (data !== 1 && data !== 2) {
    return fail("unknown byte order: neither least (1) nor most (2) significant byte first", 5, data);
  }
  if (version !== 1) fail("unknown ELF version: not 1", 6, version);
  const identity = { class: class_ === 1 ? 32 : 64, data: data === 1 ? "lsb" : "msb" } as const;
  const size = HEADER_SIZE[identity.class];
  if (bytes.length < size) {
    fail(`ELF header is truncated: ${size} bytes are needed, the file has only ${bytes.length}`, bytes.length);
  }
  return identity;
}

/** The header with the true number of sections and index of their string table, which section 0 holds when they do not fit. gABI chapter 4, "ELF Header", e_shnum and e_shstrndx. */
function withSectionCount(header: Header, view: ByteView, place: Place): Header {
  const { shoff, shentsize } = header;
  const wide = header.class === "64";
  const fail = (problem: string, offset: number, value: number): never => {
    throw new FormatError({ ...place, offset }, problem, value);
  };
  if (header.version !== 1) fail("unknown ELF version: e_version is not 1", 20, header.version);
  if (shoff === 0) return { ...header, shnum: 0, shstrndx: SHN.UNDEF };
  const size = SECTION_HEADER_SIZE[wide ? 64 : 32];
  if (shentsize !== size) fail(`e_shentsize is not the ${size} bytes of a section header`, wide ? 58 : 46, shentsize);
  const fileEnd = `the end of the file (${view.length} bytes): is the file truncated?`;
  if (shoff + size > view.length) fail(`section table lies past ${fileEnd}`, wide ? 40 : 32, shoff);
  const firstSize = wide ? Number(view.u64(shoff + 32)) : view.u32(shoff + 20);
  const firstLink = view.u32(shoff + (wide ? 40 : 24));
  const shnum = header.shnum === 0 ? firstSize : header.shnum;
  const shstrndx = header.shstrndx === SHN.XINDEX ? firstLink : header.shstrndx;
  if (shoff + shnum * size > view.length) fail(`section table of ${shnum} entries ends past ${fileEnd}`, shoff, shnum);
  if (shstrndx !== SHN.UNDEF && shstrndx >= shnum) {
    fail(`e_shstrndx names no section: there are ${shnum}`, wide ? 62 : 50, shstrndx);
  }
  return { ...header, shnum, shstrndx };
}

/** The sections as the model has them: named, in all their bits, with contents that lie in the file. */
function completeSections(header: Header & { readonly body: Body }, view: ByteView, place: Place): readonly Section[] {
  const nameAt = readNames(header, view, place);
  let total = 0;
  return header.body.sections.map((raw, index) => {
    const section = completeSection(header, index, nameAt(index, raw.name), view, place);
    total += section.bytes.length;
    if (total > SECTION_BYTES_PER_FILE_BYTE * view.length) {
      const problem = "sections overlap: together they are far larger than the file";
      throw new FormatError({ ...place, section: section.name === "" ? index : section.name }, problem, total);
    }
    return section;
  });
}

/** A section's name by its index and sh_name; without a table of names all are empty. gABI chapter 4, "ELF Header", e_shstrndx. */
function readNames(
  header: Header & { readonly body: Body },
  view: ByteView,
  place: Place,
): (index: number, name: number) => string {
  if (header.shstrndx === SHN.UNDEF) return () => "";
  const table = completeSection(header, header.shstrndx, "", view, place);
  if (table.type !== SHT.STRTAB) {
    const problem = "e_shstrndx names a section that is not a string table";
    throw new FormatError({ ...place, section: table.index }, problem, table.type);
  }
  let section = 0;
  const nameAt = nameReader(table.bytes, (problem, offset) => {
    throw new FormatError({ ...place, section }, `sh_name: ${problem}`, offset);
  });
  return (index, name) => {
    section = index;
    return nameAt(name);
  };
}

/** One section; the fields that elfy misreads or cuts are read again from its header. */
function completeSection(
  header: Header & { readonly body: Body },
  index: number,
  name: string,
  view: ByteView,
  place: Place,
): Section {
  const wide = header.class === "64";
  const at = header.shoff + index * header.shentsize;
  const raw = header.body.sections[index] as RawSection;
  const fail = (problem: string, value: number | bigint): never => {
    throw new FormatError({ ...place, section: name === "" ? index : name }, problem, value);
  };
  const type = view.u32(at + 4);
  const addralign = wide ? uint64(view, at + 48, header) : view.u32(at + 32);
  const entsize = wide ? uint64(view, at + 56, header) : view.u32(at + 36);
  const flags = wide ? uint64(view, at + 8, header) : view.u32(at + 8);
  const addr = wide ? uint64(view, at + 16, header) : view.u32(at + 12);
  const inFile = type !== SHT.NULL && type !== SHT.NOBITS;
  if (!Number.isSafeInteger(raw.size)) fail("sh_size is larger than any file", view.u64(at + 32));
  if (inFile && raw.off + raw.size > view.length) {
    fail(`contents (${raw.size} bytes from ${raw.off}) end past the end of the file (${view.length} bytes)`, raw.size);
  }
  if (type !== SHT.NULL && !isPowerOfTwo(addralign)) fail("sh_addralign is not a power of two", addralign);
  if (!Number.isSafeInteger(entsize)) fail("sh_entsize is larger than any file", view.u64(at + 56));
  return {
    index,
    name,
    type,
    flags: sectionFlags(flags, () => view.u64(at + 8)),
    addr: addr === 0 ? 0n : wide ? view.u64(at + 16) : BigInt(addr),
    offset: raw.off,
    size: raw.size,
    link: raw.link,
    info: raw.info,
    addralign,
    entsize,
    bytes: inFile ? view.slice(raw.off, raw.size) : NO_BYTES,
  };
}

/** Zero counts: it means no alignment, like one. */
function isPowerOfTwo(value: number): boolean {
  if (value <= 0x4000_0000) return (value & (value - 1)) === 0;
  return Number.isSafeInteger(value) && (value === 0 || 2 ** Math.round(Math.log2(value)) === value);
}

function hexText(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
