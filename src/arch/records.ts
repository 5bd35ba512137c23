import { ET, SHT } from "../elf/constants.ts";
import type { ElfObject, Section } from "../elf/object.ts";
import { addendOf } from "./addend.ts";
import type { Arch } from "./arch.ts";

/**
 * The relocation records of one section, by offset, as words of 32 bits in the layout of Elf64_Rela with its lower halves
 * first: an object for each record would cost more than comparing them, and most tables are words of that layout already.
 */
export interface Records {
  readonly count: number;
  /** `STRIDE` words for each record. */
  readonly words: Int32Array;
}

export const STRIDE = 6;
/** Places in a record; of the offset in the section only the lower half counts: no file that is read is larger. */
const OFFSET = 0;
/** Upper half of the offset: 0 unless the record is damaged. */
export const BEYOND = 1;
export const TYPE = 2;
export const SYMBOL = 3;
/** Lower and upper half of the addend; of REL records that of the field. */
export const LOW = 4;
export const HIGH = 5;

const EMPTY: Records = { count: 0, words: new Int32Array(0) };

/** Whether the machine that runs this program stores words as little-endian files do. */
const IS_LITTLE = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

const known = new WeakMap<ElfObject, Records[]>();

/** Reads the records of a section, once, from the tables themselves where they are of the usual form. */
export function readRecords(object: ElfObject, arch: Arch, section: Section): Records {
  let records = known.get(object);
  if (records === undefined) {
    records = new Array(object.sections.length);
    known.set(object, records);
  }
  const read = records[section.index] ?? readTable(object, arch, section);
  records[section.index] = read;
  return read;
}

function readTable(object: ElfObject, arch: Arch, section: Section): Records {
  const [table, second] = object.relocationSectionsOf(section.index);
  if (table === undefined) return EMPTY;
  const source = object.sections[table] as Section;
  const isPlain = second === undefined && source.type === SHT.RELA && object.type === ET.REL;
  // Where a type is composed of several, the word that holds it has a layout of its own.
  const isComposed = arch.composeHowto !== undefined;
  const isRaw = isPlain && !isComposed && isWhole(object, source);
  return inOrder(isRaw ? fromTable(object, source) : fromModel(object, arch, section));
}

/** Whether a table can be read as words: what its header says otherwise, the model refuses by name. */
function isWhole(object: ElfObject, { bytes, entsize, link }: Section): boolean {
  const size = object.class === 64 ? 24 : 12;
  return entsize === size && bytes.length % size === 0 && object.sections[link]?.type === SHT.SYMTAB;
}

/** gABI chapter 4, "Relocation": Elf32_Rela, Elf64_Rela. */
function fromTable({ class: bits, data }: ElfObject, { bytes }: Section): Records {
  if (bits === 64 && data === "lsb" && IS_LITTLE && bytes.byteOffset % 4 === 0) {
    const count = Math.floor(bytes.length / (4 * STRIDE));
    return { count, words: new Int32Array(bytes.buffer, bytes.byteOffset, count * STRIDE) };
  }
  const wide = bits === 64;
  const little = data === "lsb";
  const size = wide ? 24 : 12;
  const count = Math.floor(bytes.length / size);
  const words = new Int32Array(count * STRIDE);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; i < count; i++) {
    const at = i * size;
    const to = i * STRIDE;
    if (wide) {
      for (let word = 0; word < STRIDE; word++)
        words[to + word] = view.getInt32(at + 4 * (little ? word : word ^ 1), little);
    } else {
      const info = view.getUint32(at + 4, little);
      words[to + OFFSET] = view.getInt32(at, little);
      words[to + TYPE] = info & 0xff;
      words[to + SYMBOL] = info >>> 8;
      words[to + LOW] = view.getInt32(at + 8, little);
      words[to + HIGH] = (words[to + LOW] as number) >> 31;
    }
  }
  return { count, words };
}

function fromModel(object: ElfObject, arch: Arch, section: Section): Records {
  const list = object.relocationsOf(section.index);
  const words = new Int32Array(list.length * STRIDE);
  for (const [i, { offset, type, symbol }] of list.entries()) {
    const addend = addendOf(arch, list, i, section.bytes);
    words.set(
      [offset | 0, 0, type | 0, symbol, Number(BigInt.asIntN(32, addend)), Number(BigInt.asIntN(32, addend >> 32n))],
      i * STRIDE,
    );
  }
  return { count: list.length, words };
}

/** By offset; records at one offset keep their order. */
function inOrder(records: Records): Records {
  const { count, words } = records;
  let isSorted = true;
  for (let i = 1; i < count && isSorted; i++) isSorted = offsetOf(records, i - 1) <= offsetOf(records, i);
  if (isSorted) return records;
  const order = Array.from({ length: count }, (_, i) => i);
  order.sort((a, b) => offsetOf(records, a) - offsetOf(records, b) || a - b);
  const sorted = new Int32Array(words.length);
  for (const [to, from] of order.entries()) sorted.set(words.subarray(from * STRIDE, (from + 1) * STRIDE), to * STRIDE);
  return { count, words: sorted };
}

export function offsetOf({ words }: Records, index: number): number {
  return (words[index * STRIDE + OFFSET] as number) >>> 0;
}

export function typeOf({ words }: Records, index: number): number {
  return (words[index * STRIDE + TYPE] as number) >>> 0;
}

/** Index of the first record at or after an offset. */
export function firstRecord(records: Records, offset: number): number {
  if (offset === 0) return 0;
  let low = 0;
  let high = records.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (offsetOf(records, middle) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
