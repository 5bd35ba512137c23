import type { Arch } from "../arch/arch.ts";
import { endsFlow } from "../arch/flow.ts";
import { ET, SHF, SHN, STB, STT } from "../elf/constants.ts";
import type { ElfObject, ElfSymbol, Section } from "../elf/object.ts";
import { addTo } from "../grouping.ts";
import { isLinkerSymbol, isStubSymbol } from "./linker-made.ts";
import { isAnonymousName, prefixedFunction } from "./names.ts";
import { type CodeSection, isUnrelocatedPadding, type PrefixEvidence, prefixStart } from "./prefix.ts";
import { isCode, type SectionKind } from "./section-kind.ts";
import type { SpanSymbol } from "./span.ts";
import { symbolPlace } from "./symbol-place.ts";

/** A stretch of a section that becomes a span. */
export interface Piece {
  readonly offset: number;
  readonly size: number;
  /** Section-relative, by offset, the canonical one of each place first. */
  readonly symbols: readonly ElfSymbol[];
  /** No symbol claims these bytes: they may be cut further where code refers to them. */
  readonly anonymous: boolean;
}

/**
 * Symbols by defining section, without those that only name files, sections or mark instruction sets. Throws FormatError for a
 * symbol of a relocatable object that lies past its section: nothing is there that could be compared.
 */
export function symbolsBySection(object: ElfObject, arch: Arch): ReadonlyMap<number, ElfSymbol[]> {
  const bySection = new Map<number, ElfSymbol[]>();
  const isLinked = object.type !== ET.REL;
  for (const symbol of object.symbols) {
    if (symbol.section === undefined || symbol.shndx === SHN.UNDEF) continue;
    if (symbol.type === STT.FILE || symbol.type === STT.SECTION) continue;
    const section = object.sections[symbol.section] as Section;
    const place = symbolPlace(arch, symbol);
    if (!(place >= 0 && place <= section.size)) {
      // In a linked image a linker script may give a symbol any address and any section.
      if (isLinked) continue;
      const problem = `symbol ${symbol.index} lies past the end of its section (${section.size} bytes)`;
      throw object.error(problem, { section: section.name, offset: symbol.value });
    }
    if (isLinked && (isLinkerSymbol(symbol, section) || isLabelOfConstants(symbol, section))) continue;
    if (isMark(arch, symbol)) continue;
    addTo(bySection, symbol.section, symbol);
  }
  return bySection;
}

/** Whether a symbol only marks a place, or an instruction set, and names nothing. */
export function isMark(arch: Arch, { name, size }: ElfSymbol): boolean {
  return arch.isMarkerSymbol(name) && !(name.startsWith(".L") && size > 0);
}

/**
 * Whether a symbol of a linked image, which assembler code left without a size, names constants: where they end it does not tell, and what
 * other objects brought lies behind them. They are compared as others without a name, by what refers to them.
 */
function isLabelOfConstants({ size, bind, type }: ElfSymbol, { flags }: Section): boolean {
  return size === 0 && bind === STB.LOCAL && type === STT.OBJECT && (flags & (SHF.WRITE | SHF.EXECINSTR)) === 0n;
}

/** Preference among the names of one place: global, weak, local; a typed symbol before a bare label; then table order. */
function rank(symbol: ElfSymbol): number {
  const bind = symbol.bind === STB.GLOBAL ? 0 : symbol.bind === STB.WEAK ? 1 : 2;
  const anonymous = isAnonymousName(symbol.name) ? 100 : 0;
  // With descriptors `.f` is what older compilers call the code of `f`.
  const dot = symbol.name.startsWith(".") ? 5 : 0;
  return anonymous + dot + bind * 10 + (symbol.type === STT.NOTYPE ? 1 : 0);
}

type PlaceOf = (symbol: ElfSymbol) => number;

function byPlace(placeOf: PlaceOf, a: ElfSymbol, b: ElfSymbol): number {
  const place = placeOf(a) - placeOf(b);
  return place !== 0 ? place : rank(a) - rank(b) || a.index - b.index;
}

interface Interval {
  start: number;
  end: number;
  /** Names of prefixes come before the function's own. */
  symbols: ElfSymbol[];
}

/** Unites symbols that overlap; a symbol without size reaches to the next one, unless it lies inside a sized one. */
function intervalsOf(placeOf: PlaceOf, symbols: readonly ElfSymbol[], total: number, inCode: boolean): Interval[] {
  const intervals: Interval[] = [];
  const unsized: ElfSymbol[] = [];
  for (const symbol of symbols) {
    const start = placeOf(symbol);
    if (symbol.size === 0 || start >= total) {
      unsized.push(symbol);
      continue;
    }
    const end = Math.min(start + symbol.size, total);
    const last = intervals.at(-1);
    if (last !== undefined && start < last.end) {
      last.end = Math.max(last.end, end);
      last.symbols.push(symbol);
    } else intervals.push({ start, end, symbols: [symbol] });
  }
  return unsized.length === 0 ? intervals : withUnsized(placeOf, intervals, unsized, total, inCode);
}

