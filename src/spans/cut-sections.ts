import type { Arch } from "../arch/arch.ts";
import { endsFlow } from "../arch/flow.ts";
import { ET, STB, STT } from "../elf/constants.ts";
import type { ElfObject, ElfSymbol, Section } from "../elf/object.ts";
import { addTo } from "../grouping.ts";
import { cutAtReferences, cutAtSymbols, cutConstants, cutStrings, type Piece } from "./cut.ts";
import { isStubSymbol } from "./linker-made.ts";
import { type PrefixEvidence, prefixEvidence } from "./prefix.ts";
import { type Draft, draftsBetween } from "./references.ts";
import { hasSpans, isCode, type SectionKind } from "./section-kind.ts";
import type { Selection } from "./selection.ts";
import { specialTableOf } from "./special.ts";

const NO_DRAFTS: readonly Draft[] = [];

/** What the linker made for itself, as ranges of offsets by section index. */
export type LinkerMade = Map<number, readonly { readonly from: number; readonly to: number }[]>;

/**
 * Cuts all sections that have spans into pieces, by section index: at symbols, strings and constants, then at what others refer
 * to. What the linker made is left out and noted in `linkerMade`.
 */
export function cutSections(
  object: ElfObject,
  arch: Arch,
  kinds: readonly SectionKind[],
  drafts: ReadonlyMap<number, readonly Draft[]>,
  symbols: ReadonlyMap<number, readonly ElfSymbol[]>,
  linkerMade: LinkerMade,
  selection: Selection | undefined,
): ReadonlyMap<number, readonly Piece[]> {
  const pieces = new Map<number, readonly Piece[]>();
  const divisible = new Set<number>();
  const keepsLocals = hasLocalNames(object);
  const evidence = prefixEvidence(object, drafts);
  const sections = selection?.sections ?? object.sections;
  const referredEmpty = emptySections(sections, kinds, symbols, drafts);
  for (const section of sections) {
    const kind = kinds[section.index] as SectionKind;
    if (!hasSpans(kind)) continue;
    if (referredEmpty.has(section.index)) {
      pieces.set(section.index, [{ offset: 0, size: 0, symbols: [], anonymous: true }]);
      continue;
    }
    const cut = cutSection(
      object,
      arch,
      section,
      kind,
      symbols.get(section.index) ?? [],
      drafts.get(section.index) ?? NO_DRAFTS,
      evidence,
    );
    const list =
      object.type === ET.REL
        ? cut
        : withoutLinkerPieces(section, cut, drafts.get(section.index) ?? NO_DRAFTS, linkerMade);
    if (list.length === 0) continue;
    pieces.set(section.index, list);
    const isDivisible =
      kind === "rodata" || (kind === "data" && keepsLocals) || (isCode(kind) && object.type === ET.REL);
    if (isDivisible && list.some((piece) => piece.anonymous)) divisible.add(section.index);
  }
  if (divisible.size === 0) return pieces;
  const places = placesReferredTo(object, kinds, drafts, divisible);
  for (const [index, list] of places) {
    const section = object.sections[index] as Section;
    // Code that is run into from before is not a piece of its own.
    const mayCut = (start: number, place: number): boolean => endsFlow(arch, section.bytes, start, place);
    const isShared = isCode(kinds[index] as SectionKind) && kinds[index] !== "fragment";
    pieces.set(index, cutAtReferences(pieces.get(index) ?? [], list, isShared ? mayCut : undefined));
  }
  return pieces;
}

/** Sections that hold nothing and are referred to all the same: the place has a name then. */
function emptySections(
  sections: readonly Section[],
  kinds: readonly SectionKind[],
  symbols: ReadonlyMap<number, readonly ElfSymbol[]>,
  drafts: ReadonlyMap<number, readonly Draft[]>,
): ReadonlySet<number> {
  const empty = new Set<number>();
  for (const { index, size } of sections)
    if (size === 0 && hasSpans(kinds[index] as SectionKind) && !symbols.has(index)) empty.add(index);
  if (empty.size === 0) return empty;
  const used = new Set<number>();
  for (const list of drafts.values())
    for (const { targetSection } of list) if (empty.has(targetSection)) used.add(targetSection);
  return used;
}

