import type { Cursor } from "../cursor.ts";
import type { Target } from "../sections.ts";
import type { Abbreviation } from "./abbrev.ts";
import { AT, FORM } from "./constants.ts";
import { ALL_ONES, ATTRIBUTES, type AttributeValue, type Draft, EMPTY, type Entry, finishBounds } from "./entry.ts";
import { isFixedAddress, offsetIn } from "./expressions.ts";
import { nextForm, readExact, readNumber, readReference, skipForm } from "./forms.ts";
import type { Bases, Lookups } from "./strings.ts";
import type { Unit } from "./units.ts";

/** Parts of the unit that its entries' attributes need. */
export interface UnitContext {
  readonly unit: Unit;
  readonly bases: Bases;
  readonly lookups: Lookups;
}

/**
 * Reads entries one after the other. Each takes the place of the one before: an object for each would cost more than reading
 * it. While an attribute is read, the fields say which form its value has.
 */
export class EntryReader implements AttributeValue {
  readonly #cursor: Cursor;
  readonly #context: UnitContext;
  readonly #entry: Draft = { ...EMPTY };
  #form = 0;
  /** Value of DW_FORM_implicit_const, which stands in the abbreviation. */
  #constant = 0;
  /** Where the value begins. */
  #start = 0;

  constructor(cursor: Cursor, context: UnitContext) {
    this.#cursor = cursor;
    this.#context = context;
  }

  /** Reads the attributes of an entry; the cursor is left behind them. The result is valid until the next call. DWARF 5 section 7.5.4. */
  read({ attributes, isRead }: Abbreviation): Entry {
    const entry = Object.assign(this.#entry, EMPTY);
    for (let i = 0; i < attributes.length; i++) {
      const { name, form, constant } = attributes[i]!;
      if (!isRead[i]) {
        skipForm(this.#cursor, form, this.#context.unit);
        continue;
      }
      this.#form = form === FORM.indirect ? nextForm(this.#cursor) : form;
      this.#constant = constant;
      this.#start = this.#cursor.at;
      const read = ATTRIBUTES.get(name);
      if (read === undefined) this.skip();
      else read(entry, this);
    }
    finishBounds(entry, this.#context.bases);
    return entry;
  }

  get bases(): Bases {
    return this.#context.bases;
  }

  skip(): void {
    skipForm(this.#cursor, this.#form, this.#context.unit);
  }

  number(): number | undefined {
    if (this.#form === FORM.implicit_const) return this.#constant;
    const value = readNumber(this.#cursor, this.#form);
    if (value === undefined) this.skip();
    return value;
  }

  exact(): bigint | undefined {
    const value = this.#form === FORM.implicit_const ? BigInt(this.#constant) : readExact(this.#cursor, this.#form);
    if (this.#cursor.at === this.#start) this.skip();
    return value;
  }

  reference(): number | bigint | undefined {
    if (ELSEWHERE.has(this.#form)) this.#entry.isElsewhere = true;
    return readReference(this.#cursor, this.#form, this.#context.unit);
  }

  text(): string {
    const { unit, lookups, bases } = this.#context;
    if (ELSEWHERE.has(this.#form)) this.#entry.isElsewhere = true;
    return lookups.string(this.#cursor, this.#form, unit, bases) ?? "";
  }

  offset(): number {
    return this.#cursor.unsigned(this.#context.unit.offsetSize);
  }

  code(): Target | undefined {
    return codeAt(this.#cursor, this.#form, this.#context);
  }

  memberOffset(): number {
    return this.number() ?? offsetIn(this.#cursor.bytes, this.#start, this.#cursor.at, this.#form);
  }

  upperBound(): number {
    return upperBound(this.number(), this.#form);
  }

  isFixedAddress(): boolean {
    this.skip();
    return isFixedAddress(this.#cursor.bytes, this.#start, this.#cursor.at, this.#form);
  }
}

/** Forms that lead into another file. */
const ELSEWHERE: ReadonlySet<number> = new Set([
  FORM.GNU_ref_alt,
  FORM.ref_sup4,
  FORM.ref_sup8,
  FORM.GNU_strp_alt,
  FORM.strp_sup,
]);

/** Moves past an entry. */
export function skipEntry(cursor: Cursor, { attributes }: Abbreviation, unit: Unit): void {
  for (let i = 0; i < attributes.length; i++) skipForm(cursor, attributes[i]!.form, unit);
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

/** Index of the last element; NaN when the bound is not a constant. */
function upperBound(bound: number | undefined, form: number): number {
  if (bound === undefined) return Number.NaN;
  const allOnes = form === FORM.data4 ? 0xffff_ffff : form === FORM.data8 || form === FORM.udata ? 2 ** 64 : undefined;
  return bound === allOnes ? ALL_ONES : bound;
}
