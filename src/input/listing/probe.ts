/*
 * A first read of a pair: what each side is, and whether both hold the same bytes. The first chunk tells the one and starts the
 * other. A tree is mostly equal files of one or a few chunks, so every call to the system counts: a file that turns out equal is
 * opened, read and closed, and nothing else.
 */
import { closeSync, readSync } from "node:fs";
import { FormatError } from "../../errors.ts";
import { isCompression, KIND_SIZE, type Kind, kindOf } from "../kind.ts";
import { chunkBuffers, type InputRef, openDescriptor, placeOf, readUpTo, statusOf, unreadable } from "./file.ts";

/** An input whose size and compression are now known. */
export interface ProbedFile {
  readonly ref: InputRef;
  readonly kind: Kind;
}

export interface ProbedPair {
  readonly pre: ProbedFile | undefined;
  readonly post: ProbedFile | undefined;
  /** Whether both hold the same bytes, as stored; undefined when that was not asked for or the answer takes unpacking. */
  readonly same: boolean | undefined;
}

export interface FileProbe {
  /** In steps: a long comparison gives way again and again. */
  probe(
    pre: InputRef | undefined,
    post: InputRef | undefined,
    comparesBytes: boolean,
  ): Generator<undefined, ProbedPair, undefined>;
  /** Closes the file of each side that is still open. */
  close(): void;
}

/** Bytes of each side after which a comparison gives way; a multiple of the chunk. */
const PAUSE = 1 << 23;

/** Keeps the last file of each side open, so that the members of an archive do not open it again and again. */
export function createProbe(): FileProbe {
  const [preFile, postFile] = [lastFile(), lastFile()];
  return { probe, close };

  function close(): void {
    preFile.close();
    postFile.close();
  }

  function* probe(
    pre: InputRef | undefined,
    post: InputRef | undefined,
    comparesBytes: boolean,
  ): Generator<undefined, ProbedPair, undefined> {
    const [left, right] = chunkBuffers();
    if (comparesBytes && pre !== undefined && post !== undefined && !pre.pipe && !post.pipe) {
      return yield* compare(pre, post, left, right);
    }
    return {
      pre: pre && probeAlone(pre, preFile, left),
      post: post && probeAlone(post, postFile, right),
      same: undefined,
    };
  }

  function probeAlone(ref: InputRef, file: LastFile, buffer: Uint8Array): ProbedFile {
    // The bytes of a pipe can be read only once: the reader must get all of them.
    if (ref.pipe) return { ref, kind: "object" };
    const descriptor = file.open(ref);
    const limit = Math.min(KIND_SIZE, ref.offset === undefined ? KIND_SIZE : ref.size);
    const count = readUpTo(descriptor, buffer, ref.offset ?? 0, limit, placeOf(ref));
    return complete(ref, descriptor, kindOf(buffer, count));
  }

  function* compare(
    pre: InputRef,
    post: InputRef,
    left: Uint8Array,
    right: Uint8Array,
  ): Generator<undefined, ProbedPair, undefined> {
    const [a, b] = [preFile.open(pre), postFile.open(post)];
    const chunk = left.length;
    let kinds: readonly [Kind, Kind] | undefined;
    for (let done = 0; ; ) {
      const count = readChunk(a, left, pre, done, chunk);
      const postCount = readChunk(b, right, post, done, chunk);
      kinds ??= [kindOf(left, count), kindOf(right, postCount)];
      if (count !== postCount || Buffer.compare(left.subarray(0, count), right.subarray(0, count)) !== 0) {
        const [preKind, postKind] = kinds;
        return {
          pre: complete(pre, a, preKind),
          post: complete(post, b, postKind),
          same: isCompression(preKind) || isCompression(postKind) ? undefined : false,
        };
      }
      done += count;
      if (done % PAUSE === 0) yield;
      if (count < chunk) {
        const [kind] = kinds;
        return { pre: finished(pre, done, kind), post: finished(post, done, kind), same: true };
      }
    }
  }
}

/** Of a regular file the system gives fewer bytes than asked for at its end only; a member ends where its archive says. */
function readChunk(descriptor: number, buffer: Uint8Array, ref: InputRef, done: number, chunk: number): number {
  if (ref.offset !== undefined) {
    const length = Math.min(chunk, ref.size - done);
    const count = readUpTo(descriptor, buffer, ref.offset + done, length, placeOf(ref));
    if (count < length) throw new FormatError(placeOf(ref), "the file ends while it is read");
    return count;
  }
  try {
    return readSync(descriptor, buffer, 0, chunk, done);
  } catch (error) {
    throw unreadable(ref.path, error);
  }
}

function finished(ref: InputRef, size: number, kind: Kind): ProbedFile {
  return { ref: withCompression({ ...ref, size }, kind), kind };
}

function complete(ref: InputRef, descriptor: number, kind: Kind): ProbedFile {
  if (ref.mtimeMs !== undefined) return { ref: withCompression(ref, kind), kind };
  const { size, mtimeMs } = statusOf(descriptor, ref.path);
  return { ref: withCompression({ ...ref, size, mtimeMs }, kind), kind };
}

function withCompression(ref: InputRef, kind: Kind): InputRef {
  return isCompression(kind) && ref.offset === undefined ? { ...ref, compression: kind } : ref;
}

interface LastFile {
  open(ref: InputRef): number;
  close(): void;
}

function lastFile(): LastFile {
  let name: string | undefined;
  let descriptor = -1;
  function close(): void {
    if (name !== undefined) closeSync(descriptor);
    name = undefined;
  }
  return {
    close,
    open(ref) {
      if (ref.file === name) return descriptor;
      close();
      descriptor = openDescriptor(ref.file, ref.path);
      name = ref.file;
      return descriptor;
    },
  };
}