function withUnsized(
  placeOf: PlaceOf,
  sized: readonly Interval[],
  unsized: readonly ElfSymbol[],
  total: number,
  inCode: boolean,
): Interval[] {
  const all: Interval[] = [];
  let next = 0;
  let open: Interval | undefined;
  const takeSizedUpTo = (place: number): void => {
    for (let interval = sized[next]; interval !== undefined && interval.start <= place; interval = sized[++next]) {
      if (open !== undefined) open.end = Math.min(open.end, interval.start);
      open = undefined;
      all.push(interval);
    }
  };
  for (const symbol of unsized) {
    const start = placeOf(symbol);
    takeSizedUpTo(start);
    const last = all.at(-1);
    const isTyped = symbol.type === STT.FUNC || symbol.type === STT.OBJECT;
    const opensNew = !inCode || isTyped || symbol.bind !== STB.LOCAL || isStubSymbol(symbol);
    if (last !== undefined && (start < last.end || (start === last.end && start === total)) && last !== open) {
      last.symbols.push(symbol);
    } else if (open !== undefined && (start === open.start || !opensNew)) {
      open.symbols.push(symbol);
    } else {
      if (open !== undefined) open.end = Math.min(start, total);
      open = { start, end: total, symbols: [symbol] };
      all.push(open);
    }
  }
  takeSizedUpTo(total);
  return all.filter((interval) => interval.end > interval.start || (total === 0 && interval.start === 0));
}

/** A function without size ends where only filler follows that a table of patchable entries knows: it belongs to the next one. */
function endAtSites(intervals: readonly Interval[], { section, arch, evidence }: CodeSection): void {
  for (const interval of intervals) {
    if (interval.symbols.some(({ size }) => size > 0) || interval.end >= section.size) continue;
    const { start, end } = interval;
    const site = evidence
      .sitesIn(section.index)
      .find((place) => place > start && place < end && arch.isPadding(section.bytes, place, end));
    if (site !== undefined) interval.end = site;
  }
}

/** Joins `__pfx_f` and `__cfi_f` with the `f` that follows, and what lies between: they are compared, shipped and moved together. */
function joinPrefixes(intervals: readonly Interval[]): Interval[] {
  const joined: Interval[] = [];
  for (const interval of [...intervals].reverse()) {
    const next = joined.at(-1);
    const wanted = prefixedFunction(interval.symbols[0]?.name ?? "");
    const isPrefix =
      wanted !== undefined &&
      interval.symbols.every((symbol) => prefixedFunction(symbol.name) === wanted) &&
      next?.symbols.some((symbol) => symbol.name === wanted);
    if (next !== undefined && isPrefix) {
      next.start = interval.start;
      next.symbols = [...interval.symbols, ...next.symbols];
    } else joined.push(interval);
  }
  return joined.reverse();
}

function isFiller(arch: Arch, kind: SectionKind, section: Section, from: number, to: number): boolean {
  if (section.bytes.length === 0) return true;
  if (isCode(kind)) return arch.isPadding(section.bytes, from, to);
  if (to - from >= Math.max(section.addralign, 64)) return false;
  for (let at = from; at < to; at++) if (section.bytes[at] !== 0) return false;
  return true;
}

/**
 * What stands behind the only function of a section is its own: replacement code and literal pools. Where `ld -r` joined sections
 * of one name, it may as well be another function, which has lost its name.
 */
function takeRest(only: Interval, code: CodeSection): void {
  const { arch, evidence, section } = code;
  const { bytes, size } = section;
  if (only.end >= size || bytes.length === 0) return;
  if (isUnrelocatedPadding(code, only.end, size)) return;
  const isOther =
    evidence.isJoined && endsFlow(arch, bytes, only.start, only.end) && endsFlow(arch, bytes, only.end, size);
  if (!isOther) only.end = size;
}

/** End of the code in bytes[from, to) without the filler behind it. */
function withoutFiller(arch: Arch, bytes: Uint8Array, from: number, to: number): number {
  let end = from;
  while (end < to && !arch.isPadding(bytes, end, to)) end++;
  return end;
}

/** Lets functions begin where their prefixes do, or where code without a name does that runs on into them. */
function takePrefixes(intervals: readonly Interval[], code: CodeSection): void {
  const { arch, evidence, section } = code;
  const { bytes, index } = section;
  let at = 0;
  let before: number | undefined;
  for (const interval of intervals) {
    if (interval.start > at && bytes.length > 0) {
      const isFilled = isUnrelocatedPadding(code, at, interval.start);
      interval.start = prefixStart(code, at, interval.start);
      const end = withoutFiller(arch, bytes, at, interval.start);
      // What the function before runs on into is the rest of that one.
      const isApart = before === undefined || endsFlow(arch, bytes, before, at);
      const isCodeThere = !isFilled && end > at && evidence.isData(index, end - 1) !== true;
      const runsOn = isApart && isCodeThere && !endsFlow(arch, bytes, at, end);
      // What stands before the only function of a section is its own, like what stands behind it: room for a tracer, a TOC offset.
      const isOnly = intervals.length === 1 && (isFilled || !evidence.isJoined);
      if (runsOn || isOnly) interval.start = at;
    }
    before = interval.start;
    at = interval.end;
  }
}

