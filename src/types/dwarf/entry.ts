import type { Target } from "../sections.ts";
import { AT, ONE_BASED_LANGUAGES } from "./constants.ts";
import type { Bases } from "./strings.ts";

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
  /** Of a unit: what made it, with its options where the compiler records them. DWARF 5 section 3.1.1. */
  readonly producer: string | undefined;
  /** A reference into another file. */
  readonly isElsewhere: boolean;
}

/** Attributes that are worth something only together. */
interface Bounds {
  /** Index of the first and of the last element; NaN when the bound is not a constant. */
  lower: number | undefined;
  upper: number | undefined;
}

/** An entry while it is read. */
export type Draft = { -readonly [Key in keyof Entry]: Entry[Key] } & Bounds;

/** The attributes of an entry that has none. */
export const EMPTY: Entry & Bounds = {
  name: "",
  size: undefined,
  producer: undefined,
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

/** The value of an attribute in the form that it has. */
export interface AttributeValue {
  readonly bases: Bases;
  skip(): void;
  /** The value if it is a number; otherwise it is skipped. */
  number(): number | undefined;
  /** The value in all its bits, if it is a number; otherwise it is skipped. */
  exact(): bigint | undefined;
  /** The number or signature of another entry. */
  reference(): number | bigint | undefined;
  text(): string;
  /** An offset into another section, as wide as the unit's are. */
  offset(): number;
  /** Where code begins. */
  code(): Target | undefined;
  /** Bytes from the start of a struct, also where an expression says so; NaN where only the running program can compute it. */
  memberOffset(): number;
  /** Index of the last element; NaN when the bound is not a constant. */
  upperBound(): number;
  /** Whether an expression gives a fixed address. */
  isFixedAddress(): boolean;
}

/** How each attribute gets into the entry. DWARF 5 section 7.5.4, table 7.5. */
export const ATTRIBUTES: ReadonlyMap<number, (entry: Draft, value: AttributeValue) => void> = new Map<
  number,
  (entry: Draft, value: AttributeValue) => void
>([
  [
    AT.name,
    (entry, value) => {
      entry.name = value.text();
    },
  ],
  [
    AT.byte_size,
    (entry, value) => {
      entry.size = value.number();
    },
  ],
  [
    AT.alignment,
    (entry, value) => {
      entry.align = value.number();
    },
  ],
  [
    AT.bit_size,
    (entry, value) => {
      entry.bitSize = value.number();
    },
  ],
  [
    AT.bit_offset,
    (entry, value) => {
      entry.bitOffset = value.number();
    },
  ],
  [
    AT.data_bit_offset,
    (entry, value) => {
      entry.dataBitOffset = value.number();
    },
  ],
  [
    AT.data_member_location,
    (entry, value) => {
      entry.memberOffset = value.memberOffset();
    },
  ],
  [
    AT.type,
    (entry, value) => {
      entry.type = value.reference();
    },
  ],
  [
    AT.abstract_origin,
    (entry, value) => {
      entry.origin = value.reference();
    },
  ],
  [
    AT.specification,
    (entry, value) => {
      entry.specification = value.reference();
    },
  ],
  [
    AT.signature,
    (entry, value) => {
      const signature = value.reference();
      entry.signature = typeof signature === "bigint" ? signature : undefined;
    },
  ],
  [
    AT.count,
    (entry, value) => {
      entry.count = value.number() ?? -1;
    },
  ],
  [
    AT.lower_bound,
    (entry, value) => {
      entry.lower = value.number() ?? Number.NaN;
    },
  ],
  [
    AT.upper_bound,
    (entry, value) => {
      entry.upper = value.upperBound();
    },
  ],
  [
    AT.string_length,
    (entry, value) => {
      entry.hasStoredLength = true;
      value.skip();
    },
  ],
  [
    AT.language,
    (_entry, value) => {
      value.bases.lowerBound = ONE_BASED_LANGUAGES.has(value.number() ?? 0) ? 1 : 0;
    },
  ],
  [
    AT.const_value,
    (entry, value) => {
      entry.constValue = value.exact();
    },
  ],
  [
    AT.declaration,
    (entry, value) => {
      entry.isDeclaration = value.number() !== 0;
    },
  ],
  [
    AT.external,
    (entry, value) => {
      entry.isExternal = value.number() !== 0;
    },
  ],
  [
    AT.low_pc,
    (entry, value) => {
      entry.hasCode = true;
      entry.code = value.code();
    },
  ],
  [
    AT.ranges,
    (entry, value) => {
      entry.hasCode = true;
      value.skip();
    },
  ],
  [
    AT.location,
    (entry, value) => {
      entry.isStatic = value.isFixedAddress();
    },
  ],
  [
    AT.dwo_name,
    (entry, value) => {
      entry.dwoName = value.text();
    },
  ],
  [
    AT.GNU_dwo_name,
    (entry, value) => {
      entry.dwoName = value.text();
    },
  ],
  [
    AT.producer,
    (entry, value) => {
      entry.producer = value.text();
    },
  ],
  [
    AT.str_offsets_base,
    (_entry, value) => {
      value.bases.strings = value.offset();
    },
  ],
  [
    AT.addr_base,
    (_entry, value) => {
      value.bases.addresses = value.offset();
    },
  ],
]);

/** Elements between the bounds, where no DW_AT_count says so itself. DWARF 5 section 5.13. */
export function finishBounds(entry: Draft, { lowerBound }: Bases): void {
  const { upper } = entry;
  if (entry.count !== undefined || upper === undefined) return;
  const lower = entry.lower ?? lowerBound;
  if (Number.isNaN(upper) || Number.isNaN(lower)) entry.count = -1;
  else entry.count = upper === ALL_ONES ? 0 : Math.max(0, upper - lower + 1);
}

/** GCC writes −1, as wide as the form is, for C's arrays of no elements. */
export const ALL_ONES = Number.NEGATIVE_INFINITY;
