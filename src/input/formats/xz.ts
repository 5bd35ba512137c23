/*
 * The .xz container: streams of blocks, each with a check of its contents, an index that says again how large they are, and
 * padding. Source: the .xz file format 1.2.0. Packages for it either take native code, or do not check what is damaged.
 */

import { createHash } from "node:crypto";
import { readWord } from "../../bytes.ts";
import { FormatError, type Place, UnsupportedError } from "../../errors.ts";
import { decodeLzma2, measureLzma2 } from "./lzma2.ts";

const HEADER = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] as const;
const HEADER_SIZE = 12;
const FOOTER = [0x59, 0x5a] as const;
const LZMA2 = 0x21;
/** Bytes of a variable-length number at most: 63 bits. */
const LONGEST_NUMBER = 9;

/** Checks of a block's contents by id. .xz 2.1.1.2. */
const CHECKS: Readonly<Record<number, { readonly size: number; readonly of: (bytes: Uint8Array) => Uint8Array }>> = {
  0: { size: 0, of: () => new Uint8Array(0) },
  1: { size: 4, of: (bytes) => wordBytes(crc32(bytes)) },
  4: { size: 8, of: crc64 },
  10: { size: 32, of: (bytes) => createHash("sha256").update(bytes).digest() },
};

interface Block {
  readonly data: number;
  readonly dictionary: number;
  readonly size: number;
  /** Offset of its check. */
  readonly check: number;
  /** As the index has it: header, data and check, without padding. */
  readonly unpadded: number;
}

interface Stream {
  readonly check: number;
  readonly blocks: readonly Block[];
  readonly end: number;
}

/** Decompresses a whole .xz file; refuses one that gives more than `most` bytes before it reserves them. */
export function decompressXz(input: Uint8Array, place: Place, most: number): Uint8Array {
  return new XzReader(input, place, most).read();
}

/** Reads the container: first how all of it is laid out, with its checks, then the blocks. */
class XzReader {
  readonly #input: Uint8Array;
  readonly #place: Place;
  readonly #most: number;
  /** Bytes that the blocks so far unpack to. */
  #total = 0;

  constructor(input: Uint8Array, place: Place, most: number) {
    this.#input = input;
    this.#place = place;
    this.#most = most;
  }

