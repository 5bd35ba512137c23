import { byteView } from "../bytes.ts";
import { SHT } from "./constants.ts";
import { decodeName } from "./names.ts";
import type { ElfObject, Section } from "./object.ts";

/** d_tag of the entries that are read by name. gABI chapter 5, "Dynamic Section"; the higher ones are of GNU and Solaris. */
export const DT = {
  NULL: 0,
  NEEDED: 1,
  PLTRELSZ: 2,
  PLTGOT: 3,
  HASH: 4,
  STRTAB: 5,
  SYMTAB: 6,
  RELA: 7,
  RELASZ: 8,
  RELAENT: 9,
  STRSZ: 10,
  SYMENT: 11,
  INIT: 12,
  FINI: 13,
  SONAME: 14,
  RPATH: 15,
  SYMBOLIC: 16,
  REL: 17,
  RELSZ: 18,
  RELENT: 19,
  PLTREL: 20,
  DEBUG: 21,
  TEXTREL: 22,
  JMPREL: 23,
  BIND_NOW: 24,
  INIT_ARRAY: 25,
  FINI_ARRAY: 26,
  INIT_ARRAYSZ: 27,
  FINI_ARRAYSZ: 28,
  RUNPATH: 29,
  FLAGS: 30,
  PREINIT_ARRAY: 32,
  PREINIT_ARRAYSZ: 33,
  SYMTAB_SHNDX: 34,
  RELRSZ: 35,
  RELR: 36,
  RELRENT: 37,
  GNU_PRELINKED: 0x6fff_fdf5,
  GNU_CONFLICTSZ: 0x6fff_fdf6,
  GNU_LIBLISTSZ: 0x6fff_fdf7,
  CHECKSUM: 0x6fff_fdf8,
  GNU_HASH: 0x6fff_fef5,
  TLSDESC_PLT: 0x6fff_fef6,
  TLSDESC_GOT: 0x6fff_fef7,
  GNU_CONFLICT: 0x6fff_fef8,
  GNU_LIBLIST: 0x6fff_fef9,
  CONFIG: 0x6fff_fefa,
  DEPAUDIT: 0x6fff_fefb,
  AUDIT: 0x6fff_fefc,
  VERSYM: 0x6fff_fff0,
  RELACOUNT: 0x6fff_fff9,
  RELCOUNT: 0x6fff_fffa,
  FLAGS_1: 0x6fff_fffb,
  VERDEF: 0x6fff_fffc,
  VERDEFNUM: 0x6fff_fffd,
  VERNEED: 0x6fff_fffe,
  VERNEEDNUM: 0x6fff_ffff,
  AUXILIARY: 0x7fff_fffd,
  FILTER: 0x7fff_ffff,
} as const;

/** First tag of a machine's psABI supplement: DT_LOPROC. The last is DT_HIPROC, among which GNU has DT_AUXILIARY and DT_FILTER. */
export const DT_LOPROC = 0x7000_0000;

/** One entry of `.dynamic`. */
export interface DynamicEntry {
  /** d_tag. */
  readonly tag: number;
  /** d_val or d_ptr: an address, a size, flags, or an offset in the string table. */
  readonly value: bigint;
}

/** The dynamic section of a linked image, up to DT_NULL; empty where there is none. gABI chapter 5, "Dynamic Section". */
export function readDynamicTable(object: ElfObject): readonly DynamicEntry[] {
  const table = object.sections.find(({ type }) => type === SHT.DYNAMIC);
  if (table === undefined) return [];
  const view = viewOf(object, table);
  const wide = object.class === 64;
  const size = wide ? 16 : 8;
  const entries: DynamicEntry[] = [];
  for (let at = 0; at + size <= view.length; at += size) {
    const tag = wide ? Number(view.u64(at)) : view.u32(at);
    if (tag === DT.NULL) break;
    entries.push({ tag, value: wide ? view.u64(at + 8) : BigInt(view.u32(at + 4)) });
  }
  return entries;
}

/** The string of a dynamic entry, from the table that `.dynamic` links to; empty where that has none. */
export function dynamicString(object: ElfObject, { value }: DynamicEntry): string {
  const table = object.sections.find(({ type }) => type === SHT.DYNAMIC);
  const strings = table && object.sections[table.link];
  return strings?.type === SHT.STRTAB ? stringAt(strings, Number(value)) : "";
}

/** The zero-terminated string at an offset of a string table; empty where it does not end in the table. */
export function stringAt({ bytes }: Section, offset: number): string {
  const end = offset < bytes.length ? bytes.indexOf(0, offset) : -1;
  return end === -1 ? "" : decodeName(bytes.subarray(offset, end));
}

/** A section's contents, whose errors name it. */
export function viewOf(object: ElfObject, { name, bytes }: Section) {
  return byteView(bytes, object.data, (problem, offset) => {
    throw object.error(problem, { section: name, offset });
  });
}
