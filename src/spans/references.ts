import { addendOf } from "../arch/addend.ts";
import type { Arch, Howto } from "../arch/arch.ts";
import { howtoOf } from "../arch/registry.ts";
import { resolvedReferences } from "../arch/resolved.ts";
import { STT } from "../elf/constants.ts";
import type { ElfObject, ElfSymbol, Relocation, Section } from "../elf/object.ts";
import { codeAddend, runTest } from "./code-state.ts";
import { isAnonymousName } from "./names.ts";
import { requireName, requireRoom } from "./required.ts";
import { isRead, type Selection } from "./selection.ts";
import type { IntoSection, Span } from "./span.ts";
import { symbolPlace } from "./symbol-place.ts";
import { isThumb } from "./thumb.ts";

/** A relocation whose target span is not known yet. */
export interface Draft {
  /** Section-relative until it is given to a span. */
  offset: number;
  readonly howto: Howto;
  readonly symbol: ElfSymbol | undefined;
  readonly insnAddend: bigint;
  readonly targetAddend: bigint;
  /** Index of the section the target lies in, or −1. */
  readonly targetSection: number;
  target: Span | undefined;
  /** Section-relative until the target is known. */
  targetOffset: number;
  /** Read from the code of a linked image, where nothing says which references leave their function. */
  readonly resolved?: boolean;
  into?: IntoSection;
  anchor?: "perhaps" | "certain";
  packed?: number;
  bias?: number;
  readonly distance?: "access" | "address" | "end";
}

/** No file is that long; below it sums of doubles are exact. */
const FAR = 2 ** 52;

/**
 * Reads the relocations of one section as references: howto, both parts of the addend, and the place that is meant.
 * Table order is kept among records at one offset (RISC-V and LoongArch pairs); otherwise they come by offset.
 */
export function draftsOf(
  object: ElfObject,
  arch: Arch,
  section: Section,
  isCode: boolean,
  selection?: Selection,
): Draft[] {
  const relocations = object.relocationsOf(section.index);
  const drafts: Draft[] = [];
  let sorted = true;
  let previous = -1;
  for (let i = 0; i < relocations.length; i++) {
    const targetSection = object.symbols[(relocations[i] as Relocation).symbol]?.section ?? -1;
    if (targetSection >= 0 && !isRead(selection, targetSection)) continue;
    const draft = draftOf(object, arch, section, isCode, relocations, i);
    requireRoom(object, draft, section.name, section.size);
    requireName(object, draft, section.name);
    if (draft.offset < previous) sorted = false;
    previous = draft.offset;
    drafts.push(draft);
  }
  if (!sorted) drafts.sort((a, b) => a.offset - b.offset);
  return drafts;
}

function draftOf(
  object: ElfObject,
  arch: Arch,
  section: Section,
  isCode: boolean,
  relocations: readonly Relocation[],
  index: number,
): Draft {
  const relocation = relocations[index] as Relocation;
  const howto = howtoOf(arch, relocation.type);
  const addend = addendOf(arch, relocations, index, section.bytes);
  const insnAddend = isCode ? codeAddend(object, arch, section, howto, relocation.offset) : 0n;
  // Big integers are objects of their own: most sums are spared.
  const targetAddend = insnAddend === 0n ? addend : addend === insnAddend ? 0n : addend - insnAddend;
  const symbol = relocation.symbol === 0 ? undefined : object.symbols[relocation.symbol];
  const targetSection = symbol?.section ?? -1;
  let targetOffset = 0;
  if (targetSection >= 0 && symbol !== undefined) {
    const position = symbolPlace(arch, symbol) + Number(targetAddend);
    targetOffset = position > -FAR && position < FAR ? position : Number.MAX_SAFE_INTEGER;
  }
  return {
    offset: relocation.offset,
    howto,
    symbol,
    insnAddend,
    targetAddend,
    targetSection,
    target: undefined,
    targetOffset,
  };
}

/**
 * References between the functions of one section that the assembler resolved, given back their relocations: only so can a
 * function be compared, or moved, without its neighbours. `drafts` are the section's own, in offset order.
 */
