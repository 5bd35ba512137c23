import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import type { ByteSource } from "../elf/segments.ts";
import { FormatError } from "../errors.ts";

const PAGE = 1 << 16;
/** Reads at least this long go past the cache: tables that are read once. */
const LONG = 1 << 18;

/** A file that is read page by page, each page once. */
export interface FilePages extends ByteSource {
  /** Like `read`, for a few bytes of a place that nothing else is read from. */
  peek(offset: number, length: number): Uint8Array;
  /** Bytes read from the file so far. */
  readonly bytesRead: () => number;
  close(): void;
}

/** Opens a file of any size; only the pages that are asked for are read. Throws what `open` throws. */
export function openPages(file: string): FilePages {
  // Whoever wrote the document that names a file may have put a pipe there, and nothing is to wait for that.
  const descriptor = openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  const stats = fstatSync(descriptor);
  if (!stats.isFile()) {
    closeSync(descriptor);
    throw new FormatError({ file }, "not a regular file: places in it are looked up");
  }
  const { size } = stats;
  const pages = new Map<number, Uint8Array>();
  let total = 0;

  function load(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; ) {
      const count = readSync(descriptor, bytes, at, length - at, offset + at);
      if (count === 0) throw new FormatError({ file, offset: offset + at }, "the file ends while it is read");
      at += count;
    }
    total += length;
    return bytes;
  }

  function page(index: number): Uint8Array {
    let bytes = pages.get(index);
    if (bytes === undefined) {
      const start = index * PAGE;
      bytes = load(start, Math.min(PAGE, size - start));
      pages.set(index, bytes);
    }
    return bytes;
  }

  return {
    file,
    size,
    read(offset, length) {
      if (!(offset >= 0 && length >= 0 && offset + length <= size)) {
        throw new FormatError({ file, offset }, `${length} bytes end past the end of the file (${size} bytes)`);
      }
      if (length >= LONG) return load(offset, length);
      const first = Math.floor(offset / PAGE);
      const inPage = offset - first * PAGE;
      if (inPage + length <= PAGE) return page(first).subarray(inPage, inPage + length);
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length; ) {
        const index = Math.floor((offset + at) / PAGE);
        const from = offset + at - index * PAGE;
        const part = page(index).subarray(from, from + length - at);
        bytes.set(part, at);
        at += part.length;
      }
      return bytes;
    },
    peek: load,
    bytesRead: () => total,
    close: () => closeSync(descriptor),
  };
}
