import type { Random } from "./random.ts";

/*
 * Mutators that know where the fields are. Random bytes are refused at the first check; a file that is right but for one field
 * comes a long way.
 */

interface Layout {
  readonly view: DataView;
  readonly little: boolean;
  readonly wide: boolean;
  readonly sections: readonly Place[];
}

interface Place {
  /** Offset of the header. */
  readonly at: number;
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  readonly name: string;
}

const SYMTAB = 2;
const STRTAB = 3;
const RELA = 4;
const NOBITS = 8;
const REL = 9;

/** Names that mean something to those who look them up carelessly, to a terminal, or to us. */
const NAMES = [
  "constructor",
  "__proto__",
  "toString",
  "\x1b[31m",
  "\n::error::",
  "\u202e",
  "",
  "a".repeat(40),
  ".text",
  "__fentry__",
];

function layoutOf(bytes: Uint8Array): Layout | undefined {
  if (bytes.length < 64 || bytes[0] !== 0x7f) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [wide, little] = [bytes[4] === 2, bytes[5] === 1];
  const long = (at: number): number => (wide ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little));
  const table = wide ? long(40) : long(32);
  const count = view.getUint16(wide ? 60 : 48, little);
  const size = wide ? 64 : 40;
  if (table + count * size > bytes.length) return undefined;
  const rows = Array.from({ length: count }, (_, i) => {
    const at = table + i * size;
    return {
      at,
      name: view.getUint32(at, little),
      type: view.getUint32(at + 4, little),
      offset: long(at + (wide ? 24 : 16)),
      size: long(at + (wide ? 32 : 20)),
    };
  });
  const names = rows[view.getUint16(wide ? 62 : 50, little)];
  const nameAt = (at: number): string => {
    const start = (names?.offset ?? 0) + at;
    const end = bytes.indexOf(0, start);
    return Buffer.from(bytes.subarray(start, Math.max(start, end))).toString("latin1");
  };
  const sections = rows
    .map((row) => ({ ...row, name: nameAt(row.name) }))
    .filter(({ type, offset, size: length }) => type === NOBITS || offset + length <= bytes.length);
  return { view, little, wide, sections };
}

/** A value that checks forget. */
function oddValue(random: Random, bits: number, old: bigint): bigint {
  const top = 1n << BigInt(bits);
  const values = [
    0n,
    1n,
    old + 1n,
    old - 1n,
    old * 2n,
    top - 1n,
    top / 2n,
    top / 2n - 1n,
    BigInt(random.below(64)),
    BigInt(random.below(4096)),
    old ^ (1n << BigInt(random.below(bits))),
  ];
  return BigInt.asUintN(bits, random.pick(values));
}

function setField(view: DataView, at: number, bits: number, little: boolean, random: Random): void {
  if (at < 0 || at + bits / 8 > view.byteLength) return;
  if (bits === 64) view.setBigUint64(at, oddValue(random, 64, view.getBigUint64(at, little)), little);
  else if (bits === 32) view.setUint32(at, Number(oddValue(random, 32, BigInt(view.getUint32(at, little)))), little);
  else if (bits === 16) view.setUint16(at, Number(oddValue(random, 16, BigInt(view.getUint16(at, little)))), little);
  else view.setUint8(at, Number(oddValue(random, 8, BigInt(view.getUint8(at)))));
}

type Fields = readonly (readonly [offset: number, bits: number])[];

const HEADER: Readonly<Record<"wide" | "narrow", Fields>> = {
  wide: [
    [16, 16],
    [18, 16],
    [40, 64],
    [48, 32],
    [58, 16],
    [60, 16],
    [62, 16],
    [4, 8],
    [5, 8],
  ],
  narrow: [
    [16, 16],
    [18, 16],
    [32, 32],
    [36, 32],
    [46, 16],
    [48, 16],
    [50, 16],
    [4, 8],
    [5, 8],
  ],
};
const SECTION: Readonly<Record<"wide" | "narrow", Fields>> = {
  wide: [
    [0, 32],
    [4, 32],
    [8, 64],
    [16, 64],
    [24, 64],
    [32, 64],
    [40, 32],
    [44, 32],
    [48, 64],
    [56, 64],
  ],
  narrow: [
    [0, 32],
    [4, 32],
    [8, 32],
    [12, 32],
    [16, 32],
    [20, 32],
    [24, 32],
    [28, 32],
    [32, 32],
    [36, 32],
  ],
};
const SYMBOL: Readonly<Record<"wide" | "narrow", Fields>> = {
  wide: [
    [0, 32],
    [4, 8],
    [5, 8],
    [6, 16],
    [8, 64],
    [16, 64],
  ],
  narrow: [
    [0, 32],
    [4, 32],
    [8, 32],
    [12, 8],
    [13, 8],
    [14, 16],
  ],
};
const RELOCATION: Readonly<Record<"wide" | "narrow", Fields>> = {
  wide: [
    [0, 64],
    [8, 32],
    [12, 32],
    [16, 64],
  ],
  narrow: [
    [0, 32],
    [4, 32],
    [4, 8],
    [8, 32],
  ],
};

function entrySize(type: number, wide: boolean): number {
  if (type === SYMTAB) return wide ? 24 : 16;
  if (type === RELA) return wide ? 24 : 12;
  return wide ? 16 : 8;
}

