import { addendOf } from "../arch/addend.ts";
import type { Arch } from "../arch/arch.ts";
import { ET, SHT } from "../elf/constants.ts";
import type { ElfObject, Section } from "../elf/object.ts";

/** The relocation records of one section in columns, by offset: an object for each would cost more than comparing them. */
export interface Records {
  readonly count: number;
  readonly offsets: Float64Array;
  readonly types: Uint32Array;
  readonly symbols: Uint32Array;
  /** Lower and upper half of the addend; of REL records that of the field. */
  readonly low: Int32Array;
  readonly high: Int32Array;
}

const EMPTY: Records = columns(0);

function columns(count: number): Records {
  return {
    count,
    offsets: new Float64Array(count),
    types: new Uint32Array(count),
    symbols: new Uint32Array(count),
    low: new Int32Array(count),
    high: new Int32Array(count),
  };
}

/** Reads the records of a section, from the tables themselves where they are of the usual form. */
export function readRecords(object: ElfObject, arch: Arch, section: Section): Records {
  const [table, second] = object.relocationSectionsOf(section.index);
  if (table === undefined) return EMPTY;
  const source = object.sections[table] as Section;
  const isPlain = second === undefined && source.type === SHT.RELA && object.type === ET.REL;
  // Where one record packs several types, only the model takes it apart.
  const isPacked = arch.composeHowto !== undefined;
  return inOrder(isPlain && !isPacked ? fromTable(object, source) : fromModel(object, arch, section));
}

/** gABI chapter 4, "Relocation": Elf32_Rela, Elf64_Rela. */
function fromTable({ class: bits, data }: ElfObject, { bytes }: Section): Records {
  const wide = bits === 64;
  const little = data === "lsb";
  const size = wide ? 24 : 12;
  const records = columns(Math.floor(bytes.length / size));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (at: number): number => view.getUint32(at, little);
  for (let i = 0, at = 0; i < records.count; i++, at += size) {
    if (wide) {
      const [first, other] = little ? [0, 4] : [4, 0];
      records.offsets[i] = word(at + first) + 0x1_0000_0000 * word(at + other);
      records.types[i] = word(at + 8 + first);
      records.symbols[i] = word(at + 8 + other);
      records.low[i] = word(at + 16 + first);
      records.high[i] = word(at + 16 + other);
    } else {
      records.offsets[i] = word(at);
      records.types[i] = word(at + 4) & 0xff;
      records.symbols[i] = word(at + 4) >>> 8;
      records.low[i] = word(at + 8);
      records.high[i] = (records.low[i] as number) >> 31;
    }
  }
  return records;
}

function fromModel(object: ElfObject, arch: Arch, section: Section): Records {
  const list = object.relocationsOf(section.index);
  const records = columns(list.length);
  for (const [i, { offset, type, symbol }] of list.entries()) {
    const addend = addendOf(arch, list, i, section.bytes);
    records.offsets[i] = offset;
    records.types[i] = type;
    records.symbols[i] = symbol;
    records.low[i] = Number(BigInt.asIntN(32, addend));
    records.high[i] = Number(BigInt.asIntN(32, addend >> 32n));
  }
  return records;
}

/** By offset; records at one offset keep their order. */
function inOrder(records: Records): Records {
  const { count, offsets } = records;
  let isSorted = true;
  for (let i = 1; i < count && isSorted; i++) isSorted = (offsets[i - 1] as number) <= (offsets[i] as number);
  if (isSorted) return records;
  const order = Array.from(offsets.keys()).sort((a, b) => (offsets[a] as number) - (offsets[b] as number) || a - b);
  const sorted = columns(count);
  for (const [to, from] of order.entries()) {
    sorted.offsets[to] = offsets[from] as number;
    sorted.types[to] = records.types[from] as number;
    sorted.symbols[to] = records.symbols[from] as number;
    sorted.low[to] = records.low[from] as number;
    sorted.high[to] = records.high[from] as number;
  }
  return sorted;
}

/** Index of the first record at or after an offset. */
export function firstRecord({ offsets, count }: Records, offset: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((offsets[middle] as number) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
