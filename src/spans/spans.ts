import type { Arch } from "../arch/arch.ts";
import { endsFlow } from "../arch/flow.ts";
import { archFor } from "../arch/registry.ts";
import { ET, STB, STT } from "../elf/constants.ts";
import type { ElfObject, ElfSymbol, Section } from "../elf/object.ts";
import { addTo } from "../grouping.ts";
import { attachAnchorReferences } from "./anchored.ts";
import {
  cutAtReferences,
  cutAtSymbols,
  cutConstants,
  cutStrings,
  type Piece,
  symbolsBySection,
  symbolsInPiece,
} from "./cut.ts";
import { isDescribed, withCodeSymbols, withLinkedCodeSymbols } from "./descriptors.ts";
import { attachExceptionTables } from "./exception-tables.ts";
import { readExports } from "./exports.ts";
import { readExempt, readHooks } from "./hooks.ts";
import { type Image, readImage, withSectionOffsets } from "./image.ts";
import { resolveIntoTables } from "./into-tables.ts";
import { jumpTableDrafts, LinkedReader } from "./linked.ts";
import { attachLinkedExceptions } from "./linked-exceptions.ts";
import { isStubSymbol } from "./linker-made.ts";
import { isAnonymousName, prefixedFunction } from "./names.ts";
import { type PrefixEvidence, prefixEvidence } from "./prefix.ts";
import {
  type Draft,
  draftsBetween,
  draftsOf,
  setBias,
  settle,
  settled,
  spanAt,
  takeDrafts,
  withResolved,
} from "./references.ts";
import { requireBytes, requireRoom } from "./required.ts";
import { hasSpans, isCode, type SectionKind, sectionKind } from "./section-kind.ts";
import { READ, type Selection } from "./selection.ts";
import type { ReadWarning, Span, SpanTable } from "./span.ts";
import { type EntryRange, hasSingleFields, specialTableOf, UNKNOWN_TABLE } from "./special.ts";
import { attachEntries } from "./table-entries.ts";
import { unknownTables } from "./unknown-tables.ts";

const NO_SPANS: readonly Span[] = [];
const NO_DRAFTS: readonly Draft[] = [];

type LinkerMade = Map<number, readonly { readonly from: number; readonly to: number }[]>;

/** Kinds of all sections by index, as far as names, types, flags and symbols tell them. */
export function kindsOf(object: ElfObject, symbols: ReadonlyMap<number, readonly ElfSymbol[]>): SectionKind[] {
  const isLinked = object.type !== ET.REL;
  const kinds = object.sections.map((section) =>
    isDescribed(object, section) ? "metadata" : sectionKind(section, isLinked),
  );
  for (const [index, kind] of kinds.entries()) {
    // Assemblers make a note of every section called so, of a user's variables too.
    if (kind === "note" && symbols.get(index)?.some(({ type }) => type === STT.OBJECT)) kinds[index] = "rodata";
  }
  return kinds;
}

/**
 * Reads an object in Ksplice's terms: sections become spans, relocations point from span to span, table entries belong to code.
 * A selection leaves out sections of which nothing has to be known.
 */
export function buildSpans(file: ElfObject, selection?: Selection): SpanTable {
  const arch = archFor(file);
  const isLinked = file.type !== ET.REL;
  const own = isLinked && arch.link.undoErrata !== null ? arch.link.undoErrata(file) : file;
  const object = withSectionOffsets(withLinkedCodeSymbols(withCodeSymbols(own)));
  const symbols = selection?.symbols ?? symbolsBySection(object, arch);
  const kinds = selection === undefined ? kindsOf(object, symbols) : [...selection.kinds];
  const sections = selection?.sections ?? object.sections;
  const warnings: ReadWarning[] = [];
  const image = readImage(object, arch);
  const linked = image && new LinkedReader(image);
  const drafts = readDrafts(object, arch, kinds, warnings, linked, selection);
  for (const section of unknownTables(sections, kinds, drafts, symbols)) kinds[section.index] = "table";
  // From here on every section has its kind.
  const linkerMade: LinkerMade = new Map();
  const pieces = cutSections(object, arch, kinds, drafts, symbols, linkerMade, selection);
  // From here on the set of spans is fixed.
  const { spans, bySection } = createSpans(object, arch, kinds, pieces);
  const spansOf = (section: number): readonly Span[] => bySection.get(section) ?? NO_SPANS;
  restoreResolved(object, arch, kinds, bySection, drafts);
  attachRelocations(object, bySection, drafts);
  if (image !== undefined) attachJumpTables(image, spans, spansOf);
  for (const span of spans) countFromTable(span, kinds, spansOf);
  for (const [index, list] of drafts) {
    if (kinds[index] !== "table") for (const draft of list) settle(draft, spansOf);
  }
  for (const span of spans) requireBytes(object, span);
  // From here on every relocation of a span knows its target.
  const settledEntries = new Map<number, EntryRange[]>();
  const layouts = attachEntries({ object, arch, kinds, drafts, spansOf, warnings, selection, settledEntries });
  if (image !== undefined && linked !== undefined) attachLinkedExceptions({ image, linked, kinds, spansOf });
  else if (kinds.includes("unwind")) attachExceptionTables(object, kinds, drafts, spansOf);
  if (object.type === ET.REL) resolveIntoTables(object, spans);
  attachAnchorReferences(arch, spans, spansOf);
  if (spans.some(({ kind }) => kind === "fragment")) ownFragments(spans);
  const exports = readExports(object, kinds, drafts, sections);
  const hooks = readHooks(sections, object, kinds, drafts);
  const exempt = readExempt(sections, kinds, drafts);
  const found = { spans, exports, hooks, exempt, warnings, linkerMade, layouts, settledEntries };
  return { object, arch, kinds, ...found, selection, spansOf };
}