function mutateTable(layout: Layout, type: number, fields: Fields, random: Random): void {
  const tables = layout.sections.filter((section) => section.type === type && section.size > 0);
  if (tables.length === 0) return;
  const table = random.pick(tables);
  const size = entrySize(type, layout.wide);
  const count = Math.floor(table.size / size);
  const at = table.offset + size * random.below(count);
  if (random.once(6)) {
    // Two records change places, or one is there twice.
    const other = table.offset + size * random.below(count);
    const bytes = new Uint8Array(layout.view.buffer, layout.view.byteOffset, layout.view.byteLength);
    const held = bytes.slice(at, at + size);
    if (random.once(2)) bytes.copyWithin(at, other, other + size);
    bytes.set(held.subarray(0, Math.max(0, Math.min(size, bytes.length - other))), other);
    return;
  }
  const [offset, bits] = random.pick(fields);
  setField(layout.view, at + offset, bits, layout.little, random);
}

function mutateBytes(bytes: Uint8Array, offset: number, size: number, random: Random): void {
  if (size <= 0) return;
  const at = offset + random.below(size);
  const length = Math.min(1 + random.below(8), offset + size - at);
  const kind = random.below(4);
  for (let i = at; i < at + length; i++)
    bytes[i] =
      kind === 0
        ? 0
        : kind === 1
          ? 0xff
          : kind === 2
            ? random.below(256)
            : (bytes[i] as number) ^ (1 << random.below(8));
}

/** An ELF file with one to four of its fields changed; `wanted` tells which sections' contents may change. */
export function mutateElf(
  original: Uint8Array,
  random: Random,
  wanted: (name: string) => boolean = () => true,
): Uint8Array {
  const bytes = Uint8Array.from(original);
  for (let left = 1 + random.below(4); left > 0; left--) {
    const layout = layoutOf(bytes);
    if (layout === undefined) break;
    const width = layout.wide ? "wide" : "narrow";
    const kind = random.below(16);
    if (kind === 0) {
      const [offset, bits] = random.pick(HEADER[width]);
      setField(layout.view, offset, bits, layout.little, random);
    } else if (kind < 3 && layout.sections.length > 0) {
      const [offset, bits] = random.pick(SECTION[width]);
      setField(layout.view, random.pick(layout.sections).at + offset, bits, layout.little, random);
    } else if (kind < 7) mutateTable(layout, SYMTAB, SYMBOL[width], random);
    else if (kind < 10) mutateTable(layout, random.once(4) ? REL : RELA, RELOCATION[width], random);
    else if (kind === 10) {
      const tables = layout.sections.filter(({ type, size }) => type === STRTAB && size > 1);
      if (tables.length === 0) continue;
      const { offset, size } = random.pick(tables);
      const name = Buffer.from(random.pick(NAMES));
      bytes.set(name.subarray(0, size - 1), offset + random.below(Math.max(1, size - name.length)));
    } else {
      const filled = layout.sections.filter(({ type, size, name }) => type !== NOBITS && size > 0 && wanted(name));
      if (filled.length === 0) continue;
      const { offset, size } = random.pick(filled);
      mutateBytes(bytes, offset, size, random);
    }
  }
  return random.once(60) ? bytes.subarray(0, random.below(bytes.length)) : bytes;
}

/** Any file with some of its bytes or words changed, cut short, or with a piece of it repeated. */
export function mutateFile(original: Uint8Array, random: Random, head = original.length): Uint8Array {
  const bytes = Uint8Array.from(original);
  const view = new DataView(bytes.buffer);
  for (let left = 1 + random.below(4); left > 0; left--) {
    const at = random.below(Math.min(random.once(2) ? head : bytes.length, bytes.length));
    if (random.once(3)) mutateBytes(bytes, at, bytes.length - at, random);
    else setField(view, at & ~3, random.pick([16, 32, 64]), random.once(4), random);
  }
  if (random.once(20)) return bytes.subarray(0, random.below(bytes.length));
  return bytes;
}

const VALUES: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  1.5,
  1e300,
  "",
  "constructor",
  "0x0",
  "\u2028",
  [],
  {},
  [null],
  "a".repeat(1000),
];

/** A JSON value with one to three of its parts replaced, dropped, doubled or renamed. */
export function mutateJson(original: unknown, random: Random): unknown {
  const value: unknown = structuredClone(original);
  for (let left = 1 + random.below(3); left > 0; left--) {
    let holder = value as Record<string, unknown>;
    for (let depth = random.below(9); depth > 0; depth--) {
      const inner = Object.values(holder).filter((part) => typeof part === "object" && part !== null);
      if (inner.length === 0) break;
      holder = random.pick(inner) as Record<string, unknown>;
    }
    const keys = Object.keys(holder);
    if (keys.length === 0) continue;
    const key = random.pick(keys);
    const kind = random.below(4);
    if (kind === 0) delete holder[key];
    else if (kind === 1)
      Object.defineProperty(holder, random.pick([...NAMES, ...keys]), {
        value: holder[key],
        enumerable: true,
        writable: true,
        configurable: true,
      });
    else if (kind === 2) holder[key] = random.pick(VALUES);
    else holder[key] = structuredClone(random.pick(Object.values(holder)));
  }
  return value;
}
