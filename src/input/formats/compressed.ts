/*
 * Compressed modules: gzip, xz and zstd, told apart by their first bytes. What decompresses them is loaded when the first such
 * file is met. Everything is checked: a damaged file never gives wrong bytes, and none is unpacked beyond the limit of --max-memory.
 */
import { FormatError, type Place } from "../../errors.ts";
import { mostUnpacked } from "../limits.ts";

export type Compression = "gzip" | "xz" | "zstd";

const MAGICS: readonly (readonly [Compression, readonly number[]])[] = [
  ["gzip", [0x1f, 0x8b, 0x08]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
];

/** How a file is compressed, by its first bytes: six are enough; undefined when it is not. A zstd file that starts with a skippable frame is known too. */
export function compressionOf(start: Uint8Array): Compression | undefined {
  const found = MAGICS.find(([, magic]) => magic.every((byte, index) => start[index] === byte));
  if (found !== undefined) return found[0];
  const isSkippable = start[0] !== undefined && start[0] >> 4 === 5 && start[1] === 0x2a;
  return isSkippable && start[2] === 0x4d && start[3] === 0x18 ? "zstd" : undefined;
}

/** The contents of a compressed file. Throws FormatError where it is damaged, truncated, followed by something else, or holds more than `most` bytes. */
export async function decompress(
  bytes: Uint8Array,
  compression: Compression,
  place: Place,
  most = mostUnpacked(),
): Promise<Uint8Array> {
  if (bytes.length > most) throw new FormatError(place, `compressed file is larger than ${most} bytes`, bytes.length);
  if (compression === "xz") return (await import("./xz.ts")).decompressXz(bytes, place, most);
  if (compression === "zstd") return (await import("./zstd.ts")).decompressZstd(bytes, place, most);
  return decompressGzip(bytes, place, most);
}

/** RFC 1952; several members one after the other are one file. */
async function decompressGzip(bytes: Uint8Array, place: Place, most: number): Promise<Uint8Array> {
  const { gunzipSync } = await import("node:zlib");
  let unpacked: { readonly buffer: Uint8Array; readonly engine: { readonly bytesWritten: number } };
  try {
    // With `info`, for which there is no type, the result says how much of the input was used.
    unpacked = gunzipSync(bytes, { maxOutputLength: most, info: true }) as unknown as typeof unpacked;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ERR_BUFFER_TOO_LARGE") {
      throw new FormatError(place, `decompressed contents are larger than ${most} bytes`);
    }
    throw new FormatError(place, code === "Z_BUF_ERROR" ? "gzip data is truncated" : `corrupt gzip data: ${message}`);
  }
  const used = unpacked.engine.bytesWritten;
  // Zeros may follow, for tapes.
  if (bytes.subarray(used).some((byte) => byte !== 0)) {
    throw new FormatError({ ...place, offset: used }, "something else follows the gzip data");
  }
  return unpacked.buffer;
}