function readDrafts(
  object: ElfObject,
  arch: Arch,
  kinds: readonly SectionKind[],
  warnings: ReadWarning[],
  linked: LinkedReader | undefined,
  selection: Selection | undefined,
): Map<number, readonly Draft[]> {
  const drafts = new Map<number, readonly Draft[]>();
  for (const section of selection?.sections ?? object.sections) {
    const kind = kinds[section.index] as SectionKind;
    if (kind === "metadata") continue;
    const own = draftsOf(
      object,
      arch,
      section,
      isCode(kind),
      readsAll(section, kind, selection) ? undefined : selection,
    );
    const list = linked === undefined || own.length > 0 ? own : imageDrafts(linked, section, kind);
    if (list.length === 0) continue;
    drafts.set(section.index, list);
    const strange = list.find((draft) => draft.howto.known === false);
    if (strange !== undefined) {
      warnings.push({
        code: "relocation-unknown",
        section: section.name,
        offset: strange.offset,
        detail: strange.howto.name,
      });
    }
  }
  return drafts;
}

/** Whether references out of a section count although what they lead to is not read: entries are cut, and code is, by all of them. */
function readsAll({ name, index }: Section, kind: SectionKind, selection: Selection | undefined): boolean {
  if (kind === "table") return !hasSingleFields(specialTableOf(name) ?? UNKNOWN_TABLE);
  return selection?.levels[index] === READ.whole;
}

function cutSections(
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
  const emptyPlaces = emptySections(sections, kinds, symbols, drafts);
  for (const section of sections) {
    const kind = kinds[section.index] as SectionKind;
    if (!hasSpans(kind)) continue;
    if (emptyPlaces.has(section.index)) {
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
  for (const list of drafts.values()) for (const { place } of list) if (empty.has(place)) used.add(place);
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
      if (!wanted.has(draft.place) || (draft.place === from && object.type === ET.REL)) continue;
      addTo(places, draft.place, draft.targetOffset);
    }
  }
  return places;
}

function createSpans(
  object: ElfObject,
  arch: Arch,
  kinds: readonly SectionKind[],
  pieces: ReadonlyMap<number, readonly Piece[]>,
): { spans: Span[]; bySection: ReadonlyMap<number, readonly Span[]> } {
  const spans: Span[] = [];
  const bySection = new Map<number, readonly Span[]>();
  for (const [index, list] of pieces) {
    const section = object.sections[index] as Section;
    const own = list.map((piece) => {
      const kind = kinds[index] as SectionKind;
      // Code without a name is part of what refers to it.
      const isOwned = piece.anonymous && isCode(kind) && object.type === ET.REL;
      const span = createSpan(spans.length, arch, section, isOwned ? "fragment" : kind, piece);
      spans.push(span);
      return span;
    });
    bySection.set(index, own);
  }
  return { spans, bySection };
}

function createSpan(id: number, arch: Arch, section: Section, kind: SectionKind, piece: Piece): Span {
  const symbols = symbolsInPiece(piece, arch);
  const main = symbols.find(({ symbol }) => prefixedFunction(symbol.name) === undefined) ?? symbols[0];
  const named = main === undefined || isAnonymousName(main.symbol.name) ? undefined : main;
  const end = piece.offset + piece.size;
  return {
    id,
    section,
    kind,
    offset: piece.offset,
    size: piece.size,
    bytes:
      piece.offset === 0 && end >= section.bytes.length ? section.bytes : section.bytes.subarray(piece.offset, end),
    symbols,
    symbol: named?.symbol,
    entry: named?.offset ?? 0,
    localEntry: named === undefined ? 0 : arch.localEntry(named.symbol.other),
    name: named?.symbol.name ?? section.name,
    relocations: [],
    entries: [],
    owner: undefined,
  };
}

