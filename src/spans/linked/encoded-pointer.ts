import type { Section } from "../../elf/object.ts";
import type { Image } from "./image.ts";

/** Pointer encodings: a format in the low four bits, what it counts from in the next three, and whether a slot is meant. LSB core, "DWARF Extensions". */
export const ENCODING = {
  format: 0x0f,
  pcrel: 0x10,
  datarel: 0x30,
  funcrel: 0x40,
  indirect: 0x80,
  omit: 0xff,
} as const;

/** Where an encoded pointer leads: to an address, or to the word there that holds the address. */
export interface Encoded {
  readonly address: number;
  readonly isSlot: boolean;
}

/** Reads numbers and encoded pointers of one section of a linked image; behind its end everything is zero. */
export class EncodedReader {
  at = 0;
  readonly #image: Image;
  readonly #section: Section;
  readonly #little: boolean;
  readonly #word: number;

  constructor(image: Image, section: Section) {
    this.#image = image;
    this.#section = section;
    this.#little = image.object.data === "lsb";
    this.#word = image.object.class / 8;
  }

  /** An unsigned number of 1, 2, 4 or 8 bytes. */
  number(size: number): number {
    let value = 0;
    for (let i = 0; i < size; i++) {
      const byte = this.#section.bytes[this.at + (this.#little ? size - 1 - i : i)] ?? 0;
      value = value * 256 + byte;
    }
    this.at += size;
    return value;
  }

  #signed(size: number): number {
    const value = this.number(size);
    return value >= 2 ** (8 * size - 1) ? value - 2 ** (8 * size) : value;
  }

  uleb(): number {
    return this.#leb128(false);
  }

  sleb(): number {
    return this.#leb128(true);
  }

  /** A LEB128 number; of one that goes on behind ten bytes, those ten without a sign. DWARF 5, 7.6. */
  #leb128(isSigned: boolean): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 10; count++) {
      const byte = this.number(1);
      value += (byte & 0x7f) * scale;
      scale *= 128;
      if (byte < 0x80) return isSigned && (byte & 0x40) !== 0 ? value - scale : value;
    }
    return value;
  }

  /** A terminated string. */
  text(): string {
    const { bytes } = this.#section;
    let text = "";
    for (; this.at < bytes.length && bytes[this.at] !== 0; this.at++)
      text += String.fromCharCode(bytes[this.at] as number);
    this.at++;
    return text;
  }

  /** Bytes of a pointer of fixed size; variable ones count as words. */
  sizeOf(encoding: number): number {
    return FORMATS.get(encoding & ENCODING.format)?.size ?? this.#word;
  }

  /** A pointer of an encoding; undefined when it is null or left out. */
  pointer(encoding: number): Encoded | undefined {
    if (encoding === ENCODING.omit) return undefined;
    const start = Number(this.#section.addr) + this.at;
    const kind = encoding & ENCODING.format;
    const format = FORMATS.get(kind);
    if (kind === 0 && (encoding & 0x70) === 0) {
      // A whole address: the loader may write it.
      const value = this.number(this.#word);
      const written = this.#image.isDynamic(start);
      if (written) return { address: start, isSlot: true };
      return value === 0 ? undefined : { address: value, isSlot: (encoding & ENCODING.indirect) !== 0 };
    }
    const value =
      format === undefined
        ? kind === 1
          ? this.uleb()
          : kind === 9
            ? this.sleb()
            : this.number(this.#word)
        : format.signed
          ? this.#signed(format.size)
          : this.number(format.size);
    if (value === 0) return undefined;
    const from = encoding & 0x70;
    const base = from === ENCODING.pcrel ? start : from === ENCODING.datarel ? (this.#image.gotPointer ?? 0) : 0;
    const limit = 2 ** this.#image.object.class;
    const address = (base + value) % limit;
    return { address: address < 0 ? address + limit : address, isSlot: (encoding & ENCODING.indirect) !== 0 };
  }

  /** A distance of 31 bits from its own place. Exception Handling ABI for the Arm Architecture, 6. */
  short31(): number {
    const start = Number(this.#section.addr) + this.at;
    const value = this.number(4) & 0x7fffffff;
    return start + (value >= 0x40000000 ? value - 0x80000000 : value);
  }

  /** A distance to the slot that holds the address of a type: what R_ARM_TARGET2 means on Linux; undefined for null. */
  target2(): Encoded | undefined {
    const start = Number(this.#section.addr) + this.at;
    const value = this.#signed(4);
    return value === 0 ? undefined : { address: start + value, isSlot: true };
  }
}

const FORMATS: ReadonlyMap<number, { readonly size: number; readonly signed: boolean }> = new Map([
  [0x02, { size: 2, signed: false }],
  [0x03, { size: 4, signed: false }],
  [0x04, { size: 8, signed: false }],
  [0x0a, { size: 2, signed: true }],
  [0x0b, { size: 4, signed: true }],
  [0x0c, { size: 8, signed: true }],
]);
