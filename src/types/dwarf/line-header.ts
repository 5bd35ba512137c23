import type { Cursor } from "../cursor.ts";
import type { DebugSection } from "../sections.ts";
import { FORM, LNCT } from "./constants.ts";
import { readNumber, skipForm } from "./forms.ts";
import type { Bases, Lookups } from "./strings.ts";
import type { FormContext } from "./units.ts";

/** The header of one line table, and where its program stands. DWARF 5 section 6.2.4. */
export interface LineHeader extends FormContext {
  readonly section: DebugSection;
  readonly minimumLength: number;
  /** Operations of one instruction: 1 everywhere but on VLIW machines. */
  readonly operations: number;
  readonly lineBase: number;
  readonly lineRange: number;
  readonly opcodeBase: number;
  /** Number of LEB128 operands of each standard opcode, from opcode 1 on. */
  readonly operands: readonly number[];
  /** By the number that rows use: path from the folder of the compilation where it is below it, else whole. */
  readonly files: readonly (string | undefined)[];
  /** Byte offsets of the program in the section. */
  readonly start: number;
  readonly end: number;
}

/** What the unit says to which a table belongs. */
export interface Compilation {
  /** DW_AT_comp_dir. */
  readonly folder: string;
  readonly addressSize: number;
}

/** No table names more; the count is the file's word. */
const MOST_FILES = 1 << 16;
const NO_BASES: Bases = { strings: undefined, addresses: undefined, lowerBound: 0 };

/** Reads the header at the cursor; undefined for a version that is not known. Throws FormatError through the cursor. */
export function readLineHeader(
  cursor: Cursor,
  section: DebugSection,
  lookups: Lookups,
  { folder, addressSize: ofUnit }: Compilation,
): LineHeader | undefined {
  const at = cursor.at;
  let length = cursor.u32();
  const offsetSize = length === 0xffff_ffff ? 8 : 4;
  if (offsetSize === 8) length = cursor.u64();
  else if (length >= 0xffff_fff0) cursor.fail("line table has a reserved length", at, length);
  const end = cursor.at + length;
  if (!(end <= section.bytes.length)) cursor.fail("line table is longer than its section", at, length);
  const version = cursor.u16();
  if (version < 2 || version > 5) return undefined;
  let addressSize = ofUnit;
  if (version === 5) {
    addressSize = cursor.u8();
    cursor.take(1); // Bytes of a segment selector: of the header, not of any value here.
  }
  const headerLength = cursor.unsigned(offsetSize);
  const start = cursor.at + headerLength;
  if (!(start <= end)) cursor.fail("header of a line table is longer than the table", at, headerLength);
  const minimumLength = cursor.u8();
  const operations = version >= 4 ? cursor.u8() : 1;
  cursor.take(1); // Whether a row is a statement at first: every row tells a line.
  const lineBase = (cursor.u8() << 24) >> 24;
  const lineRange = cursor.u8();
  if (lineRange === 0) cursor.fail("line table has a range of no lines", at);
  const opcodeBase = cursor.u8();
  const operands: number[] = [];
  for (let i = 1; i < opcodeBase; i++) operands.push(cursor.u8());
  const context: FormContext = { version, offsetSize, addressSize };
  const files = version === 5 ? filesOf5(cursor, lookups, context, folder) : filesBefore5(cursor, folder);
  return {
    ...context,
    section,
    minimumLength,
    operations: Math.max(1, operations),
    lineBase,
    lineRange,
    opcodeBase,
    operands,
    files,
    start,
    end,
  };
}

/** Folders and files of DWARF 2 to 4; file 0 is none. DWARF 4 section 6.2.4, entries 11 and 12. */
function filesBefore5(cursor: Cursor, folder: string): (string | undefined)[] {
  const folders = [folder];
  for (let name = text(cursor); name !== ""; name = text(cursor)) folders.push(name);
  const files: (string | undefined)[] = [undefined];
  for (let name = text(cursor); name !== ""; name = text(cursor)) {
    const index = cursor.uleb();
    cursor.skipLeb();
    cursor.skipLeb();
    files.push(pathBelow(folder, folders[index] ?? "", name));
    if (files.length > MOST_FILES) cursor.fail("line table has too many files", cursor.at, files.length);
  }
  return files;
}

/** Folders and files of DWARF 5: lists whose columns the header describes. DWARF 5 section 6.2.4.1. */
function filesOf5(cursor: Cursor, lookups: Lookups, context: FormContext, folder: string): (string | undefined)[] {
  const folders = readList(cursor, lookups, context).map(({ path }) => path);
  const root = folders[0] ?? folder;
  return readList(cursor, lookups, context).map(({ path, folderIndex }) =>
    pathBelow(root, folders[folderIndex] ?? "", path),
  );
}

interface ListEntry {
  readonly path: string;
  readonly folderIndex: number;
}

function readList(cursor: Cursor, lookups: Lookups, context: FormContext): ListEntry[] {
  const columns: { type: number; form: number }[] = [];
  for (let left = cursor.u8(); left > 0; left--) columns.push({ type: cursor.uleb(), form: cursor.uleb() });
  const count = cursor.uleb();
  if (count > MOST_FILES || (columns.length === 0 && count > 0))
    cursor.fail("line table has too many files", cursor.at, count);
  return Array.from({ length: count }, () => {
    let path = "";
    let folderIndex = 0;
    for (const { type, form } of columns) {
      if (type === LNCT.path) path = lookups.string(cursor, form, context, NO_BASES) ?? "";
      else if (type === LNCT.directory_index && form !== FORM.data16) folderIndex = readNumber(cursor, form) ?? 0;
      else skipForm(cursor, form, context);
    }
    return { path, folderIndex };
  });
}

function text(cursor: Cursor): string {
  const start = cursor.skipString();
  return Buffer.from(cursor.bytes.subarray(start, cursor.at - 1)).toString();
}

/** A file's path: from the folder of the compilation where it lies below that, else as the compiler wrote it. */
function pathBelow(root: string, folder: string, name: string): string {
  const isWhole = (path: string): boolean => path.startsWith("/") || /^[A-Za-z]:[\\/]/.test(path);
  const within = isWhole(name) || folder === "" ? name : `${folder}/${name}`;
  const parts = normalised(within);
  const base = normalised(root);
  if (root !== "" && base !== "/" && parts.startsWith(`${base}/`)) return parts.slice(base.length + 1);
  return parts;
}

/** A path without `.` and without `..` that takes back a name before it. */
function normalised(path: string): string {
  const kept: string[] = [];
  for (const part of path.replaceAll("\\", "/").split("/")) {
    if (part === "." || (part === "" && kept.length > 0)) continue;
    const before = kept.at(-1);
    if (part === ".." && before !== undefined && before !== ".." && before !== "") kept.pop();
    else kept.push(part);
  }
  return kept.join("/");
}
