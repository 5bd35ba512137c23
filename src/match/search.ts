import type { Arch } from "../arch/arch.ts";
import { fieldMaskBytes, fieldOrder } from "../arch/field.ts";
import { addTo } from "../grouping.ts";
import type { RunImage } from "../image/image.ts";
import { isCode } from "../spans/section-kind.ts";
import type { Span, SpanTable } from "../spans/span.ts";

/*
 * Brute search, for images without symbols. A function's bytes between two relocated fields are the same wherever it was linked. Of each
 * function the longest such stretch is its key; eight bytes of it go into one table, and one pass over the executable
 * memory looks every position up in it. The cost is that of the image and of the functions, not of their product.
 */

/** Bytes that are hashed: rare enough in code, and short enough to lie between two relocations. */
const KEY = 8;
const CHUNK = 1 << 20;
/** A stretch found this often tells nothing. */
const MOST_HITS = 64;

interface Wanted {
  readonly span: Span;
  /** Offset of the key in the span. */
  readonly offset: number;
  /** The whole stretch. */
  readonly bytes: Uint8Array;
  /** Offset of the hashed bytes in the stretch. */
  readonly at: number;
}

/** Candidates for text by its own bytes. */
export function searchIndex(image: RunImage, tables: readonly SpanTable[]): (span: Span) => readonly bigint[] {
  const table = new Map<number, Wanted[]>();
  for (const { spans, arch } of tables) {
    for (const span of spans) {
      if (!isCode(span.kind) || span.kind === "fragment") continue;
      const wanted = keyOf(span, arch);
      if (wanted === undefined) continue;
      const word = hashOf(wanted.bytes, wanted.at);
      addTo(table, word, wanted);
    }
  }
  const hits = new Map<Span, bigint[]>();
  const bits = filterOf(table);
  for (const region of image.memory.regions) {
    if (!region.executable) continue;
    for (let from = 0; from < region.held; from += CHUNK) {
      const bytes = region.read(from, Math.min(CHUNK + 4096, region.held - from));
      if (bytes !== undefined)
        searchChunk(bytes, Math.min(CHUNK, region.held - from), region.start + BigInt(from), table, bits, hits);
    }
  }
  return (span) => {
    const found = hits.get(span) ?? [];
    return found.length > MOST_HITS ? [] : found;
  };
}

/** The longest stretch without relocated bytes, and where in it the rarest-looking eight bytes are. */
function keyOf(span: Span, arch: Arch): Wanted | undefined {
  const { bytes, relocations } = span;
  let best = { offset: 0, size: 0 };
  let start = 0;
  const end = (at: number): void => {
    if (at - start > best.size) best = { offset: start, size: at - start };
  };
  for (const { offset, howto } of relocations) {
    end(offset);
    start = Math.max(start, offset + fieldMaskBytes(howto, fieldOrder(arch, howto)).length);
  }
  end(bytes.length);
  if (best.size < KEY) return undefined;
  const stretch = bytes.subarray(best.offset, best.offset + Math.min(best.size, 256));
  return { span, offset: best.offset, bytes: stretch, at: rarest(stretch) };
}

/** Where the eight bytes start that have the most different values: not padding, not pushes alone. */
function rarest(bytes: Uint8Array): number {
  let best = 0;
  let most = 0;
  for (let at = 0; at + KEY <= bytes.length; at++) {
    const different = new Set(bytes.subarray(at, at + KEY)).size;
    if (different > most) {
      most = different;
      best = at;
    }
    if (most === KEY) break;
  }
  return best;
}

function hashOf(bytes: Uint8Array, at: number): number {
  const word = (from: number): number =>
    (bytes[from] as number) |
    ((bytes[from + 1] as number) << 8) |
    ((bytes[from + 2] as number) << 16) |
    ((bytes[from + 3] as number) << 24);
  return (Math.imul(word(at), 0x9e3779b1) ^ Math.imul(word(at + 4), 0x85ebca6b)) >>> 0;
}

/** One bit for the low 20 bits of each hash: it rules out nearly every position. */
function filterOf(table: ReadonlyMap<number, unknown>): Uint8Array {
  const bits = new Uint8Array(1 << 20);
  for (const word of table.keys()) bits[word & 0xfffff] = 1;
  return bits;
}

function searchChunk(
  bytes: Uint8Array,
  size: number,
  address: bigint,
  table: ReadonlyMap<number, readonly Wanted[]>,
  bits: Uint8Array,
  hits: Map<Span, bigint[]>,
): void {
  const last = Math.min(size, bytes.length - KEY + 1);
  for (let at = 0; at < last; at++) {
    const word = hashOf(bytes, at);
    if (bits[word & 0xfffff] === 0) continue;
    for (const wanted of table.get(word) ?? []) {
      if (!isStretch(bytes, at - wanted.at, wanted.bytes)) continue;
      const found = address + BigInt(at - wanted.at - wanted.offset);
      const list = hits.get(wanted.span);
      if (list === undefined) hits.set(wanted.span, [found]);
      else if (!list.includes(found) && list.length <= MOST_HITS) list.push(found);
    }
  }
}

/** Whether the stretch is there, as far as the chunk shows it. */
function isStretch(bytes: Uint8Array, start: number, stretch: Uint8Array): boolean {
  for (let i = 0; i < stretch.length; i++) {
    const byte = bytes[start + i];
    if (byte !== undefined && byte !== stretch[i]) return false;
  }
  return true;
}
