import type { Arch } from "../arch/arch.ts";
import { loadedConstantAt } from "../arch/loaded-constant.ts";
import type { Difference, LineEvidence } from "../diff/difference.ts";
import { addTo } from "../grouping.ts";
import { isCode } from "../spans/section-kind.ts";
import type { Span, SpanRelocation } from "../spans/span.ts";
import { stringBytes } from "../spans/strings.ts";
import { isThumb } from "../spans/thumb.ts";

/** A number that the comparison set aside as a line. */
interface Claim {
  readonly span: Span;
  readonly offset: number;
  /** The source file or function whose line it is said to be. */
  readonly place: string;
  readonly pre: number;
  readonly post: number;
}

/**
 * Lines that the comparison set aside, looked at again all together. Each must be where its evidence says: in a constant that
 * one instruction loads, or in a field of data; the span must refer to the name of the place; and within one place later lines
 * stay later and one line becomes one line.
 */
export interface LineWitness {
  /** Whether bytes that differ are told by one of the differences; remembers it for `refuted`. */
  accept(pre: Span, post: Span, offset: number, size: number, told: readonly Difference[]): boolean;
  /** Spans whose numbers contradict those of others, each with the place. */
  refuted(): ReadonlyMap<Span, number>;
}

/** No source file has more lines. */
const LARGEST = 0x40000;
/** Line and column, of four bytes each. */
const WIDEST = 8;

export function lineWitness(arch: Arch): LineWitness {
  const claims: Claim[] = [];

  function accept(pre: Span, post: Span, offset: number, size: number, told: readonly Difference[]): boolean {
    const evidence = told.find(({ line }) => line !== undefined && covers(line, pre, offset, size))?.line;
    if (evidence === undefined || evidence.field.size > WIDEST || !isLine(evidence.pre) || !isLine(evidence.post))
      return false;
    if (isCode(pre.kind) && !isLoaded(pre, post, offset, size, evidence)) return false;
    const field = evidence.field.pre.offset - pre.offset;
    claims.push({ span: pre, offset: field, place: evidence.place, pre: evidence.pre, post: evidence.post });
    return pre.relocations.some((one) => namesSomething(one, evidence.place));
  }

  /** The constant that an instruction loads there, and all its other bits, seen again in the bytes. */
  function isLoaded(
    pre: Span,
    post: Span,
    offset: number,
    size: number,
    { pre: was, post: is }: LineEvidence,
  ): boolean {
    const from = loadedConstantAt(arch, pre.bytes, offset, isThumb(arch, pre));
    const to = loadedConstantAt(arch, post.bytes, offset, isThumb(arch, post));
    if (from === undefined || to === undefined || from.offset !== to.offset || from.rest !== to.rest) return false;
    return from.value === was && to.value === is && offset + size <= from.offset + from.size;
  }

  function refuted(): ReadonlyMap<Span, number> {
    const wrong = new Map<Span, number>();
    const byPlace = new Map<string, Claim[]>();
    for (const claim of claims) {
      addTo(byPlace, claim.place, claim);
    }
    for (const list of byPlace.values()) {
      list.sort((a, b) => a.pre - b.pre || a.post - b.post);
      for (let i = 1; i < list.length; i++) {
        const [before, claim] = [list[i - 1] as Claim, list[i] as Claim];
        const isOneLine = claim.pre === before.pre;
        if (isOneLine ? claim.post !== before.post : claim.post <= before.post) wrong.set(claim.span, claim.offset);
      }
    }
    return wrong;
  }

  return { accept, refuted };
}

function covers({ field }: LineEvidence, span: Span, offset: number, size: number): boolean {
  const start = field.pre.offset - span.offset;
  return field.pre.section === span.section.index && start <= offset && offset + size <= start + field.size;
}

function isLine(value: number): boolean {
  return value > 0 && value <= LARGEST;
}

/** Whether a reference leads to the name of the place: of a file, or of the function (`f()`). */
function namesSomething({ target, targetOffset }: SpanRelocation, place: string): boolean {
  if (target === undefined) return false;
  if (target.kind === "toc")
    return target.relocations.some((slot) => slot.target?.kind !== "toc" && namesSomething(slot, place));
  const text = stringBytes(target, targetOffset) ?? target.bytes.subarray(Math.max(targetOffset, 0));
  return Buffer.from(text).toString("latin1").replace(/\0.*$/s, "") === place.replace(/\(\)$/, "");
}
