import type { DifferenceKind } from "../contract/names/reasons.ts";
import { SHN } from "../elf/constants.ts";
import { hex, signedHex } from "../hex.ts";
import { placeInSection, rankOf } from "../spans/into-tables.ts";
import { namesPosition } from "../spans/references.ts";
import type { SpanRelocation } from "../spans/span.ts";
import { stringBytes } from "../spans/strings.ts";

/** Where one number is stored: index of a section, and the offset in it. */
interface StoredAt {
  readonly section: number;
  readonly offset: number;
}

/** What shows that a difference is one of line numbers only; enough to check it again from the raw contents. */
export interface LineEvidence {
  /**
   * `bug-table` the line field of an entry; `callee` an argument that the called function takes as its caller's line; `format`
   * a value that a format prints as the line behind a name; `message` the line field of a message's description; `sanitizer`
   * line and column of a report's place; `panic-location` those of a Rust panic.
   */
  readonly by: "bug-table" | "callee" | "format" | "message" | "sanitizer" | "panic-location";
  /** The file, or the function, whose line it is. */
  readonly place: string;
  readonly pre: number;
  readonly post: number;
  /** The instruction or field that holds the number, on both sides; every other bit of it is equal. */
  readonly field: { readonly pre: StoredAt; readonly post: StoredAt; readonly size: number };
  readonly callee?: string;
}

/** One reason why two spans are not equal. */
export interface Difference {
  readonly kind: DifferenceKind;
  /** Offset from the span's start. */
  readonly offset: number;
  readonly pre: string;
  readonly post: string;
  /** The kernel table or fragment section that differs, when it is not the span itself. */
  readonly within: string | undefined;
  /** Of a line number: what shows that it is one. */
  readonly line?: LineEvidence;
}

/** Reasons kept per pair, for printing: a rewritten function has hundreds, and the first ones tell. */
export const MOST_REASONS = 24;

/** Bytes in hexadecimal, at most 16 of them. */
export function hexBytes(bytes: Uint8Array, offset: number, size: number): string {
  if (offset >= bytes.length) return "";
  const shown = Buffer.from(bytes.buffer, bytes.byteOffset + offset, Math.min(size, 16)).toString("hex");
  return size > 16 ? `${shown}…` : shown;
}

/** How far a place is from a symbol, for a person: `+0` at the symbol itself. */
function distance(offset: number | bigint): string {
  return BigInt(offset) === 0n ? "+0" : signedHex(offset);
}

/** What a relocation points to, in words: `foo+0`, `"text"`, `.rodata.f+0x18`; a text whole, so that equal words mean the same. */
export function targetText(relocation: SpanRelocation | undefined): string {
  return wordsFor(relocation, (text) => text);
}

/** The same for reading: of a long text the beginning. */
export function shortTarget(relocation: SpanRelocation | undefined): string {
  return wordsFor(relocation, (text) => excerpt(text, 0));
}

/** What two relocations point to, for reading: of long texts the part in which they begin to differ. */
export function targetTexts(pre: SpanRelocation, post: SpanRelocation): readonly [pre: string, post: string] {
  const [a, b] = [pointedText(pre), pointedText(post)];
  if (a === undefined || b === undefined) return [shortTarget(pre), shortTarget(post)];
  let same = 0;
  while (same < a.length && a[same] === b[same]) same++;
  const cut = (text: string): string => excerpt(text, same);
  return [wordsFor(pre, cut), wordsFor(post, cut)];
}

function wordsFor(relocation: SpanRelocation | undefined, cut: (text: string) => string): string {
  if (relocation === undefined) return "";
  const { target, targetOffset, symbol, targetAddend, into } = relocation;
  const text = target && stringBytes(target, targetOffset);
  if (text !== undefined) return JSON.stringify(cut(new TextDecoder().decode(text)));
  if (target?.symbol !== undefined) return `${target.name}${distance(targetOffset - target.entry)}`;
  const slot = slotOf(relocation);
  if (slot !== undefined) return `${target?.name} (${wordsFor(slot, cut)})`;
  if (target !== undefined) return `${target.name}${distance(target.offset + targetOffset)}`;
  if (into?.entry !== undefined)
    return `entry ${rankOf(into.entry)} of ${into.entry.owner.name} in ${placeInSection(into.section, targetOffset)}`;
  if (into !== undefined && (symbol === undefined || namesPosition(symbol)))
    return placeInSection(into.section, targetOffset);
  if (symbol === undefined) return targetAddend === 0n ? "" : distance(targetAddend);
  const value = symbol.shndx === SHN.ABS ? ` (absolute ${hex(symbol.value)})` : "";
  return `${symbol.name}${value}${distance(targetAddend)}`;
}

/** What the slot of a table of addresses holds; undefined where the target is not such a slot. */
function slotOf({ target }: SpanRelocation): SpanRelocation | undefined {
  const [slot] = target?.kind === "toc" ? target.relocations : [];
  return slot?.target?.kind === "toc" ? undefined : slot;
}

function pointedText(relocation: SpanRelocation): string | undefined {
  const { target, targetOffset } = slotOf(relocation) ?? relocation;
  const text = target && stringBytes(target, targetOffset);
  return text && new TextDecoder().decode(text);
}

/** How much of a text is shown, and how much of it before the place that matters. */
const LONGEST = 60;
const BEFORE = 20;

/** A part of a text around a position, with an ellipsis where something is left out; counted in UTF-16 units, never half a character. */
function excerpt(text: string, position: number): string {
  if (text.length <= LONGEST) return text;
  const isHalf = (at: number): boolean => /[\udc00-\udfff]/.test(text[at] ?? "");
  let from = position + BEFORE <= LONGEST ? 0 : Math.min(position - BEFORE, text.length - LONGEST);
  if (from > 0 && isHalf(from)) from--;
  let to = Math.min(from + LONGEST, text.length);
  if (isHalf(to)) to++;
  return `${from > 0 ? "…" : ""}${text.slice(from, to)}${to < text.length ? "…" : ""}`;
}
