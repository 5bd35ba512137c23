import { anchoredUses, hasAnchors, isAnchorBase } from "../arch/anchors/anchors.ts";
import type { AnchorBase, AnchoredUse } from "../arch/anchors/uses.ts";
import type { Arch, Howto } from "../arch/arch.ts";
import { codeFor } from "../arch/code.ts";
import { SHF, STT } from "../elf/constants.ts";
import { type Draft, namesPosition, resolveTarget } from "./references.ts";
import { isCode } from "./section-kind.ts";
import { isEntryPoint, isFunctionSymbol, type Span } from "./span.ts";
import { isThumb } from "./thumb.ts";

/** Bits of an instruction that hold a distance from a loaded address; no linker writes them. */
function distanceHowto(mask: number): Howto {
  return {
    name: "distance",
    type: -1,
    size: 4,
    mask: BigInt(mask),
    rightshift: 0,
    pcrel: false,
    signed: true,
    role: "other",
    family: "distance",
    insn: true,
  };
}

const HOWTOS = new Map<number, Howto>();

function howtoFor(mask: number): Howto {
  const known = HOWTOS.get(mask) ?? distanceHowto(mask);
  HOWTOS.set(mask, known);
  return known;
}

/** Gives functions the references that GCC's section anchors hide: variables reached by a distance from a loaded address. */
export function attachAnchorReferences(
  arch: Arch,
  spans: readonly Span[],
  spansOf: (section: number) => readonly Span[],
): void {
  if (!hasAnchors(arch)) return;
  for (const span of spans) {
    if (!isCode(span.kind) || span.relocations.length === 0) continue;
    const bases = basesOf(arch, span, spansOf);
    if (bases.length > 0) giveDistances(arch, span, bases, spansOf);
  }
}

/** Loaded addresses of places in sections of several variables; where each has a section of its own, GCC counts from none. */
function basesOf(arch: Arch, span: Span, spansOf: (section: number) => readonly Span[]): AnchorBase[] {
  const bases: AnchorBase[] = [];
  for (const { howto, offset, target, targetOffset, symbol } of span.relocations) {
    // In a linked image every address is only a place.
    if (target === undefined || (symbol !== undefined && !namesPosition(symbol))) continue;
    if (isCode(target.kind) || !isAnchorBase(arch, howto)) continue;
    if ((target.section.flags & SHF.MERGE) !== 0n || spansOf(target.section.index).length < 2) continue;
    const place = target.offset + targetOffset;
    bases.push({ offset, section: target.section.index, place, isOfPath: symbol === undefined });
  }
  return bases;
}

function giveDistances(
  arch: Arch,
  span: Span,
  bases: readonly AnchorBase[],
  spansOf: (section: number) => readonly Span[],
): void {
  const byOffset = new Map(span.relocations.map((relocation) => [relocation.offset, relocation]));
  const entries = span.symbols.filter(({ symbol }) => isFunctionSymbol(symbol)).map(({ offset }) => offset);
  const { endsFlow } = codeFor(arch, isThumb(arch, span));
  const found = anchoredUses(
    arch,
    span.bytes,
    bases,
    {
      entries: [0, ...entries],
      isEnteredElsewhere: span.entries.some(({ table }) => table.policy !== "bug-line"),
      isRelocated: (offset) => byOffset.has(offset),
      isEnd: (from, to) => endsFlow(span.bytes, from, to),
      leaving: (offset) => {
        const branch = byOffset.get(offset);
        if (branch === undefined) return undefined;
        const { target, targetOffset } = branch;
        if (target === undefined) return "function";
        return isEntryPoint(target, targetOffset) && !/\.cold\b/.test(target.name) ? "function" : "part";
      },
    },
    isThumb(arch, span),
  );
  const anchors = new Set(bases.map(({ section, place }) => `${section} ${place}`));
  for (const relocation of span.relocations as Draft[]) {
    const { target, targetOffset, symbol } = relocation;
    if (target === undefined || (symbol !== undefined && symbol.type !== STT.SECTION)) continue;
    const place = target.offset + targetOffset;
    const countsOnly = isAnchorBase(arch, relocation.howto) || relocation.howto.role === "page";
    if (!countsOnly || !anchors.has(`${target.section.index} ${place}`)) continue;
    const meant = found.meant(target.section.index, place);
    if (meant !== "yes") relocation.anchor = meant === "no" ? "certain" : "perhaps";
  }
  const drafts = found.uses.map((use) => draftOf(use, spansOf)).filter((draft) => draft.target !== undefined);
  if (drafts.length === 0) return;
  span.relocations = [...(span.relocations as Draft[]), ...drafts].sort((a, b) => a.offset - b.offset);
}

function draftOf(use: AnchoredUse, spansOf: (section: number) => readonly Span[]): Draft {
  const draft: Draft = {
    offset: use.offset,
    howto: howtoFor(use.mask),
    symbol: undefined,
    insnAddend: 0n,
    targetAddend: 0n,
    targetSection: use.section,
    target: undefined,
    targetOffset: use.place,
    distance: use.kind,
  };
  // An end belongs to what it ends.
  const isEnd = use.kind === "end";
  if (isEnd) draft.targetOffset--;
  resolveTarget(draft, spansOf);
  if (isEnd) draft.targetOffset++;
  return draft;
}
