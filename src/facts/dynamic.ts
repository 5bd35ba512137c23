import type { ObjectDiff } from "../diff/diff.ts";
import { constantName } from "../elf/constants.ts";
import { DT, DT_LOPROC, type DynamicEntry, dynamicString, readDynamicTable } from "../elf/dynamic-table.ts";
import type { ElfObject } from "../elf/object.ts";
import { groupBy } from "../grouping.ts";
import { hex } from "../hex.ts";
import { becomes, type Fact, placeChange } from "./fact.ts";

/** Entries that name a library, a folder or the image itself, in the order that the dynamic linker goes by. */
const STRINGS: ReadonlySet<number> = new Set([
  ...[DT.NEEDED, DT.SONAME, DT.RPATH, DT.RUNPATH, DT.CONFIG, DT.DEPAUDIT, DT.AUDIT, DT.AUXILIARY, DT.FILTER],
]);

/** Tables of names, made anew by the linker; which there are says which dynamic linkers can read the image. */
const NAME_TABLES: ReadonlySet<number> = new Set([DT.HASH, DT.GNU_HASH]);

/** Addresses of functions that the dynamic linker calls. */
const FUNCTIONS: ReadonlySet<number> = new Set([DT.INIT, DT.FINI]);

/**
 * Addresses, sizes and counts of tables that are compared by what they hold, or that the linker makes of the rest; the place and
 * size of `.init_array` and its like too, whose words are compared one by one.
 */
const DERIVED: ReadonlySet<number> = new Set([
  ...[DT.PLTRELSZ, DT.PLTGOT, DT.STRTAB, DT.SYMTAB, DT.RELA, DT.RELASZ, DT.RELAENT, DT.STRSZ, DT.SYMENT],
  ...[DT.REL, DT.RELSZ, DT.RELENT, DT.PLTREL, DT.DEBUG, DT.JMPREL, DT.INIT_ARRAY, DT.FINI_ARRAY, DT.INIT_ARRAYSZ],
  ...[DT.FINI_ARRAYSZ, DT.PREINIT_ARRAY, DT.PREINIT_ARRAYSZ, DT.SYMTAB_SHNDX, DT.RELRSZ, DT.RELR, DT.RELRENT],
  ...[DT.GNU_PRELINKED, DT.GNU_CONFLICTSZ, DT.GNU_LIBLISTSZ, DT.CHECKSUM, DT.TLSDESC_PLT],
  ...[DT.TLSDESC_GOT, DT.GNU_CONFLICT, DT.GNU_LIBLIST, DT.VERSYM, DT.RELACOUNT, DT.RELCOUNT, DT.VERDEF],
  ...[DT.VERDEFNUM, DT.VERNEED, DT.VERNEEDNUM],
]);

/** What `.dynamic` tells the dynamic linker to load, to search, to call, and how to bind. gABI chapter 5, "Dynamic Section". */
export function dynamicFacts(diff: ObjectDiff): Fact[] {
  const [pre, post] = [diff.pre.table.object, diff.post.table.object];
  const before = groupBy(readDynamicTable(pre), ({ tag }) => tag);
  const after = groupBy(readDynamicTable(post), ({ tag }) => tag);
  const facts: Fact[] = [];
  for (const tag of [...new Set([...before.keys(), ...after.keys()])].sort((a, b) => a - b)) {
    if (DERIVED.has(tag)) continue;
    const detail = entryChange(diff, tag, before.get(tag) ?? [], after.get(tag) ?? []);
    if (detail !== undefined) facts.push({ weight: "changed", subject: constantName(DT, "DT_", tag), detail });
  }
  return facts;
}

function entryChange(
  diff: ObjectDiff,
  tag: number,
  old: readonly DynamicEntry[],
  now: readonly DynamicEntry[],
): string | undefined {
  const [first, other] = [old[0], now[0]];
  if (FUNCTIONS.has(tag) && first !== undefined && other !== undefined)
    return placeChange(diff, first.value, other.value);
  const [from, to] = [words(diff.pre.table.object, tag, old), words(diff.post.table.object, tag, now)];
  return from === to ? undefined : becomes(from, to);
}

/** What entries of one tag say, in words that both sides share. */
function words(object: ElfObject, tag: number, entries: readonly DynamicEntry[]): string {
  if (STRINGS.has(tag)) return entries.map((entry) => dynamicString(object, entry)).join(", ");
  // What the value of a machine's own entry means, its supplement says: most are addresses and counts.
  const isPresence = tag >= DT_LOPROC || FUNCTIONS.has(tag) || NAME_TABLES.has(tag);
  return entries.map(({ value }) => (isPresence ? "an entry" : hex(value))).join(", ");
}
