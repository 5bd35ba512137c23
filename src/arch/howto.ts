import type { BitRun, Encoding, Howto, HowtoRole } from "./arch.ts";

/** One row of a table as it is written down; the key above it gives the name, and what is left out has the default. */
export interface HowtoRow {
  readonly type: number;
  /** Default 0: a hint, or nothing at all. */
  readonly size?: number;
  /** Default: all bits of the field, or those of `bits`. */
  readonly mask?: bigint;
  readonly bits?: readonly BitRun[];
  readonly rightshift?: number;
  readonly pcrel?: boolean;
  readonly signed?: boolean;
  readonly role?: HowtoRole;
  readonly family?: string;
  readonly rounding?: bigint;
  readonly encoding?: Encoding;
  readonly insn?: boolean;
  readonly unit?: number;
}

type Extra = Partial<Omit<HowtoRow, "type" | "size">>;

/** Row of a type that does nothing. */
export const none = (type: number): HowtoRow => ({ type, role: "none" });

/** Row of a type that only tells the linker something about the place. */
export const hint = (type: number): HowtoRow => ({ type, role: "hint" });

/** Row of an unsigned, absolute field of whole bytes. */
export const absolute = (type: number, size: number, extra?: Extra): HowtoRow => ({
  type,
  size,
  role: "address",
  ...extra,
});

/** Row of a signed field of whole bytes that counts from its own place. */
export const relative = (type: number, size: number, extra?: Extra): HowtoRow => ({
  type,
  size,
  pcrel: true,
  signed: true,
  role: "address",
  ...extra,
});

/** Runs of bits as the manuals write them, the value's lowest bits first: `30:29 23:5` are immlo and immhi of ADR. */
export function runs(notation: string): readonly BitRun[] {
  return notation.split(" ").map((run) => {
    const [high, low = high] = run.split(":").map(Number) as [number, number?];
    return [low, high - low + 1];
  });
}

/** Mask of the given runs of bits. */
export function runsMask(bits: readonly BitRun[]): bigint {
  return bits.reduce((mask, [low, width]) => mask | (((1n << BigInt(width)) - 1n) << BigInt(low)), 0n);
}

/** A howto of a row: the key gives the name, defaults fill the rest. */
export function makeHowto(name: string, row: HowtoRow): Howto {
  const size = row.size ?? 0;
  const { bits, rounding, encoding, insn, unit } = row;
  return {
    name,
    type: row.type,
    size,
    mask: row.mask ?? (bits === undefined ? (1n << BigInt(8 * size)) - 1n : runsMask(bits)),
    rightshift: row.rightshift ?? 0,
    pcrel: row.pcrel ?? false,
    signed: row.signed ?? false,
    role: row.role ?? "other",
    family: row.family ?? name,
    ...(bits && { bits }),
    ...(rounding && { rounding }),
    ...(encoding && { encoding }),
    ...(insn && { insn }),
    ...(unit && { unit }),
  };
}

/** Table of an architecture by type number, names taken from the keys. */
export function howtoTable(rows: Readonly<Record<string, HowtoRow>>): ReadonlyMap<number, Howto> {
  return new Map(Object.entries(rows).map(([name, row]) => [row.type, makeHowto(name, row)]));
}

/** Makes a value when it is first asked for: most runs need the table of one architecture only. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
