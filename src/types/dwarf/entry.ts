import type { Cursor } from "../cursor.ts";
import type { Target } from "../sections.ts";
import type { Abbreviation } from "./abbrev.ts";
import { AT, FORM, ONE_BASED_LANGUAGES, OP } from "./constants.ts";
import { nextForm, readExact, readNumber, readReference, skipForm } from "./forms.ts";
import type { Bases, Lookups } from "./strings.ts";
import type { Unit } from "./units.ts";

/** One debugging information entry: the attributes that matter here. */
export interface Entry {
  readonly name: string;
  readonly size: number | undefined;
  readonly align: number | undefined;
  readonly bitSize: number | undefined;
  /** Bits from the storage unit's most significant bit: DWARF 2 and 3. */
  readonly bitOffset: number | undefined;
  /** Bits from the start of the struct. */
  readonly dataBitOffset: number | undefined;
  /** Bytes from the start of the struct; NaN when only the running program can compute it. */
  readonly memberOffset: number | undefined;
  /** Number or signature of an entry. */
  readonly type: number | bigint | undefined;
  readonly origin: number | bigint | undefined;
  readonly specification: number | bigint | undefined;
  readonly signature: bigint | undefined;
  /** Elements of one dimension; −1 when a bound is not a constant. */
  readonly count: number | undefined;
  /** Whether the length of a string type is found in memory when the program runs; its size is then that of the length. */
  readonly hasStoredLength: boolean;
  readonly constValue: bigint | undefined;
  readonly isDeclaration: boolean;
  readonly isExternal: boolean;
  /** Where its code begins. */
  readonly code: Target | undefined;
  readonly hasCode: boolean;
  /** Whether it lies at a fixed address. */
  readonly isStatic: boolean;
  readonly dwoName: string | undefined;
  /** A reference into another file. */
  readonly isElsewhere: boolean;
}

/** Parts of the unit that its entries' attributes need. */
export interface UnitContext {
  readonly unit: Unit;
  readonly bases: Bases;
  readonly lookups: Lookups;
}

/** Attributes that are worth something only together. */
interface Bounds {
  /** Index of the first and of the last element; NaN when the bound is not a constant. */
  lower: number | undefined;
  upper: number | undefined;
}

type Draft = { -readonly [Key in keyof Entry]: Entry[Key] } & Bounds;

/** The attributes of an entry that has none. */
const EMPTY: Entry & Bounds = {
  name: "",
  size: undefined,
  align: undefined,
  bitSize: undefined,
  bitOffset: undefined,
  dataBitOffset: undefined,
  memberOffset: undefined,
  type: undefined,
  origin: undefined,
  specification: undefined,
  signature: undefined,
  count: undefined,
  hasStoredLength: false,
  constValue: undefined,
  isDeclaration: false,
  isExternal: false,
  code: undefined,
  hasCode: false,
  isStatic: false,
  dwoName: undefined,
  isElsewhere: false,
  lower: undefined,
  upper: undefined,
};

/** A place for the attributes of one entry after the other: an object for each would cost more than reading it. */
export function entryBuffer(): Entry {
  return { ...EMPTY };
}

/** Reads the attributes of one entry into `buffer`, which is returned; the cursor is left behind them. DWARF 5 section 7.5.4. */
export function readEntry(
  cursor: Cursor,
  { attributes, isRead }: Abbreviation,
  context: UnitContext,
  buffer: Entry,
): Entry {
  const entry: Draft = Object.assign(buffer, EMPTY);
  for (let i = 0; i < attributes.length; i++) {
    const { name, form, constant } = attributes[i]!;
    if (isRead[i]) readAttribute(cursor, name, form, constant, context, entry);
    else skipForm(cursor, form, context.unit);
  }
  finishBounds(entry, context.bases);
  return entry;
}

/** Elements between the bounds, where no DW_AT_count says so itself. DWARF 5 section 5.13. */
function finishBounds(entry: Draft, { lowerBound }: Bases): void {
  const { upper } = entry;
  if (entry.count !== undefined || upper === undefined) return;
  const lower = entry.lower ?? lowerBound;
  if (Number.isNaN(upper) || Number.isNaN(lower)) entry.count = -1;
  else entry.count = upper === ALL_ONES ? 0 : Math.max(0, upper - lower + 1);
}

/** Moves past an entry. */
export function skipEntry(cursor: Cursor, { attributes }: Abbreviation, unit: Unit): void {
  for (let i = 0; i < attributes.length; i++) skipForm(cursor, attributes[i]!.form, unit);
}

