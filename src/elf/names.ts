/*
 * Names come from string tables that the file's author controls. Tables may share tails (".rela.text" holds ".text"), so the
 * names of a small file can add up to far more bytes than the file has: 20,000 sections that each start one byte further into
 * a name of a megabyte. Short names are paid for by the records that hold their offsets. Long names are decoded once per offset,
 * and all of them together may take only a fixed multiple of the table.
 */

/** Reads the zero-terminated name at an offset of one string table. */
export type NameReader = (offset: number) => string;

/** Ends a read of a name that the table does not hold: throws the caller's own error. */
export type FailName = (problem: string, offset: number) => never;

/** Bytes up to which a name is short: within a small factor of the record that refers to it. */
const SHORT_NAME = 256;
/** Linkers share tails, but never so much that the long names take more than this many times the table. */
const LONG_NAMES_PER_TABLE_BYTE = 8;
const LONG_NAMES_AT_LEAST = 1 << 24;

/** V8 cannot hold longer strings. */
const LARGEST_TABLE = 0x1fff_ffe8;

// biome-ignore lint/suspicious/noControlCharactersInRegex: everything outside ASCII is what is looked for.
const NOT_ASCII = /[^\x00-\x7f]/;
/** A backslash that a reader would take for the escape of a byte. */
const LOOKS_ESCAPED = /\\(?=x[0-9a-f]{2})/g;

/** A reader of one string table. gABI chapter 4, "String Table". */
export function nameReader(table: Uint8Array, fail: FailName): NameReader {
  if (table.length > LARGEST_TABLE) fail(`string table of ${table.length} bytes is larger than can be read`, 0);
  const text = Buffer.from(table.buffer, table.byteOffset, table.byteLength).toString("latin1");
  const plain = isPlain(text);
  // Every name that starts at or before the last terminator is terminated.
  const lastTerminator = text.lastIndexOf("\0");
  const longNames = new Map<number, string>();
  let longBytes = 0;

  function decode(from: number, to: number): string {
    const name = text.slice(from, to);
    return plain || isPlain(name) ? name : decodeName(table.subarray(from, to));
  }

  function readLongName(from: number, to: number): string {
    longBytes += to - from;
    if (longBytes > Math.max(LONG_NAMES_AT_LEAST, LONG_NAMES_PER_TABLE_BYTE * text.length)) {
      fail("names overlap so much in the string table that they cannot all be read", from);
    }
    const name = decode(from, to);
    longNames.set(from, name);
    return name;
  }

  return (offset) => {
    if (offset > lastTerminator) {
      // An empty table holds the empty name.
      if (offset === 0 && text.length === 0) return "";
      fail(
        offset >= text.length ? "name lies outside the string table" : "name is not terminated in its string table",
        offset,
      );
    }
    const known = longNames.get(offset);
    if (known !== undefined) return known;
    const end = text.indexOf("\0", offset);
    return end - offset > SHORT_NAME ? readLongName(offset, end) : decode(offset, end);
  };
}

/** Whether the bytes, read one by one, already are the text: ASCII in which nothing looks like an escape. */
function isPlain(text: string): boolean {
  return !NOT_ASCII.test(text) && !text.includes("\\x");
}

/** Bytes as text such that different bytes never give the same text: UTF-8 where valid, `\xNN` for each other byte and for a backslash that would read as such. */
export function decodeName(bytes: Uint8Array): string {
  const parts: string[] = [];
  let runStart = 0;
  let at = 0;
  const endRun = (): void => {
    if (at === runStart) return;
    const run = Buffer.from(bytes.buffer, bytes.byteOffset + runStart, at - runStart).toString("utf8");
    parts.push(run.replace(LOOKS_ESCAPED, "\\x5c"));
  };
  while (at < bytes.length) {
    const size = utf8Size(bytes, at);
    if (size !== 0) {
      at += size;
      continue;
    }
    endRun();
    parts.push(`\\x${byteAt(bytes, at).toString(16)}`);
    runStart = ++at;
  }
  endRun();
  return parts.join("");
}

/** Bytes of the valid UTF-8 character at `at`, 0 when there is none. Unicode table 3-7. */
function utf8Size(bytes: Uint8Array, at: number): 0 | 1 | 2 | 3 | 4 {
  const first = byteAt(bytes, at);
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  // Overlong forms, surrogates and numbers past U+10FFFF show in the second byte.
  const second = byteAt(bytes, at + 1);
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  for (let next = 2; next < size; next++) {
    if ((byteAt(bytes, at + next) & 0xc0) !== 0x80) return 0;
  }
  return size;
}

/** The byte there, or 0, which continues no character, past the end. */
function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}
