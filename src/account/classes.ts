import { ET } from "../elf/constants.ts";
import type { ElfObject } from "../elf/object.ts";

/**
 * Who answers for a stretch of an allocated section, or for a relocation record: exactly one of these.
 * `equal` compared and the same; `reported` told in functions, data, exports or findings; `table` an entry of a table, with
 * the code it belongs to; `export` an entry of the export tables; `noise` differs only in what noise tells (line numbers,
 * lengths of branches); `padding` filler between things; `regenerated` made by the build from the rest; `metadata` nothing that
 * runs and nothing the running system reads; `unexplained` differs, and the description does not tell it.
 */
export const OWNERS = [
  "equal",
  "reported",
  "table",
  "export",
  "noise",
  "padding",
  "regenerated",
  "metadata",
  "unexplained",
] as const;
export type Owner = (typeof OWNERS)[number];

/** How much each owner has: bytes or records; owners that have nothing are left out. */
export type Shares = Partial<Record<Owner, number>>;

/** The account of one side of one pair. */
export interface SideAccount {
  /** Bytes of all SHF_ALLOC sections (SHT_NOBITS by their size in memory), by owner. */
  readonly bytes: Shares;
  /** Sum of the sizes of those sections, from their headers. */
  readonly allocated: number;
  /** Relocation records that apply to those sections, by owner. */
  readonly relocations: Shares;
  readonly records: number;
}

/** A difference that nothing in the description tells. */
export interface Unexplained {
  readonly side: "pre" | "post";
  readonly section: string;
  /** Byte offset in the section. */
  readonly offset: number;
  readonly name: string | undefined;
  /** Both sides in words. */
  readonly detail: string;
}

interface Derived {
  readonly name: RegExp;
  readonly owner: "regenerated" | "metadata";
  /** Why a difference in it alone says nothing. */
  readonly reason: string;
}

/** Allocated sections that may differ when nothing else does, each with the reason. */
const DERIVED: readonly Derived[] = [
  {
    name: /^\.orc_(unwind|unwind_ip|header|lookup)$/,
    owner: "regenerated",
    reason: "objtool computes it from the code",
  },
  { name: /^\.sframe$/, owner: "regenerated", reason: "the assembler computes it from the code's frame directives" },
  { name: /^\.note\.gnu\.build-id$/, owner: "regenerated", reason: "a hash of the whole file" },
  { name: /^\.BTF_ids$/, owner: "regenerated", reason: "numbers of types, filled in by resolve_btfids" },
  { name: /^\.BTF(\.ext)?$/, owner: "metadata", reason: "types for debuggers and BPF" },
  { name: /^\.(reginfo|MIPS\.options)$/, owner: "regenerated", reason: "a mask of the registers that the code uses" },
  { name: /^\.discard\b/, owner: "metadata", reason: "the linker throws it away" },
  { name: /^__versions$/, owner: "regenerated", reason: "modpost copies it from the exporting kernel" },
];

/** Of linked images: what the linker made of its inputs, where addresses move when anything does. */
const LINKED: readonly Derived[] = [
  {
    name: /^\.(dynsym|dynstr|gnu\.hash|hash|gnu\.version(_[rd])?|dynamic|interp|relr?a?\.\w+|rel[ar]?|eh_frame(_hdr)?|plt(\.\w+)?|iplt|glink|got(\.plt)?|igot(\.plt)?|opd|branch_lt|MIPS\.\w+)$/,
    owner: "regenerated",
    reason: "the linker makes it from the inputs",
  },
];

/** Whether a section may differ by itself, and as what it counts. */
export function derivedOwner(name: string, object: ElfObject): "regenerated" | "metadata" | undefined {
  const rows = object.type === ET.REL ? DERIVED : [...DERIVED, ...LINKED];
  return rows.find((row) => row.name.test(name))?.owner;
}