export function withResolved(
  object: ElfObject,
  arch: Arch,
  section: Section,
  spans: readonly Span[],
  drafts: readonly Draft[],
): readonly Draft[] {
  const relocated = new Set(drafts.map((draft) => draft.offset));
  const found: Draft[] = [];
  const runsOf = runTest(object, arch, section);
  for (const span of spans) {
    const end = span.offset + span.size;
    const runs = runsOf?.(span.offset, end) ?? [{ from: span.offset, to: end, isThumb: isThumb(arch, span) }];
    const references = runs.flatMap((run) => resolvedReferences(arch, section.bytes, run.from, run.to, run.isThumb));
    for (const { offset, type, target } of references) {
      const isOutside = target < span.offset || target >= end;
      if (!isOutside || target < 0 || target >= section.size || relocated.has(offset)) continue;
      const howto = howtoOf(arch, type);
      const insnAddend = arch.insnAddend(howto, section.bytes, offset);
      found.push({
        offset,
        howto,
        symbol: undefined,
        insnAddend,
        targetAddend: 0n,
        targetSection: section.index,
        target: undefined,
        targetOffset: target,
      });
    }
  }
  return found.length === 0 ? drafts : [...drafts, ...found].sort((a, b) => a.offset - b.offset);
}

/** Whether the symbol only stands for a position, so that the addend decides which thing is meant. */
export function namesPosition(symbol: ElfSymbol): boolean {
  return symbol.type === STT.SECTION || (isAnonymousName(symbol.name) && symbol.size === 0);
}

/** Index of the last span that starts at or before a place; 0 when the place lies before the first. */
function lastStart(spans: readonly { readonly offset: number }[], place: number): number {
  let low = 0;
  let high = spans.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if ((spans[middle] as { readonly offset: number }).offset <= place) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The span that holds a place of a section; a place in padding belongs to the span before it. */
export function spanAt<T extends { readonly offset: number }>(spans: readonly T[], place: number): T | undefined {
  return spans.length === 0 ? undefined : spans[lastStart(spans, place)];
}

/** The span at a place, or the one that follows when the place lies in the gap before it (sites in front of an entry). */
function spanAtOrAfter(spans: readonly Span[], place: number): Span | undefined {
  const index = lastStart(spans, place);
  const span = spans[index];
  if (span !== undefined && place >= span.offset + span.size) return spans[index + 1] ?? span;
  return span;
}

/** Takes out of a draft's target what its addend counts beside it; a loader needs it back. */
export function setBias(draft: Draft, bias: number): void {
  if (bias === 0) return;
  draft.bias = (draft.bias ?? 0) + bias;
  if (draft.targetSection >= 0) draft.targetOffset -= bias;
}

/**
 * Points a draft at its span and makes its target offset relative to it. With `preferNext` an offset in a gap between spans means
 * the span behind the gap.
 */
export function resolveTarget(
  draft: Draft,
  spansOf: (section: number) => readonly Span[],
  { preferNext = false } = {},
): void {
  if (draft.targetSection < 0) return;
  const spans = spansOf(draft.targetSection);
  const { symbol } = draft;
  const holder = symbol === undefined || namesPosition(symbol) ? draft.targetOffset : Number(symbol.value);
  const target = preferNext ? spanAtOrAfter(spans, draft.targetOffset) : spanAt(spans, holder);
  if (target === undefined) return;
  const isBetween = draft.resolved !== undefined && draft.targetOffset > target.offset + target.size;
  // Code of a linked image counts from a place before what it means; nothing ends in filler.
  const meant = isBetween ? (spanAtOrAfter(spans, draft.targetOffset) ?? target) : target;
  draft.target = meant;
  draft.targetOffset -= meant.offset;
}

/** Index of the first draft at or after an offset; `drafts` must be in offset order. */
function firstAtOrAfter(drafts: readonly Draft[], offset: number): number {
  let low = 0;
  let high = drafts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((drafts[middle] as Draft).offset < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Drafts in [from, to), as they are; `drafts` must be in offset order. */
export function draftsBetween(drafts: readonly Draft[], from: number, to: number): readonly Draft[] {
  return drafts.slice(firstAtOrAfter(drafts, from), firstAtOrAfter(drafts, to));
}

/** Drafts in [from, to) made relative to `from`; `drafts` must be in offset order, `start` is where to look first. */
export function takeDrafts(
  drafts: readonly Draft[],
  start: number,
  from: number,
  to: number,
): { taken: Draft[]; next: number } {
  let next = start;
  while (next < drafts.length && (drafts[next] as Draft).offset < from) next++;
  const first = next;
  while (next < drafts.length && (drafts[next] as Draft).offset < to) next++;
  const taken = drafts.slice(first, next);
  for (const draft of taken) draft.offset -= from;
  return { taken, next };
}
