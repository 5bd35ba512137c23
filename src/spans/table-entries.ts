import type { Arch } from "../arch/arch.ts";
import { firstRecord, offsetOf, STRIDE, SYMBOL, typeOf } from "../arch/records.ts";
import { howtoOf } from "../arch/registry.ts";
import type { ElfObject, Section } from "../elf/object.ts";
import { addTo } from "../grouping.ts";
import { cutStrings, type Piece } from "./cut.ts";
import { type Draft, resolveTarget, setBias, spanAt, takeDrafts } from "./references.ts";
import { requireRoom } from "./required.ts";
import { isCode, type SectionKind } from "./section-kind.ts";
import { isRead, type Selection } from "./selection.ts";
import type { ReadWarning, Span, TableEntry } from "./span.ts";
import {
  type EntryLayout,
  type EntryRange,
  entryLayout,
  entryRanges,
  type RelocatedField,
  specialTableOf,
  UNKNOWN_TABLE,
} from "./special.ts";

interface Input {
  readonly object: ElfObject;
  readonly arch: Arch;
  readonly kinds: readonly SectionKind[];
  readonly drafts: ReadonlyMap<number, readonly Draft[]>;
  readonly spansOf: (section: number) => readonly Span[];
  readonly warnings: ReadWarning[];
  readonly selection: Selection | undefined;
  /** Takes up the entries whose owners are not read. */
  readonly settledEntries: Map<number, EntryRange[]>;
}

/** Cuts the kernel's tables into entries and gives each to the span that its owner field points into; returns the layouts found. */
export function attachEntries(input: Input): ReadonlyMap<number, EntryLayout> {
  const layouts = new Map<number, EntryLayout>();
  const owned = new Map<Span, TableEntry[]>();
  for (const section of input.selection?.sections ?? input.object.sections) {
    if (input.kinds[section.index] === "table" && section.size > 0) attachTable(input, section, owned, layouts);
  }
  for (const [span, entries] of owned) {
    entries.sort((a, b) =>
      a.section.name < b.section.name
        ? -1
        : a.section.name > b.section.name
          ? 1
          : a.ownerOffset - b.ownerOffset || a.offset - b.offset,
    );
    span.entries = entries;
  }
  return layouts;
}

/**
 * Tables that count their addresses from the entry's start (`.long file - 2b`) carry the field's offset in the addend.
 * Which way a table counts is known of some, and seen in others: addresses of texts must hit the beginnings of texts.
 */
function countFromEntry(layout: EntryLayout, drafts: readonly Draft[], input: Input): void {
  const inEntry = (draft: Draft): number => draft.offset % layout.size;
  const counted = drafts.filter(
    (draft) => draft.howto.pcrel && draft.targetSection >= 0 && (layout.fromEntry || inEntry(draft) > 0),
  );
  const textAt = texts(input);
  const named = counted.filter((draft) => textAt(draft.targetSection, draft.targetOffset) !== undefined);
  const hits = (bias: (draft: Draft) => number): number =>
    named.filter((draft) => {
      const place = draft.targetOffset - bias(draft);
      return textAt(draft.targetSection, place)?.offset === place;
    }).length;
  const fromEntry = layout.fromEntry ?? (named.length > 0 && hits(inEntry) > hits(() => 0));
  if (fromEntry) for (const draft of counted) setBias(draft, inEntry(draft));
}

/** Finds the text that holds a place; in sections that are not read the texts are cut for this alone. */
function texts({
  object,
  kinds,
  spansOf,
  selection,
}: Input): (section: number, offset: number) => Piece | Span | undefined {
  const cut = new Map<number, readonly Piece[]>();
  return (section, offset) => {
    if (kinds[section] !== "string") return undefined;
    if (isRead(selection, section)) return spanAt(spansOf(section), offset);
    const pieces = cut.get(section) ?? cutStrings(object.sections[section] as Section);
    cut.set(section, pieces);
    return spanAt(pieces, offset);
  };
}

/**
 * Takes the line out of an address that shares its word with one: the address has 24 bits with sign, or 20 where the section
 * it leads into is shorter than that, and the line counts in the bits above. Xen: xen/include/xen/bug.h, BUG_DISP_WIDTH.
 */
function unpackLine(draft: Draft, reach: number): void {
  const width = reach < 2 ** 20 ? 20 : 24;
  const packed = draft.targetAddend - BigInt.asIntN(width, draft.targetAddend);
  draft.packed = Number(BigInt.asIntN(32, packed));
  setBias(draft, draft.packed);
}

/** A jump entry whose target is its own place says nothing: what tools leave where they removed an entry. */
function leadsToItself([code, target]: readonly Draft[]): boolean {
  if (code === undefined || target === undefined || code.target === undefined) return false;
  return code.target === target.target && code.targetOffset === target.targetOffset && code.offset === 0;
}