/** What linking resolved in a section: in code from the instructions, in data from the dynamic linker's relocations. */
function imageDrafts(linked: LinkedReader, section: Section, kind: SectionKind): readonly Draft[] {
  return isCode(kind) ? linked.codeDrafts(section) : linked.dataDrafts(section);
}

/** In a linked image nothing marks jump tables but what they hold. */
function attachJumpTables(image: Image, spans: readonly Span[], spansOf: (section: number) => readonly Span[]): void {
  for (const span of spans) {
    if (span.kind !== "rodata" || span.symbol !== undefined || span.relocations.length > 0) continue;
    const found = jumpTableDrafts(image, span.section, span.offset, span.bytes);
    for (const draft of found) settle(draft, spansOf);
    if (found.length > 0) span.relocations = settled(found);
  }
}

/** Whether a reference points into the span it stands in. */
function staysIn(span: Span, draft: Draft): boolean {
  return (
    draft.place === span.section.index &&
    draft.targetOffset >= span.offset &&
    draft.targetOffset < span.offset + span.size
  );
}

/** In sections of several functions, gives back the relocations that the assembler resolved between them. */
function restoreResolved(
  object: ElfObject,
  arch: Arch,
  kinds: readonly SectionKind[],
  bySection: ReadonlyMap<number, readonly Span[]>,
  drafts: Map<number, readonly Draft[]>,
): void {
  for (const [index, spans] of bySection) {
    const kind = kinds[index] as SectionKind;
    if (object.type !== ET.REL || spans.length < 2 || !isCode(kind) || kind === "fragment") continue;
    const section = object.sections[index] as Section;
    const list = withResolved(object, arch, section, spans, drafts.get(index) ?? NO_DRAFTS);
    if (list.length > 0) drafts.set(index, list);
  }
}

function attachRelocations(
  object: ElfObject,
  bySection: ReadonlyMap<number, readonly Span[]>,
  drafts: ReadonlyMap<number, readonly Draft[]>,
): void {
  for (const [index, spans] of bySection) {
    const list = drafts.get(index);
    if (list === undefined) continue;
    let start = 0;
    for (const span of spans) {
      const { taken, next } = takeDrafts(list, start, span.offset, span.offset + span.size);
      start = next;
      for (const draft of taken) requireRoom(object, draft, span.name, span.size);
      const leaving = isCode(span.kind) ? taken.filter((draft) => !draft.resolved || !staysIn(span, draft)) : taken;
      if (leaving.length > 0) span.relocations = settled(leaving);
    }
  }
}

/**
 * In position-independent code a jump table holds distances from its own start (`.long .L3 - .L4`), so each addend also
 * has the field's distance from there. A table of distances from the fields themselves (`.long f - .`) points to beginnings.
 */
function countFromTable(
  span: Span,
  kinds: readonly SectionKind[],
  spansOf: (section: number) => readonly Span[],
): void {
  if (span.kind !== "rodata" || span.symbol !== undefined || span.relocations.length === 0) return;
  const drafts = span.relocations as readonly Draft[];
  const isRelative = (draft: Draft): boolean =>
    draft.howto.pcrel && draft.place >= 0 && isCode(kinds[draft.place] as SectionKind);
  if (!drafts.every(isRelative)) return;
  if (drafts.every((draft) => spanAt(spansOf(draft.place), draft.targetOffset)?.offset === draft.targetOffset)) return;
  for (const draft of drafts) setBias(draft, draft.offset);
}

/** A fragment belongs to the function whose table entry or code refers to it, or to the one that owns a fragment that does. */
function ownFragments(spans: readonly Span[]): void {
  const owned: Span[] = [];
  const claimAll = (from: Span, owner: Span): void => {
    const claim = (target: Span | undefined): void => {
      if (target?.kind !== "fragment" || target.owner !== undefined) return;
      target.owner = owner;
      owned.push(target);
    };
    for (const entry of from.entries) for (const relocation of entry.relocations) claim(relocation.target);
    for (const relocation of from.relocations) claim(relocation.target);
  };
  for (const span of spans) if (isCode(span.kind) && span.kind !== "fragment") claimAll(span, span);
  // The list grows while we walk it.
  for (const fragment of owned) claimAll(fragment, fragment.owner as Span);
}
