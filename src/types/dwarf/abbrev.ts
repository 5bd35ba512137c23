import type { ElfData } from "../../elf/object.ts";
import { Cursor, type Fail } from "../cursor.ts";
import type { DebugSection } from "../sections.ts";
import { AT, FORM } from "./constants.ts";

/** One attribute of an abbreviation. */
interface AttributeSpec {
  /** DW_AT_* number. */
  readonly name: number;
  /** DW_FORM_* number. */
  readonly form: number;
  /** Value of DW_FORM_implicit_const. */
  readonly constant: number;
}

/** What the entries of one abbreviation code look like. DWARF 5 section 7.5.3. */
export interface Abbreviation {
  /** DW_TAG_* number. */
  readonly tag: number;
  readonly hasChildren: boolean;
  readonly attributes: readonly AttributeSpec[];
  /** Which of the attributes is read, by position; the others are only skipped. */
  readonly isRead: readonly boolean[];
}

export type Abbreviations = ReadonlyMap<number, Abbreviation>;

const READ: ReadonlySet<number> = new Set(Object.values(AT));
/** Tables may share their tails, but not so much that reading them all costs many times the section. */
const OVERLAP = { perByte: 8, atLeast: 1 << 22 } as const;

/** A reader of abbreviation tables by their offset in the section; each is read once. Throws FormatError through `fail`. */
export function abbreviationReader(
  section: DebugSection | undefined,
  data: ElfData,
  fail: Fail,
): (offset: number) => Abbreviations {
  const tables = new Map<number, Abbreviations>();
  const cursor = new Cursor(section?.bytes ?? new Uint8Array(0), data, fail);
  let left = Math.max(OVERLAP.atLeast, OVERLAP.perByte * cursor.bytes.length);
  return (offset) => {
    let table = tables.get(offset);
    if (table === undefined) {
      cursor.at = offset;
      table = readTable(cursor);
      tables.set(offset, table);
      left -= cursor.at - offset;
      if (left < 0) fail("abbreviation tables overlap too much", offset);
    }
    return table;
  };
}

function readTable(cursor: Cursor): Abbreviations {
  const table = new Map<number, Abbreviation>();
  for (;;) {
    const code = cursor.uleb();
    if (code === 0) return table;
    const tag = cursor.uleb();
    const hasChildren = cursor.u8() !== 0;
    const attributes: AttributeSpec[] = [];
    for (;;) {
      const name = cursor.uleb();
      const form = cursor.uleb();
      const constant = form === FORM.implicit_const ? Number(cursor.leb(true)) : 0;
      if (name === 0 && form === 0) break;
      attributes.push({ name, form, constant });
    }
    table.set(code, { tag, hasChildren, attributes, isRead: attributes.map(({ name }) => READ.has(name)) });
  }
}
