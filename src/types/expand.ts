import { readAddress, readWord } from "../bytes.ts";
import { constantName, SHF } from "../elf/constants.ts";
import type { ElfObject, Section } from "../elf/object.ts";
import { UnsupportedError } from "../errors.ts";

/** ch_type. gABI chapter 4, "Compressed Sections". */
const ELFCOMPRESS = { ZLIB: 1, ZSTD: 2 } as const;
/** "ZLIB", which starts a `.zdebug_*` section; the expanded size follows as eight bytes, most significant first. */
const ZLIB_MAGIC = 0x5a4c_4942;
const ZDEBUG_HEADER = 12;
/** No deflate stream expands further than this. RFC 1951: a match of 258 bytes can take two bits. */
const LARGEST_RATIO = 1032;
/** Debug information shrinks to a third or a tenth. All sections of one object together may not expand further than this. */
const EXPANSION = { atLeast: 1 << 26, perFileByte: 32, atMost: 2 ** 31 } as const;

/** What the sections of one object may still expand to. */
export interface Budget {
  left: number;
}

export function expansionBudget(object: ElfObject): Budget {
  const wanted = Math.max(EXPANSION.atLeast, EXPANSION.perFileByte * object.bytes.length);
  return { left: Math.min(EXPANSION.atMost, wanted) };
}

interface Compression {
  readonly type: number;
  /** Bytes after expansion. */
  readonly size: number;
  readonly stream: Uint8Array;
}

/** Header of a compressed section; undefined when the section is not compressed. Elf32_Chdr, Elf64_Chdr: gABI chapter 4. */
function compressionOf(object: ElfObject, section: Section): Compression | undefined {
  const { bytes, name } = section;
  const little = object.data === "lsb";
  if ((section.flags & SHF.COMPRESSED) !== 0n) {
    const header = object.class === 64 ? 24 : 12;
    if (bytes.length < header) throw object.error("compression header is truncated", { section: name }, bytes.length);
    // Behind the type, and in Elf64_Chdr four reserved bytes.
    const width = object.class / 8;
    const size = Number(readAddress(bytes, width, width, little));
    return { type: readWord(bytes, 0, little), size, stream: bytes.subarray(header) };
  }
  if (!name.startsWith(".zdebug_") || bytes.length < ZDEBUG_HEADER || readWord(bytes, 0, false) !== ZLIB_MAGIC)
    return undefined;
  return {
    type: ELFCOMPRESS.ZLIB,
    size: Number(readAddress(bytes, 4, 8, false)),
    stream: bytes.subarray(ZDEBUG_HEADER),
  };
}

/** Contents of a section as the compiler wrote them. Throws FormatError where the stream is not what its header says. */
export async function expandSection(object: ElfObject, section: Section, budget: Budget): Promise<Uint8Array> {
  const compression = compressionOf(object, section);
  if (compression === undefined) return section.bytes;
  const { type, size, stream } = compression;
  const where = { section: section.name };
  if (type === ELFCOMPRESS.ZLIB && size > LARGEST_RATIO * (stream.length + 64))
    throw object.error("claims to expand further than deflate can", where, size);
  budget.left -= size;
  if (budget.left < 0) throw object.error("compressed sections expand too far", where, size);
  if (size === 0) return new Uint8Array(0);
  const expanded = await inflate(object, section, type, stream, size);
  if (expanded.length !== size)
    throw object.error(`expands to ${expanded.length} bytes, not to as many as it says`, where, size);
  return expanded;
}

/** The stream without its header, expanded to at most `size` bytes. */
async function inflate(
  object: ElfObject,
  section: Section,
  type: number,
  stream: Uint8Array,
  size: number,
): Promise<Uint8Array> {
  const place = { file: object.file, member: object.member, section: section.name };
  if (type === ELFCOMPRESS.ZSTD) {
    const { decompress } = await import("../input/formats/compressed.ts");
    return decompress(stream, "zstd", place, size);
  }
  if (type !== ELFCOMPRESS.ZLIB) {
    const name = constantName(ELFCOMPRESS, "ELFCOMPRESS_", type);
    throw new UnsupportedError(place, `compressed in an unknown way: ${name}`);
  }
  const { inflateSync } = await import("node:zlib");
  try {
    return inflateSync(stream, { maxOutputLength: size });
  } catch (error) {
    throw object.error(`cannot be expanded: ${(error as Error).message}`, { section: section.name });
  }
}
