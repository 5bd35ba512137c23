import { FormatError } from "../errors.ts";
import { lastAtOrBefore } from "../lists.ts";
import type { FilePages } from "./file-pages.ts";

/*
 * makedumpfile writes to a pipe what belongs to places that it cannot seek to. So the file is a list of pieces, each with the offset
 * where it belongs; later pieces replace earlier ones. makedumpfile: README, "The flattened format"; numbers are big-endian.
 */

const SIGNATURE = "makedumpfile\0";
/** Bytes of the header before the first piece. */
const HEADER = 4096;
const PIECE_HEADER = 16;
const LAST = -1n;

interface Piece {
  /** Where the bytes belong. */
  readonly to: number;
  readonly size: number;
  /** Where they are. */
  readonly from: number;
}

export function isFlattened(source: FilePages): boolean {
  if (source.size < HEADER) return false;
  return Buffer.from(source.read(0, SIGNATURE.length)).toString("latin1") === SIGNATURE;
}

/** The file that was flattened, as if it had been put together again. */
export function unflatten(source: FilePages): FilePages {
  const pieces = arrange(readPieces(source));
  const last = pieces.at(-1);
  const size = last === undefined ? 0 : last.to + last.size;
  function read(offset: number, length: number): Uint8Array {
    if (!(offset >= 0 && offset + length <= size)) {
      const problem = `${length} bytes end past the end of the data (${size} bytes)`;
      throw new FormatError({ file: source.file, offset }, problem);
    }
    const bytes = new Uint8Array(length);
    for (let index = firstBehind(pieces, offset); index < pieces.length; index++) {
      const { to, size: held, from } = pieces[index] as Piece;
      if (to >= offset + length) break;
      const start = Math.max(offset, to);
      const end = Math.min(offset + length, to + held);
      if (end > start) bytes.set(source.read(from + start - to, end - start), start - offset);
    }
    return bytes;
  }
  return { ...source, size, read, peek: read };
}

function readPieces(source: FilePages): Piece[] {
  const { file } = source;
  const pieces: Piece[] = [];
  for (let at = HEADER; ; ) {
    if (at + PIECE_HEADER > source.size) throw new FormatError({ file, offset: at }, "the flattened dump has no end");
    const bytes = source.peek(at, PIECE_HEADER);
    const view = new DataView(bytes.buffer, bytes.byteOffset, PIECE_HEADER);
    const to = view.getBigInt64(0);
    const size = view.getBigInt64(8);
    if (to === LAST) return pieces;
    const from = at + PIECE_HEADER;
    if (
      to < 0n ||
      to > BigInt(Number.MAX_SAFE_INTEGER) / 2n ||
      size <= 0n ||
      BigInt(from) + size > BigInt(source.size)
    ) {
      throw new FormatError({ file, offset: at }, "a piece of the flattened dump is not in the file", size);
    }
    pieces.push({ to: Number(to), size: Number(size), from });
    at = from + Number(size);
  }
}

/** The pieces by their place, without what later ones replace: a sweep that always has the latest of those at hand on top of a heap. */
function arrange(pieces: readonly Piece[]): Piece[] {
  if (pieces.every((piece, i) => i === 0 || endOf(pieces[i - 1] as Piece) <= piece.to)) return [...pieces];
  const order = pieces.map((_, index) => index).sort((a, b) => (pieces[a] as Piece).to - (pieces[b] as Piece).to);
  const bounds = [...new Set(pieces.flatMap((piece) => [piece.to, endOf(piece)]))].sort((a, b) => a - b);
  const kept: Piece[] = [];
  const heap: number[] = [];
  let next = 0;
  for (const [index, start] of bounds.entries()) {
    while (next < order.length && (pieces[order[next] as number] as Piece).to === start) {
      pushLatest(heap, order[next++] as number);
    }
    while (heap.length > 0 && endOf(pieces[heap[0] as number] as Piece) <= start) popLatest(heap);
    const end = bounds[index + 1];
    if (heap.length === 0 || end === undefined) continue;
    const { to, from } = pieces[heap[0] as number] as Piece;
    kept.push({ to: start, size: end - start, from: from + start - to });
  }
  return kept;
}

/** A binary heap with the largest number on top. */
function pushLatest(heap: number[], value: number): void {
  let at = heap.length;
  for (let up = (at - 1) >> 1; at > 0 && (heap[up] as number) < value; at = up, up = (at - 1) >> 1) {
    heap[at] = heap[up] as number;
  }
  heap[at] = value;
}

function popLatest(heap: number[]): void {
  const value = heap.pop() as number;
  if (heap.length === 0) return;
  let at = 0;
  for (;;) {
    let down = 2 * at + 1;
    if (down + 1 < heap.length && (heap[down + 1] as number) > (heap[down] as number)) down++;
    if (down >= heap.length || (heap[down] as number) <= value) break;
    heap[at] = heap[down] as number;
    at = down;
  }
  heap[at] = value;
}

function endOf({ to, size }: Piece): number {
  return to + size;
}

/** The index of the first piece that ends behind an offset. */
function firstBehind(pieces: readonly Piece[], offset: number): number {
  return lastAtOrBefore(pieces, endOf, offset) + 1;
}
