import type { ElfData } from "../elf/object.ts";

/** Ends a read that cannot be made, at this offset of the section. */
export type Fail = (problem: string, offset: number, value?: number | string) => never;

/** Reads numbers one after the other. DWARF 5 section 7.6. Debug sections have millions of them, so numbers are doubles: those above 2^53 are rounded where `big` does not say otherwise. */
export class Cursor {
  at = 0;
  readonly bytes: Uint8Array;
  readonly little: boolean;
  readonly fail: Fail;
  readonly #view: DataView;

  constructor(bytes: Uint8Array, data: ElfData, fail: Fail) {
    this.bytes = bytes;
    this.little = data === "lsb";
    this.fail = fail;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Moves past `size` bytes and returns where they start. */
  take(size: number): number {
    const start = this.at;
    // Written so that NaN fails too.
    if (!(size >= 0 && start + size <= this.bytes.length))
      this.fail(`needs ${size} bytes of ${this.bytes.length}`, start);
    this.at = start + size;
    return start;
  }

  u8(): number {
    return this.bytes[this.take(1)] as number;
  }

  u16(): number {
    return this.#view.getUint16(this.take(2), this.little);
  }

  u24(): number {
    const [a, b, c] = this.bytes.subarray(this.take(3), this.at) as unknown as [number, number, number];
    return this.little ? a | (b << 8) | (c << 16) : (a << 16) | (b << 8) | c;
  }

  u32(): number {
    return this.#view.getUint32(this.take(4), this.little);
  }

  u64(): number {
    return Number(this.u64big());
  }

  u64big(): bigint {
    return this.#view.getBigUint64(this.take(8), this.little);
  }

  /** An unsigned number of 1, 2, 4 or 8 bytes. */
  unsigned(size: number): number {
    return size === 4 ? this.u32() : size === 8 ? this.u64() : size === 2 ? this.u16() : this.u8();
  }

  uleb(): number {
    const first = this.u8();
    if (first < 0x80) return first;
    let value = first & 0x7f;
    for (let factor = 0x80, count = 1; ; factor *= 0x80, count++) {
      const byte = this.u8();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      if (count > 18) this.fail("LEB128 number is longer than 64 bits", this.at);
    }
  }

  /** A LEB128 number exactly, of at most 64 bits. */
  leb(signed: boolean): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.u8();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte >= 0x80) {
        if (shift > 126n) this.fail("LEB128 number is longer than 64 bits", this.at);
        continue;
      }
      if (!signed) return BigInt.asUintN(64, value);
      return BigInt.asIntN(64, (byte & 0x40) === 0 ? value : value - (1n << (shift + 7n)));
    }
  }

  skipLeb(): void {
    while (this.u8() >= 0x80);
  }

  /** Moves past a zero-terminated string and returns where it starts. */
  skipString(): number {
    const start = this.at;
    const end = this.bytes.indexOf(0, start);
    if (end === -1) this.fail("string has no terminator", start);
    this.at = end + 1;
    return start;
  }
}
