import type { KernelModel } from "../arch/kernel.ts";
import type { Section } from "../elf/object.ts";
import type { SectionKind } from "./kinds.ts";

/**
 * What a difference in an entry alone means, when its owner's code is the same:
 * `patch-owner` the owner has to be replaced so that the entry is too; `bug-line` a line number may be rewritten in place;
 * `derived` nothing, the entry only repeats where an instruction is.
 */
export type EntryPolicy = "patch-owner" | "bug-line" | "derived";

/** One size that entries have had, with the widths of the fields at its start that may be relocated. */
export interface EntryLayout {
  readonly size: number;
  /** Width in bytes of each field, first to last. */
  readonly fields: readonly number[];
  /** Offset of the field that holds the owner's address; default 0. */
  readonly ownerField?: number;
  /** Whether kernels of an architecture usually have this layout, where the object does not tell. */
  readonly isUsual?: (kernel: KernelModel) => boolean;
  /** Addresses count from the entry's start, not from the field. */
  readonly fromEntry?: boolean;
  /** High bits of the addresses hold the line. */
  readonly packsLine?: true;
  /** Offset of the byte that tells how long the replacement code is, in tables that name replacement code. */
  readonly replacementLength?: number;
}

/** One kernel table whose entries belong to code elsewhere. */
export interface SpecialTable {
  readonly name: RegExp;
  readonly kind: SectionKind;
  readonly policy: EntryPolicy;
  /** By age and architecture, most usual first; which one an object has is checked against its relocations. */
  readonly layouts: readonly EntryLayout[];
  /** Where the kernel defines it. */
  readonly source: string;
}

function layout(...fields: readonly number[]): EntryLayout {
  return { size: fields.reduce((sum, width) => sum + width, 0), fields };
}

function table(name: RegExp, policy: EntryPolicy, layouts: readonly EntryLayout[], source: string): SpecialTable {
  return { name, kind: "table", policy, layouts, source };
}

function fragment(name: RegExp, source: string): SpecialTable {
  return { name, kind: "fragment", policy: "patch-owner", layouts: [], source };
}

const SITE = [layout(4)];
const POINTER = [layout(8), layout(4)];

/** Two addresses, the feature, then the lengths of both codes; 14 bytes since the feature has 32 bits, 13 while there was a pad length. */
const ALTERNATIVE: readonly EntryLayout[] = [
  { ...layout(4, 4, 4, 1, 1), replacementLength: 13 },
  { ...layout(4, 4, 2, 1, 1, 1), replacementLength: 11 },
  { ...layout(4, 4, 2, 1, 1), replacementLength: 11 },
];

/** Where a fault may happen, where to go on, and since 4.6 or 5.16 how: some architectures never had the third field. */
const EXCEPTION: readonly EntryLayout[] = [
  layout(4, 4, 4),
  { ...layout(4, 4), isUsual: ({ exceptionFields }) => exceptionFields === 2 },
  layout(8, 8),
];

/** Mask and value of the feature bits, then begin and end of the code and of its alternative, counted from the entry. */
const FEATURE: readonly EntryLayout[] = [
  { ...layout(8, 8, 8, 8, 8, 8), ownerField: 16, fromEntry: true },
  { ...layout(4, 4, 4, 4, 4, 4), ownerField: 8, fromEntry: true },
];

/** Where an assertion is, and the file or the function to call; where an assertion has a text, two more words. */
const BUG_FRAME: readonly EntryLayout[] = [
  { ...layout(4, 4), fromEntry: true, packsLine: true },
  { ...layout(4, 4, 4, 4), fromEntry: true, packsLine: true },
];

/** Kernel tables of all architectures. Sizes were measured on real objects; sources are files of the Linux kernel. */
const TABLES: readonly SpecialTable[] = [
  table(
    /^__bug_table$/,
    "bug-line",
    [layout(4, 4, 2, 2), layout(4, 4, 4, 2, 2), layout(8, 8, 2, 2, 4), layout(4, 2, 2)],
    "include/asm-generic/bug.h",
  ),
  table(/^\.bug_frames(\.\d+)?$/, "patch-owner", BUG_FRAME, "Xen: xen/include/xen/bug.h"),
  table(/^__ex_table$/, "patch-owner", EXCEPTION, "arch/*/include/asm/extable.h"),
  table(/^\.altinstructions$/, "patch-owner", ALTERNATIVE, "arch/*/include/asm/alternative.h"),
  table(
    /^__jump_table$/,
    "patch-owner",
    [layout(4, 4, 8), layout(8, 8, 8), layout(4, 4, 4)],
    "include/linux/jump_label.h",
  ),
  table(/^\.static_call_sites$/, "patch-owner", [layout(4, 4)], "include/linux/static_call_types.h"),
  table(/^\.parainstructions$/, "patch-owner", [layout(8, 1, 1, 2, 4)], "arch/x86/include/asm/paravirt_types.h"),
  table(/^\.smp_locks$/, "derived", SITE, "arch/x86/include/asm/alternative.h"),
  table(/^\.(retpoline|return|call|cfi)_sites$|^\.ibt_endbr_seal$/, "derived", SITE, "tools/objtool/check.c"),
  table(/^\.kcfi_traps$/, "derived", SITE, "include/linux/cfi.h"),
  table(/^__mcount_loc$/, "derived", POINTER, "include/asm-generic/vmlinux.lds.h"),
  table(/^__patchable_function_entries$/, "derived", POINTER, "include/asm-generic/vmlinux.lds.h"),
  table(/^__(mmu_|fw_)?ftr_fixup$/, "patch-owner", FEATURE, "arch/powerpc/include/asm/feature-fixups.h"),
  table(
    /^__(lwsync|barrier_nospec|(uaccess|entry|stf_entry|stf_exit|scv|rfi)\w*_flush|btb_flush|rfi_flush)_fixup$/,
    "patch-owner",
    POINTER,
    "arch/powerpc/include/asm/feature-fixups.h",
  ),
  table(
    /^\.s390_(indirect_(call|branches|jump)|return_(reg|mem))$/,
    "derived",
    SITE,
    "arch/s390/include/asm/nospec-insn.h",
  ),
  fragment(/^\.altinstr_replacement$/, "arch/*/include/asm/alternative.h"),
  fragment(/^\.altinstr_aux$/, "arch/x86/include/asm/cpufeature.h"),
  fragment(/^\.(text\.)?fixup$/, "arch/x86/include/asm/asm.h (before 5.17), arch/arm/include/asm/uaccess.h"),
  fragment(/^\.text\.\.refcount$/, "arch/x86/include/asm/refcount.h (4.13 to 4.19)"),
  fragment(/^__ftr_alt_/, "arch/powerpc/include/asm/feature-fixups.h"),
];

