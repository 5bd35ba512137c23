import { firstRecord, offsetOf, typeOf } from "../arch/records.ts";
import type { ObjectDiff } from "../diff/diff.ts";
import { SHN, STB } from "../elf/constants.ts";
import type { ElfSymbol } from "../elf/object.ts";
import { withoutHashes } from "../spans/names.ts";
import { isCode } from "../spans/section-kind.ts";
import { isEntryPoint, type Span, type SpanRelocation } from "../spans/span.ts";
import { stringBytes } from "../spans/strings.ts";
import { compareStretches, type Judge, stretch } from "./compare.ts";
import { twinSymbols } from "./symbols.ts";
import { type Target, targetOf, targetRead } from "./targets.ts";
import type { SectionTwins, TwinOf } from "./twins.ts";
import type { View } from "./view.ts";

/** Answers whether two references mean the same thing, given which spans are held to be the same. */
export interface Meaning {
  readonly twinOf: TwinOf;
  isSame(a: Target, b: Target): boolean;
  isSameRead(a: SpanRelocation, b: SpanRelocation): boolean;
  /** Pieces of code of pre that some unchanged thing reached, each with the piece that its twin reached. */
  readonly fragments: ReadonlyMap<Span, Span>;
}

export function meaningOf(diff: ObjectDiff, pre: View, post: View, twins: SectionTwins): Meaning {
  const { pairing, result } = diff;
  const fragments = new Map<Span, Span>();
  const twinOf = twinSymbols(diff, pre, post, twins);
  const judge: Judge = { pre, post, twinOf, isSame, isSameRead, isNoise: () => false };

  function isSame(a: Target, b: Target): boolean {
    if (a.section < 0 || b.section < 0) return isSameOutside(a, b);
    if (a.span === undefined || b.span === undefined) return a.span === b.span && isSameTablePlace(a, b);
    return isSamePlace(a.span, a.offset, b.span, b.offset);
  }

  /** At least one of them is defined elsewhere; what moved to another object, or came from one, is still what has its name. */
  function isSameOutside({ symbol: x, ...a }: Target, { symbol: y, ...b }: Target): boolean {
    if (a.addend !== b.addend) return false;
    if (x === undefined || y === undefined) return x === y;
    if (withoutHashes(x.name) !== withoutHashes(y.name)) return false;
    if (a.section >= 0 || b.section >= 0) return x.bind !== STB.LOCAL && y.bind !== STB.LOCAL;
    return x.shndx === y.shndx && (x.shndx !== SHN.ABS || x.value === y.value);
  }

  function isSamePlace(p: Span, from: number, q: Span, to: number): boolean {
    const text = stringBytes(p, from);
    const other = text && stringBytes(q, to);
    if (text !== undefined && other !== undefined) return Buffer.compare(text, other) === 0;
    if (p.kind === "fragment" && q.kind === "fragment") return from === to && isSameFragment(p, q);
    if (p.kind === "toc" && q.kind === "toc") return from === to && isSameSlot(p, q);
    if (p.kind === "constant" && q.kind === "constant")
      return Buffer.compare(p.bytes.subarray(Math.max(from, 0)), q.bytes.subarray(Math.max(to, 0))) === 0;
    if (pairing.postOf[p.id] !== q) return false;
    const outcome = result.outcomes[p.id];
    if (outcome === "relocated") return false;
    if (from - p.entry !== to - q.entry) return outcome === "unchanged" && isReencoded(p);
    // Who points into the middle of what is replaced has to be replaced, too.
    return outcome !== "replaced" || !isCode(p.kind) || isEntryPoint(p, from);
  }

  function isReencoded(p: Span): boolean {
    return result.lines[p.id]?.some(({ kind }) => kind === "encoding-only") ?? false;
  }

  function isSameFragment(p: Span, q: Span): boolean {
    const known = fragments.get(p);
    if (known !== undefined) return known === q;
    fragments.set(p, q);
    const isEqual = compareStretches(whole(p), whole(q), judge) === undefined;
    if (!isEqual) fragments.delete(p);
    return isEqual;
  }

  function isSameSlot(p: Span, q: Span): boolean {
    const x = pre.recordsOf(p.section);
    const y = post.recordsOf(q.section);
    if (x.count === 0 && y.count === 0) return Buffer.compare(p.bytes, q.bytes) === 0;
    return compareStretches(whole(p), whole(q), judge) === undefined;
  }

  /** Tables, frames and the like have no spans: an entry is that of its owner, anything else lies where it lay. */
  function isSameTablePlace(a: Target, b: Target): boolean {
    const [kind, other] = [pre.table.kinds[a.section], post.table.kinds[b.section]];
    if (kind !== other) return false;
    const entry = entryAt(pre, a.section, a.offset);
    const twin = entryAt(post, b.section, b.offset);
    if (entry !== undefined && twin !== undefined)
      return pairing.postOf[entry.owner.id] === twin.owner && entry.rank === twin.rank && entry.inside === twin.inside;
    // What frames point to is compared with its function.
    if (kind === "unwind") return true;
    return twins.get(a.section) === b.section && a.offset === b.offset;
  }

  function isSameRead(a: SpanRelocation, b: SpanRelocation): boolean {
    if (a.anchor === "certain" && b.anchor === "certain") return true;
    const [x, y] = [targetRead(a), targetRead(b)];
    if (isSame(x, y)) return true;
    return a.distance === "address" && b.distance === "address" && endsSame(x, y);
  }

  /** A computed address may be the end of the variable before: equal when both are ends of the same one, of the same size. */
  function endsSame(a: Target, b: Target): boolean {
    const p = endedAt(a, pre);
    const q = endedAt(b, post);
    return p !== undefined && q !== undefined && pairing.postOf[p.id] === q && p.size === q.size;
  }

  return { twinOf, isSame, isSameRead, fragments };
}

