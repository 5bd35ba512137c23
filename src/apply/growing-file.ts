import { roundUp } from "./layout.ts";
import type { Program } from "./program.ts";
import type { Range } from "./record.ts";

/** Numbers of bytes of ELF structures. */
export const SIZES = {
  32: { program: 32, section: 40, symbol: 16 },
  64: { program: 56, section: 64, symbol: 24 },
} as const;

/** A file that gets longer. */
export class Growing {
  readonly #program: Program;
  #bytes: Buffer;
  #length: number;
  readonly #touched: { offset: number; size: number }[] = [];

  constructor(program: Program, length: number) {
    this.#program = program;
    this.#length = length;
    this.#bytes = Buffer.alloc(length + (1 << 16));
    this.#bytes.set(program.bytes);
  }

  put(offset: number, bytes: Uint8Array): void {
    const end = offset + bytes.length;
    if (end > this.#bytes.length) {
      const larger = Buffer.alloc(2 * end);
      this.#bytes.copy(larger);
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, offset);
    this.#length = Math.max(this.#length, end);
    const old = Math.min(end, this.#program.bytes.length);
    if (offset < old) this.#touched.push({ offset, size: old - offset });
  }

  /** Appends at a multiple of `unit`; returns the offset. */
  append(bytes: Uint8Array, unit: number): number {
    const offset = roundUp(this.#length, unit);
    this.put(offset, bytes);
    return offset;
  }

  /** e_phoff, e_phnum, e_shoff, e_shnum and e_shstrndx. gABI chapter 4, "ELF Header". */
  putHeader(phoff: number, shoff: number, phnum: number, shnum: number, names: number): void {
    const { class: elfClass, data } = this.#program.object;
    const wide = elfClass === 64;
    const header = Uint8Array.from(this.#bytes.subarray(0, wide ? 64 : 52));
    const view = new DataView(header.buffer);
    const little = data === "lsb";
    if (wide) {
      view.setBigUint64(32, BigInt(phoff), little);
      view.setBigUint64(40, BigInt(shoff), little);
    } else {
      view.setUint32(28, phoff, little);
      view.setUint32(32, shoff, little);
    }
    const counts = wide ? 52 : 40;
    view.setUint16(counts + 2, SIZES[elfClass].program, little);
    view.setUint16(counts + 4, phnum, little);
    view.setUint16(counts + 6, SIZES[elfClass].section, little);
    view.setUint16(counts + 8, shnum, little);
    view.setUint16(counts + 10, names, little);
    this.put(0, header);
  }

  ranges(): Range[] {
    return this.#touched.map(({ offset, size }) => ({
      offset,
      before: this.#program.bytes.subarray(offset, offset + size),
      after: Uint8Array.from(this.#bytes.subarray(offset, offset + size)),
    }));
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}