/**
 * Cuts a section at its symbols; bytes that are only padding belong to no piece. Other gaps are pieces of their own, but for code
 * that the function before it runs on into: that is the rest of this function.
 */
export function cutAtSymbols(
  section: Section,
  kind: SectionKind,
  arch: Arch,
  unsorted: readonly ElfSymbol[],
  relocatedAt: (from: number, to: number) => boolean,
  evidence: PrefixEvidence,
): Piece[] {
  if (section.size === 0 && unsorted.length === 0) return [];
  const placeOf: PlaceOf = (symbol) => symbolPlace(arch, symbol);
  const symbols = unsorted.length > 1 ? [...unsorted].sort((a, b) => byPlace(placeOf, a, b)) : unsorted;
  const intervals = joinPrefixes(intervalsOf(placeOf, symbols, section.size, isCode(kind)));
  const [only] = intervals;
  if (isCode(kind)) {
    const code = { section, arch, evidence, relocatedAt };
    endAtSites(intervals, code);
    takePrefixes(intervals, code);
    if (only !== undefined && intervals.length === 1) takeRest(only, code);
  }
  const pieces: Piece[] = [];
  let at = 0;
  const gapUpTo = (end: number, beforeStub = false): void => {
    const isPadding = pieces.length > 0 || end < section.size ? isFiller(arch, kind, section, at, end) : false;
    if (end <= at || (isPadding && !relocatedAt(at, end))) return;
    const before = pieces.at(-1);
    // What stands before a linker's stub is the linker's.
    if (!beforeStub && before !== undefined && isCode(kind) && !endsFlow(arch, section.bytes, before.offset, at))
      pieces[pieces.length - 1] = { ...before, size: end - before.offset };
    else pieces.push({ offset: at, size: end - at, symbols: [], anonymous: true });
  };
  for (const interval of intervals) {
    if (interval.start > at) gapUpTo(interval.start, interval.symbols.some(isStubSymbol));
    pieces.push({
      offset: interval.start,
      size: interval.end - interval.start,
      symbols: interval.symbols,
      anonymous: false,
    });
    at = interval.end;
  }
  if (at < section.size) gapUpTo(section.size);
  return pieces;
}

/**
 * One piece per terminated string of `entsize`-wide characters; a tail without terminator is a piece too. In a section whose
 * strings are aligned, terminators alone that stand between them are filler.
 */
export function cutStrings(section: Section): Piece[] {
  const { bytes } = section;
  const width = section.entsize === 2 || section.entsize === 4 ? section.entsize : 1;
  const pieces: Piece[] = [];
  let start = 0;
  const push = (end: number): void => {
    const isFiller = end - start === width && start % Math.max(section.addralign, width) !== 0 && bytes[start] === 0;
    if (!isFiller) pieces.push({ offset: start, size: end - start, symbols: [], anonymous: true });
    start = end;
  };
  if (width === 1) {
    for (let zero = bytes.indexOf(0); zero !== -1; zero = bytes.indexOf(0, start)) push(zero + 1);
  } else {
    for (let at = 0; at + width <= bytes.length; at += width) {
      let nonzero = 0;
      for (let i = 0; i < width; i++) nonzero |= bytes[at + i] as number;
      if (nonzero === 0) push(at + width);
    }
  }
  if (start < bytes.length) push(bytes.length);
  return pieces;
}

/** One piece per constant of `size` bytes. */
export function cutConstants(section: Section, size: number): Piece[] {
  const pieces: Piece[] = [];
  for (let offset = 0; offset < section.size; offset += size) {
    pieces.push({ offset, size: Math.min(size, section.size - offset), symbols: [], anonymous: true });
  }
  return pieces;
}

/** Cuts anonymous pieces at the places that code or tables point to, where `mayCut` allows it. */
export function cutAtReferences(
  pieces: readonly Piece[],
  places: readonly number[],
  mayCut: (start: number, place: number) => boolean = () => true,
): Piece[] {
  const sorted = [...new Set(places)].sort((a, b) => a - b);
  const cut: Piece[] = [];
  let next = 0;
  for (const piece of pieces) {
    const end = piece.offset + piece.size;
    let start = piece.offset;
    while (next < sorted.length && (sorted[next] as number) <= start) next++;
    if (piece.anonymous) {
      for (; next < sorted.length && (sorted[next] as number) < end; next++) {
        const place = sorted[next] as number;
        if (!mayCut(start, place)) continue;
        cut.push({ offset: start, size: place - start, symbols: [], anonymous: true });
        start = place;
      }
    }
    cut.push({ ...piece, offset: start, size: end - start });
  }
  return cut;
}

/** Symbols of a piece with their offsets in it. */
export function symbolsInPiece(piece: Piece, arch: Arch): SpanSymbol[] {
  const symbols =
    piece.symbols.length > 1
      ? [...piece.symbols].sort((a, b) => byPlace((symbol) => symbolPlace(arch, symbol), a, b))
      : piece.symbols;
  return symbols.map((symbol) => ({ symbol, offset: symbolPlace(arch, symbol) - piece.offset }));
}
