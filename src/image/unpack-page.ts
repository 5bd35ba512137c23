import zlib from "node:zlib";
import { FormatError, UnsupportedError } from "../errors.ts";
import { type Fail, unpackLzo1x } from "../input/formats/lzo.ts";
import { unpackSnappy } from "../input/formats/snappy.ts";

/** How a page was compressed. makedumpfile: diskdump_mod.h, DUMP_DH_COMPRESSED_*. */
const PACKED = { zlib: 0x1, lzo: 0x2, snappy: 0x4, zstd: 0x20 } as const;
const ANY = PACKED.zlib | PACKED.lzo | PACKED.snappy | PACKED.zstd;

type Zstd = (input: Uint8Array, options: { readonly maxOutputLength: number }) => Uint8Array;

/** One page as it was in memory; `offset` is where its bytes lie in the file. */
export function unpackPage(packed: Uint8Array, flags: number, size: number, file: string, offset: number): Uint8Array {
  const fail: Fail = (problem) => {
    throw new FormatError({ file, offset }, problem);
  };
  const page = unpack(packed, flags, size, { file, offset }, fail);
  return page.length === size ? page : fail(`a page of ${page.length} bytes instead of ${size}`);
}

function unpack(
  packed: Uint8Array,
  flags: number,
  size: number,
  place: { readonly file: string; readonly offset: number },
  fail: Fail,
): Uint8Array {
  try {
    if ((flags & ANY) === 0) return packed;
    if (flags & PACKED.zlib) return zlib.inflateSync(packed, { maxOutputLength: size });
    if (flags & PACKED.lzo) return unpackLzo1x(packed, size, fail);
    if (flags & PACKED.snappy) return unpackSnappy(packed, size, fail);
    const { zstdDecompressSync } = zlib as unknown as { readonly zstdDecompressSync?: Zstd };
    if (zstdDecompressSync !== undefined) return zstdDecompressSync(packed, { maxOutputLength: size });
  } catch (error) {
    if (error instanceof FormatError) throw error;
    return fail(`a compressed page cannot be unpacked: ${(error as Error).message}`);
  }
  throw new UnsupportedError(
    place,
    "a page compressed by zstd, which this version of Node.js cannot unpack (22.15 can)",
  );
}
