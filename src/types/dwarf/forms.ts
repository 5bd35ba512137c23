import type { Cursor } from "../cursor.ts";
import { FORM } from "./constants.ts";
import type { FormContext, Unit } from "./units.ts";

/** Moves past a value of a form. DWARF 5 section 7.5.6. */
export function skipForm(cursor: Cursor, form: number, unit: FormContext): void {
  switch (form) {
    case FORM.flag_present:
    case FORM.implicit_const:
      return;
    case FORM.data1:
    case FORM.ref1:
    case FORM.flag:
    case FORM.strx1:
    case FORM.addrx1:
      cursor.take(1);
      return;
    case FORM.data2:
    case FORM.ref2:
    case FORM.strx2:
    case FORM.addrx2:
      cursor.take(2);
      return;
    case FORM.strx3:
    case FORM.addrx3:
      cursor.take(3);
      return;
    case FORM.data4:
    case FORM.ref4:
    case FORM.ref_sup4:
    case FORM.strx4:
    case FORM.addrx4:
      cursor.take(4);
      return;
    case FORM.data8:
    case FORM.ref8:
    case FORM.ref_sig8:
    case FORM.ref_sup8:
      cursor.take(8);
      return;
    case FORM.data16:
      cursor.take(16);
      return;
    case FORM.addr:
      cursor.take(unit.addressSize);
      return;
    case FORM.strp:
    case FORM.sec_offset:
    case FORM.line_strp:
    case FORM.strp_sup:
    case FORM.GNU_ref_alt:
    case FORM.GNU_strp_alt:
      cursor.take(unit.offsetSize);
      return;
    case FORM.ref_addr:
      cursor.take(unit.version === 2 ? unit.addressSize : unit.offsetSize);
      return;
    case FORM.udata:
    case FORM.sdata:
    case FORM.ref_udata:
    case FORM.strx:
    case FORM.addrx:
    case FORM.loclistx:
    case FORM.rnglistx:
    case FORM.GNU_addr_index:
    case FORM.GNU_str_index:
      cursor.skipLeb();
      return;
    case FORM.string:
      cursor.skipString();
      return;
    case FORM.block1:
      cursor.take(cursor.u8());
      return;
    case FORM.block2:
      cursor.take(cursor.u16());
      return;
    case FORM.block4:
      cursor.take(cursor.u32());
      return;
    case FORM.block:
    case FORM.exprloc:
      cursor.take(cursor.uleb());
      return;
    case FORM.indirect:
      // A form that says it is itself given by the data would never end.
      skipForm(cursor, nextForm(cursor), unit);
      return;
    default:
      cursor.fail("attribute has an unknown form", cursor.at, form);
  }
}

/** The form that stands in the data: DW_FORM_indirect. */
export function nextForm(cursor: Cursor): number {
  const form = cursor.uleb();
  if (form === FORM.indirect || form === FORM.implicit_const)
    cursor.fail("indirect form leads to itself", cursor.at, form);
  return form;
}

/** A number: constant, flag, or index. Undefined when the form holds none. */
export function readNumber(cursor: Cursor, form: number): number | undefined {
  switch (form) {
    case FORM.data1:
    case FORM.flag:
    case FORM.strx1:
    case FORM.addrx1:
      return cursor.u8();
    case FORM.data2:
    case FORM.strx2:
    case FORM.addrx2:
      return cursor.u16();
    case FORM.strx3:
    case FORM.addrx3:
      return cursor.u24();
    case FORM.data4:
    case FORM.strx4:
    case FORM.addrx4:
      return cursor.u32();
    case FORM.data8:
      return cursor.u64();
    case FORM.udata:
    case FORM.strx:
    case FORM.addrx:
    case FORM.GNU_addr_index:
    case FORM.GNU_str_index:
      return cursor.uleb();
    case FORM.sdata:
      return Number(cursor.leb(true));
    case FORM.flag_present:
      return 1;
    default:
      return undefined;
  }
}

/** A constant exactly, for the values of enumerators; fixed widths come as they stand, without sign. */
export function readExact(cursor: Cursor, form: number): bigint | undefined {
  if (form === FORM.data8) return cursor.u64big();
  if (form === FORM.udata || form === FORM.sdata) return cursor.leb(form === FORM.sdata);
  const value = readNumber(cursor, form);
  return value === undefined ? undefined : BigInt(value);
}

/** Number of the entry that a reference leads to, among all sections; a signature as bigint; undefined where it leads out of the file. DWARF 5 section 7.5.5, "reference". */
export function readReference(cursor: Cursor, form: number, unit: Unit): number | bigint | undefined {
  const origin = unit.base + unit.offset;
  switch (form) {
    case FORM.ref1:
      return origin + cursor.u8();
    case FORM.ref2:
      return origin + cursor.u16();
    case FORM.ref4:
      return origin + cursor.u32();
    case FORM.ref8:
      return origin + cursor.u64();
    case FORM.ref_udata:
      return origin + cursor.uleb();
    case FORM.ref_addr:
      // Offsets count from the start of the section; only one .debug_info can be meant, and it comes first.
      return cursor.unsigned(unit.version === 2 ? unit.addressSize : unit.offsetSize);
    case FORM.ref_sig8:
      return cursor.u64big();
    default:
      skipForm(cursor, form, unit);
      return undefined;
  }
}
