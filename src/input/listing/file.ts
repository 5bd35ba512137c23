/*
 * Files as inputs. What a listing says of an input is plain data, so that it can be sent to a worker; a worker that reads it later
 * checks that the file is still the one that was listed. Everything here is synchronous: for thousands of small files in the
 * file cache, a promise for each costs more than the reading.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync, readSync, type Stats, statSync } from "node:fs";
import type { ByteSource } from "../../elf/segments.ts";
import { describeSystemError, FormatError, type Place, UnsupportedError } from "../../errors.ts";
import { type Compression, decompress } from "../formats/compressed.ts";
import { mostHeld } from "../limits.ts";

/** One input that can be read on its own. Structured-cloneable. */
export interface InputRef {
  /** What to call it: the path as given, joined with the path inside the tree by `/`. */
  readonly path: string;
  /** Name inside the archive `path`. */
  readonly member?: string;
  /** The file to open: another one than `path` for members of thin archives. */
  readonly file: string;
  /** Byte offset of its contents in `file`; a whole file has none. */
  readonly offset?: number;
  /** Bytes as stored, compressed or not; 0 for a pipe. */
  readonly size: number;
  /** When `file` was last modified, in milliseconds; left out when its bytes have already been compared. */
  readonly mtimeMs?: number;
  readonly compression?: Compression;
  /** A pipe or device, given directly: it can be read once, from its start to its end. */
  readonly pipe?: true;
}

/** A file that is open, and what the system says of it. */
export interface OpenFile extends ByteSource {
  readonly descriptor: number;
  readonly mtimeMs: number;
  readonly isFile: boolean;
  close(): void;
}

/** Bytes of each side that are compared at a time: both fit the processor's cache. */
const CHUNK = 1 << 18;

/** Two buffers that every comparison of this thread uses again. */
let buffers: readonly [Uint8Array, Uint8Array] | undefined;

/** Both sides' buffers of CHUNK bytes; what was in them before is lost. */
export function chunkBuffers(): readonly [Uint8Array, Uint8Array] {
  buffers ??= [Buffer.allocUnsafeSlow(CHUNK), Buffer.allocUnsafeSlow(CHUNK)];
  return buffers;
}

/** Opens a file for reading; `label` names it in errors. A pipe without a writer does not block. Throws FormatError. */
export function openFile(file: string, label = file): OpenFile {
  const descriptor = openDescriptor(file, label);
  const { size, mtimeMs, isFile } = statusOf(descriptor, label);
  return {
    file: label,
    descriptor,
    size,
    mtimeMs,
    isFile,
    read(offset, length) {
      if (!(offset >= 0 && length >= 0 && offset + length <= size)) {
        throw new FormatError({ file: label, offset }, `${length} bytes end past the end of the file (${size} bytes)`);
      }
      const bytes = new Uint8Array(length);
      readInto(descriptor, bytes, offset, { file: label });
      return bytes;
    },
    close: () => closeSync(descriptor),
  };
}

/** Opens a file as a number; the caller closes it. Throws FormatError. */
export function openDescriptor(file: string, label: string): number {
  try {
    return openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    throw unreadable(label, error);
  }
}

/** What the system says of an open file. */
export function statusOf(descriptor: number, label: string): { size: number; mtimeMs: number; isFile: boolean } {
  let stats: Stats;
  try {
    stats = fstatSync(descriptor);
  } catch (error) {
    throw unreadable(label, error);
  }
  return { size: stats.size, mtimeMs: stats.mtimeMs, isFile: stats.isFile() };
}

/** Reads up to the buffer's length at an offset; fewer bytes only at the end of the file. */
export function readUpTo(descriptor: number, buffer: Uint8Array, offset: number, length: number, place: Place): number {
  try {
    let done = 0;
    while (done < length) {
      const count = readSync(descriptor, buffer, done, length - done, offset + done);
      if (count === 0) break;
      done += count;
    }
    return done;
  } catch (error) {
    throw new FormatError(place, `cannot be read: ${describeSystemError(error)}`);
  }
}

function readInto(descriptor: number, bytes: Uint8Array, offset: number, place: Place): void {
  const count = readUpTo(descriptor, bytes, offset, bytes.length, place);
  if (count < bytes.length)
    throw new FormatError({ ...place, offset: offset + count }, "the file ends while it is read");
}

/** The contents of an input, decompressed. Throws FormatError when it cannot be read, is damaged, or changes meanwhile. */
export function readInput(ref: InputRef): Uint8Array | Promise<Uint8Array> {
  const stored = readStored(ref);
  return ref.compression === undefined ? stored : decompress(stored, ref.compression, placeOf(ref));
}

