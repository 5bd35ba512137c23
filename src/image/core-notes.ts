import { readAddress } from "../bytes.ts";
import type { ByteSource, ImageHeader } from "../elf/segments.ts";
import { PT, readNotes } from "../elf/segments.ts";
import { append } from "../lists.ts";
import { readVmcoreInfo, type VmcoreInfo } from "./vmcoreinfo.ts";

/** NT_FILE, "FILE" in ASCII. Linux: include/uapi/linux/elf.h. */
const NT_FILE = 0x4649_4c45;

/** A stretch of a file that was mapped into the process. */
export interface MappedFile {
  readonly start: bigint;
  readonly end: bigint;
  /** Byte offset in the file. */
  readonly offset: number;
  readonly path: string;
}

/** What the notes of a core tell. */
export interface CoreNotes {
  readonly files: readonly MappedFile[];
  /** What a kernel says of itself; undefined in the core of a process. */
  readonly info: VmcoreInfo | undefined;
}

/** Reads the notes of a core: the mapped files of a process, or what a kernel says of itself. */
export function readCoreNotes(source: ByteSource, header: ImageHeader): CoreNotes {
  const files: MappedFile[] = [];
  let info: VmcoreInfo | undefined;
  for (const { type, offset, filesz } of header.segments) {
    if (type !== PT.NOTE || offset + filesz > source.size) continue;
    for (const note of readNotes(source.read(offset, filesz), header.data)) {
      if (note.name === "CORE" && note.type === NT_FILE) append(files, readMappedFiles(note.desc, header));
      if (note.name === "VMCOREINFO") info ??= readVmcoreInfo(note.desc);
    }
  }
  return { files, info };
}

/** Count and page size, three words for each file, then their names. Linux: fs/binfmt_elf.c, fill_files_note. */
function readMappedFiles(desc: Uint8Array, { class: bits, data }: ImageHeader): MappedFile[] {
  const width = bits / 8;
  const word = (index: number): bigint => readAddress(desc, index * width, width, data === "lsb");
  if (desc.length < 2 * width) return [];
  const count = Number(word(0));
  const pageSize = Number(word(1));
  const names = (2 + 3 * count) * width;
  if (!Number.isSafeInteger(count) || names > desc.length) return [];
  const paths = Buffer.from(desc.subarray(names)).toString("utf8").split("\0");
  return Array.from({ length: count }, (_, index) => ({
    start: word(2 + 3 * index),
    end: word(3 + 3 * index),
    offset: Number(word(4 + 3 * index)) * pageSize,
    path: paths[index] ?? "",
  }));
}
