import type { Arch, Howto } from "../arch/arch.ts";
import { STB, STT } from "../elf/constants.ts";
import type { ElfObject, ElfSymbol, Section } from "../elf/object.ts";
import type { SectionKind } from "./kinds.ts";
import type { Selection } from "./selection.ts";
import type { EntryLayout, EntryRange, SpecialTable } from "./special.ts";

/** One relocation as a span sees it: where, how, and what it points to. */
export interface SpanRelocation {
  /** Byte offset of the field in the span. */
  readonly offset: number;
  readonly howto: Howto;
  /** The symbol the record names; undefined for symbol index 0. */
  readonly symbol: ElfSymbol | undefined;
  /** The part of the addend that comes from the instruction's form. */
  readonly insnAddend: bigint;
  /** The rest: the offset from the symbol to what is meant. */
  readonly targetAddend: bigint;
  /** The span that holds the target; undefined for undefined, absolute and common symbols. */
  readonly target: Span | undefined;
  /** Offset of the target in its span; may lie outside it (`array[-1]`, one past the end). With `into`, in the entry or the section. */
  readonly targetOffset: number;
  /** A target in a section without spans. */
  readonly into?: IntoSection;
  /** The loaded address is only one to count from, certainly or perhaps: what the code reaches is told by `distance` references. */
  readonly anchor?: "perhaps" | "certain";
  /** A line number in the high bits of the addend, which are not part of the address. */
  readonly packed?: number;
  /** What else the addend counts that is not part of the target's place: the field's offset in its entry, a packed line. */
  readonly bias?: number;
  /** No relocation of the object: an instruction reaches the target by its distance from a loaded address. */
  readonly distance?: "access" | "address" | "end";
}

/** Where a reference leads that leads to no span. */
export interface IntoSection {
  readonly section: Section;
  /** Undefined when the section is not a table, or the entry has no owner. */
  readonly entry: TableEntry | undefined;
}

/** A symbol inside a span. */
export interface SpanSymbol {
  readonly symbol: ElfSymbol;
  /** Offset in the span. */
  readonly offset: number;
}

/** One entry of a kernel table; it belongs to the span its owner field points into. */
export interface TableEntry {
  readonly table: SpecialTable;
  /** The span whose entry it is. */
  readonly owner: Span;
  readonly section: Section;
  /** Offset in the section. */
  readonly offset: number;
  readonly size: number;
  readonly bytes: Uint8Array;
  readonly relocations: readonly SpanRelocation[];
  /** Offset of the field that names the owner. */
  readonly ownerField: number;
  /** Where in the owner the entry points. */
  readonly ownerOffset: number;
  /** What the entry says, where its bytes depend on where it lies: compared instead of them. */
  readonly meaning?: { readonly bytes: Uint8Array; readonly relocations: readonly SpanRelocation[] };
}

/** The unit of matching: a function, a data object, one string, one constant, a piece of code that belongs to a function. */
export interface Span {
  /** Position in the object's span list. */
  readonly id: number;
  readonly section: Section;
  readonly kind: SectionKind;
  /** Offset in the section. */
  readonly offset: number;
  /** Bytes in memory. */
  readonly size: number;
  /** File contents; empty where the section has none (SHT_NOBITS). */
  readonly bytes: Uint8Array;
  /** Symbols in the span, by offset, the canonical one of each place first. */
  readonly symbols: readonly SpanSymbol[];
  /** The canonical symbol; undefined for strings, constants and other anonymous contents. */
  readonly symbol: ElfSymbol | undefined;
  /** Offset of the canonical symbol: nonzero only after a prefix (`__pfx_f`, `__cfi_f`). */
  readonly entry: number;
  /** Distance from the entry to where callers of the same module enter (ppc64le); 0 where there is only one entry. */
  readonly localEntry: number;
  /** The symbol's name, else the section's. */
  readonly name: string;
  /** In offset order. */
  relocations: readonly SpanRelocation[];
  /** Table entries that belong to this span, by table, then by place. */
  entries: readonly TableEntry[];
  /** For a fragment, the function that uses it; for a cold or split part, nothing (names tell). */
  owner: Span | undefined;
}

/** One exported symbol. Linux: include/linux/export.h. */
export interface Export {
  readonly name: string;
  readonly licence: "gpl" | "any";
  readonly namespace: string | undefined;
  /** Version checksum, when the object carries it. */
  readonly crc: bigint | undefined;
  /** What the linker adds to the checksum, as `SYMBOL+ADDEND`; undefined where the object has the checksum itself. */
  readonly crcSymbol: string | undefined;
  readonly section: Section;
  readonly offset: number;
  readonly size: number;
  readonly bytes: Uint8Array;
  /** The exported span; undefined when the symbol is defined elsewhere. */
  readonly target: Span | undefined;
  /** The reference to what is exported. */
  readonly value: SpanRelocation | undefined;
  readonly relocations: readonly SpanRelocation[];
}

/** One function that an update wants to be called at a stage. Ksplice: kmodsrc/ksplice.h. */
export interface Hook {
  /** pre_apply, check_apply, apply, post_apply, fail_apply, or the same with reverse. */
  readonly stage: string;
  readonly section: Section;
  readonly offset: number;
  readonly target: Span | undefined;
  readonly targetOffset: number;
  readonly name: string;
}

/** A thing the reading of an object met and could not place; becomes a finding. */
export interface ReadWarning {
  readonly code: "special-section-unknown" | "special-section-opaque" | "relocation-unknown" | "entry-without-owner";
  readonly section: string;
  readonly offset: number;
  readonly detail: string;
}

/** Ksplice's view of one object. */
export interface SpanTable {
  readonly object: ElfObject;
  readonly arch: Arch;
  /** Kind of each section, by section index. */
  readonly kinds: readonly SectionKind[];
  readonly spans: readonly Span[];
  readonly exports: readonly Export[];
  readonly hooks: readonly Hook[];
  /** Functions that the patch's author asked to leave alone (KPATCH_IGNORE_FUNCTION). */
  readonly exempt: ReadonlySet<Span>;
  readonly warnings: readonly ReadWarning[];
  /** Code of a linked image that the linker made, by section index, in order: stubs, whose meaning is told where they are called. */
  readonly linkerMade: ReadonlyMap<number, readonly { readonly from: number; readonly to: number }[]>;
  /** How the entries of each table are laid out, by section index; a table that cannot be cut has none. */
  readonly layouts: ReadonlyMap<number, EntryLayout>;
  /** How much of each section was read; undefined: all of it. A section that is settled has no spans here. */
  readonly selection: Selection | undefined;
  /** Entries of tables that belong to code of settled sections, by section index, in offset order. */
  readonly settledEntries: ReadonlyMap<number, readonly EntryRange[]>;
  /** Spans of a section in offset order. */
  spansOf(section: number): readonly Span[];
}

/** Whether a place in a span is an address that others may legitimately hold: its entry or a named entry point in it. */
export function isEntryPoint(span: Span, offset: number): boolean {
  if (offset === span.entry || offset === 0 || offset === span.entry + span.localEntry) return true;
  return span.symbols.some((inner) => inner.offset === offset && isFunctionSymbol(inner.symbol));
}

/** STT_FUNC or STT_GNU_IFUNC, or a global symbol without type (assembly). */
export function isFunctionSymbol(symbol: ElfSymbol): boolean {
  return (
    symbol.type === STT.FUNC ||
    symbol.type === STT.GNU_IFUNC ||
    (symbol.type === STT.NOTYPE && symbol.bind !== STB.LOCAL)
  );
}
