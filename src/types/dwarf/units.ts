import { Cursor, type Fail } from "../cursor.ts";
import type { DebugSection, DebugSections } from "../sections.ts";
import { UT } from "./constants.ts";

/** One unit of `.debug_info` or `.debug_types`: its header. DWARF 5 section 7.5.1, DWARF 4 section 7.5.1. */
export interface Unit {
  readonly section: DebugSection;
  /** Added to an offset in the section: the number of an entry among all sections. */
  readonly base: number;
  /** Offset of the header in the section. */
  readonly offset: number;
  /** Offset of the first entry. */
  readonly start: number;
  readonly end: number;
  readonly version: number;
  /** Bytes of an offset: 4, or 8 in 64-bit DWARF. */
  readonly offsetSize: 4 | 8;
  readonly addressSize: number;
  /** DW_UT_* number; before DWARF 5 what the section makes of it. */
  readonly type: number;
  readonly abbreviations: number;
  /** Of a type unit: its signature, and the number of the type's entry. */
  readonly signature: bigint | undefined;
  readonly typeEntry: number | undefined;
}

/** What of a unit, or of the header of a line table, the forms of values depend on. */
export type FormContext = Pick<Unit, "version" | "offsetSize" | "addressSize">;

/** What was left out, in words. */
export type Refuse = (detail: string, section: string, offset: number) => void;

/** Every unit of an object. Units of unknown versions are left out and told to `refuse`. */
export function readUnits(sections: DebugSections, fail: (section: DebugSection) => Fail, refuse: Refuse): Unit[] {
  const units: Unit[] = [];
  let base = 0;
  for (const section of [...sections.all(".debug_info"), ...sections.all(".debug_types")]) {
    const cursor = new Cursor(section.bytes, sections.object.data, fail(section));
    while (cursor.at < section.bytes.length) {
      const unit = readUnit(cursor, section, base, refuse);
      if (unit !== undefined) units.push(unit);
    }
    base += section.bytes.length;
  }
  return units;
}

/** Leaves the cursor at the next unit. */
function readUnit(cursor: Cursor, section: DebugSection, base: number, refuse: Refuse): Unit | undefined {
  const offset = cursor.at;
  let length = cursor.u32();
  const offsetSize = length === 0xffff_ffff ? 8 : 4;
  if (offsetSize === 8) length = cursor.u64();
  else if (length >= 0xffff_fff0) cursor.fail("unit has a reserved length", offset, length);
  const contents = cursor.at;
  cursor.take(length);
  const end = cursor.at;
  // ld -r and the kernel's scripts may fill the gap between units with zeros.
  if (length === 0) return undefined;
  cursor.at = contents;
  const version = cursor.u16();
  if (version < 2 || version > 5) {
    refuse(`DWARF version ${version}`, section.name, offset);
    cursor.at = end;
    return undefined;
  }
  let type: number = section.name === ".debug_types" ? UT.type : UT.compile;
  let addressSize: number;
  let abbreviations: number;
  if (version === 5) {
    type = cursor.u8();
    addressSize = cursor.u8();
    abbreviations = cursor.unsigned(offsetSize);
  } else {
    abbreviations = cursor.unsigned(offsetSize);
    addressSize = cursor.u8();
  }
  let signature: bigint | undefined;
  let typeEntry: number | undefined;
  if (type === UT.type || type === UT.split_type) {
    signature = cursor.u64big();
    typeEntry = base + offset + cursor.unsigned(offsetSize);
  } else if (type === UT.skeleton || type === UT.split_compile) {
    cursor.take(8);
  }
  if (addressSize !== 4 && addressSize !== 8 && addressSize !== 2)
    cursor.fail("unit has an address size that no machine has", offset, addressSize);
  const start = cursor.at;
  if (start > end) cursor.fail("unit is shorter than its header", offset, length);
  cursor.at = end;
  return {
    section,
    base,
    offset,
    start,
    end,
    version,
    offsetSize,
    addressSize,
    type,
    abbreviations,
    signature,
    typeEntry,
  };
}
