/*
 * The headers of images that are far too large to read whole: a vmlinux of 100 MB, a core of many gigabytes. Everything here
 * reads from a source that gives bytes by offset; relocatable objects are read by object.ts, which has them in memory.
 */
import { type ByteView, byteView } from "../bytes.ts";
import { FormatError } from "../errors.ts";
import { SHN, SHT } from "./constants.ts";
import { nameReader } from "./names.ts";
import type { ElfClass, ElfData, FileHeader, SectionHeader } from "./object.ts";

/** Bytes by offset, of a file that need not be in memory. */
export interface ByteSource {
  /** What to call it in errors. */
  readonly file: string;
  readonly size: number;
  /** Exactly `size` bytes from `offset`; the caller must not write to them. */
  read(offset: number, size: number): Uint8Array;
}

/** One program header. gABI chapter 5, "Program Header". */
export interface Segment {
  /** PT_* number. */
  readonly type: number;
  /** PF_* bits. */
  readonly flags: number;
  readonly offset: number;
  readonly vaddr: bigint;
  /** p_paddr: where it is loaded, on systems for which physical addresses matter. */
  readonly paddr: bigint;
  /** p_align: 0 and 1 both mean none. */
  readonly align: bigint;
  /** Bytes in the file. */
  readonly filesz: number;
  /** Bytes in memory. */
  readonly memsz: number;
}

/** What the headers of an image say. */
export interface ImageHeader extends FileHeader {
  readonly segments: readonly Segment[];
  /** Empty when the image has no section table, as cores have none. */
  readonly sections: readonly SectionHeader[];
}

/** One note. gABI chapter 5, "Note Section". */
export interface Note {
  readonly name: string;
  readonly type: number;
  readonly desc: Uint8Array;
}

/** Program header types and flags. gABI chapter 5. */
export const PT = {
  LOAD: 1,
  DYNAMIC: 2,
  INTERP: 3,
  NOTE: 4,
  PHDR: 6,
  TLS: 7,
  GNU_EH_FRAME: 0x6474_e550,
  GNU_STACK: 0x6474_e551,
  GNU_RELRO: 0x6474_e552,
  GNU_PROPERTY: 0x6474_e553,
  GNU_SFRAME: 0x6474_e554,
} as const;
export const PF = { X: 1, W: 2, R: 4 } as const;
/** e_phnum of files whose true number is in section 0. */
const PN_XNUM = 0xffff;

const HEADER_SIZE = { 32: 52, 64: 64 } as const;
const SEGMENT_SIZE = { 32: 32, 64: 56 } as const;
const SECTION_SIZE = { 32: 40, 64: 64 } as const;

type Fail = (problem: string, offset: number, value?: number | bigint) => never;

/** Reads the ELF header, the program headers and the section headers of an image. gABI chapter 4, "ELF Header". */
export function readImageHeader(source: ByteSource, which: "all" | "segments" = "all"): ImageHeader {
  const fail: Fail = (problem, offset, value) => {
    throw new FormatError({ file: source.file, offset }, problem, value);
  };
  if (source.size < HEADER_SIZE[32]) fail(`not an ELF file: it has only ${source.size} bytes`, 0);
  const ident = source.read(0, 16);
  if (ident[0] !== 0x7f || ident[1] !== 0x45 || ident[2] !== 0x4c || ident[3] !== 0x46) {
    fail("not an ELF file: it does not start with 7f 45 4c 46", 0);
  }
  if (ident[4] !== 1 && ident[4] !== 2) fail("unknown ELF class", 4, ident[4]);
  if (ident[5] !== 1 && ident[5] !== 2) fail("unknown byte order", 5, ident[5]);
  const elfClass: ElfClass = ident[4] === 1 ? 32 : 64;
  const data: ElfData = ident[5] === 1 ? "lsb" : "msb";
  if (source.size < HEADER_SIZE[elfClass]) fail("ELF header is truncated", source.size);
  const view = viewOf(source, 0, HEADER_SIZE[elfClass], data, fail);
  const wide = elfClass === 64;
  const word = (at32: number, at64: number): number => wordAt(view, wide ? at64 : at32, wide, fail);
  const phoff = word(28, 32);
  const shoff = word(32, 40);
  const counts = wide ? 52 : 40;
  const sections = which === "all" ? readSections(source, elfClass, data, shoff, view, fail) : { raw: [], named: [] };
  const phnum = view.u16(counts + 4);
  if (phnum > 0 && view.u16(counts + 2) !== SEGMENT_SIZE[elfClass]) {
    fail("e_phentsize is not that of a program header", counts + 2, view.u16(counts + 2));
  }
  const first = sections.raw[0];
  const segmentCount = phnum === PN_XNUM && first !== undefined ? first.info : phnum;
  return {
    class: elfClass,
    data,
    type: view.u16(16),
    machine: view.u16(18),
    flags: view.u32(wide ? 48 : 36),
    entry: wide ? view.u64(24) : BigInt(view.u32(24)),
    segments: readSegments(source, elfClass, data, phoff, segmentCount, fail),
    sections: sections.named,
  };
}

