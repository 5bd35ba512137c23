import { BEYOND, HIGH, LOW, STRIDE, SYMBOL, TYPE } from "../arch/records.ts";
import { STT } from "../elf/constants.ts";
import type { ElfSymbol, Section } from "../elf/object.ts";
import { addTo } from "../grouping.ts";
import { cutStrings } from "../spans/cut.ts";
import { isCode } from "../spans/section-kind.ts";
import type { Owner, Unexplained } from "./classes.ts";
import { compareStretches, type Judge, type Stretch, stretch } from "./compare.ts";
import type { SectionTwins, TwinOf } from "./twins.ts";
import type { View } from "./view.ts";

/*
 * Sections of which no spans were made, because a sweep before the comparison found them to be the same on both sides. It is
 * not believed: bytes, symbols and records are held against each other here once more, section by section of equal names.
 */

/** Symbols of such sections: those of the same name, place, size and kind in the section of the same name. */
export function pairSettled(pre: View, post: View, twins: SectionTwins, known: Int32Array): void {
  if (pre.table.selection === undefined) return;
  const after = post.object.symbols.filter((symbol) => isInSettled(post, symbol));
  let byPlace: ReadonlyMap<string, ElfSymbol> | undefined;
  let next = 0;
  for (const symbol of pre.object.symbols) {
    if (!isInSettled(pre, symbol)) continue;
    const section = twins.get(symbol.section as number);
    let other = after[next++];
    // Most symbols come in the same order on both sides.
    if (other === undefined || other.section !== section || other.name !== symbol.name) {
      byPlace ??= new Map(after.map((one) => [`${one.section} ${one.name}`, one]));
      other = byPlace.get(`${section} ${symbol.name}`);
    }
    known[symbol.index] = other !== undefined && isSameSymbol(symbol, other) ? other.index : -1;
  }
}

function isInSettled(view: View, { section, type }: ElfSymbol): boolean {
  return section !== undefined && type !== STT.SECTION && view.isSettled(section);
}

function isSameSymbol(a: ElfSymbol, b: ElfSymbol): boolean {
  return a.value === b.value && a.size === b.size && a.type === b.type && a.bind === b.bind && a.other === b.other;
}

/** Adds a number of bytes and of records of one side to those that an owner answers for. */
type Give = (side: View["side"], owner: Owner, bytes: number, records: number) => void;

/** Judges all sections without spans, gives them to their owners, and returns those that are not the same. */
export function ownSettled(judge: Judge, twins: SectionTwins, give: Give): Unexplained[] {
  const { pre, post, twinOf } = judge;
  const different: Unexplained[] = [];
  const refuse = ({ side }: View, section: Section, offset: number, detail: string): void => {
    different.push({ side, section: section.name, offset, name: undefined, detail });
  };
  const symbols = { pre: symbolsOf(pre), post: symbolsOf(post) };
  const met = new Set<number>();
  const isSame = (a: Section, b: Section | undefined): boolean => {
    if (b === undefined || !post.isSettled(b.index)) return false;
    met.add(b.index);
    const [list, others] = [symbols.pre.get(a.index), symbols.post.get(b.index)];
    if (list?.length !== others?.length || list?.some(({ index }) => twinOf(index) < 0) === true) return false;
    if (a.size !== b.size || Buffer.compare(a.bytes, b.bytes) !== 0) return false;
    // What is not plain is looked at: code that is part of others, places in tables.
    return hasSameRecords(pre, post, a, b, twinOf) || compareStretches(whole(a), whole(b), judge) === undefined;
  };
  for (const section of pre.allocated) {
    if (!pre.isSettled(section.index)) continue;
    const twin = twins.get(section.index);
    const other = twin === undefined ? undefined : post.object.sections[twin];
    if (isSame(section, other)) {
      giveParts(pre, section, symbols.pre.get(section.index), give);
      giveParts(post, other as Section, symbols.post.get(twin as number), give);
      continue;
    }
    refuse(pre, section, 0, "no spans were made of a section that is not the same on both sides");
    give("pre", "unexplained", section.size, pre.recordsOf(section).count);
    if (other !== undefined && post.isSettled(other.index))
      give("post", "unexplained", other.size, post.recordsOf(other).count);
  }
  for (const section of post.allocated) {
    if (!post.isSettled(section.index) || met.has(section.index)) continue;
    refuse(post, section, 0, "no spans were made of a section that the other side lacks");
    give("post", "unexplained", section.size, post.recordsOf(section).count);
  }
  return different;
}

function whole(section: Section): Stretch {
  return stretch(section, 0, section.size);
}

function symbolsOf(view: View): ReadonlyMap<number, readonly ElfSymbol[]> {
  const found = new Map<number, ElfSymbol[]>();
  if (view.table.selection === undefined) return found;
  for (const symbol of view.object.symbols)
    if (isInSettled(view, symbol)) addTo(found, symbol.section as number, symbol);
  return found;
}

function hasSameRecords(pre: View, post: View, a: Section, b: Section, twinOf: TwinOf): boolean {
  const { words: x, count } = pre.recordsOf(a);
  const { words: y, count: other } = post.recordsOf(b);
  if (count !== other) return false;
  for (let i = 0; i < count * STRIDE; i += STRIDE) {
    if (x[i + BEYOND] !== 0 || y[i + BEYOND] !== 0) return false;
    if (x[i] !== y[i] || x[i + TYPE] !== y[i + TYPE] || x[i + LOW] !== y[i + LOW] || x[i + HIGH] !== y[i + HIGH])
      return false;
    if (twinOf(x[i + SYMBOL] as number) !== y[i + SYMBOL]) return false;
  }
  return true;
}

/** What has a name or contents of its own, and filler. */
function giveParts(view: View, section: Section, symbols: readonly ElfSymbol[] | undefined, give: Give): void {
  const { side } = view;
  const kind = view.table.kinds[section.index];
  const records = view.recordsOf(section);
  const owner: Owner = kind === "export" ? "export" : "equal";
  const [only] = symbols ?? [];
  const isWhole =
    kind === "export" ||
    kind === "export-string" ||
    kind === "constant" ||
    (kind === "string" && section.addralign <= 1) ||
    (symbols?.length === 1 && only?.size === section.size);
  if (isWhole) {
    give(side, owner, section.size, records.count);
    return;
  }
  const parts =
    kind === "string"
      ? cutStrings(section).map(({ offset, size }) => ({ from: offset, to: offset + size }))
      : (symbols ?? []).map(({ value, size }) => ({ from: Number(value), to: Number(value) + size }));
  let [end, covered] = [0, 0];
  for (const { from, to } of parts.sort((a, b) => a.from - b.from)) {
    if (to <= end) continue;
    covered += to - Math.max(from, end);
    end = to;
  }
  // What stands before the only function of a section is its own.
  const bytes = isCode(kind ?? "metadata") && end === section.size ? section.size : covered;
  give(side, owner, bytes, records.count);
  give(side, "padding", section.size - bytes, 0);
}
