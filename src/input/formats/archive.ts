/*
 * ar archives. Three traditions share one header: GNU keeps long names in a member `//` and ends short ones with a slash, BSD
 * writes `#1/length` and puts the name before the contents, and a GNU thin archive has headers only: its members are files,
 * named relative to the archive's folder. Sources: ar(5) of FreeBSD; binutils, include/aout/ar.h and bfd/archive.c.
 */
import { decodeName } from "../../elf/names.ts";
import type { ByteSource } from "../../elf/segments.ts";
import { FormatError } from "../../errors.ts";

/** One member; symbol tables and tables of names are not members. */
export interface ArchiveMember {
  /** Unique in its archive: the second member of a name is `name~2`, in the order of the file. */
  readonly name: string;
  /** Byte offset of its header. */
  readonly header: number;
  /** Byte offset of its contents in the archive; meaningless in a thin one. */
  readonly offset: number;
  /** Bytes of its contents, without the name that BSD puts before them. */
  readonly size: number;
  /** In a thin archive: the file that holds it, relative to the archive's folder. */
  readonly file?: string;
  /** In a thin archive whose member came out of another archive, `file`: byte offset of its header there. */
  readonly origin?: number;
}

export interface Archive {
  readonly thin: boolean;
  /** In the order of the file. */
  readonly members: readonly ArchiveMember[];
}

/** First bytes of an archive. */
export const ARCHIVE_MAGIC = "!<arch>\n";
export const THIN_MAGIC = "!<thin>\n";

const MAGIC_SIZE = 8;
/** Name 16, date 12, owner 6, group 6, mode 8, size 10, end 2. */
const HEADER_SIZE = 60;
const SIZE_AT = 48;
const END_AT = 58;
/** No path is longer on any system; the name of a BSD member may not claim more. */
const LONGEST_NAME = 1 << 16;
/** Writers store each name once; names that begin in the middle of others would add up without end. */
const NAMES_PER_TABLE_BYTE = 8;
const SYMBOL_TABLES = new Set(["/", "/SYM64/", "__.SYMDEF", "__.SYMDEF SORTED", "__.SYMDEF_64", "__.SYMDEF_64 SORTED"]);

/** Lists an archive's members without reading their contents. Throws FormatError where a header is damaged or leads out of the file. */
export function readArchive(source: ByteSource): Archive {
  const fail = failIn(source);
  const magic = source.size < MAGIC_SIZE ? "" : latin1(source.read(0, MAGIC_SIZE));
  if (magic !== ARCHIVE_MAGIC && magic !== THIN_MAGIC) fail("not an archive: it does not start with !<arch>", 0);
  const thin = magic === THIN_MAGIC;
  const unique = uniqueNames();
  const members: ArchiveMember[] = [];
  let longNames: LongNames | undefined;
  for (let at = MAGIC_SIZE; at < source.size; ) {
    const header = readHeader(source, at, thin, fail);
    if (header === undefined) break;
    if (header.stored === "//") {
      if (longNames !== undefined) fail("second table of long names", at);
      longNames = new LongNames(source.read(header.start, header.size), fail);
    } else if (!header.isTable) {
      const member = readMember(source, header, thin, longNames, fail);
      if (!SYMBOL_TABLES.has(member.name)) members.push({ ...member, name: unique(member.name) });
    }
    at = header.end;
  }
  return { thin, members };
}

/** Throws FormatError. */
type Fail = (problem: string, offset: number, value?: number | string, member?: string) => never;

function failIn({ file }: ByteSource): Fail {
  return (problem, offset, value, member) => {
    throw new FormatError({ file, member, offset }, problem, value);
  };
}

interface Header {
  readonly at: number;
  /** The name as it is written, without the blanks behind it. */
  readonly stored: string;
  readonly size: number;
  /** A table of names or of symbols, not a member. */
  readonly isTable: boolean;
  /** Offset of what follows the header, and of the next header. */
  readonly start: number;
  readonly end: number;
}

/** The header at an offset; undefined for the line ends that some writers pad the file with. */
function readHeader(source: ByteSource, at: number, thin: boolean, fail: Fail): Header | undefined {
  if (source.size - at < HEADER_SIZE) {
    if (latin1(source.read(at, source.size - at)).trim() === "") return undefined;
    fail(`archive header is truncated: the file has only ${source.size} bytes`, at);
  }
  const header = latin1(source.read(at, HEADER_SIZE));
  const stored = header.slice(0, 16).replace(/ +$/, "");
  if (header.slice(END_AT) !== "`\n") fail("archive header does not end with 60 0a", at, stored);
  const digits = header.slice(SIZE_AT, END_AT).trimEnd();
  if (!/^ *\d+$/.test(digits)) fail("size of an archive member is not a number", at + SIZE_AT, digits, stored);
  const size = Number(digits);
  const isTable = stored === "//" || SYMBOL_TABLES.has(stored);
  const start = at + HEADER_SIZE;
  const inArchive = !thin || isTable ? size : 0;
  if (start + inArchive > source.size)
    fail(`archive member ends past the end of the file (${source.size} bytes)`, at + SIZE_AT, size, stored);
  return { at, stored, size, isTable, start, end: start + inArchive + (inArchive & 1) };
}

