import type { Howto } from "../arch/arch.ts";
import { fieldMaskBytes, fieldOrder } from "../arch/field.ts";
import { firstRecord, HIGH, LOW, offsetOf, type Records, STRIDE, SYMBOL, TYPE, typeOf } from "../arch/records.ts";
import { howtoOf } from "../arch/registry.ts";
import type { Section } from "../elf/object.ts";
import type { SpanRelocation } from "../spans/span.ts";
import { type Target, targetOf, targetRead, targetWords } from "./targets.ts";
import type { TwinOf } from "./twins.ts";
import type { View } from "./view.ts";

/** A stretch of one section, with what the reading made of its relocations, where it did. */
export interface Stretch {
  readonly section: Section;
  readonly from: number;
  readonly to: number;
  /** Relative to `from`, by offset. */
  readonly read: readonly SpanRelocation[];
}

/** The first place where two stretches differ. */
export interface Gap {
  /** From the start of the stretch. */
  readonly offset: number;
  readonly pre: string;
  readonly post: string;
}

/** What a comparison needs to know beside the two stretches. */
export interface Judge {
  readonly pre: View;
  readonly post: View;
  readonly twinOf: TwinOf;
  /** Whether two references mean the same thing. */
  isSame(a: Target, b: Target): boolean;
  /** Whether two references that no record stands for mean the same: `distance` counts from an address loaded before. */
  isSameRead(a: SpanRelocation, b: SpanRelocation): boolean;
  /** Whether bytes that differ, from the start of the stretch, are told by noise. */
  isNoise(offset: number, size: number): boolean;
}

const NOTHING: readonly SpanRelocation[] = [];

/** A stretch without a reading. */
export function stretch(section: Section, from: number, to: number, read = NOTHING): Stretch {
  return { section, from, to, read };
}

/**
 * Compares two stretches by their raw contents: sizes, then records one by one, then bytes outside the fields that records of
 * both sides fill in. Undefined when they are the same.
 */
export function compareStretches(a: Stretch, b: Stretch, judge: Judge): Gap | undefined {
  if (a.to - a.from !== b.to - b.from)
    return { offset: 0, pre: `${a.to - a.from} bytes`, post: `${b.to - b.from} bytes` };
  return compareRecords(a, b, judge) ?? compareBytes(a, b, judge);
}

/**
 * Where two whole sections with equal bytes differ in their records at a glance: the offsets of those whose targets have to be
 * looked at. Undefined where more is different than that.
 */
export function recordsToLookAt(a: Section, b: Section, judge: Judge): readonly number[] | undefined {
  if (a.size !== b.size || Buffer.compare(a.bytes, b.bytes) !== 0) return undefined;
  const { words: x, count } = judge.pre.recordsOf(a);
  const { words: y, count: other } = judge.post.recordsOf(b);
  if (count !== other) return undefined;
  const { twinOf } = judge;
  const offsets: number[] = [];
  for (let i = 0; i < count * STRIDE; i += STRIDE) {
    if (x[i] !== y[i] || x[i + TYPE] !== y[i + TYPE]) return undefined;
    const isPlain =
      twinOf(x[i + SYMBOL] as number) === y[i + SYMBOL] && x[i + LOW] === y[i + LOW] && x[i + HIGH] === y[i + HIGH];
    if (!isPlain) offsets.push((x[i] as number) >>> 0);
  }
  return offsets;
}

function compareRecords(a: Stretch, b: Stretch, judge: Judge): Gap | undefined {
  const x = judge.pre.recordsOf(a.section);
  const y = judge.post.recordsOf(b.section);
  let i = firstRecord(x, a.from);
  let j = firstRecord(y, b.from);
  const endOfPre = x.count === 0 ? 0 : lastRecord(x, a);
  const endOfPost = y.count === 0 ? 0 : lastRecord(y, b);
  const hasMore = a.read.length > endOfPre - i || b.read.length > endOfPost - j;
  const { twinOf } = judge;
  for (; i < endOfPre && j < endOfPost; i++, j++) {
    const u = i * STRIDE;
    const v = j * STRIDE;
    const at = offsetOf(x, i) - a.from;
    const other = offsetOf(y, j) - b.from;
    if (at !== other) return oneSided(a, b, x, y, at < other ? i : -1, at < other ? -1 : j, judge);
    const isPlain =
      x.words[u + TYPE] === y.words[v + TYPE] &&
      twinOf(x.words[u + SYMBOL] as number) === y.words[v + SYMBOL] &&
      x.words[u + LOW] === y.words[v + LOW] &&
      x.words[u + HIGH] === y.words[v + HIGH];
    if (isPlain) continue;
    const from = howtoOf(judge.pre.arch, typeOf(x, i));
    const to = howtoOf(judge.post.arch, typeOf(y, j));
    if (from.family !== to.family) return { offset: at, pre: from.name, post: to.name };
    const target = targetOf(judge.pre, a.section, x, i);
    const twin = targetOf(judge.post, b.section, y, j);
    if (judge.isSame(target, twin)) continue;
    // What is counted from elsewhere (a jump table's start, a loaded address) only the reading of the whole can tell.
    const left = ofType(a.read, at, from, occurrence(x, i));
    const right = ofType(b.read, at, to, occurrence(y, j));
    if (left !== undefined && right !== undefined && judge.isSameRead(left, right)) continue;
    return { offset: at, pre: targetWords(target, judge.pre), post: targetWords(twin, judge.post) };
  }
  if (i < endOfPre || j < endOfPost) return oneSided(a, b, x, y, i < endOfPre ? i : -1, j < endOfPost ? j : -1, judge);
  return hasMore ? compareUnrecorded(a, b, x, y, judge) : undefined;
}

