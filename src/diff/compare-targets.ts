import { SHN, STB } from "../elf/constants.ts";
import { rankOf } from "../spans/into-tables.ts";
import { withoutHashes } from "../spans/names.ts";
import { isCode, isComparedByContents } from "../spans/section-kind.ts";
import type { Span, SpanRelocation } from "../spans/span.ts";
import { stringBytes } from "../spans/strings.ts";
import type { CompareContext } from "./compare-context.ts";
import { contentsKey } from "./mask.ts";

/** What the comparison of two targets asks of the comparison of the two spans that refer to them. */
export interface TargetEffects {
  /** Records that the two references are the same only as long as `target`, a pre span, keeps its twin or is not replaced. */
  link(a: SpanRelocation, b: SpanRelocation, target: Span): void;
  /** Compares two fragments, whose differences are those of the spans that refer; whether the references themselves are the same. */
  compareFragments(a: SpanRelocation, b: SpanRelocation, p: Span, q: Span): boolean;
}

/** Compares what the relocations of two paired spans refer to. */
export class TargetComparer {
  readonly #context: CompareContext;
  readonly #effects: TargetEffects;
  /** By the ids of two constants: whether they become the same. */
  readonly #held = new Map<string, boolean>();

  constructor(context: CompareContext, effects: TargetEffects) {
    this.#context = context;
    this.#effects = effects;
  }

  /** Whether two relocations, `a` of pre and `b` of post, refer to the same. */
  isSame(a: SpanRelocation, b: SpanRelocation): boolean {
    const { target: p } = a;
    const { target: q } = b;
    if (a.anchor === "certain" && b.anchor === "certain") return true;
    if (p !== undefined && q !== undefined) {
      if (isComparedByContents(p.kind) && isComparedByContents(q.kind)) return this.#hasSameContents(a, b, p, q);
      const text = stringBytes(p, a.targetOffset);
      const other = text && stringBytes(q, b.targetOffset);
      if (text !== undefined && other !== undefined) return Buffer.compare(text, other) === 0;
      if (a.distance === "address" && b.distance === "address") {
        const meant = this.#sameAddressed(a, b, p, q);
        if (meant !== undefined) this.#effects.link(a, b, meant);
        return meant !== undefined;
      }
      if (this.#context.pairing.postOf[p.id] !== q) return false;
      if (!this.#isSamePlace(p, a.targetOffset, q, b.targetOffset)) return false;
      this.#effects.link(a, b, p);
      return true;
    }
    // A definition that moved to another object, or came from one, is still the one of that name.
    if ((p === undefined) !== (q === undefined)) {
      const defined = (p ?? q) as Span;
      const defining = p === undefined ? b : a;
      const isAtEntry = defining.targetOffset === (isCode(defined.kind) ? defined.entry : defining.targetOffset);
      return (
        isGlobal(a) && isGlobal(b) && a.symbol?.name === b.symbol?.name && addendOf(a) === addendOf(b) && isAtEntry
      );
    }
    if (a.into !== undefined || b.into !== undefined) return this.#isSameInSection(a, b);
    return sameSymbol(a, b) && addendOf(a) === addendOf(b);
  }

  /** Into the same entry of the same owner; where entries cannot be told, to the same place of a section that is the same. */
  #isSameInSection(a: SpanRelocation, b: SpanRelocation): boolean {
    const [p, q] = [a.into, b.into];
    if (p === undefined || q === undefined || p.section.name !== q.section.name) return false;
    if (a.targetOffset !== b.targetOffset) return false;
    if (p.entry === undefined || q.entry === undefined)
      return p.entry === q.entry && Buffer.compare(p.section.bytes, q.section.bytes) === 0;
    const [owner, twin] = [p.entry.owner, q.entry.owner];
    const isSameOwner =
      owner.kind === "fragment" ? twin.kind === "fragment" : this.#context.pairing.postOf[owner.id] === twin;
    return isSameOwner && rankOf(p.entry) === rankOf(q.entry);
  }

  /**
   * The variable that a computed address means on both sides; undefined when not the same. Where it may be the beginning of one
   * or the end of the one before, both readings must agree: a loop over an array that grew runs up to the same variable as
   * before. What nothing follows on one side is an end.
   */
  #sameAddressed(a: SpanRelocation, b: SpanRelocation, p: Span, q: Span): Span | undefined {
    const { pairing, before } = this.#context;
    const ended = a.targetOffset === 0 ? before(p, "pre") : p;
    const otherEnded = b.targetOffset === 0 ? before(q, "post") : q;
    const isEnded = ended !== undefined && pairing.postOf[ended.id] === otherEnded;
    if (pairing.postOf[p.id] === q && a.targetOffset === b.targetOffset) {
      const movedEnd = a.targetOffset === 0 && isEnded && ended.size !== otherEnded?.size;
      return movedEnd ? undefined : p;
    }
    if (!isEnded || otherEnded === undefined || ended.size !== otherEnded.size) return undefined;
    const isLast = ended === p || otherEnded === q;
    return isLast && endOf(ended, a, p) && endOf(otherEnded, b, q) ? ended : undefined;
  }

