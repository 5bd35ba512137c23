import type { Arch } from "../arch/arch.ts";
import { fieldMaskBytes, fieldOrder } from "../arch/field.ts";
import type { SpanRelocation } from "../spans/span.ts";

/** Marks in `mask` the bits of a span (or table entry) that relocations rewrite; `mask` must be zero on entry. */
export function markRelocated(mask: Uint8Array, relocations: readonly SpanRelocation[], arch: Arch): void {
  for (const { offset, howto } of relocations) {
    if (howto.size === 0) continue;
    const bits = fieldMaskBytes(howto, fieldOrder(arch, howto));
    for (let i = 0; i < bits.length; i++) mask[offset + i] = (mask[offset + i] as number) | (bits[i] as number);
  }
}

/** The same for the bits that a linker rewrites: distances from a loaded address are what the compiler made them. */
export function markLinked(mask: Uint8Array, relocations: readonly SpanRelocation[], arch: Arch): void {
  const fields = relocations.filter(({ distance }) => distance === undefined);
  markRelocated(mask, fields, arch);
}

/** A stretch of bytes that differ. */
export interface Run {
  readonly offset: number;
  readonly size: number;
}

let preMask = new Uint8Array(4096);
let postMask = new Uint8Array(4096);

function reserve(size: number): void {
  if (preMask.length >= size) return;
  preMask = new Uint8Array(2 * size);
  postMask = new Uint8Array(2 * size);
}

/** The bytes and relocations of a span or a table entry. */
export interface Contents {
  readonly bytes: Uint8Array;
  readonly relocations: readonly SpanRelocation[];
}

const NO_RUNS: readonly Run[] = [];

/** Where the bytes of two contents differ, up to the shorter one's end; bits that both sides relocate do not count. */
export function differingRuns(pre: Contents, post: Contents, arch: Arch): readonly Run[] {
  const size = Math.min(pre.bytes.length, post.bytes.length);
  const a = pre.bytes;
  const b = post.bytes;
  if (a.length === b.length && Buffer.compare(a, b) === 0) return NO_RUNS;
  const hasRelocations = pre.relocations.length > 0 && post.relocations.length > 0;
  if (hasRelocations) {
    reserve(Math.max(a.length, b.length));
    preMask.fill(0, 0, a.length);
    postMask.fill(0, 0, b.length);
    markRelocated(preMask, pre.relocations, arch);
    markRelocated(postMask, post.relocations, arch);
  }
  const runs: Run[] = [];
  let start = -1;
  for (let i = 0; i < size; i++) {
    let bits = (a[i] as number) ^ (b[i] as number);
    if (bits !== 0 && hasRelocations) bits &= ~((preMask[i] as number) & (postMask[i] as number));
    if (bits !== 0) {
      if (start === -1) start = i;
    } else if (start !== -1) {
      runs.push({ offset: start, size: i - start });
      start = -1;
    }
  }
  if (start !== -1) runs.push({ offset: start, size: size - start });
  return runs;
}

/** A string that is equal for contents with equal bytes outside relocated fields; for hash indexes. */
export function contentsKey(contents: Contents, arch: Arch): string {
  if (contents.relocations.length === 0) return text(contents.bytes);
  const bytes = contents.bytes.slice();
  const mask = new Uint8Array(bytes.length);
  markRelocated(mask, contents.relocations, arch);
  for (let i = 0; i < bytes.length; i++) bytes[i] = (bytes[i] as number) & ~(mask[i] as number);
  return text(bytes);
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}
