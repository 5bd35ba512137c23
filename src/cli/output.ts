import {
  accessSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describeSystemError, UsageError } from "../errors.ts";
import { draftName, removeDeadDrafts } from "./drafts.ts";
import { isReaderGone } from "./reader.ts";

/** A text, or its pieces, which together may be longer than a string can be; or bytes. */
export type Text = string | Iterable<string> | Uint8Array;

/** Characters that are written at once. */
const PIECE = 1 << 20;
/** Milliseconds until we look again whether a pipe has a reader, or room. */
const PAUSE = 10;

/** Names of our own streams: opened as files they would be written from their beginning, or not at all. */
const STREAMS: ReadonlyMap<string, "stdout" | "stderr"> = new Map([
  ["-", "stdout"],
  ["/dev/stdout", "stdout"],
  ["/dev/fd/1", "stdout"],
  ["/proc/self/fd/1", "stdout"],
  ["/dev/stderr", "stderr"],
  ["/dev/fd/2", "stderr"],
  ["/proc/self/fd/2", "stderr"],
]);

/**
 * Writes to standard output or to a file. A regular file is first written whole beside its place and then renamed: complete or
 * absent, never half, and with the mode of the one that it replaces. A pipe or a device is written to
 * directly; signals are heard while a pipe is waited for. `mode` is that of a new file, less the umask. Throws UsageError.
 */
export async function writeOutput(text: Text, file: string | undefined, mode = 0o666): Promise<void> {
  const stream = STREAMS.get(file ?? "-");
  if (stream !== undefined) return writeStream(process[stream], text);
  if (file === undefined || file === "") throw new UsageError("the name of the output file is empty");
  try {
    const stats = statSync(file, { throwIfNoEntry: false });
    if (stats !== undefined && !stats.isFile()) await writeDirectly(file, text);
    else writeRenamed(stats === undefined ? file : realpathSync(file), text, stats, mode);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`cannot write ${file}: ${describeSystemError(error)}`);
  }
}

/** Whether writeOutput() could write there, before minutes of work are in vain. Writes nothing. Throws UsageError. */
export function checkOutput(file: string | undefined): void {
  if (STREAMS.has(file ?? "-")) return;
  if (file === undefined || file === "") throw new UsageError("the name of the output file is empty");
  try {
    const stats = statSync(file, { throwIfNoEntry: false });
    if (stats?.isDirectory()) throw new UsageError(`cannot write ${file}: it is a directory`);
    if (stats !== undefined && !stats.isFile()) accessSync(file, constants.W_OK);
    else {
      const folder = dirname(stats === undefined ? file : realpathSync(file));
      if (!statSync(folder).isDirectory()) throw new UsageError(`cannot write ${file}: ${folder} is not a directory`);
      accessSync(folder, constants.W_OK);
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`cannot write ${file}: ${describeSystemError(error)}`);
  }
}

/** Pieces of about one size: each costs a call to the system. */
function* joined(text: Text): Generator<Buffer> {
  if (text instanceof Uint8Array) {
    yield Buffer.from(text.buffer, text.byteOffset, text.byteLength);
    return;
  }
  if (typeof text === "string") {
    for (let at = 0; at < text.length; ) {
      let end = Math.min(at + PIECE, text.length);
      // Both halves of a character beyond U+FFFF go together.
      if (end < text.length && (text.charCodeAt(end - 1) & 0xfc00) === 0xd800) end++;
      yield Buffer.from(text.slice(at, end));
      at = end;
    }
    return;
  }
  let parts: string[] = [];
  let length = 0;
  for (const part of text) {
    parts.push(part);
    length += part.length;
    if (length < PIECE) continue;
    yield Buffer.from(parts.join(""));
    parts = [];
    length = 0;
  }
  if (length > 0) yield Buffer.from(parts.join(""));
}

/** No link is followed and no file that exists is opened: what another put there under the draft's name stays as it is. */
function writeRenamed(file: string, text: Text, replaced: Stats | undefined, mode: number): void {
  const folder = dirname(file);
  removeDeadDrafts(folder);
  const draft = join(folder, draftName());
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);
  const descriptor = openSync(draft, flags, replaced === undefined ? mode : 0o600);
  try {
    try {
      if (replaced !== undefined) takeOver(descriptor, replaced);
      for (const bytes of joined(text)) for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

/** Gives a new file the mode of the old one, and its owner where we may. */
function takeOver(descriptor: number, { uid, gid, mode }: Stats): void {
  try {
    fchownSync(descriptor, uid, gid);
  } catch {
    // It is ours then.
  }
  fchmodSync(descriptor, mode & 0o777);
}

/** Writes to a pipe or device. Nothing here blocks: a signal ends the wait for a reader. A reader that went away is not an error. */
async function writeDirectly(file: string, text: Text): Promise<void> {
  const descriptor = await openWaiting(file);
  try {
    for (const bytes of joined(text)) await writeWaiting(descriptor, bytes);
  } catch (error) {
    if (!isReaderGone(error)) throw error;
  } finally {
    closeSync(descriptor);
  }
}

async function openWaiting(file: string): Promise<number> {
  for (;;) {
    try {
      return openSync(file, constants.O_WRONLY | (constants.O_NONBLOCK ?? 0));
    } catch (error) {
      // A FIFO that has no reader yet; a socket has none for ever.
      if (codeOf(error) !== "ENXIO" || statSync(file, { throwIfNoEntry: false })?.isFIFO() !== true) throw error;
    }
    await pause();
  }
}

async function writeWaiting(descriptor: number, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(descriptor, bytes, at);
    } catch (error) {
      if (codeOf(error) !== "EAGAIN") throw error;
      await pause();
    }
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, PAUSE);
  });
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

/** Writes everything and waits until it is out; a reader that went away (`| head`) is not an error. */
async function writeStream(stream: NodeJS.WriteStream, text: Text): Promise<void> {
  for (const bytes of joined(text)) if (!(await writePiece(stream, bytes))) return;
}

/** Whether there still is a reader. */
function writePiece(stream: NodeJS.WriteStream, bytes: Buffer): Promise<boolean> {
  return new Promise((resolve, reject) => {
    stream.write(bytes, (error) => {
      if (!error) resolve(true);
      else if (isReaderGone(error)) resolve(false);
      else reject(new UsageError(`cannot write standard output: ${describeSystemError(error)}`));
    });
  });
}
