/*
 * Dumps of kernels, written by the documentation of their formats: makedumpfile's IMPLEMENTATION and diskdump_mod.h, the kernel's
 * vmcoreinfo.rst and kernel/kallsyms.c. Where makedumpfile is installed test/corpus/vmcore.test.ts compares with what it writes.
 */
import { deflateSync } from "node:zlib";

/** How pages are compressed: the flag in their descriptors, and the bytes. */
export interface Packing {
  readonly flag: number;
  readonly pack: (page: Uint8Array) => Uint8Array;
}

/** LZO that copies nothing: one run of new bytes, and the end. */
function lzoLiterals(page: Uint8Array): Uint8Array {
  const rest = page.length - 18;
  const zeros = Math.ceil(rest / 255) - 1;
  return Buffer.concat([new Uint8Array(1 + zeros), Buffer.of(rest - 255 * zeros), page, Buffer.of(0x11, 0, 0)]);
}

function snappyLiterals(page: Uint8Array): Uint8Array {
  const length = [0, 7, 14].map((shift) => ((page.length >> shift) & 0x7f) | (shift < 14 ? 0x80 : 0));
  const most = page.length - 1;
  return Buffer.concat([Buffer.of(...length), Buffer.of(61 << 2, most & 0xff, most >> 8), page]);
}

export const PACKINGS = {
  none: { flag: 0, pack: (page) => page },
  zlib: { flag: 1, pack: (page) => deflateSync(page) },
  lzo: { flag: 2, pack: lzoLiterals },
  snappy: { flag: 4, pack: snappyLiterals },
  // A frame of one segment with a content size of four bytes, and one raw block. RFC 8878, 3.1.1.
  zstd: {
    flag: 0x20,
    pack: (page) =>
      Buffer.concat([Buffer.from("28b52ffda0", "hex"), word(page.length, 4), word((page.length << 3) | 1, 3), page]),
  },
} as const satisfies Readonly<Record<string, Packing>>;

function word(value: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  bytes.writeUIntLE(value, 0, size);
  return bytes;
}

export interface KdumpDescription {
  /** Saved pages by physical frame number. */
  readonly pages: ReadonlyMap<number, Uint8Array>;
  /** Frames that the machine has. Default: those that are saved. */
  readonly existing?: readonly number[];
  readonly info?: string;
  readonly packing?: Packing;
  readonly pageSize?: number;
  readonly machine?: string;
  readonly bigEndian?: boolean;
  readonly dumpLevel?: number;
  readonly split?: number;
  readonly version?: number;
}

/** A compressed kdump with the headers of a 64-bit machine. */
export function buildKdump(wanted: KdumpDescription): Uint8Array {
  const { pages, info, packing = PACKINGS.zlib, pageSize = 4096, machine = "x86_64", bigEndian = false } = wanted;
  const frames = [...pages.keys()].sort((a, b) => a - b);
  const existing = wanted.existing ?? frames;
  const count = Math.max(...existing, ...frames) + 1;
  const half = Math.ceil(Math.ceil(count / 8) / pageSize) * pageSize;
  const u32 = (bytes: DataView, at: number, value: number): void => bytes.setUint32(at, value, !bigEndian);
  const u64 = (bytes: DataView, at: number, value: number): void => bytes.setBigUint64(at, BigInt(value), !bigEndian);

  const header = Buffer.alloc(pageSize);
  const head = new DataView(header.buffer, header.byteOffset, pageSize);
  header.write("KDUMP   ");
  u32(head, 8, wanted.version ?? 6);
  header.write(machine, 12 + 4 * 65);
  u32(head, 428, pageSize);
  u32(head, 432, 1);
  u32(head, 436, (2 * half) / pageSize);
  u32(head, 440, count);

  const note = Buffer.from(info ?? "");
  const sub = Buffer.alloc(pageSize);
  const second = new DataView(sub.buffer, sub.byteOffset, pageSize);
  u32(second, 8, wanted.dumpLevel ?? 0);
  u32(second, 12, wanted.split ?? 0);
  if (info !== undefined) {
    u64(second, 32, pageSize + 128);
    u64(second, 40, note.length);
    note.copy(sub, 128);
  }
  u64(second, 96, count);

  const bits = (list: readonly number[]): Buffer => {
    const bytes = Buffer.alloc(half);
    for (const frame of list) bytes[frame >> 3] = (bytes[frame >> 3] as number) | (1 << (frame & 7));
    return bytes;
  };
  const packed = frames.map((frame) => packing.pack(pages.get(frame) as Uint8Array));
  const descriptors = Buffer.alloc(24 * frames.length);
  const table = new DataView(descriptors.buffer, descriptors.byteOffset, descriptors.length);
  let at = 2 * pageSize + 2 * half + descriptors.length;
  for (const [index, bytes] of packed.entries()) {
    u64(table, 24 * index, at);
    u32(table, 24 * index + 8, bytes.length);
    u32(table, 24 * index + 12, packing.flag);
    at += bytes.length;
  }
  return Buffer.concat([header, sub, bits(existing), bits(frames), descriptors, ...packed]);
}

