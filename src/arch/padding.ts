import type { ElfData } from "../elf/object.ts";

/** One filler instruction: its units, each with its size in bytes, in the order of their addresses. */
export type Filler = readonly (readonly [size: 2 | 4 | 6, word: number])[];

/** Whether bytes[from,to) are nothing but filler. */
export type PaddingTest = (bytes: Uint8Array, from: number, to: number) => boolean;

/** A test for runs of the given filler instructions and zeros, in any mixture. */
export function fillerTest(data: ElfData, fillers: readonly Filler[]): PaddingTest {
  const patterns = fillers.map((units) => units.flatMap(([size, word]) => unitBytes(size, word, data)));
  return (bytes, from, to) => {
    for (let at = from; at < to; ) {
      const pattern = patterns.find((bits) => startsWith(bytes, at, to, bits));
      if (!pattern && bytes[at] !== 0) return false;
      at += pattern?.length ?? 1;
    }
    return true;
  };
}

function unitBytes(size: number, word: number, data: ElfData): number[] {
  const bytes = Array.from({ length: size }, (_, i) => Math.floor(word / 2 ** (8 * i)) & 0xff);
  return data === "lsb" ? bytes : bytes.reverse();
}

function startsWith(bytes: Uint8Array, at: number, to: number, pattern: readonly number[]): boolean {
  return at + pattern.length <= to && pattern.every((byte, i) => bytes[at + i] === byte);
}