/** The bytes of an input as they lie in the file. Throws FormatError when it cannot be read or changes meanwhile. */
export function readStored(ref: InputRef): Uint8Array {
  if (ref.pipe) return readGiven(ref.file, ref.path);
  const place = placeOf(ref);
  const open = openFile(ref.file, ref.path);
  try {
    checkUnchanged(ref, open);
    requireMemory(ref.size, place);
    const bytes = new Uint8Array(ref.size);
    readInto(open.descriptor, bytes, ref.offset ?? 0, place);
    checkUnchanged({ ...ref, mtimeMs: open.mtimeMs }, statusOf(open.descriptor, ref.path));
    return bytes;
  } finally {
    open.close();
  }
}

/** All of a file or pipe that was given by name; `needed` says what would do. Throws UnsupportedError for a folder, a device, or a pipe that does not end; FormatError for what cannot be read. */
export function readGiven(file: string, label = file, needed = "a relocatable object (.o)"): Uint8Array {
  try {
    const stats = statSync(file);
    if (stats.isDirectory()) throw new UnsupportedError({ file: label }, `a directory; ${needed} is needed`);
    if (stats.isCharacterDevice() || stats.isBlockDevice())
      throw new UnsupportedError({ file: label }, `a device; ${needed} is needed`);
    if (!stats.isFile()) return readPipe(file, label);
    requireMemory(stats.size, { file: label });
    return readFileSync(file);
  } catch (error) {
    if (error instanceof UnsupportedError) throw error;
    throw unreadable(label, error);
  }
}

/** Throws UnsupportedError for an input that is too large to be held. */
function requireMemory(size: number, place: Place): void {
  const most = mostHeld();
  if (size > most) throw new UnsupportedError(place, `${size} bytes, and --max-memory lets one side have ${most}`);
}

/** A text that was given by name, as readGiven() reads it. Throws FormatError where it is longer than a string can be. */
export function readGivenText(
  file: string,
  needed: string,
  encoding: "utf8" | "latin1" = "utf8",
  label = file,
): string {
  const bytes = readGiven(file, label, needed);
  try {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(encoding);
  } catch {
    throw new FormatError({ file: label }, `a text of ${bytes.length} bytes is too long to be read`);
  }
}

function readPipe(file: string, label: string): Uint8Array {
  const descriptor = openSync(file, constants.O_RDONLY);
  try {
    const chunks: Buffer[] = [];
    for (let total = 0; ; ) {
      const chunk = Buffer.allocUnsafe(CHUNK);
      const count = readSync(descriptor, chunk, 0, CHUNK, null);
      if (count === 0) return Buffer.concat(chunks, total);
      chunks.push(chunk.subarray(0, count));
      total += count;
      // What goes on for longer may never end.
      requireMemory(total, { file: label });
    }
  } finally {
    closeSync(descriptor);
  }
}

/** Whether two inputs hold the same bytes, decompressed; nothing but compressed files is ever in memory whole. Throws FormatError as readInput() does. */
export function sameBytes(pre: InputRef, post: InputRef): boolean | Promise<boolean> {
  if (pre.pipe || post.pipe) return false;
  if (pre.compression === post.compression && sameStored(pre, post)) return true;
  if (pre.compression === undefined && post.compression === undefined) return false;
  return Promise.all([readInput(pre), readInput(post)]).then(([a, b]) => Buffer.compare(a, b) === 0);
}

/** Whether two inputs hold the same bytes as they lie in their files. */
export function sameStored(pre: InputRef, post: InputRef): boolean {
  if (pre.size !== post.size) return false;
  const a = openFile(pre.file, pre.path);
  try {
    const b = openFile(post.file, post.path);
    try {
      checkUnchanged(pre, a);
      checkUnchanged(post, b);
      return sameRange(a.descriptor, b.descriptor, pre, post);
    } finally {
      b.close();
    }
  } finally {
    a.close();
  }
}

function sameRange(a: number, b: number, pre: InputRef, post: InputRef): boolean {
  const [left, right] = chunkBuffers();
  for (let done = 0; done < pre.size; done += CHUNK) {
    const length = Math.min(CHUNK, pre.size - done);
    readInto(a, left.subarray(0, length), (pre.offset ?? 0) + done, placeOf(pre));
    readInto(b, right.subarray(0, length), (post.offset ?? 0) + done, placeOf(post));
    if (Buffer.compare(left.subarray(0, length), right.subarray(0, length)) !== 0) return false;
  }
  return true;
}

function checkUnchanged(ref: InputRef, now: { readonly size: number; readonly mtimeMs: number }): void {
  // Of a member only the archive's time can tell; that its bytes are there is checked when they are read.
  const isOtherSize = ref.offset === undefined && now.size !== ref.size;
  if (isOtherSize || (ref.mtimeMs !== undefined && now.mtimeMs !== ref.mtimeMs)) {
    throw new FormatError(placeOf(ref), "changed while it was read");
  }
}

/** How an input is named in errors. */
export function placeOf({ path, member }: InputRef): Place {
  return { file: path, member };
}

/** The error for what the system refuses to read. */
export function unreadable(label: string, error: unknown): FormatError {
  return new FormatError({ file: label }, `cannot be read: ${describeSystemError(error)}`);
}
