import { BEYOND, HIGH, LOW, STRIDE, SYMBOL, TYPE } from "../../arch/records.ts";
import { SHF, SHN, STT } from "../../elf/constants.ts";
import type { ElfSymbol, Section } from "../../elf/object.ts";
import { namesPosition } from "../../spans/references.ts";
import { hasSpans, type SectionKind } from "../../spans/section-kind.ts";
import type { SweptSide } from "./side.ts";

/** What a sweep over two objects found to be the same, before any span was made. */
export interface SweptPair {
  readonly pre: SweptSide;
  readonly post: SweptSide;
  /** By section of pre the section of post that has its name, the first of several with the first; −1: none. */
  readonly postOf: Int32Array;
  /** The other way round. */
  readonly preOf: Int32Array;
  /** By section of pre: whether bytes, symbols and references are equal one by one, each reference leading to what has its name. */
  readonly isSame: Uint8Array;
  /** By symbol of pre: the symbol of post that stands for the same; −1: not known. */
  readonly symbolOf: Int32Array;
}

/** Whether a section may take part: code, data, exports and tables; what nothing refers to and nothing runs, does not. */
function takesPart(kind: SectionKind): boolean {
  return hasSpans(kind) || kind === "export" || kind === "table";
}

const NO_SYMBOLS: readonly ElfSymbol[] = [];

/** Compares the sections of two objects by their files' own tables. */
export function sweepSections(pre: SweptSide, post: SweptSide): SweptPair {
  const pairs = pairByName(pre, post);
  const count = pre.object.sections.length;
  const symbolOf = new Int32Array(pre.object.symbols.length).fill(-1);
  symbolOf[0] = 0;
  const sectionSymbols = sectionSymbolsOf(post);
  const undefinedNames = new Map<string, ElfSymbol>();
  for (const symbol of post.object.symbols)
    if (symbol.shndx === SHN.UNDEF && symbol.index > 0) undefinedNames.set(symbol.name, symbol);
  // By section of pre: whether it is laid out as its twin is, and holds the same bytes.
  const isAlike = new Uint8Array(count);
  for (const a of pre.object.sections) {
    const b = twinOf(a, pairs.postOf, post);
    if (
      b !== undefined &&
      isSameSection(a, b) &&
      linksOf(pre, a) === linksOf(post, b) &&
      pre.kinds[a.index] === post.kinds[b.index]
    ) {
      const isLaidOutAlike = pairSymbols(pre, post, a.index, b.index, symbolOf);
      if (isLaidOutAlike && a.size === b.size && Buffer.compare(a.bytes, b.bytes) === 0) isAlike[a.index] = 1;
    }
  }
  // A place in a section that is not the same is looked at by those who compare spans: all that refers to it is read.
  const namePosition = ({ index, section, value, other }: ElfSymbol): void => {
    const twin = sectionSymbols.get(pairs.postOf[section as number] as number);
    const symbol = twin === undefined ? undefined : post.object.symbols[twin];
    if (symbol?.value === value && symbol.other === other) symbolOf[index] = symbol.index;
  };
  for (const symbol of pre.object.symbols) {
    if (symbol.shndx === SHN.UNDEF && symbol.index > 0) {
      const other = undefinedNames.get(symbol.name);
      if (other !== undefined && isSameSymbol(symbol, other)) symbolOf[symbol.index] = other.index;
    } else if (symbol.section !== undefined && symbol.type === STT.SECTION) namePosition(symbol);
  }
  const isSame = new Uint8Array(count);
  const settle = (section: Section): void => {
    if (isAlike[section.index] !== 1) return;
    const other = pairs.postOf[section.index] as number;
    if (hasSameRecords(pre, post, section.index, other, symbolOf)) isSame[section.index] = 1;
  };
  for (const section of pre.object.sections) settle(section);
  return { pre, post, ...pairs, isSame, symbolOf };
}

function twinOf(section: Section, postOf: Int32Array, post: SweptSide): Section | undefined {
  const twin = postOf[section.index] as number;
  return twin < 0 ? undefined : post.object.sections[twin];
}

function pairByName(pre: SweptSide, post: SweptSide): Pick<SweptPair, "postOf" | "preOf"> {
  const before = namesOf(pre);
  const after = namesOf(post);
  const postOf = new Int32Array(pre.object.sections.length).fill(-1);
  const preOf = new Int32Array(post.object.sections.length).fill(-1);
  for (const [name, list] of before) {
    const others = after.get(name);
    if (others === undefined || others.length !== list.length) continue;
    for (const [i, section] of list.entries()) {
      postOf[section] = others[i] as number;
      preOf[others[i] as number] = section;
    }
  }
  return { postOf, preOf };
}

function namesOf({ object, kinds }: SweptSide): Map<string, number[]> {
  const names = new Map<string, number[]>();
  for (const { name, index } of object.sections) {
    if (!takesPart(kinds[index] as SectionKind)) continue;
    const list = names.get(name);
    if (list === undefined) names.set(name, [index]);
    else list.push(index);
  }
  return names;
}

