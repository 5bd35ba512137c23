/** A stretch of the run system's memory whose bytes can be had. */
export interface Region {
  readonly start: bigint;
  /** Bytes in memory. */
  readonly size: number;
  /** Bytes from the start that the image holds; the rest is zero. */
  readonly held: number;
  readonly executable: boolean;
  /** What it belongs to: a section's or a mapped file's name. */
  readonly name: string;
  /** Bytes of [from, from + length), counted from the region's start; undefined where the image does not have them. */
  read(from: number, length: number): Uint8Array | undefined;
}

/** The run system's memory, as far as the image has it. */
export interface Memory {
  /** By start. */
  readonly regions: readonly Region[];
  /** The region that holds an address. */
  regionAt(address: bigint): Region | undefined;
  /** Up to `length` bytes from an address, fewer where the region ends; undefined where nothing can be read. */
  read(address: bigint, length: number): Uint8Array | undefined;
}

/** Memory made of regions; where they overlap, the first one wins. */
export function memoryOf(unsorted: readonly Region[]): Memory {
  const regions = [...unsorted].sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));

  function regionAt(address: bigint): Region | undefined {
    let low = 0;
    let high = regions.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((regions[middle] as Region).start <= address) low = middle;
      else high = middle - 1;
    }
    const region = regions[low];
    if (region === undefined || address < region.start) return undefined;
    return address - region.start < BigInt(region.size) ? region : undefined;
  }

  function read(address: bigint, length: number): Uint8Array | undefined {
    const region = regionAt(address);
    if (region === undefined) return undefined;
    const from = Number(address - region.start);
    const here = Math.min(length, region.size - from);
    const bytes = region.read(from, here);
    if (bytes === undefined || here === length) return bytes;
    const next = read(region.start + BigInt(region.size), length - here);
    return next === undefined ? bytes : Buffer.concat([bytes, next]);
  }

  return { regions, regionAt, read };
}
