import type { Arch } from "../arch/arch.ts";
import { archFor } from "../arch/registry.ts";
import { ET, STT } from "../elf/constants.ts";
import type { ElfObject, ElfSymbol, Section } from "../elf/object.ts";
import { attachAnchorReferences } from "./anchored.ts";
import { type Piece, symbolsBySection, symbolsInPiece } from "./cut.ts";
import { cutSections, type LinkerMade } from "./cut-sections.ts";
import { isDescribed, withCodeSymbols, withLinkedCodeSymbols } from "./descriptors.ts";
import { attachExceptionTables } from "./exception-tables.ts";
import { readExports } from "./exports.ts";
import { readExempt, readHooks } from "./hooks.ts";
import { resolveIntoTables } from "./into-tables.ts";
import { type Image, readImage, withSectionOffsets } from "./linked/image.ts";
import { attachLinkedExceptions } from "./linked/linked-exceptions.ts";
import { jumpTableDrafts, LinkedReader } from "./linked/linked-reader.ts";
import { isAnonymousName, prefixedFunction } from "./names.ts";
import { type Draft, draftsOf, resolveTarget, setBias, spanAt, takeDrafts, withResolved } from "./references.ts";
import { requireBytes, requireRoom } from "./required.ts";
import { isCode, type SectionKind, sectionKind } from "./section-kind.ts";
import { READ, type Selection } from "./selection.ts";
import type { ReadWarning, Span, SpanTable } from "./span.ts";
import { type EntryRange, hasSingleFields, specialTableOf, UNKNOWN_TABLE } from "./special.ts";
import { attachEntries } from "./table-entries.ts";
import { unknownTables } from "./unknown-tables.ts";

const NO_SPANS: readonly Span[] = [];
const NO_DRAFTS: readonly Draft[] = [];

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
    if (kinds[index] !== "table") for (const draft of list) resolveTarget(draft, spansOf);
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
    for (const draft of found) resolveTarget(draft, spansOf);
    if (found.length > 0) span.relocations = found;
  }
}

/** Whether a reference points into the span it stands in. */
function staysIn(span: Span, draft: Draft): boolean {
  return (
    draft.targetSection === span.section.index &&
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
      if (leaving.length > 0) span.relocations = leaving;
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
    draft.howto.pcrel && draft.targetSection >= 0 && isCode(kinds[draft.targetSection] as SectionKind);
  if (!drafts.every(isRelative)) return;
  if (drafts.every((draft) => spanAt(spansOf(draft.targetSection), draft.targetOffset)?.offset === draft.targetOffset))
    return;
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