  read(): Uint8Array {
    const streams = this.#readStreams();
    // From here on it is known how large the output is.
    const output = new Uint8Array(this.#total);
    let done = 0;
    for (const { check, blocks } of streams) {
      for (const block of blocks) {
        this.#unpack(block, check, output.subarray(done, done + block.size));
        done += block.size;
      }
    }
    return output;
  }

  readonly #fail = (problem: string, offset: number, value?: number): never => {
    throw new FormatError({ ...this.#place, offset }, problem, value);
  };

  #readStreams(): readonly Stream[] {
    const input = this.#input;
    const streams: Stream[] = [];
    for (let at = 0; at === 0 || at < input.length; ) {
      const stream = this.#readStream(at);
      streams.push(stream);
      at = stream.end;
      // Zeros in fours may follow a stream.
      while (at + 4 <= input.length && input.subarray(at, at + 4).every((byte) => byte === 0)) at += 4;
    }
    return streams;
  }

  #unpack(block: Block, check: number, part: Uint8Array): void {
    decodeLzma2(this.#input, block.data, part, block.dictionary, this.#fail);
    const { size, of } = CHECKS[check] as (typeof CHECKS)[number];
    if (!sameBytes(of(part), this.#input.subarray(block.check, block.check + size)))
      this.#fail("corrupt xz data: the check of a block's contents is wrong", block.check);
  }

  #need(offset: number, size: number): void {
    if (offset + size > this.#input.length) this.#fail("xz data is truncated", this.#input.length);
  }

  #readStream(start: number): Stream {
    this.#need(start, HEADER_SIZE);
    if (HEADER.some((byte, index) => this.#input[start + index] !== byte)) this.#fail("not xz data", start);
    this.#checkCrc(start + 6, 2, start + 8, "stream header");
    const check = this.#input[start + 7] as number;
    if (this.#input[start + 6] !== 0 || CHECKS[check] === undefined) {
      throw new UnsupportedError(
        { ...this.#place, offset: start + 6 },
        `xz stream with a check of unknown kind ${check}`,
      );
    }
    const blocks: Block[] = [];
    let at = start + HEADER_SIZE;
    for (this.#need(at, 1); this.#input[at] !== 0; this.#need(at, 1)) {
      const block = this.#readBlock(at, check);
      blocks.push(block);
      this.#total += block.size;
      at = at + padded(block.unpadded);
    }
    const end = this.#readIndex(at, blocks);
    this.#need(end, HEADER_SIZE);
    this.#checkCrc(end + 4, 6, end, "stream footer");
    if ((this.#readWord(end + 4) + 1) * 4 !== end - at) this.#fail("corrupt xz data: wrong size of the index", end + 4);
    if (this.#input[end + 8] !== 0 || this.#input[end + 9] !== check)
      this.#fail("corrupt xz data: footer and header differ", end + 8);
    if (FOOTER.some((byte, index) => this.#input[end + 10 + index] !== byte))
      this.#fail("xz stream has no footer", end + 10);
    return { check, blocks, end: end + HEADER_SIZE };
  }

  #readBlock(start: number, check: number): Block {
    const headerSize = ((this.#input[start] as number) + 1) * 4;
    this.#need(start, headerSize);
    const headerEnd = start + headerSize - 4;
    this.#checkCrc(start, headerSize - 4, headerEnd, "block header");
    const flags = this.#input[start + 1] as number;
    let at = start + 2;
    const number = (): number => {
      const { value, next } = this.#readNumber(at, headerEnd);
      at = next;
      return value;
    };
    const stored = (flags & 0x40) === 0 ? undefined : number();
    const size = (flags & 0x80) === 0 ? undefined : number();
    const filter = number();
    const isPlain = (flags & 0x3f) === 0 && filter === LZMA2 && number() === 1;
    const bits = this.#input[at++] as number;
    if (!isPlain || at > headerEnd || bits > 40) {
      throw new UnsupportedError({ ...this.#place, offset: start }, "xz block with filters other than LZMA2");
    }
    this.#checkZeros(at, headerEnd);
    const data = start + headerSize;
    const extent = measureLzma2(this.#input, data, this.#fail);
    const sum = this.#total + extent.size;
    if (sum > this.#most) this.#fail(`decompressed contents are larger than ${this.#most} bytes`, start, sum);
    if (stored !== undefined && stored !== extent.end - data)
      this.#fail("corrupt xz data: wrong size of a block", start);
    if (size !== undefined && size !== extent.size) this.#fail("corrupt xz data: wrong size of a block", start);
    const checkAt = data + padded(extent.end - data);
    const checkSize = (CHECKS[check] as (typeof CHECKS)[number]).size;
    this.#need(checkAt, checkSize);
    this.#checkZeros(extent.end, checkAt);
    // .xz 5.3.1: mantissa of two bits and an exponent.
    const dictionary = bits === 40 ? 2 ** 32 - 1 : (2 | (bits & 1)) * 2 ** ((bits >> 1) + 11);
    const unpadded = headerSize + (extent.end - data) + checkSize;
    return { data, dictionary, size: extent.size, check: checkAt, unpadded };
  }

  /** Compares the index with the blocks; returns the offset after it. */
  #readIndex(start: number, blocks: readonly Block[]): number {
    let { value: count, next: at } = this.#readNumber(start + 1, this.#input.length);
    if (count !== blocks.length) this.#fail(`xz index does not list the ${blocks.length} blocks`, start, count);
    for (const block of blocks) {
      const unpadded = this.#readNumber(at, this.#input.length);
      const size = this.#readNumber(unpadded.next, this.#input.length);
      if (unpadded.value !== block.unpadded || size.value !== block.size) this.#fail("xz index and block differ", at);
      at = size.next;
    }
    const end = start + padded(at - start);
    this.#need(end, 4);
    this.#checkZeros(at, end);
    this.#checkCrc(start, end - start, end, "index");
    return end + 4;
  }

  #readNumber(start: number, end: number): { value: number; next: number } {
    let value = 0;
    for (let index = 0; index < LONGEST_NUMBER && start + index < end; index++) {
      const byte = this.#input[start + index] as number;
      value += (byte & 0x7f) * 2 ** (7 * index);
      if ((byte & 0x80) === 0) return { value, next: start + index + 1 };
    }
    return this.#fail("xz number does not end", start);
  }

  #readWord(at: number): number {
    return readWord(this.#input, at, true);
  }

  #checkCrc(start: number, size: number, at: number, what: string): void {
    if (crc32(this.#input.subarray(start, start + size)) !== this.#readWord(at)) {
      this.#fail(`corrupt xz data: the check of the ${what} is wrong`, at);
    }
  }

  #checkZeros(start: number, end: number): void {
    if (this.#input.subarray(start, end).some((byte) => byte !== 0))
      this.#fail("corrupt xz data: padding is not zero", start);
  }
}

function padded(size: number): number {
  return Math.ceil(size / 4) * 4;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function wordBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

/** Reflected IEEE 802.3 polynomial. .xz 6. */
const CRC32_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0);
  return value;
});

function crc32(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (let at = 0; at < bytes.length; at++) {
    value = (value >>> 8) ^ (CRC32_TABLE[(value ^ (bytes[at] as number)) & 0xff] as number);
  }
  return ~value >>> 0;
}

/** Reflected ECMA-182 polynomial, in two halves. .xz 6. */
const CRC64_LOW = new Uint32Array(256);
const CRC64_HIGH = new Uint32Array(256);
for (let byte = 0; byte < 256; byte++) {
  let value = BigInt(byte);
  for (let bit = 0; bit < 8; bit++) value = (value >> 1n) ^ ((value & 1n) === 0n ? 0n : 0xc96c5795d7870f42n);
  CRC64_LOW[byte] = Number(value & 0xffffffffn);
  CRC64_HIGH[byte] = Number(value >> 32n);
}

function crc64(bytes: Uint8Array): Uint8Array {
  let low = -1;
  let high = -1;
  for (let at = 0; at < bytes.length; at++) {
    const index = (low ^ (bytes[at] as number)) & 0xff;
    low = ((low >>> 8) | (high << 24)) ^ (CRC64_LOW[index] as number);
    high = (high >>> 8) ^ (CRC64_HIGH[index] as number);
  }
  const made = new Uint8Array(8);
  const view = new DataView(made.buffer);
  view.setUint32(0, ~low >>> 0, true);
  view.setUint32(4, ~high >>> 0, true);
  return made;
}