  /** Equal distance from the entry, or from the instruction that corresponds. */
  #isSamePlace(p: Span, preOffset: number, q: Span, postOffset: number): boolean {
    const moved = this.#context.correspondenceOf(p)?.offsets.get(preOffset);
    return moved === undefined ? preOffset - p.entry === postOffset - q.entry : moved === postOffset;
  }

  #hasSameContents(a: SpanRelocation, b: SpanRelocation, p: Span, q: Span): boolean {
    if (p.kind === "fragment" || q.kind === "fragment") return this.#effects.compareFragments(a, b, p, q);
    if (p.kind === "toc" && q.kind === "toc") {
      if (a.targetOffset !== b.targetOffset) return false;
      const [x] = p.relocations;
      const [y] = q.relocations;
      if (x === undefined || y === undefined) return x === y && Buffer.compare(p.bytes, q.bytes) === 0;
      return x.howto === y.howto && this.isSame(x, y);
    }
    if (p.relocations.length > 0 || q.relocations.length > 0)
      return this.#holdsSame(p, q) && a.targetOffset === b.targetOffset;
    const from = tail(p, a.targetOffset);
    const to = tail(q, b.targetOffset);
    return from !== undefined && to !== undefined
      ? Buffer.compare(from, to) === 0
      : a.targetOffset === b.targetOffset && Buffer.compare(p.bytes, q.bytes) === 0;
  }

  /** Whether two constants that relocations fill (addresses, the places of thread-locals) become the same. */
  #holdsSame(p: Span, q: Span): boolean {
    const key = `${p.id} ${q.id}`;
    const known = this.#held.get(key);
    if (known !== undefined) return known;
    // Those that lead back to each other differ nowhere else.
    this.#held.set(key, true);
    const { arch } = this.#context;
    const isSame =
      p.relocations.length === q.relocations.length &&
      contentsKey(p, arch) === contentsKey(q, arch) &&
      p.relocations.every((x, i) => {
        const y = q.relocations[i] as SpanRelocation;
        return x.offset === y.offset && x.howto === y.howto && this.isSame(x, y);
      });
    this.#held.set(key, isSame);
    return isSame;
  }
}

/** Whether a place that a reference gives by `target` is the end of a span: that of the target, or of the one before it. */
function endOf(span: Span, { targetOffset }: SpanRelocation, target: Span): boolean {
  return span.offset + span.size === target.offset + targetOffset;
}

/** The addend without a line that shares its word. */
function addendOf({ targetAddend, packed }: SpanRelocation): bigint {
  return packed === undefined ? targetAddend : targetAddend - BigInt(packed);
}

function isGlobal(relocation: SpanRelocation): boolean {
  return relocation.symbol !== undefined && relocation.symbol.bind !== STB.LOCAL;
}

function sameSymbol(a: SpanRelocation, b: SpanRelocation): boolean {
  const x = a.symbol;
  const y = b.symbol;
  if (x === undefined || y === undefined) return x === y;
  if (x.section === undefined && y.section === undefined && x.shndx !== y.shndx) return false;
  if (withoutHashes(x.name) !== withoutHashes(y.name)) return false;
  if (x.section !== undefined || x.shndx === SHN.UNDEF) return true;
  // What an absolute symbol means is its value; a common one's is its alignment, which is told with its size.
  return x.value === y.value || (x.shndx === SHN.COMMON && x.bind !== STB.LOCAL);
}

function tail(span: Span, offset: number): Uint8Array | undefined {
  return offset >= 0 && offset < span.bytes.length ? span.bytes.subarray(offset) : undefined;
}