function isSameSection(a: Section, b: Section): boolean {
  return a.type === b.type && a.flags === b.flags && a.addralign === b.addralign && a.entsize === b.entsize;
}

/** What a linker is told of a section by others: the group that it is in, and the section that it goes with. gABI chapter 4. */
function linksOf({ object, groups }: SweptSide, { index, flags, link }: Section): string {
  const linked = (flags & SHF.LINK_ORDER) === 0n ? "" : (object.sections[link]?.name ?? "");
  const group = groups.get(index);
  return group === undefined && linked === "" ? "" : `${linked} ${group}`;
}

function isSameSymbol(a: ElfSymbol, b: ElfSymbol): boolean {
  return a.name === b.name && a.bind === b.bind && a.type === b.type && a.other === b.other;
}

/** Pairs the symbols of two sections that have the same names in the same order; returns whether they stand at the same places. */
function pairSymbols(pre: SweptSide, post: SweptSide, section: number, other: number, symbolOf: Int32Array): boolean {
  const hasSameMarks = pairMarks(pre.marks.get(section) ?? NO_SYMBOLS, post.marks.get(other) ?? NO_SYMBOLS, symbolOf);
  const [list, others] = [pre.symbols.get(section) ?? NO_SYMBOLS, post.symbols.get(other) ?? NO_SYMBOLS];
  if (list.length !== others.length) return false;
  let isAlike = true;
  for (const [i, a] of list.entries()) {
    const b = others[i] as ElfSymbol;
    if (!isSameSymbol(a, b)) return false;
    if (a.value !== b.value || a.size !== b.size) isAlike = false;
  }
  for (const [i, a] of list.entries())
    if (isAlike || !namesPosition(a)) symbolOf[a.index] = (others[i] as ElfSymbol).index;
  return isAlike && hasSameMarks;
}

/** Pairs symbols that only mark places; returns whether both sections have the same. */
function pairMarks(list: readonly ElfSymbol[], others: readonly ElfSymbol[], symbolOf: Int32Array): boolean {
  let isSame = list.length === others.length;
  for (const [i, a] of list.entries()) {
    const b = others[i];
    if (b !== undefined && isSameSymbol(a, b) && a.value === b.value && a.size === b.size) symbolOf[a.index] = b.index;
    else isSame = false;
  }
  return isSame;
}

function sectionSymbolsOf({ object }: SweptSide): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  for (const { index, type, section } of object.symbols)
    if (type === STT.SECTION && section !== undefined && !found.has(section)) found.set(section, index);
  return found;
}

function hasSameRecords(pre: SweptSide, post: SweptSide, a: number, b: number, symbolOf: Int32Array): boolean {
  const { words: x, count } = pre.recordsOf(a);
  const { words: y, count: other } = post.recordsOf(b);
  if (count !== other) return false;
  for (let i = 0; i < count * STRIDE; i += STRIDE) {
    if (x[i + BEYOND] !== 0 || y[i + BEYOND] !== 0) return false;
    if (x[i] !== y[i] || x[i + TYPE] !== y[i + TYPE] || x[i + LOW] !== y[i + LOW] || x[i + HIGH] !== y[i + HIGH])
      return false;
    if (symbolOf[x[i + SYMBOL] as number] !== y[i + SYMBOL]) return false;
  }
  return true;
}

/** Whether two stretches of one table and its twin hold the same bytes and the same references. */
export function isSameStretch(
  pair: SweptPair,
  section: number,
  from: number,
  other: number,
  to: number,
  size: number,
): boolean {
  const a = pair.pre.object.sections[section] as Section;
  const b = pair.post.object.sections[other] as Section;
  if (Buffer.compare(a.bytes.subarray(from, from + size), b.bytes.subarray(to, to + size)) !== 0) return false;
  const { words: x, count } = pair.pre.recordsOf(section);
  const { words: y, count: last } = pair.post.recordsOf(other);
  let i = firstWord(x, count, from);
  let j = firstWord(y, last, to);
  for (; i < count * STRIDE && (x[i] as number) < from + size; i += STRIDE, j += STRIDE) {
    if (j >= last * STRIDE || (x[i] as number) - from !== (y[j] as number) - to) return false;
    if (x[i + TYPE] !== y[j + TYPE] || x[i + LOW] !== y[j + LOW] || x[i + HIGH] !== y[j + HIGH]) return false;
    const symbol = x[i + SYMBOL] as number;
    const place = pair.pre.places[symbol] as number;
    if (pair.symbolOf[symbol] !== y[j + SYMBOL] || (place >= 0 && pair.isSame[place] !== 1)) return false;
  }
  return j >= last * STRIDE || (y[j] as number) >= to + size;
}

function firstWord(words: Int32Array, count: number, offset: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((words[middle * STRIDE] as number) < offset) low = middle + 1;
    else high = middle;
  }
  return low * STRIDE;
}
