import type { ElfObject, Section } from "../elf/object.ts";
import { addTo } from "../grouping.ts";
import { signedHex } from "../hex.ts";
import { lastAtOrBefore } from "../lists.ts";
import type { Draft } from "./references.ts";
import type { Span, TableEntry } from "./span.ts";

/**
 * Finds what references mean that lead into sections without spans: an entry of a table, which goes with its owner (a WARN of
 * Linux 6.19 and later hands its own entry of `__bug_table` to the exception handler), else a place in the section. Expects
 * `targetOffset` of such a reference to count from the section's start still.
 */
export function resolveIntoTables(object: ElfObject, spans: readonly Span[]): void {
  let entries: ReadonlyMap<number, readonly TableEntry[]> | undefined;
  const resolve = (draft: Draft): void => {
    if (draft.target !== undefined || draft.targetSection < 0 || draft.into !== undefined) return;
    const section = object.sections[draft.targetSection];
    if (section === undefined) return;
    entries ??= entriesBySection(spans);
    const entry = entryAt(entries.get(section.index) ?? [], draft.targetOffset);
    draft.into = { section, entry };
    if (entry !== undefined) draft.targetOffset -= entry.offset;
  };
  for (const span of spans) {
    for (const relocation of span.relocations as readonly Draft[]) resolve(relocation);
    for (const entry of span.entries)
      for (const relocation of entry.relocations as readonly Draft[]) resolve(relocation);
  }
}

function entriesBySection(spans: readonly Span[]): ReadonlyMap<number, readonly TableEntry[]> {
  const found = new Map<number, TableEntry[]>();
  for (const entry of spans.flatMap(({ entries }) => entries)) {
    addTo(found, entry.section.index, entry);
  }
  for (const list of found.values()) list.sort((a, b) => a.offset - b.offset);
  return found;
}

/** The entry that holds an offset; `entries` must be in order. */
function entryAt(entries: readonly TableEntry[], offset: number): TableEntry | undefined {
  const entry = entries[lastAtOrBefore(entries, (known) => known.offset, offset)];
  return entry !== undefined && offset < entry.offset + entry.size ? entry : undefined;
}

/** Which of its owner's entries of one table an entry is, from 0. */
export function rankOf(entry: TableEntry): number {
  return entry.owner.entries.filter(({ section }) => section === entry.section).indexOf(entry);
}

/** A place in a section without spans, in words: `__bug_table+0x14`. */
export function placeInSection(section: Section, offset: number): string {
  return `${section.name}${signedHex(offset)}`;
}
