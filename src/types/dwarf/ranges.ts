import type { Cursor } from "../cursor.ts";
import type { DebugSection, DebugSections, Target } from "../sections.ts";
import { RLE } from "./constants.ts";
import type { PlaceReader } from "./places.ts";
import type { Bases, Lookups } from "./strings.ts";
import type { Unit } from "./units.ts";

/** A stretch of code: index of a section, and byte offsets in it. */
export interface CodeRange {
  readonly section: number;
  readonly from: number;
  readonly to: number;
}

/** No entry has more ranges; a list without an end must not cost more. */
const MOST_RANGES = 1 << 16;

/** What a list of ranges counts from, and where the indexed addresses of its unit are. */
export interface RangeContext {
  readonly unit: Unit;
  readonly bases: Bases;
  /** DW_AT_low_pc of the unit. */
  readonly base: Target | undefined;
}

/** Reads the list of ranges at a byte offset of `.debug_ranges` (DWARF 2 to 4, section 2.17.3) or `.debug_rnglists` (DWARF 5 section 7.25). */
export function rangeReader(
  sections: DebugSections,
  lookups: Lookups,
  placeAt: PlaceReader,
  cursorOf: (section: DebugSection) => Cursor,
): (offset: number, context: RangeContext) => CodeRange[] {
  const before5 = sections.only(".debug_ranges");
  const since5 = sections.only(".debug_rnglists");
  return (offset, context) => {
    const { version } = context.unit;
    const section = version < 5 ? before5 : since5;
    if (section === undefined) return [];
    const cursor = cursorOf(section);
    cursor.at = offset;
    return version < 5
      ? readOldList(cursor, section, placeAt, context)
      : readList(cursor, section, lookups, placeAt, context);
  };
}

function readOldList(
  cursor: Cursor,
  section: DebugSection,
  placeAt: PlaceReader,
  { unit, base: first }: RangeContext,
): CodeRange[] {
  const ranges: CodeRange[] = [];
  const size = unit.addressSize;
  const largest = size === 8 ? 2 ** 64 : 2 ** 32 - 1;
  let base = first;
  for (let count = 0; count < MOST_RANGES; count++) {
    const at = cursor.at;
    const from = cursor.unsigned(size);
    const to = cursor.unsigned(size);
    if (from === 0 && to === 0 && placeAt(section, at, size) === undefined) break;
    if (from >= largest) {
      base = placeAt(section, at + size, size);
      continue;
    }
    const place = placeAt(section, at, size);
    const end = placeAt(section, at + size, size);
    // With a relocation, or an address of its own, a bound stands for itself; else it counts from the base.
    if (place !== undefined && end !== undefined && place.section === end.section)
      ranges.push({ section: place.section, from: place.offset, to: end.offset });
    else if (base !== undefined) ranges.push({ section: base.section, from: base.offset + from, to: base.offset + to });
  }
  return ranges;
}

function readList(
  cursor: Cursor,
  section: DebugSection,
  lookups: Lookups,
  placeAt: PlaceReader,
  { unit, bases, base: first }: RangeContext,
): CodeRange[] {
  const ranges: CodeRange[] = [];
  let base = first;
  const direct = (): Target | undefined => placeAt(section, cursor.take(unit.addressSize), unit.addressSize);
  const indexed = (): Target | undefined => lookups.address(cursor.uleb(), unit, bases);
  const add = (from: Target | undefined, to: number | undefined): void => {
    if (from !== undefined && to !== undefined) ranges.push({ section: from.section, from: from.offset, to });
  };
  for (let count = 0; count < MOST_RANGES; count++) {
    const kind = cursor.u8();
    switch (kind) {
      case RLE.end_of_list:
        return ranges;
      case RLE.base_addressx:
        base = indexed();
        break;
      case RLE.startx_endx:
        add(indexed(), indexed()?.offset);
        break;
      case RLE.startx_length: {
        const from = indexed();
        add(from, (from?.offset ?? 0) + cursor.uleb());
        break;
      }
      case RLE.offset_pair: {
        const [from, to] = [cursor.uleb(), cursor.uleb()];
        if (base !== undefined) add({ section: base.section, offset: base.offset + from }, base.offset + to);
        break;
      }
      case RLE.base_address:
        base = direct();
        break;
      case RLE.start_end:
        add(direct(), direct()?.offset);
        break;
      case RLE.start_length: {
        const from = direct();
        add(from, (from?.offset ?? 0) + cursor.uleb());
        break;
      }
      default:
        cursor.fail("list of ranges has an unknown entry", cursor.at - 1, kind);
    }
  }
  return ranges;
}