function lastRecord(records: Records, { to, section }: Stretch): number {
  return to === section.size ? records.count : firstRecord(records, to);
}

/** How many records at the same place and of the same type come before this one. */
function occurrence(records: Records, index: number): number {
  let before = 0;
  for (let at = index - 1; at >= 0 && offsetOf(records, at) === offsetOf(records, index); at--)
    if (typeOf(records, at) === typeOf(records, index)) before++;
  return before;
}

/** What the reading made of a record: the how-manieth of its type at its place. */
function ofType(
  list: readonly SpanRelocation[],
  offset: number,
  howto: Howto,
  before: number,
): SpanRelocation | undefined {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((list[middle] as SpanRelocation).offset < offset) low = middle + 1;
    else high = middle;
  }
  let left = before;
  for (let at = low; at < list.length; at++) {
    const one = list[at] as SpanRelocation;
    if (one.offset !== offset) return undefined;
    if (one.howto === howto && one.distance === undefined && left-- === 0) return one;
  }
  return undefined;
}

/** A record that only one side has. */
function oneSided(a: Stretch, b: Stretch, x: Records, y: Records, i: number, j: number, judge: Judge): Gap {
  const words = (view: View, section: Section, records: Records, index: number): string =>
    index < 0
      ? ""
      : `${howtoOf(view.arch, typeOf(records, index)).name} ${targetWords(targetOf(view, section, records, index), view)}`;
  const offset = i >= 0 ? offsetOf(x, i) - a.from : offsetOf(y, j) - b.from;
  return { offset, pre: words(judge.pre, a.section, x, i), post: words(judge.post, b.section, y, j) };
}

/** References that the assembler or the linker resolved: no record tells them, but the bytes mean something else where a neighbour moved. */
function compareUnrecorded(a: Stretch, b: Stretch, x: Records, y: Records, judge: Judge): Gap | undefined {
  const left = unrecorded(a, x);
  const right = unrecorded(b, y);
  let j = 0;
  for (const one of left) {
    while (j < right.length && (right[j] as SpanRelocation).offset < one.offset) {
      const added = right[j++] as SpanRelocation;
      if (added.distance === undefined)
        return { offset: added.offset, pre: "", post: targetWords(targetRead(added), judge.post) };
    }
    const other = right[j];
    if (other === undefined || other.offset !== one.offset) {
      if (one.distance === undefined)
        return { offset: one.offset, pre: targetWords(targetRead(one), judge.pre), post: "" };
      continue;
    }
    j++;
    if (judge.isSameRead(one, other)) continue;
    const [pre, post] = [targetWords(targetRead(one), judge.pre), targetWords(targetRead(other), judge.post)];
    return { offset: one.offset, pre, post };
  }
  const rest = right.slice(j).find(({ distance }) => distance === undefined);
  return rest && { offset: rest.offset, pre: "", post: targetWords(targetRead(rest), judge.post) };
}

function unrecorded({ read, from }: Stretch, records: Records): SpanRelocation[] {
  return read.filter(({ offset, howto, distance }) => {
    if (distance !== undefined) return true;
    for (
      let at = firstRecord(records, from + offset);
      at < records.count && offsetOf(records, at) === from + offset;
      at++
    )
      if (typeOf(records, at) === howto.type >>> 0) return false;
    return true;
  });
}

function compareBytes(a: Stretch, b: Stretch, judge: Judge): Gap | undefined {
  const x = bytesOf(a);
  const y = bytesOf(b);
  // What has no contents in the file is zero.
  if (x.length === 0 || y.length === 0) {
    const at = (x.length === 0 ? y : x).findIndex((byte) => byte !== 0);
    return at === -1 ? undefined : { offset: at, pre: byteAt(x, at), post: byteAt(y, at) };
  }
  if (Buffer.compare(x, y) === 0) return undefined;
  const size = Math.min(x.length, y.length);
  const mask = relocatedBits(a, judge.pre, size);
  const other = relocatedBits(b, judge.post, size);
  let start = -1;
  for (let at = 0; at <= size; at++) {
    const bits =
      at === size ? 0 : ((x[at] as number) ^ (y[at] as number)) & ~((mask[at] as number) & (other[at] as number));
    if (bits !== 0) {
      if (start === -1) start = at;
    } else if (start !== -1) {
      if (!judge.isNoise(start, at - start))
        return { offset: start, pre: hex(x, start, at - start), post: hex(y, start, at - start) };
      start = -1;
    }
  }
  return undefined;
}

function bytesOf({ section: { bytes }, from, to }: Stretch): Uint8Array {
  return from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to);
}

/** The bits of a stretch that relocations fill in. */
function relocatedBits({ section, from, to, read }: Stretch, view: View, size: number): Uint8Array {
  const mask = new Uint8Array(size);
  const mark = (offset: number, howto: Howto): void => {
    if (howto.size === 0) return;
    const bits = fieldMaskBytes(howto, fieldOrder(view.arch, howto));
    for (let i = 0; i < bits.length && offset + i < size; i++)
      mask[offset + i] = (mask[offset + i] as number) | (bits[i] as number);
  };
  const records = view.recordsOf(section);
  for (let i = firstRecord(records, from); i < records.count && offsetOf(records, i) < to; i++)
    mark(offsetOf(records, i) - from, howtoOf(view.arch, typeOf(records, i)));
  for (const { offset, howto } of read) mark(offset, howto);
  return mask;
}

function byteAt(bytes: Uint8Array, at: number): string {
  return bytes.length === 0 ? "no contents" : hex(bytes, at, 1);
}

const SHOWN = 16;

function hex(bytes: Uint8Array, at: number, size: number): string {
  const shown = Buffer.from(bytes.subarray(at, at + Math.min(size, SHOWN))).toString("hex");
  return size > SHOWN ? `${shown}…` : shown;
}
