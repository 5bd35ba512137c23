import { dumpedMachine, type Target } from "../arch/registry.ts";
import type { ElfData } from "../elf/object.ts";
import { readNotes } from "../elf/segments.ts";
import { FormatError, UnsupportedError } from "../errors.ts";
import type { FilePages } from "./file-pages.ts";
import type { Physical } from "./physical.ts";
import { unpackPage } from "./unpack-page.ts";
import { readVmcoreInfo, type VmcoreInfo } from "./vmcoreinfo.ts";

/*
 * A compressed kdump: a header, two bitmaps with one bit for each page of the machine (which there were, which are saved), a table of
 * 24 bytes for each saved page in order, and the pages, each compressed by itself. makedumpfile: IMPLEMENTATION, diskdump_mod.h.
 * The headers are structures of the machine that crashed; all that are read here have 64 bits.
 */

const SIGNATURE = "KDUMP   ";
/** The older format of the same form, of the diskdump driver. */
const OLD_SIGNATURE = "DISKDUMP";
const PAGE_SIZES = [4096, 8192, 16384, 32768, 65536];
/** Where the fields of disk_dump_header lie on 64-bit machines: behind six names of 65 bytes and a timeval. */
const FIELD = { version: 8, machine: 12 + 4 * 65, blockSize: 428, subHeaderBlocks: 432, bitmapBlocks: 436, pages: 440 };
/** Fields of kdump_sub_header, each with the version that brought it. */
const SUB = { physBase: 0, dumpLevel: 8, split: 12, vmcoreinfo: 32, notes: 48, pages: 96 };
/** Bytes of the sub header up to its last field that is read, whatever the version. */
const SUB_SIZE = 104;
const DESCRIPTOR = 24;
/** Saved pages that are held unpacked. */
const HELD = 2048;
/** Bits that are counted at once. */
const STEP = 4096;
/** A dump of level 1 leaves out pages of zeros and no others. makedumpfile(8), -d. */
const ONLY_ZEROS = 1;

/** A kernel's memory as a dump file has it. */
export interface KernelDump {
  readonly target: Target;
  readonly info: VmcoreInfo | undefined;
  readonly physical: Physical;
  /** How far the kernel's image lies from where its physical addresses begin. */
  readonly physBase: bigint;
}

export function isKdump(source: FilePages): boolean {
  if (source.size < FIELD.pages + 4) return false;
  const signature = Buffer.from(source.read(0, 8)).toString("latin1");
  return signature === SIGNATURE || signature === OLD_SIGNATURE;
}

/** Opens a compressed kdump; of its pages only those that are asked for are read. */
export function openKdump(source: FilePages): KernelDump {
  const { file } = source;
  const fail = (problem: string, offset: number, value?: number | bigint): never => {
    throw new FormatError({ file, offset }, problem, value);
  };
  const header = new DataView(Uint8Array.from(source.read(0, FIELD.pages + 4)).buffer);
  const little = PAGE_SIZES.includes(header.getInt32(FIELD.blockSize, true));
  const word = (at: number): number => header.getUint32(at, little);
  if (source.read(0, 1)[0] !== SIGNATURE.charCodeAt(0)) {
    throw new UnsupportedError({ file }, "a dump of the diskdump driver; makedumpfile's are read");
  }
  const pageSize = word(FIELD.blockSize);
  if (!PAGE_SIZES.includes(pageSize)) {
    fail("no page size of a 64-bit machine; dumps of 32-bit machines are not read", FIELD.blockSize, pageSize);
  }
  const machine = Buffer.from(source.read(FIELD.machine, 65)).toString("latin1").split("\0")[0] as string;
  const data: ElfData = little ? "lsb" : "msb";
  const target = dumpedMachine(machine, data);
  if (target === undefined) throw new UnsupportedError({ file }, `a dump of a machine called "${machine}"`);

  const version = word(FIELD.version);
  if (source.size < pageSize + SUB_SIZE)
    fail(`the dump ends before its second header does (${pageSize + SUB_SIZE} bytes)`, source.size);
  const sub = new DataView(Uint8Array.from(source.read(pageSize, SUB_SIZE)).buffer);
  const long = (at: number): bigint => sub.getBigUint64(at, little);
  if (version >= 2 && sub.getInt32(SUB.split, little) !== 0) {
    throw new UnsupportedError(
      { file },
      "one part of a dump that was split; put it together with makedumpfile --reassemble",
    );
  }
  const inFile = (at: bigint, size: bigint, what: string): [offset: number, size: number] => {
    if (at + size > BigInt(source.size))
      fail(`${what} ends past the end of the file (${source.size} bytes)`, Number(at & 0xffff_ffffn), size);
    return [Number(at), Number(size)];
  };
  const part = (at: number, what: string): Uint8Array => source.read(...inFile(long(at), long(at + 8), what));
  let desc = version >= 3 && long(SUB.vmcoreinfo) > 0n ? part(SUB.vmcoreinfo, "VMCOREINFO") : undefined;
  if (desc === undefined && version >= 4 && long(SUB.notes) > 0n) {
    desc = readNotes(part(SUB.notes, "the notes"), data).find(({ name }) => name === "VMCOREINFO")?.desc;
  }

  const pages = version >= 6 ? long(SUB.pages) : BigInt(word(FIELD.pages));
  const bitmapAt = BigInt(1 + word(FIELD.subHeaderBlocks)) * BigInt(pageSize);
  const bitmapSize = BigInt(word(FIELD.bitmapBlocks)) * BigInt(pageSize);
  const [mapAt, mapSize] = inFile(bitmapAt, bitmapSize, "the bitmap");
  const bytes = Number((pages + 7n) / 8n);
  if (BigInt(bytes) * 2n > bitmapSize) fail("the bitmap is too short for its pages", FIELD.bitmapBlocks, pages);
  return {
    target,
    info: desc === undefined ? undefined : readVmcoreInfo(desc),
    physBase: BigInt.asIntN(64, long(SUB.physBase)),
    physical: savedPages(source, {
      pageSize,
      little,
      saved: source.read(mapAt + mapSize / 2, bytes),
      existing: sub.getInt32(SUB.dumpLevel, little) === ONLY_ZEROS ? source.read(mapAt, bytes) : new Uint8Array(0),
      descriptors: mapAt + mapSize,
    }),
  };
}