/** Leaves out what the linker made, and notes where that lies. */
function withoutLinkerPieces(
  section: Section,
  pieces: readonly Piece[],
  drafts: readonly Draft[],
  linkerMade: LinkerMade,
): readonly Piece[] {
  const own = pieces.filter((piece, i) => !isLinkerPiece(piece, pieces[i + 1], drafts));
  if (own.length === pieces.length) return pieces;
  const kept = new Set(own);
  const made = pieces.filter((piece) => !kept.has(piece));
  linkerMade.set(
    section.index,
    made.map(({ offset, size }) => ({ from: offset, to: offset + size })),
  );
  return own;
}

/**
 * Stubs belong to the linker: what they lead to is told where they are called. So do the distances of the TOC pointer and of the
 * PLT that stand before functions on Power.
 */
function isLinkerPiece({ symbols, offset, size }: Piece, next: Piece | undefined, drafts: readonly Draft[]): boolean {
  if (symbols.length > 0) return symbols.every(isStubSymbol);
  if (size <= 16 && next?.symbols.some(({ name }) => name === "__glink_PLTresolve")) return true;
  const own = size > 16 ? NO_DRAFTS : draftsBetween(drafts, offset, offset + size);
  return own.some(({ symbol, howto }) => symbol?.name === ".TOC." && howto.size === 8);
}

/**
 * Whether the names of local variables were left in the object: then every variable of the source has its name, and writable data without
 * one is what the compiler made for itself (what sanitizers report by), each object referred to at its beginning.
 */
function hasLocalNames(object: ElfObject): boolean {
  return object.symbols.some(({ bind, type }) => bind === STB.LOCAL && type === STT.OBJECT);
}

function cutSection(
  object: ElfObject,
  arch: Arch,
  section: Section,
  kind: SectionKind,
  symbols: readonly ElfSymbol[],
  drafts: readonly Draft[],
  evidence: PrefixEvidence,
): readonly Piece[] {
  if (kind === "string") return cutStrings(section);
  if (kind === "constant") return cutConstants(section, section.entsize);
  if (kind === "toc") return cutConstants(section, object.class / 8);
  if (kind === "export-string") return nameStrings(cutStrings({ ...section, addralign: 1 }), symbols);
  // A record that only says how far filler may shrink fills nothing in.
  const isRelocated = (from: number, to: number): boolean =>
    draftsBetween(drafts, from, to).some(({ howto }) => howto.role !== "hint");
  return cutAtSymbols(section, kind, arch, symbols, isRelocated, evidence);
}

/** Gives strings the labels that point at them (`__kstrtab_NAME`). */
function nameStrings(pieces: readonly Piece[], symbols: readonly ElfSymbol[]): readonly Piece[] {
  const byPlace = new Map(symbols.map((symbol) => [Number(symbol.value), symbol]));
  return pieces.map((piece) => {
    const symbol = byPlace.get(piece.offset);
    return symbol === undefined ? piece : { ...piece, symbols: [symbol] };
  });
}

/** Where others point into sections that still have anonymous pieces. */
function placesReferredTo(
  object: ElfObject,
  kinds: readonly SectionKind[],
  drafts: ReadonlyMap<number, readonly Draft[]>,
  wanted: ReadonlySet<number>,
): ReadonlyMap<number, number[]> {
  const places = new Map<number, number[]>();
  for (const [from, list] of drafts) {
    // Where tables have their sites says nothing of where code begins.
    const { name } = object.sections[from] as Section;
    if (kinds[from] === "table" && specialTableOf(name)?.policy !== "patch-owner") continue;
    for (const draft of list) {
      // A jump table may be counted from its middle by itself, but not cut by itself.
      // In a linked image one section holds the tables and the texts of many.
      if (!wanted.has(draft.targetSection) || (draft.targetSection === from && object.type === ET.REL)) continue;
      addTo(places, draft.targetSection, draft.targetOffset);
    }
  }
  return places;
}
