import type { ElfObject, Section } from "../elf/object.ts";
import { type Draft, settle, settled, takeDrafts } from "./references.ts";
import type { SectionKind } from "./section-kind.ts";
import type { Oddity, Span, TableEntry } from "./span.ts";
import { entryLayout, entryRanges, specialTableOf } from "./special.ts";

interface Input {
  readonly object: ElfObject;
  readonly kinds: readonly SectionKind[];
  readonly drafts: ReadonlyMap<number, readonly Draft[]>;
  readonly spansOf: (section: number) => readonly Span[];
  readonly oddities: Oddity[];
}

/** Cuts the kernel's tables into entries and gives each to the span that its owner field points into. */
export function attachEntries(input: Input): void {
  const owned = new Map<Span, TableEntry[]>();
  for (const section of input.object.sections) {
    if (input.kinds[section.index] === "table" && section.size > 0) attachTable(input, section, owned);
  }
  for (const [span, entries] of owned) {
    entries.sort((a, b) => (a.section.name < b.section.name ? -1 : a.section.name > b.section.name ? 1 : a.ownerOffset - b.ownerOffset || a.offset - b.offset));
    span.entries = entries;
  }
}

/** A jump entry whose target is its own place says nothing: what tools leave where they removed an entry. */
function leadsToItself([code, target]: readonly Draft[]): boolean {
  if (code === undefined || target === undefined || code.target === undefined) return false;
  return code.target === target.target && code.targetOffset === target.targetOffset && code.offset === 0;
}

function attachTable(input: Input, section: Section, owned: Map<Span, TableEntry[]>): void {
  const table = specialTableOf(section.name);
  const drafts = input.drafts.get(section.index) ?? [];
  const fields = drafts.map((draft) => ({ offset: draft.offset, width: draft.howto.size }));
  const layout = table && entryLayout(table, section, fields);
  if (table === undefined || layout === undefined) {
    input.oddities.push({ code: "special-section-unknown", section: section.name, offset: 0, detail: `${section.size} bytes` });
    return;
  }
  let start = 0;
  for (const { offset, size } of entryRanges(layout.size, section.size)) {
    const { taken, next } = takeDrafts(drafts, start, offset, offset + size);
    start = next;
    const field = taken.find((draft) => draft.offset === table.ownerField);
    for (const draft of taken) settle(draft, input.spansOf, draft === field && table.policy === "derived");
    const owner = field?.target;
    if (field === undefined || owner === undefined) {
      input.oddities.push({ code: "entry-without-owner", section: section.name, offset, detail: field?.symbol?.name ?? "" });
      continue;
    }
    const bytes = section.bytes.subarray(offset, offset + size);
    if (leadsToItself(taken)) continue;
    // Code of no length is nobody's: its address is that of whatever comes next.
    const isEmpty = layout.replacementLength !== undefined && bytes[layout.replacementLength] === 0;
    const relevant = isEmpty ? taken.filter((draft) => draft.target?.kind !== "fragment") : taken;
    const entry: TableEntry = {
      table,
      section,
      offset,
      size,
      bytes,
      relocations: settled(relevant),
      ownerOffset: field.targetOffset,
    };
    const list = owned.get(owner);
    if (list === undefined) owned.set(owner, [entry]);
    else list.push(entry);
  }
}
