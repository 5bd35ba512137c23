import type { Arch } from "../arch/arch.ts";
import { type Records, readRecords } from "../arch/records.ts";
import { SHF } from "../elf/constants.ts";
import type { ElfObject, ElfSymbol, Section } from "../elf/object.ts";
import { addTo } from "../grouping.ts";
import { isRead } from "../spans/selection.ts";
import type { Span, SpanTable, TableEntry } from "../spans/span.ts";
import type { Use } from "../spans/uses.ts";

/** An entry of a table, and the span that it belongs to. */
interface OwnedEntry {
  readonly entry: TableEntry;
  readonly owner: Span;
}

/** One side as the account sees it: the file's own sections, symbols and records, and where its spans lie. */
export interface View {
  readonly side: "pre" | "post";
  readonly table: SpanTable;
  readonly object: ElfObject;
  readonly arch: Arch;
  readonly allocated: readonly Section[];
  recordsOf(section: Section): Records;
  /** Entries that belong to spans, by section, in offset order. */
  entriesOf(section: number): readonly OwnedEntry[];
  /** Symbols `__crc_NAME` that lie in a section. */
  checksumsOf(section: number): readonly ElfSymbol[];
  /** How many bytes of a section are entries that belong to spans. */
  ownedBytes(section: number): number;
  uses(span: Span): readonly Use[];
  /** Whether no spans were made of a section, because it is said to be the same on both sides: that is judged here again. */
  isSettled(section: number): boolean;
}

const NO_SYMBOLS: readonly ElfSymbol[] = [];
const NO_ENTRIES: readonly OwnedEntry[] = [];

export function viewOf(side: View["side"], table: SpanTable, uses: (span: Span) => readonly Use[]): View {
  const { object, arch } = table;
  const records: Records[] = new Array(object.sections.length);
  let entries: Map<number, OwnedEntry[]> | undefined;
  let owned: Float64Array | undefined;
  let checksums: Map<number, ElfSymbol[]> | undefined;
  return {
    side,
    table,
    object,
    arch,
    allocated: object.sections.filter(({ flags }) => (flags & SHF.ALLOC) !== 0n),
    recordsOf(section) {
      const known = records[section.index];
      if (known !== undefined) return known;
      const read = readRecords(object, arch, section);
      records[section.index] = read;
      return read;
    },
    entriesOf(section) {
      entries ??= collectEntries(table);
      return entries.get(section) ?? NO_ENTRIES;
    },
    checksumsOf(section) {
      checksums ??= collectChecksums(object);
      return checksums.get(section) ?? NO_SYMBOLS;
    },
    ownedBytes(section) {
      owned ??= sumEntries(table);
      return owned[section] ?? 0;
    },
    uses,
    isSettled: (section) => !isRead(table.selection, section),
  };
}

function collectChecksums({ symbols }: ElfObject): Map<number, ElfSymbol[]> {
  const bySection = new Map<number, ElfSymbol[]>();
  for (const symbol of symbols) {
    if (symbol.section === undefined || !symbol.name.startsWith("__crc_")) continue;
    addTo(bySection, symbol.section, symbol);
  }
  return bySection;
}

function sumEntries({ spans, object }: SpanTable): Float64Array {
  const sums = new Float64Array(object.sections.length);
  for (const { entries } of spans)
    for (const { section, size } of entries) sums[section.index] = (sums[section.index] as number) + size;
  return sums;
}

function collectEntries({ spans }: SpanTable): Map<number, OwnedEntry[]> {
  const bySection = new Map<number, OwnedEntry[]>();
  for (const owner of spans) {
    for (const entry of owner.entries) {
      addTo(bySection, entry.section.index, { entry, owner });
    }
  }
  for (const list of bySection.values()) list.sort((a, b) => a.entry.offset - b.entry.offset);
  return bySection;
}
