/*
 * ar archives. Three traditions share one header: GNU keeps long names in a member `//` and ends short ones with a slash, BSD
 * writes `#1/length` and puts the name before the contents, and a GNU thin archive has headers only: its members are files,
 * named relative to the archive's folder. Sources: ar(5) of FreeBSD; binutils, include/aout/ar.h and bfd/archive.c.
 */
import { decodeName } from "../../elf/names.ts";
import type { ByteSource } from "../../elf/segments.ts";
import { FormatError } from "../../errors.ts";

/** One member; symbol tables and tables of names are none. */
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
  const fail = (problem: string, offset: number, value?: number | string, member?: string): never => {
    throw new FormatError({ file: source.file, member, offset }, problem, value);
  };
  const magic = source.size < MAGIC_SIZE ? "" : latin1(source.read(0, MAGIC_SIZE));
  if (magic !== ARCHIVE_MAGIC && magic !== THIN_MAGIC) fail("not an archive: it does not start with !<arch>", 0);
  const thin = magic === THIN_MAGIC;
  const unique = uniqueNames();
  const members: ArchiveMember[] = [];
  let longNames: Uint8Array | undefined;
  const namesByOffset = new Map<number, string>();
  let nameBytes = 0;
  for (let at = MAGIC_SIZE; at < source.size; ) {
    // Some writers pad the end of the file with line ends.
    if (source.size - at < HEADER_SIZE) {
      if (latin1(source.read(at, source.size - at)).trim() === "") break;
      fail(`archive header is truncated: the file has only ${source.size} bytes`, at);
    }
    const header = latin1(source.read(at, HEADER_SIZE));
    const stored = header.slice(0, 16).replace(/ +$/, "");
    if (header.slice(END_AT) !== "`\n") fail("no archive header: it does not end with 60 0a", at, stored);
    const digits = header.slice(SIZE_AT, END_AT).trimEnd();
    if (!/^ *\d+$/.test(digits)) fail("size of an archive member is not a number", at + SIZE_AT, digits, stored);
    const size = Number(digits);
    const isTable = stored === "//" || SYMBOL_TABLES.has(stored);
    const start = at + HEADER_SIZE;
    const inArchive = !thin || isTable ? size : 0;
    if (start + inArchive > source.size) {
      fail(`archive member ends past the end of the file (${source.size} bytes)`, at + SIZE_AT, size, stored);
    }
    if (stored === "//") {
      if (longNames !== undefined) fail("second table of long names", at);
      longNames = source.read(start, size);
    } else if (!isTable) {
      const member = readName(stored, at, size);
      if (!SYMBOL_TABLES.has(member.name)) members.push({ ...member, name: unique(member.name) });
    }
    at = start + inArchive + (inArchive & 1);
  }
  return { thin, members };

  function readName(stored: string, at: number, size: number): ArchiveMember {
    const start = at + HEADER_SIZE;
    const bsd = /^#1\/(\d+)$/.exec(stored);
    if (bsd !== null && !thin) {
      const length = Number(bsd[1]);
      if (length > size || length > LONGEST_NAME) fail("name is longer than its archive member", at, length, stored);
      const name = decodeName(untilZero(source.read(start, length)));
      if (name === "") fail("archive member has no name", at, stored);
      return { name, header: at, offset: start + length, size: size - length };
    }
    // binutils leave byte 15 as it was before the number: of a file whose path has 15 characters it is the slash that ended it.
    const gnu = /^\/(\d+)(?::(\d+))?(?: +\S)?$/.exec(stored);
    const name = gnu === null ? shortName(at, stored) : longName(Number(gnu[1]), at, stored);
    const origin = gnu?.[2] === undefined ? {} : { origin: Number(gnu[2]) };
    return { name, header: at, offset: start, size, ...(thin ? { file: name, ...origin } : {}) };
  }

  function shortName(at: number, stored: string): string {
    if (stored === "" || stored.startsWith("/")) fail("archive member has no name", at, stored);
    return decodeName(Buffer.from(stored.replace(/\/$/, ""), "latin1"));
  }

  /** The name at an offset of `//`: ends at a line end (GNU, after a slash) or at a zero byte. */
  function longName(offset: number, at: number, stored: string): string {
    if (longNames === undefined) return fail("archive has no table of long names before this member", at, stored);
    const known = namesByOffset.get(offset);
    if (known !== undefined) return known;
    let end = offset;
    while (end < longNames.length && longNames[end] !== 0x0a && longNames[end] !== 0) end++;
    if (end >= longNames.length) return fail("name is not terminated in the table of long names", at, stored);
    if (end > offset && longNames[end - 1] === 0x2f) end--;
    if (end === offset) return fail("archive member has no name", at, stored);
    nameBytes += end - offset;
    if (nameBytes > longNames.length * NAMES_PER_TABLE_BYTE) {
      fail("names overlap so much in the table of long names that they cannot all be read", at, stored);
    }
    const name = decodeName(longNames.subarray(offset, end));
    namesByOffset.set(offset, name);
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