function readMember(
  source: ByteSource,
  { at, stored, size, start }: Header,
  thin: boolean,
  longNames: LongNames | undefined,
  fail: Fail,
): ArchiveMember {
  const name = nameOf(stored, thin);
  switch (name.kind) {
    case "before-contents": {
      if (name.length > size || name.length > LONGEST_NAME)
        fail("name is longer than its archive member", at, name.length, stored);
      const text = decodeName(untilZero(source.read(start, name.length)));
      if (text === "") fail("archive member has no name", at, stored);
      return { name: text, header: at, offset: start + name.length, size: size - name.length };
    }
    case "in-table": {
      if (longNames === undefined) return fail("archive has no table of long names before this member", at, stored);
      const text = longNames.at(name.offset, at, stored);
      const origin = name.origin === undefined ? {} : { origin: name.origin };
      return { name: text, header: at, offset: start, size, ...(thin ? { file: text, ...origin } : {}) };
    }
    case "short":
      return { name: name.name, header: at, offset: start, size, ...(thin ? { file: name.name } : {}) };
    default:
      return fail("archive member has no name", at, stored);
  }
}

/** Where the name of a member is. */
export type MemberName =
  | { readonly kind: "short"; readonly name: string }
  /** BSD: so many bytes before the contents. */
  | { readonly kind: "before-contents"; readonly length: number }
  /** GNU: at an offset of `//`; with the offset of the member's header in the archive that it came out of. */
  | { readonly kind: "in-table"; readonly offset: number; readonly origin: number | undefined }
  | { readonly kind: "none" };

/** Takes apart the name field of a header. A thin archive has no contents that a name could stand before. */
export function nameOf(stored: string, thin: boolean): MemberName {
  const bsd = /^#1\/(\d+)$/.exec(stored);
  if (bsd !== null && !thin) return { kind: "before-contents", length: Number(bsd[1]) };
  // binutils leave byte 15 as it was before the number: of a file whose path has 15 characters it is the slash that ended it.
  const gnu = /^\/(\d+)(?::(\d+))?(?: +\S)?$/.exec(stored);
  if (gnu !== null)
    return { kind: "in-table", offset: Number(gnu[1]), origin: gnu[2] === undefined ? undefined : Number(gnu[2]) };
  if (stored === "" || stored.startsWith("/")) return { kind: "none" };
  return { kind: "short", name: decodeName(Buffer.from(stored.replace(/\/$/, ""), "latin1")) };
}

/** The table `//`: a name ends at a line end (GNU, after a slash) or at a zero byte. */
class LongNames {
  readonly #bytes: Uint8Array;
  readonly #fail: Fail;
  readonly #known = new Map<number, string>();
  #read = 0;

  constructor(bytes: Uint8Array, fail: Fail) {
    this.#bytes = bytes;
    this.#fail = fail;
  }

  /** `header` and `stored` are of the member that is called so. */
  at(offset: number, header: number, stored: string): string {
    const known = this.#known.get(offset);
    if (known !== undefined) return known;
    const bytes = this.#bytes;
    let end = offset;
    while (end < bytes.length && bytes[end] !== 0x0a && bytes[end] !== 0) end++;
    if (end >= bytes.length) this.#fail("name is not terminated in the table of long names", header, stored);
    if (end > offset && bytes[end - 1] === 0x2f) end--;
    if (end === offset) this.#fail("archive member has no name", header, stored);
    this.#read += end - offset;
    if (this.#read > bytes.length * NAMES_PER_TABLE_BYTE)
      this.#fail("names overlap so much in the table of long names that they cannot all be read", header, stored);
    const name = decodeName(bytes.subarray(offset, end));
    this.#known.set(offset, name);
    return name;
  }
}

/** Tells members of one name apart, in the order in which they are asked for. */
function uniqueNames(): (name: string) => string {
  const counts = new Map<string, number>();
  return (name) => {
    let count = (counts.get(name) ?? 0) + 1;
    let made = name;
    if (count > 1) {
      // A member may truly be called `name~2`.
      while (counts.has(`${name}~${count}`)) count++;
      made = `${name}~${count}`;
      counts.set(made, 1);
    }
    counts.set(name, count);
    return made;
  };
}

function untilZero(bytes: Uint8Array): Uint8Array {
  const end = bytes.indexOf(0);
  return end === -1 ? bytes : bytes.subarray(0, end);
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}