function whole(span: Span): ReturnType<typeof stretch> {
  return stretch(span.section, span.offset, span.offset + span.size, span.relocations);
}

function endedAt({ span, offset }: Target, view: View): Span | undefined {
  if (span === undefined) return undefined;
  if (offset === span.size) return span;
  const before = offset === 0 && span.offset > 0 ? view.table.spans[span.id - 1] : undefined;
  return before?.section === span.section ? before : undefined;
}

/** The entry at a place of a table: whose it is, and the how-manieth of its owner. */
function entryAt(
  view: View,
  section: number,
  place: number,
): { readonly owner: Span; readonly rank: number; readonly inside: number } | undefined {
  const entries = view.entriesOf(section);
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((entries[middle] as (typeof entries)[number]).entry.offset <= place) low = middle + 1;
    else high = middle;
  }
  const found = entries[low - 1];
  if (found === undefined || place > found.entry.offset + found.entry.size) return undefined;
  const { entry, owner } = found;
  const own = owner.entries.filter((other) => other.section === entry.section);
  return { owner, rank: own.indexOf(entry), inside: place - entry.offset };
}

/** The text of what a slot of a table of contents holds, for an index. */
export function slotKey(view: View, span: Span, nameOf: (span: Span) => string): string {
  const records = view.recordsOf(span.section);
  const words: string[] = [];
  for (let i = firstRecord(records, span.offset); i < records.count; i++) {
    const offset = offsetOf(records, i) - span.offset;
    if (offset >= span.size) break;
    const target = targetOf(view, span.section, records, i);
    const place = target.span === undefined ? symbolKey(target.symbol) : nameOf(target.span);
    words.push(`${offset} ${typeOf(records, i)} ${place} ${target.span === undefined ? target.addend : target.offset}`);
  }
  return `${words.join()} ${Buffer.from(span.bytes).toString("latin1")}`;
}

function symbolKey(symbol: ElfSymbol | undefined): string {
  return symbol === undefined ? "" : `${symbol.name} ${symbol.section ?? ""}`;
}