/** A table without a row, told by its shape: no symbols, and every entry begins with an address inside a function. */
export const UNKNOWN_TABLE: SpecialTable = table(/(?!)/, "patch-owner", [], "");

/** What a function's frame description points to: call sites, actions, types. */
export const EXCEPTION_TABLE: SpecialTable = table(
  /^\.(gcc_except_table|ARM\.extab)/,
  "patch-owner",
  [],
  "Itanium C++ ABI: Exception Handling; Exception Handling ABI for the Arm Architecture",
);

/** The table description for a section name, or undefined when it is not a special section. */
export function specialTableOf(name: string): SpecialTable | undefined {
  return TABLES.find((row) => row.name.test(name));
}

/** Whether entries of a table are nothing but the address of their owner. */
export function hasSingleFields({ layouts }: SpecialTable): boolean {
  return layouts.length > 0 && layouts.every(({ fields }) => fields.length === 1);
}

/** Where one table entry lies in its section. */
export interface EntryRange {
  readonly offset: number;
  readonly size: number;
}

/** A relocated field in a table. */
export interface RelocatedField {
  readonly offset: number;
  /** Width in bytes. */
  readonly width: number;
  /** How well what it points to can own an entry: 2 a function, 1 code that belongs to one, 0 nothing else. */
  readonly rank: number;
}

/** Whether every entry of this layout starts with its owner, and every relocation hits one of its fields. */
function explains(layout: EntryLayout, total: number, widths: ReadonlyMap<number, number>): boolean {
  const starts = new Map<number, number>();
  let start = 0;
  for (const width of layout.fields) {
    starts.set(start, width);
    start += width;
  }
  for (let at = layout.ownerField ?? 0; at < total; at += layout.size) if (!widths.has(at)) return false;
  for (const [offset, width] of widths) if (starts.get(offset % layout.size) !== width) return false;
  return true;
}

/**
 * The layout of a table's entries, from the object itself: the first known one that explains all relocations, else the
 * smallest stride at which every entry begins with a relocation (sh_entsize first).
 */
export function entryLayout(
  row: SpecialTable,
  section: Section,
  fields: readonly RelocatedField[],
  kernel: KernelModel,
): EntryLayout | undefined {
  const widths = new Map(fields.filter(({ width }) => width > 0).map(({ offset, width }) => [offset, width]));
  const total = section.size;
  // A last entry may lack its padding, so the total need not be a multiple.
  const fitting = row.layouts.filter((layout) => explains(layout, total, widths));
  const best = bestLayout(fitting, section, fields, kernel);
  if (best !== undefined) return best.size > total ? { ...best, size: total } : best;
  const strides = [section.entsize, ...[...widths.keys()].sort((a, b) => a - b)].filter(
    (size) => size > 1 && size <= 256,
  );
  const size = strides.find((stride) => {
    for (let at = 0; at < total; at += stride) if (!widths.has(at)) return false;
    return true;
  });
  if (size !== undefined) return { size, fields: [] };
  return widths.size === 1 && widths.has(0) ? { size: total, fields: [] } : undefined;
}

/** Among layouts that explain the relocations: the one whose owners are functions; then sh_entsize, the architecture's habit, whole entries, age. */
function bestLayout(
  fitting: readonly EntryLayout[],
  section: Section,
  fields: readonly RelocatedField[],
  kernel: KernelModel,
): EntryLayout | undefined {
  const owners = (layout: EntryLayout): number => {
    const own = fields.filter(({ offset }) => offset % layout.size === (layout.ownerField ?? 0));
    return own.reduce((sum, { rank }) => sum + rank, 0) / Math.max(own.length, 1);
  };
  const habit = (layout: EntryLayout): number =>
    (layout.size === section.entsize ? 4 : 0) +
    (section.size % layout.size === 0 ? 2 : 0) +
    (layout.isUsual?.(kernel) ? 1 : 0);
  let best: EntryLayout | undefined;
  for (const layout of fitting) {
    if (best === undefined || owners(layout) > owners(best)) best = layout;
    else if (owners(layout) === owners(best) && habit(layout) > habit(best)) best = layout;
  }
  return best;
}

/** Cuts a table into entries; the last one may be shorter than the stride. */
export function entryRanges(stride: number, total: number): EntryRange[] {
  const ranges: EntryRange[] = [];
  for (let offset = 0; offset < total; offset += stride) {
    ranges.push({ offset, size: Math.min(stride, total - offset) });
  }
  return ranges;
}
