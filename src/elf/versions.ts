/*
 * Symbol versions of linked images: `.gnu.version` has an index for each dynamic symbol, which `.gnu.version_d` (what the image
 * defines) or `.gnu.version_r` (what it needs, by library) explains. Linux Standard Base, "Symbol Versioning".
 */
import { SHN, SHT, STB } from "./constants.ts";
import { stringAt, viewOf } from "./dynamic-table.ts";
import type { ElfObject, Section } from "./object.ts";

/** One symbol of `.dynsym`, as the dynamic linker sees it. */
export interface DynamicSymbol {
  readonly name: string;
  /** Empty where the symbol has no version. */
  readonly version: string;
  /** Of an import: the library whose version it is; empty where there is none. */
  readonly library: string;
  /** Whether who asks for no version gets another one (`@` and not `@@`). */
  readonly isHidden: boolean;
  /** Whether the image defines it. */
  readonly isDefined: boolean;
  readonly bind: number;
  readonly type: number;
  /** st_other whole. */
  readonly other: number;
  readonly size: number;
  /** An address; of a thread-local its offset. */
  readonly value: bigint;
  /** Index of the defining section; undefined for SHN_UNDEF and reserved indices. */
  readonly section: number | undefined;
}

/** A version that the image defines or needs. */
export interface Version {
  readonly index: number;
  readonly name: string;
  /** Library that has to have it; empty for versions that the image defines. */
  readonly library: string;
  /** VER_FLG_* bits: 1 the file itself, 2 weak. */
  readonly flags: number;
  /** Versions that this one takes in. */
  readonly parents: readonly string[];
}

/** What a linked image says of its symbols' versions. */
export interface DynamicSymbols {
  readonly symbols: readonly DynamicSymbol[];
  readonly defined: readonly Version[];
  readonly needed: readonly Version[];
}

/** VERSYM_HIDDEN and the rest of an entry of `.gnu.version`. */
const HIDDEN = 0x8000;
const INDEX = 0x7fff;
/** Bytes of an Elfxx_Verdaux. */
const SMALLEST_RECORD = 8;

/** Reads `.dynsym` with the versions of its symbols; local symbols are left out. Throws FormatError. */
export function readDynamicSymbols(object: ElfObject): DynamicSymbols {
  const defined = readDefined(object);
  const needed = readNeeded(object);
  const table = object.sections.find(({ type }) => type === SHT.DYNSYM);
  const strings = table && object.sections[table.link];
  if (table === undefined || strings === undefined) return { symbols: [], defined, needed };
  const versions = new Map([...defined, ...needed].map((version) => [version.index, version]));
  const indices = object.sections.find(({ type }) => type === SHT.GNU_VERSYM);
  const words = indices && viewOf(object, indices);
  const view = viewOf(object, table);
  const wide = object.class === 64;
  const size = wide ? 24 : 16;
  const symbols: DynamicSymbol[] = [];
  for (let index = 1; (index + 1) * size <= view.length; index++) {
    const at = index * size;
    const info = view.u8(at + (wide ? 4 : 12));
    if (info >>> 4 === STB.LOCAL) continue;
    const shndx = view.u16(at + (wide ? 6 : 14));
    const word = words !== undefined && 2 * index + 2 <= words.length ? words.u16(2 * index) : 1;
    const version = versions.get(word & INDEX);
    symbols.push({
      name: stringAt(strings, view.u32(at)),
      version: version === undefined || (version.flags & 1) !== 0 ? "" : version.name,
      library: version?.library ?? "",
      isHidden: (word & HIDDEN) !== 0,
      isDefined: shndx !== SHN.UNDEF,
      bind: info >>> 4,
      type: info & 15,
      other: view.u8(at + (wide ? 5 : 13)),
      size: wide ? Number(view.u64(at + 16)) : view.u32(at + 8),
      value: wide ? view.u64(at + 8) : BigInt(view.u32(at + 4)),
      section: shndx !== SHN.UNDEF && shndx < SHN.LORESERVE ? shndx : undefined,
    });
  }
  return { symbols, defined, needed };
}

/** Elfxx_Verdef and its Elfxx_Verdaux: the first names the version, the others those it takes in. */
function readDefined(object: ElfObject): Version[] {
  const table = object.sections.find(({ type }) => type === SHT.GNU_VERDEF);
  const found: Version[] = [];
  if (table === undefined) return found;
  const view = viewOf(object, table);
  const count = counter(object, table);
  walk(table, (at) => {
    const names: string[] = [];
    let name = at + view.u32(at + 12);
    for (let left = view.u16(at + 6); left > 0; left--) {
      count();
      names.push(stringAt(stringsOf(object, table), view.u32(name)));
      const step = view.u32(name + 4);
      if (step === 0) break;
      name += step;
    }
    const [own = "", ...parents] = names;
    found.push({ index: view.u16(at + 4) & INDEX, name: own, library: "", flags: view.u16(at + 2), parents });
    return view.u32(at + 16);
  });
  return found;
}

/** Elfxx_Verneed, one for each library, and its Elfxx_Vernaux, one for each version. */
function readNeeded(object: ElfObject): Version[] {
  const table = object.sections.find(({ type }) => type === SHT.GNU_VERNEED);
  const found: Version[] = [];
  if (table === undefined) return found;
  const view = viewOf(object, table);
  const strings = stringsOf(object, table);
  const count = counter(object, table);
  walk(table, (at) => {
    const library = stringAt(strings, view.u32(at + 4));
    let one = at + view.u32(at + 8);
    for (let left = view.u16(at + 2); left > 0; left--) {
      count();
      const name = stringAt(strings, view.u32(one + 8));
      found.push({ index: view.u16(one + 6) & INDEX, name, library, flags: view.u16(one + 4), parents: [] });
      const step = view.u32(one + 12);
      if (step === 0) break;
      one += step;
    }
    return view.u32(at + 12);
  });
  return found;
}

/** Visits records that say how far the next one is; `info` is their number. Steps lead forward only, so the walk ends. */
function walk(table: Section, visit: (at: number) => number): void {
  let at = 0;
  for (let left = table.info; left > 0; left--) {
    const step = visit(at);
    if (step === 0) return;
    at += step;
  }
}

/** Records do not overlap, so no table has more of them than fit: throws at the first that is too many. */
function counter(object: ElfObject, table: Section): () => void {
  let left = Math.floor(table.size / SMALLEST_RECORD);
  return () => {
    if (left-- === 0) throw object.error("records of versions overlap", { section: table.name });
  };
}

function stringsOf(object: ElfObject, table: Section): Section {
  const strings = object.sections[table.link];
  if (strings?.type === SHT.STRTAB) return strings;
  throw object.error("versions without a string table", { section: table.name }, table.link);
}