function viewOf(source: ByteSource, offset: number, size: number, data: ElfData, fail: Fail): ByteView {
  if (offset + size > source.size) fail(`${size} bytes end past the end of the file (${source.size} bytes)`, offset);
  return byteView(source.read(offset, size), data, (problem, at) => fail(problem, offset + at));
}

function wordAt(view: ByteView, at: number, wide: boolean, fail: Fail): number {
  const value = wide ? view.u64(at) : BigInt(view.u32(at));
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) fail("offset or size is larger than any file", at, value);
  return Number(value);
}

function readSegments(
  source: ByteSource,
  elfClass: ElfClass,
  data: ElfData,
  phoff: number,
  count: number,
  fail: Fail,
): Segment[] {
  if (phoff === 0 || count === 0) return [];
  const size = SEGMENT_SIZE[elfClass];
  const wide = elfClass === 64;
  const view = viewOf(source, phoff, size * count, data, fail);
  return Array.from({ length: count }, (_, index) => {
    const at = index * size;
    const word = (at32: number, at64: number): number => wordAt(view, at + (wide ? at64 : at32), wide, fail);
    const segment: Segment = {
      type: view.u32(at),
      flags: view.u32(at + (wide ? 4 : 24)),
      offset: word(4, 8),
      vaddr: wide ? view.u64(at + 16) : BigInt(view.u32(at + 8)),
      paddr: wide ? view.u64(at + 24) : BigInt(view.u32(at + 12)),
      align: wide ? view.u64(at + 48) : BigInt(view.u32(at + 28)),
      filesz: word(16, 32),
      memsz: word(20, 40),
    };
    if (segment.type === PT.LOAD && segment.filesz > segment.memsz) {
      fail("a segment is larger in the file than in memory", phoff + at, segment.filesz);
    }
    return segment;
  });
}

interface RawSection extends SectionHeader {
  readonly info: number;
  readonly nameOffset: number;
}

function readSections(
  source: ByteSource,
  elfClass: ElfClass,
  data: ElfData,
  shoff: number,
  header: ByteView,
  fail: Fail,
): { raw: readonly RawSection[]; named: readonly SectionHeader[] } {
  if (shoff === 0) return { raw: [], named: [] };
  const size = SECTION_SIZE[elfClass];
  const wide = elfClass === 64;
  const counts = wide ? 52 : 40;
  if (header.u16(counts + 6) !== size) fail("e_shentsize is not that of a section header", counts + 6);
  const raw = (view: ByteView, index: number): RawSection => {
    const at = index * size;
    const word = (at32: number, at64: number): number => wordAt(view, at + (wide ? at64 : at32), wide, fail);
    return {
      index,
      name: "",
      nameOffset: view.u32(at),
      type: view.u32(at + 4),
      flags: wide ? view.u64(at + 8) : BigInt(view.u32(at + 8)),
      addr: wide ? view.u64(at + 16) : BigInt(view.u32(at + 12)),
      offset: word(16, 24),
      size: word(20, 32),
      link: view.u32(at + (wide ? 40 : 24)),
      info: view.u32(at + (wide ? 44 : 28)),
      addralign: word(32, 48),
      entsize: word(36, 56),
    };
  };
  const first = raw(viewOf(source, shoff, size, data, fail), 0);
  const count = header.u16(counts + 8) || first.size;
  const table = viewOf(source, shoff, size * count, data, fail);
  const all = Array.from({ length: count }, (_, index) => raw(table, index));
  const shstrndx = header.u16(counts + 10) === SHN.XINDEX ? first.link : header.u16(counts + 10);
  const strings = all[shstrndx];
  if (strings === undefined || strings.type !== SHT.STRTAB) return { raw: all, named: all };
  const nameAt = nameReader(sectionBytes(source, strings), (problem, offset) => fail(problem, offset));
  return { raw: all, named: all.map((section) => ({ ...section, name: nameAt(section.nameOffset) })) };
}

/** The contents of one section of an image. */
export function sectionBytes(source: ByteSource, section: SectionHeader): Uint8Array {
  if (section.type === SHT.NOBITS) return new Uint8Array(0);
  if (section.offset + section.size > source.size) {
    const place = { file: source.file, section: section.name || section.index };
    throw new FormatError(place, "contents end past the end of the file", section.size);
  }
  return source.read(section.offset, section.size);
}

/** The notes of one PT_NOTE segment or SHT_NOTE section; a truncated last one ends the list. gABI chapter 5, "Note Section". */
export function readNotes(bytes: Uint8Array, data: ElfData): Note[] {
  const view = byteView(bytes, data, (problem, offset) => {
    throw new FormatError({ offset }, problem);
  });
  const notes: Note[] = [];
  for (let at = 0; at + 12 <= bytes.length; ) {
    const nameSize = view.u32(at);
    const descSize = view.u32(at + 4);
    const descAt = at + 12 + alignWord(nameSize);
    if (descAt + descSize > bytes.length) break;
    const name = Buffer.from(bytes.subarray(at + 12, at + 12 + nameSize))
      .toString("latin1")
      .replace(/\0+$/, "");
    notes.push({ name, type: view.u32(at + 8), desc: bytes.subarray(descAt, descAt + descSize) });
    at = descAt + alignWord(descSize);
  }
  return notes;
}

function alignWord(size: number): number {
  return Math.ceil(size / 4) * 4;
}
