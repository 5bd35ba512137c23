import type { Arch } from "../arch/arch.ts";
import { loadedConstantAt } from "../arch/loaded-constant.ts";
import { isCode } from "../spans/section-kind.ts";
import type { Span, SpanRelocation } from "../spans/span.ts";
import { textBytes } from "../spans/text-of.ts";
import { isThumb } from "../spans/thumb.ts";

/** A number that was called a line number. */
interface Claim {
  readonly span: Span;
  readonly offset: number;
  /** The source file whose name stands nearest; undefined where none is near. */
  readonly file: string | undefined;
  readonly pre: number;
  readonly post: number;
}

/**
 * Line numbers that the comparison set aside, looked at again all together: each is a constant that one instruction loads, and
 * within one source file later lines stay later and one line becomes one line. A number beside which no file is named needs
 * a shift that other lines of the object show.
 */
export interface LineWitness {
  /** Whether bytes that differ can be a line number at all; remembers it for `refuted`. */
  accept(pre: Span, post: Span, offset: number, size: number): boolean;
  /** A line that a bug table tells. */
  see(pre: number, post: number): void;
  /** Spans whose numbers contradict those of others, each with the place. */
  refuted(): ReadonlyMap<Span, number>;
}

/** How far from the constant the name of its file is loaded, in bytes. */
const NEAR = 64;
/** No source file has more lines. */
const LARGEST = 0x40000;

export function lineWitness(arch: Arch): LineWitness {
  const claims: Claim[] = [];
  const shifts = new Set<number>();

  function accept(pre: Span, post: Span, offset: number, size: number): boolean {
    if (!isCode(pre.kind)) return pre.relocations.some(({ target, targetOffset }) => textAt(target, targetOffset));
    const from = loadedConstantAt(arch, pre.bytes, offset, isThumb(arch, pre));
    const to = loadedConstantAt(arch, post.bytes, offset, isThumb(arch, post));
    if (from === undefined || to === undefined || from.offset !== to.offset || from.rest !== to.rest) return false;
    if (offset + size > from.offset + from.size) return false;
    if (from.value <= 0 || to.value <= 0 || from.value > LARGEST || to.value > LARGEST) return false;
    claims.push({ span: pre, offset: from.offset, file: fileNear(pre, from.offset), pre: from.value, post: to.value });
    return true;
  }

  function refuted(): ReadonlyMap<Span, number> {
    const wrong = new Map<Span, number>();
    const byFile = new Map<string, Claim[]>();
    for (const claim of claims) {
      if (claim.file === undefined) continue;
      shifts.add(claim.post - claim.pre);
      const list = byFile.get(claim.file);
      if (list === undefined) byFile.set(claim.file, [claim]);
      else list.push(claim);
    }
    for (const list of byFile.values()) {
      list.sort((a, b) => a.pre - b.pre || a.post - b.post);
      for (let i = 1; i < list.length; i++) {
        const [before, claim] = [list[i - 1] as Claim, list[i] as Claim];
        const isOneLine = claim.pre === before.pre;
        if (isOneLine ? claim.post !== before.post : claim.post <= before.post) wrong.set(claim.span, claim.offset);
      }
    }
    for (const { file, span, offset, pre, post } of claims)
      if (file === undefined && !shifts.has(post - pre)) wrong.set(span, offset);
    return wrong;
  }

  return { accept, see: (pre, post) => shifts.add(post - pre), refuted };
}

function textAt(target: Span | undefined, offset: number): boolean {
  return target !== undefined && textBytes(target, offset) !== undefined;
}

/** The name of a source file, or of a function, that is loaded nearest to a place. */
function fileNear(span: Span, offset: number): string | undefined {
  let nearest = NEAR + 1;
  let name: string | undefined;
  for (const relocation of span.relocations) {
    const distance = Math.abs(relocation.offset - offset);
    if (distance >= nearest) continue;
    const found = placeName(relocation);
    if (found === undefined) continue;
    nearest = distance;
    name = found;
  }
  return name;
}

function placeName({ target, targetOffset }: SpanRelocation): string | undefined {
  if (target === undefined) return undefined;
  if (target.kind === "toc") {
    const [slot] = target.relocations;
    return slot === undefined || slot.target?.kind === "toc" ? undefined : placeName(slot);
  }
  if (/^__(func|FUNCTION|PRETTY_FUNCTION)__(\.|$)/.test(target.name)) return `${target.name} ${target.id}`;
  const bytes = textBytes(target, targetOffset);
  const text = bytes && Buffer.from(bytes).toString("latin1");
  return text !== undefined && /\.(c|h|S|cc|cpp|cxx|hpp|rs|inc)$/.test(text) ? text : undefined;
}