/** A file as makedumpfile -F writes it to a pipe: pieces with their places, in the given order. */
export function flatten(pieces: readonly (readonly [offset: number, bytes: Uint8Array])[]): Uint8Array {
  const header = Buffer.alloc(4096);
  header.write("makedumpfile");
  header.writeBigInt64BE(1n, 16);
  header.writeBigInt64BE(1n, 24);
  const piece = (offset: bigint, size: bigint): Buffer => {
    const bytes = Buffer.alloc(16);
    bytes.writeBigInt64BE(offset, 0);
    bytes.writeBigInt64BE(size, 8);
    return bytes;
  };
  const parts = pieces.flatMap(([offset, bytes]) => [piece(BigInt(offset), BigInt(bytes.length)), bytes]);
  return Buffer.concat([header, ...parts, piece(-1n, -1n)]);
}

export interface KallsymsTables {
  /** Contents by name of the table, without `kallsyms_`. */
  readonly tables: Readonly<Record<string, Uint8Array>>;
}

/** The kernel's own list. `percpu`: the form in which small values are themselves and others count down from the base. */
export function buildKallsyms(
  symbols: readonly (readonly [letter: string, name: string, address: bigint])[],
  form: "base" | "percpu" | "absolute",
): KallsymsTables["tables"] {
  const tokens = Array.from({ length: 256 }, (_, code) =>
    code === 1 ? "st" : code > 32 && code < 127 ? String.fromCharCode(code) : "",
  );
  const starts = Buffer.alloc(512);
  let at = 0;
  for (const [code, token] of tokens.entries()) {
    starts.writeUInt16LE(at, 2 * code);
    at += token.length + 1;
  }
  const names = symbols.flatMap(([letter, name]) => {
    const text = [...`${letter}${name}`.replaceAll("st", "\x01")].map((character) => character.charCodeAt(0));
    const length = text.length < 128 ? [text.length] : [(text.length & 0x7f) | 0x80, text.length >> 7];
    return [...length, ...text];
  });
  const base = symbols
    .map(([, , address]) => address)
    .filter((address) => address >= 0x1000n)
    .reduce((a, b) => (a < b ? a : b));
  const offsets = Buffer.alloc(4 * symbols.length);
  const addresses = Buffer.alloc(8 * symbols.length);
  for (const [index, [, , address]] of symbols.entries()) {
    const offset = form === "base" ? address - base : address < 0x1000n ? address : base - 1n - address;
    if (form !== "absolute") offsets.writeInt32LE(Number(BigInt.asIntN(32, offset)), 4 * index);
    addresses.writeBigUInt64LE(address, 8 * index);
  }
  const relative = Buffer.alloc(8);
  relative.writeBigUInt64LE(base);
  return {
    num_syms: word(symbols.length, 4),
    names: Buffer.from(names),
    token_table: Buffer.from(`${tokens.join("\0")}\0`),
    token_index: starts,
    ...(form === "absolute" ? { addresses } : { offsets, relative_base: relative }),
  };
}
