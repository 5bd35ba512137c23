import { decodeName, type NameReader, nameReader } from "../../elf/names.ts";
import type { Cursor } from "../cursor.ts";
import type { DebugSections, Target } from "../sections.ts";
import { FORM } from "./constants.ts";
import { readNumber, skipForm } from "./forms.ts";
import type { FormContext } from "./units.ts";

/** What a unit's first entry says for all others: where its own parts of the index sections begin, and its language. */
export interface Bases {
  /** Byte offset in `.debug_str_offsets`; undefined where the unit does not say. */
  strings: number | undefined;
  /** Byte offset in `.debug_addr`; undefined where the unit does not say. */
  addresses: number | undefined;
  /** First index of an array that states none. */
  lowerBound: 0 | 1;
}

/** What attributes refer to outside their section. */
export interface Lookups {
  /** A string of any form; undefined where it lies in another file. */
  string(cursor: Cursor, form: number, unit: FormContext, bases: Bases): string | undefined;
  /** Where an address of `.debug_addr` points. */
  address(index: number, unit: FormContext, bases: Bases): Target | undefined;
}

/** Readers of `.debug_str`, `.debug_line_str`, `.debug_str_offsets` and `.debug_addr`. DWARF 5 sections 7.26 and 7.27. */
export function lookupsOf(sections: DebugSections): Lookups {
  const { object } = sections;
  const reader = (name: string): NameReader => {
    const bytes = sections.only(name)?.bytes ?? new Uint8Array(0);
    return nameReader(bytes, (problem, offset) => {
      throw object.error(problem, { section: name, offset });
    });
  };
  const strings = reader(".debug_str");
  const lineStrings = reader(".debug_line_str");
  const offsets = sections.only(".debug_str_offsets");
  const offsetsView = offsets && new DataView(offsets.bytes.buffer, offsets.bytes.byteOffset, offsets.bytes.byteLength);
  const addresses = sections.only(".debug_addr");
  const little = object.data === "lsb";

  function indexed(index: number, unit: FormContext, { strings: base }: Bases): string {
    // Without a base the only table is meant, behind its header: length, version, padding. GNU's older form has no header.
    const first = base ?? (unit.version < 5 ? 0 : unit.offsetSize === 8 ? 16 : 8);
    const at = first + index * unit.offsetSize;
    if (offsetsView === undefined || !(at + unit.offsetSize <= offsetsView.byteLength))
      throw object.error(
        "string index lies outside its table",
        { section: ".debug_str_offsets", offset: first },
        index,
      );
    return strings(
      unit.offsetSize === 8 ? Number(offsetsView.getBigUint64(at, little)) : offsetsView.getUint32(at, little),
    );
  }

  return {
    string(cursor, form, unit, bases) {
      switch (form) {
        case FORM.string: {
          const start = cursor.skipString();
          return decodeName(cursor.bytes.subarray(start, cursor.at - 1));
        }
        case FORM.strp:
          return strings(cursor.unsigned(unit.offsetSize));
        case FORM.line_strp:
          return lineStrings(cursor.unsigned(unit.offsetSize));
        case FORM.strx:
        case FORM.strx1:
        case FORM.strx2:
        case FORM.strx3:
        case FORM.strx4:
        case FORM.GNU_str_index:
          return indexed(readNumber(cursor, form) as number, unit, bases);
        default:
          skipForm(cursor, form, unit);
          return undefined;
      }
    },
    address(index, unit, { addresses: base }) {
      return addresses?.targetAt((base ?? (unit.version < 5 ? 0 : 8)) + index * unit.addressSize);
    },
  };
}