function readAttribute(
  cursor: Cursor,
  name: number,
  given: number,
  constant: number,
  context: UnitContext,
  entry: Draft,
): void {
  const { unit, lookups, bases } = context;
  const form = given === FORM.indirect ? nextForm(cursor) : given;
  const start = cursor.at;
  /** The value when it is a number; otherwise the cursor is moved past it. */
  const number = (): number | undefined => {
    if (form === FORM.implicit_const) return constant;
    const value = readNumber(cursor, form);
    if (value === undefined) skipForm(cursor, form, unit);
    return value;
  };
  const reference = (): number | bigint | undefined => {
    if (form === FORM.GNU_ref_alt || form === FORM.ref_sup4 || form === FORM.ref_sup8) entry.isElsewhere = true;
    return readReference(cursor, form, unit);
  };
  switch (name) {
    case AT.name:
      if (form === FORM.GNU_strp_alt || form === FORM.strp_sup) entry.isElsewhere = true;
      entry.name = lookups.string(cursor, form, unit, bases) ?? "";
      return;
    case AT.byte_size:
      entry.size = number();
      return;
    case AT.alignment:
      entry.align = number();
      return;
    case AT.bit_size:
      entry.bitSize = number();
      return;
    case AT.bit_offset:
      entry.bitOffset = number();
      return;
    case AT.data_bit_offset:
      entry.dataBitOffset = number();
      return;
    case AT.data_member_location:
      entry.memberOffset = number() ?? offsetIn(cursor.bytes, start, cursor.at, form);
      return;
    case AT.type:
      entry.type = reference();
      return;
    case AT.abstract_origin:
      entry.origin = reference();
      return;
    case AT.specification:
      entry.specification = reference();
      return;
    case AT.signature: {
      const signature = reference();
      entry.signature = typeof signature === "bigint" ? signature : undefined;
      return;
    }
    case AT.count:
      entry.count = number() ?? -1;
      return;
    case AT.lower_bound:
      entry.lower = number() ?? Number.NaN;
      return;
    case AT.upper_bound:
      entry.upper = upperBound(number(), form);
      return;
    case AT.string_length:
      entry.hasStoredLength = true;
      skipForm(cursor, form, unit);
      return;
    case AT.language:
      bases.lowerBound = ONE_BASED_LANGUAGES.has(number() ?? 0) ? 1 : 0;
      return;
    case AT.const_value:
      entry.constValue = form === FORM.implicit_const ? BigInt(constant) : readExact(cursor, form);
      if (cursor.at === start) skipForm(cursor, form, unit);
      return;
    case AT.declaration:
      entry.isDeclaration = number() !== 0;
      return;
    case AT.external:
      entry.isExternal = number() !== 0;
      return;
    case AT.low_pc:
      entry.hasCode = true;
      entry.code = codeAt(cursor, form, context);
      return;
    case AT.ranges:
      entry.hasCode = true;
      skipForm(cursor, form, unit);
      return;
    case AT.location:
      skipForm(cursor, form, unit);
      entry.isStatic = isFixedAddress(cursor.bytes, start, cursor.at, form);
      return;
    case AT.dwo_name:
    case AT.GNU_dwo_name:
      entry.dwoName = lookups.string(cursor, form, unit, bases) ?? "";
      return;
    case AT.str_offsets_base:
      bases.strings = cursor.unsigned(unit.offsetSize);
      return;
    case AT.addr_base:
      bases.addresses = cursor.unsigned(unit.offsetSize);
      return;
    default:
      skipForm(cursor, form, unit);
  }
}

/** Reads only what the other attributes of a unit's first entry need: its parts of the index sections. */
export function readBases(cursor: Cursor, { attributes }: Abbreviation, { unit, bases }: UnitContext): void {
  for (const { name, form } of attributes) {
    if (form === FORM.sec_offset && name === AT.str_offsets_base) bases.strings = cursor.unsigned(unit.offsetSize);
    else if (form === FORM.sec_offset && name === AT.addr_base) bases.addresses = cursor.unsigned(unit.offsetSize);
    else skipForm(cursor, form, unit);
  }
}

function codeAt(cursor: Cursor, form: number, { unit, bases, lookups }: UnitContext): Target | undefined {
  const start = cursor.at;
  if (form !== FORM.addr) {
    const index = readNumber(cursor, form);
    if (index === undefined) skipForm(cursor, form, unit);
    return index === undefined ? undefined : lookups.address(index, unit, bases);
  }
  cursor.take(unit.addressSize);
  return unit.section.targetAt(start);
}

/** First byte behind the length of a block. */
function blockStart(bytes: Uint8Array, start: number, form: number): number {
  if (form === FORM.block1) return start + 1;
  if (form === FORM.block2) return start + 2;
  if (form === FORM.block4) return start + 4;
  let at = start;
  while ((bytes[at] as number) >= 0x80) at++;
  return at + 1;
}

/** Offset that an expression adds to the struct's address: `DW_OP_plus_uconst n` or a constant. DWARF 2 had nothing else. */
function offsetIn(bytes: Uint8Array, start: number, end: number, form: number): number {
  const at = blockStart(bytes, start, form);
  const operation = bytes[at];
  if (operation === OP.const1u && end === at + 2) return bytes[at + 1] as number;
  if (operation !== OP.plus_uconst && operation !== OP.constu) return Number.NaN;
  let value = 0;
  let place = at + 1;
  for (let factor = 1; place < end; factor *= 0x80) {
    const byte = bytes[place++] as number;
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) break;
  }
  return place === end ? value : Number.NaN;
}

function isFixedAddress(bytes: Uint8Array, start: number, end: number, form: number): boolean {
  if (form !== FORM.exprloc && form !== FORM.block1 && form !== FORM.block) return false;
  const at = blockStart(bytes, start, form);
  if (at >= end) return false;
  return bytes[at] === OP.addr || bytes[at] === OP.addrx || bytes[at] === OP.GNU_addr_index;
}

/** GCC writes −1, as wide as the form is, for C's arrays of no elements. */
const ALL_ONES = Number.NEGATIVE_INFINITY;

/** Index of the last element; NaN when the bound is not a constant. */
function upperBound(bound: number | undefined, form: number): number {
  if (bound === undefined) return Number.NaN;
  const allOnes = form === FORM.data4 ? 0xffff_ffff : form === FORM.data8 || form === FORM.udata ? 2 ** 64 : undefined;
  return bound === allOnes ? ALL_ONES : bound;
}
