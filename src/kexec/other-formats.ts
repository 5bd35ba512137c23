import type { ByteSource } from "../elf/segments.ts";
import { UnsupportedError } from "../errors.ts";

interface Format {
  /** Byte offset of the mark. */
  readonly at: number;
  /** Bytes in hexadecimal. */
  readonly mark: string;
  readonly words: string;
}

/** Kernels in other wrappings, by their marks. Linux: Documentation/arch/{x86/boot,arm64/booting,arm/booting}.rst, riscv/boot-image-header.rst; U-Boot: include/image.h. */
const FORMATS: readonly Format[] = [
  { at: 0x202, mark: "48647253", words: "a bzImage" },
  { at: 0x38, mark: "41524d64", words: "an arm64 Image" },
  { at: 0x38, mark: "52534305", words: "a RISC-V Image" },
  { at: 0x24, mark: "18286f01", words: "an Arm zImage" },
  { at: 0x24, mark: "016f2818", words: "an Arm zImage" },
  { at: 0, mark: "27051956", words: "a U-Boot image" },
  { at: 0, mark: "d00dfeed", words: "a flattened image tree" },
  { at: 0, mark: "4d5a", words: "a PE image" },
  { at: 0, mark: "1f8b", words: "a file packed with gzip" },
  { at: 0, mark: "28b52ffd", words: "a file packed with zstd" },
  { at: 0, mark: "fd377a585a00", words: "a file packed with xz" },
  { at: 0, mark: "425a68", words: "a file packed with bzip2" },
  { at: 0, mark: "04224d18", words: "a file packed with lz4" },
  { at: 0, mark: "213c617263683e", words: "an archive" },
];

/** Refuses kernels in formats other than ELF, by name. Throws UnsupportedError; an unknown format passes, and fails as ELF. */
export function refuseOtherFormats(source: ByteSource): void {
  const head = Buffer.from(source.read(0, Math.min(source.size, 0x206)));
  const found = FORMATS.find(({ at, mark }) => head.subarray(at, at + mark.length / 2).toString("hex") === mark);
  if (found === undefined || head.subarray(0, 4).toString("latin1") === "\x7fELF") return;
  throw new UnsupportedError({ file: source.file }, `${found.words}; the kernel as ELF (vmlinux), unpacked, is needed`);
}
