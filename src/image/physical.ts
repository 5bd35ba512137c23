import { type ByteSource, type ImageHeader, PT } from "../elf/segments.ts";

/** Physical memory as far as a dump has it. */
export interface Physical {
  /** Bytes from a physical address up to the first one that the dump does not have; undefined where it has none there. */
  read(address: bigint, length: number): Uint8Array | undefined;
}

/** The physical memory that the segments of a kernel's core hold; undefined where they do not tell where it was. */
export function segmentMemory(source: ByteSource, header: ImageHeader): Physical | undefined {
  const pieces = header.segments
    .filter(({ type, filesz, paddr }) => type === PT.LOAD && filesz > 0 && paddr < NO_PLACE)
    .map(({ paddr, filesz, offset }) => ({
      start: paddr,
      size: Math.min(filesz, Math.max(0, source.size - offset)),
      offset,
    }))
    .sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
  if (pieces.length === 0) return undefined;
  return {
    read(address, length) {
      for (const { start, size, offset } of pieces) {
        if (start > address) break;
        const from = Number(address - start);
        if (from < size) return source.read(offset + from, Math.min(length, size - from));
      }
      return undefined;
    },
  };
}

/** No machine has memory from here on; /proc/kcore says -1 of what has no physical address. */
const NO_PLACE = 1n << 60n;
