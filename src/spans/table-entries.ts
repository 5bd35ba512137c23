import type { Arch } from "../arch/arch.ts";
import type { ElfObject, Section } from "../elf/object.ts";
import { addTo } from "../grouping.ts";
import { type Draft, setBias, settle, settled, spanAt, takeDrafts } from "./references.ts";
import { requireRoom } from "./required.ts";
import { isCode, type SectionKind } from "./section-kind.ts";
import type { ReadWarning, Span, TableEntry } from "./span.ts";
import { type EntryLayout, entryLayout, entryRanges, specialTableOf, UNKNOWN_TABLE } from "./special.ts";

interface Input {
  readonly object: ElfObject;
  readonly arch: Arch;
  readonly kinds: readonly SectionKind[];
  readonly drafts: ReadonlyMap<number, readonly Draft[]>;
  readonly spansOf: (section: number) => readonly Span[];
  readonly warnings: ReadWarning[];
}

/** Cuts the kernel's tables into entries and gives each to the span that its owner field points into; returns the layouts found. */
export function attachEntries(input: Input): ReadonlyMap<number, EntryLayout> {
  const layouts = new Map<number, EntryLayout>();
  const owned = new Map<Span, TableEntry[]>();
  for (const section of input.object.sections) {
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
function countFromEntry(layout: EntryLayout, drafts: readonly Draft[], spansOf: Input["spansOf"]): void {
  const inEntry = (draft: Draft): number => draft.offset % layout.size;
  const counted = drafts.filter(
    (draft) => draft.howto.pcrel && draft.place >= 0 && (layout.fromEntry || inEntry(draft) > 0),
  );
  const texts = counted.filter((draft) => spanAt(spansOf(draft.place), draft.targetOffset)?.kind === "string");
  const hits = (bias: (draft: Draft) => number): number =>
    texts.filter(
      (draft) =>
        spanAt(spansOf(draft.place), draft.targetOffset - bias(draft))?.offset === draft.targetOffset - bias(draft),
    ).length;
  const fromEntry = layout.fromEntry ?? (texts.length > 0 && hits(inEntry) > hits(() => 0));
  if (fromEntry) for (const draft of counted) setBias(draft, inEntry(draft));
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
  const isReplacement = draft.target?.kind === "fragment" || kinds[draft.place] === "fragment";
  if (draft === field || !isReplacement) return draft;
  return { ...draft, target: field.target, targetOffset: field.targetOffset };
}

function ownerRank(kind: SectionKind | undefined): number {
  if (kind === undefined || !isCode(kind)) return 0;
  return kind === "fragment" ? 1 : 2;
}

function attachTable(
  input: Input,
  section: Section,
  owned: Map<Span, TableEntry[]>,
  layouts: Map<number, EntryLayout>,
): void {
  const table = specialTableOf(section.name) ?? UNKNOWN_TABLE;
  const drafts = input.drafts.get(section.index) ?? [];
  const fields = drafts.map((draft) => ({
    offset: draft.offset,
    width: draft.howto.size,
    rank: ownerRank(input.kinds[draft.place]),
  }));
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
  if (layout.packsLine) for (const draft of drafts) unpackLine(draft, input.object.sections[draft.place]?.size ?? 0);
  countFromEntry(layout, drafts, input.spansOf);
  let start = 0;
  for (const { offset, size } of entryRanges(layout.size, section.size)) {
    const { taken, next } = takeDrafts(drafts, start, offset, offset + size);
    start = next;
    const field = taken.find((draft) => draft.offset === ownerField);
    for (const draft of taken) requireRoom(input.object, draft, section.name, size);
    for (const draft of taken) settle(draft, input.spansOf, draft === field && table.policy === "derived");
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
      relocations: settled(relevant),
      ownerField,
      ownerOffset: field.targetOffset,
    };
    addTo(owned, owner, entry);
  }
}