interface PageTable {
  readonly pageSize: number;
  readonly little: boolean;
  /** One bit for each page, the lowest first: whether the file has it. */
  readonly saved: Uint8Array;
  /** The same for pages that are zero where the file does not have them. */
  readonly existing: Uint8Array;
  /** Offset of the first page's descriptor. */
  readonly descriptors: number;
}

function savedPages(source: FilePages, { pageSize, little, saved, existing, descriptors }: PageTable): Physical {
  const ranks = countBits(saved);
  const held = new Map<number, Uint8Array>();

  function page(frame: number): Uint8Array | undefined {
    const known = held.get(frame);
    if (known !== undefined) return known;
    if (!bitAt(saved, frame)) return bitAt(existing, frame) ? new Uint8Array(pageSize) : undefined;
    const place = descriptors + DESCRIPTOR * rankOf(saved, ranks, frame);
    const bytes = source.read(place, DESCRIPTOR);
    const view = new DataView(bytes.buffer, bytes.byteOffset, DESCRIPTOR);
    const offset = view.getBigUint64(0, little);
    const size = view.getUint32(8, little);
    if (size > 2 * pageSize || offset + BigInt(size) > BigInt(source.size)) {
      throw new FormatError({ file: source.file, offset: place }, "a saved page is not in the file", offset);
    }
    const packed = source.peek(Number(offset), size);
    const unpacked = unpackPage(packed, view.getUint32(12, little), pageSize, source.file, Number(offset));
    if (held.size >= HELD) held.delete(held.keys().next().value as number);
    held.set(frame, unpacked);
    return unpacked;
  }

  return {
    read(address, length) {
      const parts: Uint8Array[] = [];
      let inPage = Number(address % BigInt(pageSize));
      let frame = Number(address / BigInt(pageSize));
      for (let left = length; left > 0; frame++, inPage = 0) {
        const bytes = page(frame)?.subarray(inPage, inPage + left);
        if (bytes === undefined) break;
        parts.push(bytes);
        left -= bytes.length;
      }
      return parts.length > 1 ? Buffer.concat(parts) : parts[0];
    },
  };
}

function bitAt(bits: Uint8Array, index: number): boolean {
  return ((bits[Math.floor(index / 8)] ?? 0) & (1 << (index % 8))) !== 0;
}

/** Bits that are set before each step. */
function countBits(bits: Uint8Array): Uint32Array {
  const counts = new Uint32Array(Math.ceil((bits.length * 8) / STEP) + 1);
  let count = 0;
  for (let at = 0; at < bits.length; at++) {
    if (at % (STEP / 8) === 0) counts[at / (STEP / 8)] = count;
    count += onesIn(bits[at] as number);
  }
  return counts;
}

function rankOf(bits: Uint8Array, counts: Uint32Array, index: number): number {
  const step = Math.floor(index / STEP);
  let count = counts[step] as number;
  for (let at = step * (STEP / 8); at < Math.floor(index / 8); at++) count += onesIn(bits[at] as number);
  return count + onesIn((bits[Math.floor(index / 8)] as number) & ((1 << (index % 8)) - 1));
}

function onesIn(byte: number): number {
  const pairs = byte - ((byte >> 1) & 0x55);
  const nibbles = (pairs & 0x33) + ((pairs >> 2) & 0x33);
  return (nibbles + (nibbles >> 4)) & 0x0f;
}
