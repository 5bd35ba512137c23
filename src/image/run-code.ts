import type { Memory } from "./memory.ts";

/** Longest stretch that a rule looks at at once. */
const AHEAD = 64;
const CHUNK = 4096;

/** The bytes around a candidate's address, read as they are needed; offsets count from the address. */
export class RunCode {
  readonly #memory: Memory;
  readonly #address: bigint;
  /** The chunk at hand. */
  bytes: Uint8Array = new Uint8Array(0);
  /** Offset of the chunk's first byte. */
  base = 0;

  constructor(memory: Memory, address: bigint) {
    this.#memory = memory;
    this.#address = address;
  }

  /** Index in `bytes` of an offset, after making sure that an instruction and more from there on are at hand, if they exist at all. */
  indexOf(offset: number): number {
    const index = offset - this.base;
    if (index >= 0 && index + AHEAD <= this.bytes.length) return index;
    this.bytes = this.#memory.read(BigInt.asUintN(64, this.#address + BigInt(offset)), CHUNK) ?? new Uint8Array(0);
    this.base = offset;
    return 0;
  }
}
