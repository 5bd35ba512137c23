import type { Arch } from "../arch/arch.ts";
import { isJoined } from "../elf/notes.ts";
import type { ElfObject, Section } from "../elf/object.ts";
import { addTo } from "../grouping.ts";
import { lastAtOrBefore } from "../lists.ts";
import type { Draft } from "./references.ts";

/*
 * What stands before a function's entry and is part of it: the hash of its type (kCFI), room for a tracer or for a thunk
 * (-fpatchable-function-entry=N,M), the offset of its TOC. On x86 the hash has a symbol, `__cfi_f`, and room that objtool
 * found has `__pfx_f`; elsewhere only tables and the bytes themselves tell. Clang: "Control Flow Integrity", -fsanitize=kcfi;
 * Linux: arch/arm64/Kconfig, DYNAMIC_FTRACE_WITH_CALL_OPS; 64-bit ELF V2 ABI for Power, 2.3.2.1.
 */

/** What one object tells of the bytes before its functions. */
export interface PrefixEvidence {
  /** Places of a section that tables of patchable entries point to, in order. */
  readonly sitesIn: (section: number) => readonly number[];
  /** Whether mapping symbols say that a place holds data; undefined where the section has none of them. */
  readonly isData: (section: number, place: number) => boolean | undefined;
  /** Whether code of several files lies in the sections. */
  readonly isJoined: boolean;
}

const SITES = /^(__patchable_function_entries|__mcount_loc)$/;
const NO_PLACES: readonly number[] = [];

/** Reads the evidence when it is first asked for: most objects have no code between functions. */
export function prefixEvidence(object: ElfObject, drafts: ReadonlyMap<number, readonly Draft[]>): PrefixEvidence {
  let sites: ReadonlyMap<number, readonly number[]> | undefined;
  let marks: ReadonlyMap<number, readonly Mark[]> | undefined;
  return {
    isJoined: isJoined(object),
    sitesIn: (section) => {
      sites ??= readSites(object, drafts);
      return sites.get(section) ?? NO_PLACES;
    },
    isData: (section, place) => {
      marks ??= readMarks(object);
      const list = marks.get(section);
      if (list === undefined) return undefined;
      const index = lastAtOrBefore(list, (mark) => mark.place, place);
      return index >= 0 && (list[index] as Mark).isData;
    },
  };
}

function readSites(object: ElfObject, drafts: ReadonlyMap<number, readonly Draft[]>): Map<number, number[]> {
  const places = new Map<number, number[]>();
  for (const { index, name } of object.sections) {
    if (!SITES.test(name)) continue;
    for (const { targetSection, targetOffset } of drafts.get(index) ?? []) {
      addTo(places, targetSection, targetOffset);
    }
  }
  for (const list of places.values()) list.sort((a, b) => a - b);
  return places;
}

/** Where data or code begins, after a mapping symbol. */
interface Mark {
  readonly place: number;
  readonly isData: boolean;
}

const MAPPING = /^\$([adtx])(\.|$|rv)/;

function readMarks(object: ElfObject): Map<number, Mark[]> {
  const marks = new Map<number, Mark[]>();
  for (const { name, section, value } of object.symbols) {
    const letter = name.startsWith("$") ? MAPPING.exec(name)?.[1] : undefined;
    if (letter === undefined || section === undefined) continue;
    const mark = { place: Number(value), isData: letter === "d" };
    addTo(marks, section, mark);
  }
  for (const list of marks.values()) list.sort((a, b) => a.place - b.place);
  return marks;
}

/** A section of code that is to be cut, with what tells where its functions begin and end. */
export interface CodeSection {
  readonly section: Section;
  readonly arch: Arch;
  readonly evidence: PrefixEvidence;
  /** Whether a relocation fills in bytes between two offsets. */
  readonly relocatedAt: (from: number, to: number) => boolean;
}

/** Whether bytes only fill up: padding that no relocation makes into something else. */
export function isUnrelocatedPadding({ section, arch, relocatedAt }: CodeSection, from: number, to: number): boolean {
  return arch.isPadding(section.bytes, from, to) && !relocatedAt(from, to);
}

/** Whether a kCFI type hash is a bare word before the entry; on x86 it is an instruction with a symbol. */
export function hasBareTypeHash(arch: Arch): boolean {
  return arch.kernel.hasBareTypeHash;
}

const WORD = 4;
const TOC_OFFSET = 8;

/**
 * Where the prefix of the function begins whose first symbol is at `entry`: at or behind `from`, the end of what lies before
 * it; `entry` itself when there is no prefix.
 */
export function prefixStart(code: CodeSection, from: number, entry: number): number {
  const { section, arch, evidence, relocatedAt } = code;
  const { bytes, index } = section;
  if (bytes.length === 0) return entry;
  const isFiller = (start: number, end: number): boolean => start === end || isUnrelocatedPadding(code, start, end);
  const sites = evidence.sitesIn(index);
  const first = lastAtOrBefore(sites, (site) => site, from - 1) + 1;
  const site = sites[first] ?? entry;
  const room = site < entry && isFiller(site, entry) ? site : entry;
  if (arch.link.hasTocOffsets) {
    const offset = room - TOC_OFFSET;
    return offset >= from && relocatedAt(offset, room) && isFiller(from, offset) ? offset : room;
  }
  if (!hasBareTypeHash(arch)) return room;
  let word = room - WORD;
  // Nops behind the hash may be in no table.
  if (room === entry) while (word >= from && isFiller(word, word + WORD)) word -= WORD;
  if (word < from || isFiller(word, word + WORD) || relocatedAt(word, word + WORD)) return room;
  const isData = evidence.isData(index, word);
  return isData === true || (isData === undefined && isFiller(from, word)) ? word : room;
}