/**
 * Code of no length has no place of its own, and its address is that of whatever comes next: the code that it would replace stands
 * for it, which the entry names already.
 */
function withoutLength(draft: Draft, field: Draft, kinds: readonly SectionKind[]): Draft {
  const isReplacement = draft.target?.kind === "fragment" || kinds[draft.targetSection] === "fragment";
  if (draft === field || !isReplacement) return draft;
  return { ...draft, target: field.target, targetOffset: field.targetOffset };
}

function ownerRank(kind: SectionKind | undefined): number {
  if (kind === undefined || !isCode(kind)) return 0;
  return kind === "fragment" ? 1 : 2;
}

/** The fields of a table that records fill in, also those whose drafts were not made. */
function fieldsOf({ arch, kinds, selection }: Input, { index }: Section, drafts: readonly Draft[]): RelocatedField[] {
  if (selection === undefined)
    return drafts.map(({ offset, howto, targetSection }) => ({
      offset,
      width: howto.size,
      rank: ownerRank(kinds[targetSection]),
    }));
  const records = selection.recordsOf(index);
  const { words, count } = records;
  const fields: RelocatedField[] = new Array(count);
  for (let i = 0; i < count; i++) {
    const width = howtoOf(arch, typeOf(records, i)).size;
    const targetSection = selection.places[words[i * STRIDE + SYMBOL] as number] as number;
    fields[i] = { offset: offsetOf(records, i), width, rank: ownerRank(kinds[targetSection]) };
  }
  return fields;
}

/** Whether the record at a place leads to a section that is not read. */
function isOwnerSettled({ selection }: Input, { index }: Section, offset: number): boolean {
  if (selection === undefined) return false;
  const records = selection.recordsOf(index);
  const i = firstRecord(records, offset);
  if (i >= records.count || offsetOf(records, i) !== offset) return false;
  const targetSection = selection.places[records.words[i * STRIDE + SYMBOL] as number] as number;
  return targetSection >= 0 && !isRead(selection, targetSection);
}

function attachTable(
  input: Input,
  section: Section,
  owned: Map<Span, TableEntry[]>,
  layouts: Map<number, EntryLayout>,
): void {
  const table = specialTableOf(section.name) ?? UNKNOWN_TABLE;
  const drafts = input.drafts.get(section.index) ?? [];
  const fields = fieldsOf(input, section, drafts);
  const layout = entryLayout(table, section, fields, input.arch.kernel);
  if (table === UNKNOWN_TABLE && layout !== undefined) {
    const detail = `${section.size} bytes, ${layout.size} an entry`;
    input.warnings.push({ code: "special-section-unknown", section: section.name, offset: 0, detail });
  }
  if (layout === undefined) {
    const detail = `${section.size} bytes, they were not compared`;
    input.warnings.push({ code: "special-section-opaque", section: section.name, offset: 0, detail });
    return;
  }
  layouts.set(section.index, layout);
  const ownerField = layout.ownerField ?? 0;
  if (layout.packsLine)
    for (const draft of drafts) unpackLine(draft, input.object.sections[draft.targetSection]?.size ?? 0);
  countFromEntry(layout, drafts, input);
  let start = 0;
  for (const { offset, size } of entryRanges(layout.size, section.size)) {
    const { taken, next } = takeDrafts(drafts, start, offset, offset + size);
    start = next;
    const field = taken.find((draft) => draft.offset === ownerField);
    if (field === undefined && isOwnerSettled(input, section, offset + ownerField)) {
      addTo(input.settledEntries, section.index, { offset, size });
      continue;
    }
    for (const draft of taken) requireRoom(input.object, draft, section.name, size);
    if (field !== undefined && field.targetSection >= 0 && !isRead(input.selection, field.targetSection)) {
      addTo(input.settledEntries, section.index, { offset, size });
      continue;
    }
    for (const draft of taken)
      resolveTarget(draft, input.spansOf, { preferNext: draft === field && table.policy === "derived" });
    const owner = field?.target;
    if (field === undefined || owner === undefined) {
      input.warnings.push({
        code: "entry-without-owner",
        section: section.name,
        offset,
        detail: field?.symbol?.name ?? "",
      });
      continue;
    }
    const bytes = section.bytes.subarray(offset, offset + size);
    if (leadsToItself(taken)) continue;
    const isEmpty = layout.replacementLength !== undefined && bytes[layout.replacementLength] === 0;
    const relevant = isEmpty ? taken.map((draft) => withoutLength(draft, field, input.kinds)) : taken;
    const entry: TableEntry = {
      table,
      owner,
      section,
      offset,
      size,
      bytes,
      relocations: relevant,
      ownerField,
      ownerOffset: field.targetOffset,
    };
    addTo(owned, owner, entry);
  }
}
