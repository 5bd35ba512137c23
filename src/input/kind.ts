/* What a file is, by its first bytes. Names lie: an object may be called anything, and `foo.o` may be a script. */
import { ET } from "../elf/constants.ts";
import { ARCHIVE_MAGIC, THIN_MAGIC } from "./formats/archive.ts";
import { type Compression, compressionOf } from "./formats/compressed.ts";

/** `object` is relocatable, `image` linked; `other` is nothing that could be compared. */
export type Kind = "object" | "image" | "archive" | "thin" | "bitcode" | "other" | Compression;

/** Bytes that kindOf() looks at: an ELF header up to its type. */
export const KIND_SIZE = 18;

const ARCHIVE = [...Buffer.from(ARCHIVE_MAGIC)];
const THIN = [...Buffer.from(THIN_MAGIC)];
/** LLVM bitcode, bare and wrapped, which link-time optimization leaves in `.o` files. LLVM BitCodeFormat. */
const BITCODE = [
  [0x42, 0x43, 0xc0, 0xde],
  [0xde, 0xc0, 0x17, 0x0b],
] as const;

/** The kind of a file that starts with `bytes`, of which only the first `length` count. */
export function kindOf(bytes: Uint8Array, length: number): Kind {
  if (length >= 4 && bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46) {
    if (length < KIND_SIZE) return "object";
    const type = bytes[5] === 2 ? (bytes[16] as number) * 256 + (bytes[17] as number) : typeOf(bytes);
    if (type === ET.EXEC || type === ET.DYN) return "image";
    return type === ET.CORE ? "other" : "object";
  }
  if (startsWith(ARCHIVE)) return "archive";
  if (startsWith(THIN)) return "thin";
  if (BITCODE.some(startsWith)) return "bitcode";
  return compressionOf(bytes.subarray(0, length)) ?? "other";

  function startsWith(magic: readonly number[]): boolean {
    return length >= magic.length && magic.every((byte, index) => bytes[index] === byte);
  }
}

function typeOf(bytes: Uint8Array): number {
  return (bytes[17] as number) * 256 + (bytes[16] as number);
}

export function isCompression(kind: Kind): kind is Compression {
  return kind === "gzip" || kind === "xz" || kind === "zstd";
}
