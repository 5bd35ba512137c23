import type { Arch } from "../arch/arch.ts";
import type { FindingCode } from "../findings/findings.ts";
import type { Severity } from "../findings/table.ts";
import type { SectionKind } from "../spans/section-kind.ts";
import type { Export } from "../spans/span.ts";
import type { EntryPolicy } from "../spans/special.ts";

/* What `inspect` tells of an object, as JSON has it. */

/** What an object says of itself. */
export interface ObjectHeader {
  readonly file: string;
  readonly member?: string;
  /** As in an update description; `machine` is the EM_* number. */
  readonly arch: Pick<Arch, "name" | "machine" | "class" | "data">;
  readonly source?: string;
  readonly compiler?: string;
}

export interface SectionRow {
  readonly index: number;
  readonly name: string;
  readonly kind: SectionKind;
  /** `SHT_PROGBITS`. */
  readonly type: string;
  readonly size: number;
  readonly align: number;
  /** Letters as readelf prints them. */
  readonly flags: string;
  /** All SHF_* bits. */
  readonly flagBits: string;
  readonly spans: number;
  readonly relocations: number;
}

/** Another name in a span. */
export interface NameInside {
  readonly name: string;
  /** Bytes from the span's symbol; negative in front of it (`__pfx_f`). */
  readonly offset: number;
  readonly bind: string;
}

/** What functions and data have in common. */
export interface SpanRow {
  readonly label: string;
  /** The symbol's name, else the section's. */
  readonly name: string;
  readonly kind: SectionKind;
  readonly section: string;
  /** Offset of the symbol in the section. */
  readonly offset: number;
  /** Bytes from the symbol to the end. */
  readonly size: number;
  /** Absent where no symbol names the span. */
  readonly bind?: string;
  readonly aliases: readonly NameInside[];
  readonly relocations: number;
  /** Entries that belong to it, by kernel table. */
  readonly tables: Readonly<Record<string, number>>;
}

export interface FunctionRow extends SpanRow {
  readonly entry: { readonly kind: string; readonly offset: number };
  /** Where callers of the same module enter, from the symbol; absent where that is the symbol (all but ppc64le). */
  readonly localEntry?: number;
  /** The function that a .cold or .part piece was cut from. */
  readonly partOf?: string;
  /** Pieces of code elsewhere that belong to it: replacements, fixups. */
  readonly fragments: number;
  /** The patch's author asked to leave it alone (KPATCH_IGNORE_FUNCTION). */
  readonly exempt?: true;
}

/** Code that belongs to code elsewhere. */
export interface FragmentRow {
  readonly label: string;
  readonly section: string;
  readonly offset: number;
  readonly size: number;
  /** Label of the function; absent when none refers to it. */
  readonly owner?: string;
  readonly relocations: number;
}

export interface DataRow extends SpanRow {
  /** The contents of a string. */
  readonly text?: string;
}

interface CommonRow {
  readonly name: string;
  readonly size: number;
  readonly align: number;
}

/** One kernel table; without entries where they could not be told apart. */
export interface TableRow {
  readonly section: string;
  readonly index: number;
  readonly size: number;
  readonly policy: EntryPolicy;
  readonly entries?: number;
  readonly entrySize?: number;
  /** Entries that belong to a span of this object. */
  readonly owned: number;
  /** Spans they belong to. */
  readonly owners: number;
}

export interface ExportRow {
  readonly name: string;
  readonly licence: Export["licence"];
  readonly namespace?: string;
  readonly crc?: string;
  readonly section: string;
  readonly offset: number;
  /** Label of what is exported; absent when it is defined elsewhere. */
  readonly target?: string;
}

export interface HookRow {
  readonly stage: string;
  readonly section: string;
  readonly offset: number;
  /** Label of the function to call, or its name when it is defined elsewhere. */
  readonly function: string;
}

export interface GroupRow {
  readonly index: number;
  readonly signature: string;
  readonly comdat: boolean;
  readonly members: readonly string[];
}

export interface FindingRow {
  readonly code: FindingCode;
  readonly severity: Severity;
  readonly section?: string;
  readonly offset?: number;
  readonly message: string;
}

/** What is in an object, in Ksplice's terms; all lists in file order. */
export interface Inspection extends ObjectHeader {
  readonly sections: readonly SectionRow[];
  readonly functions: readonly FunctionRow[];
  readonly fragments: readonly FragmentRow[];
  readonly data: readonly DataRow[];
  readonly commons: readonly CommonRow[];
  readonly tables: readonly TableRow[];
  readonly exports: readonly ExportRow[];
  readonly hooks: readonly HookRow[];
  readonly groups: readonly GroupRow[];
  readonly findings: readonly FindingRow[];
}
