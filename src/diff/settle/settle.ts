import { STRIDE, SYMBOL } from "../../arch/records.ts";
import { REGISTRATIONS } from "../../contract/names/live-update.ts";
import { ET, STB } from "../../elf/constants.ts";
import type { ElfObject, Section } from "../../elf/object.ts";
import { hasDescriptors } from "../../spans/descriptors.ts";
import { hasSpans, isCode, type SectionKind } from "../../spans/section-kind.ts";
import { READ, type Selection } from "../../spans/selection.ts";
import { hasSingleFields, type SpecialTable, specialTableOf } from "../../spans/special.ts";
import { gapsAreFiller, hasOrderlyRecords, leavable } from "./leavable.ts";
import { type NameGroups, nameGroups } from "./names.ts";
import { type SweptPair, sweepSections } from "./sections.ts";
import { type SweptSide, sweptSide } from "./side.ts";

/*
 * Most of a large object is the same on both sides and has nothing to do with what is not. One sweep over the files' tables
 * finds that: sections by name, symbols by name and place, bytes equal, each reference leading to what has its name. Spans are
 * made of the rest: of what is different (`whole`), of what refers to it, of what it refers to, of what shares a name with any
 * of these, and of all tables and registries (`context`). What is left out must be what the comparison of spans would have
 * found equal, and nothing that it says of the rest may hang on it; where that is not certain, nothing is left out.
 */

/** What is read of both objects. */
export interface Selected {
  readonly sweep: SweptPair;
  /** The share of sections that must need no reading for the sweep to be worth its while. */
  readonly share: number;
  readonly pre: Selection;
  readonly post: Selection;
}

/** Kinds of sections that mean something for all others: with them everything is read. */
const FOR_ALL: ReadonlySet<SectionKind> = new Set(["hook", "directive", "unwind", "toc"]);

/** Tables whose functions run once at the start. */
const START = /^\.(preinit_array|init_array|ctors)(\.|$)|^\.(\w+_)?initcall/;
/** Sections that code may walk from their start to their stop: the order of all that have one name counts. */
const ARRAY = /^[A-Za-z_]\w*$|\.init$|^\.con_initcall|^\.(pre)?(init|fini)_array|^\.[cd]tors/;
/** Bytes of the longest entry of a table whose layout is not known. */
const LONGEST_ENTRY = 256;
/** Below this share of sections that need not be read the sweep is not worth its while. */
const LEAST_SHARE = 0.25;

/** Whether two objects are of a kind of which sections may be left out; `least`: how many sections make it worth while. */
function isSweepable(object: ElfObject, least: number): boolean {
  if (object.type !== ET.REL || object.sections.length < least || hasDescriptors(object)) return false;
  return !object.symbols.some(({ name }) => Object.hasOwn(REGISTRATIONS, name) || name.startsWith("klp_shadow_"));
}

/** Finds what has to be read of two objects; undefined: all of it. */
export function selectSections(pre: ElfObject, post: ElfObject, least: number): Selected | undefined {
  if (!isSweepable(pre, least) || !isSweepable(post, least)) return undefined;
  const [before, after] = [sweptSide(pre), sweptSide(post)];
  if ([before, after].some(({ kinds }) => kinds.some((kind) => FOR_ALL.has(kind)))) return undefined;
  // Not all entries of tables will be read; what is wrong in them is told by those who read everything.
  const isOrderly = (side: SweptSide): boolean =>
    tablesOf(side).every(({ table }) => hasOrderlyRecords(side, side.object.sections[table] as Section));
  if (!isOrderly(before) || !isOrderly(after)) return undefined;
  return select(sweepSections(before, after), [], least === 0 ? 0 : LEAST_SHARE);
}

/** What has to be read if sections of pre that are the same on both sides are to be read whole all the same. */
export function select(sweep: SweptPair, changed: Iterable<number>, share: number): Selected | undefined {
  const choice = new Choice(sweep);
  for (const section of changed) choice.readWhole("pre", section);
  // Which code is read whole is known by now: what is taken in later is the same on both sides.
  if (choice.leadsToTables()) return undefined;
  choice.close();
  const { levels } = choice;
  const left = levels.pre.reduce((sum, level) => sum + (level === READ.settled ? 1 : 0), 0);
  if (left === 0 || left < share * levels.pre.length) return undefined;
  return { sweep, share, pre: selectionOf(sweep.pre, levels.pre), post: selectionOf(sweep.post, levels.post) };
}

function selectionOf({ object, kinds, symbols, places, recordsOf }: SweptSide, levels: Uint8Array): Selection {
  const sections = object.sections.filter(({ index }) => levels[index] !== READ.settled && kinds[index] !== "metadata");
  return { levels, sections, kinds, symbols, places, recordsOf };
}

type SideName = "pre" | "post";

class Choice {
  readonly levels: { readonly pre: Uint8Array; readonly post: Uint8Array };
  readonly #sweep: SweptPair;
  readonly #names: Readonly<Record<SideName, NameGroups>>;
  readonly #queue: (readonly [SideName, number])[] = [];
  /** By section: whether all that refers to it is read. */
  readonly #hasUsers: Readonly<Record<SideName, Uint8Array>>;
  readonly #atStart: Readonly<Record<SideName, ReadonlySet<number>>>;
  /** Names of sections whose spans have no names, or whose order counts, with the sections of each side. */
  readonly #nameless: Readonly<Record<SideName, ReadonlyMap<string, readonly number[]>>>;

  /** Names and section names whose namesakes are read. */
  readonly #bases = new Set<string>();
  readonly #titles: Readonly<Record<SideName, Set<string>>> = { pre: new Set(), post: new Set() };

  constructor(sweep: SweptPair) {
    const { pre, post } = sweep;
    this.#sweep = sweep;
    const counts = { pre: pre.object.sections.length, post: post.object.sections.length };
    this.levels = { pre: new Uint8Array(counts.pre), post: new Uint8Array(counts.post) };
    this.#hasUsers = { pre: new Uint8Array(counts.pre), post: new Uint8Array(counts.post) };
    this.#names = { pre: nameGroups(pre), post: nameGroups(post) };
    this.#atStart = { pre: startSections(pre), post: startSections(post) };
    this.#nameless = { pre: namelessSections(pre), post: namelessSections(post) };
    const canLeave = leavable(sweep);
    for (const { index } of pre.object.sections) {
      const kind = pre.kinds[index] as SectionKind;
      if (!hasSpans(kind) && kind !== "export") this.levels.pre[index] = READ.whole;
      else if (sweep.isSame[index] !== 1 || isPerhapsTable(pre, index)) this.readWhole("pre", index);
      else if (!canLeave(index)) this.#readContext("pre", index);
    }
    for (const { index } of post.object.sections) {
      const kind = post.kinds[index] as SectionKind;
      if (!hasSpans(kind) && kind !== "export") this.levels.post[index] = READ.whole;
      else if ((sweep.preOf[index] as number) < 0) this.readWhole("post", index);
    }
  }

  #side(name: SideName): SweptSide {
    return this.#sweep[name];
  }

  #twin(name: SideName, section: number): number {
    return (name === "pre" ? this.#sweep.postOf : this.#sweep.preOf)[section] as number;
  }

  readWhole(name: SideName, section: number): void {
    if (this.levels[name][section] === READ.whole) return;
    this.levels[name][section] = READ.whole;
    this.#queue.push([name, section]);
    const twin = this.#twin(name, section);
    if (twin >= 0) this.readWhole(other(name), twin);
  }

  #readContext(name: SideName, section: number): void {
    if (this.levels[name][section] !== READ.settled) return;
    // An export is read with the name that it gives.
    if (this.#side(name).kinds[section] === "export") {
      this.readWhole(name, section);
      return;
    }
    this.levels[name][section] = READ.context;
    this.#queue.push([name, section]);
    const twin = this.#twin(name, section);
    if (twin >= 0) this.#readContext(other(name), twin);
  }

  /** Takes in what has to be read with what is read, until nothing is missing. */
  close(): void {
    while (this.#queue.length > 0) {
      for (let next = this.#queue.pop(); next !== undefined; next = this.#queue.pop()) this.#readWith(...next);
      this.#readEntries("pre");
      this.#readEntries("post");
    }
  }

  #readWith(name: SideName, section: number): void {
    const side = this.#side(name);
    if (this.levels[name][section] === READ.whole) {
      this.#readUsers(name, section);
      for (const target of side.targetsOf(section)) this.#readContext(name, target);
    }
    this.#readNamesakes(name, section);
    if (hasNameless(side, section)) this.#readUsers(name, section);
  }

  /** Everything that refers to a section; of a function that nothing outside can call, on to what calls the caller. */
  #readUsers(name: SideName, section: number): void {
    if (this.#hasUsers[name][section] === 1) return;
    this.#hasUsers[name][section] = 1;
    const side = this.#side(name);
    for (const user of side.usersOf(section)) {
      this.#readContext(name, user);
      const isInner = isLocal(side, user) || this.#atStart[name].has(user);
      if (isCode(side.kinds[user] as SectionKind) && isInner) this.#readUsers(name, user);
    }
  }

  /** What stands in table entries beside references to what is read whole: what they say of it, or whose entries they are. */
  #readEntries(name: SideName): void {
    const side = this.#side(name);
    const levels = this.levels[name];
    for (const { table, reach } of tablesOf(side)) {
      const { words, count } = side.recordsOf(table);
      if (reach === 0) continue;
      for (let at = 0; at < count * STRIDE; at += STRIDE) {
        const place = side.places[words[at + SYMBOL] as number] as number;
        if (place < 0 || levels[place] !== READ.whole) continue;
        const offset = words[at] as number;
        for (let i = at - STRIDE; i >= 0 && (words[i] as number) > offset - reach; i -= STRIDE)
          this.#readPlace(name, words[i + SYMBOL] as number);
        for (let i = at + STRIDE; i < count * STRIDE && (words[i] as number) < offset + reach; i += STRIDE)
          this.#readPlace(name, words[i + SYMBOL] as number);
      }
    }
  }

  #readPlace(name: SideName, symbol: number): void {
    const place = this.#side(name).places[symbol] as number;
    if (place >= 0) this.#readContext(name, place);
  }

  /** What shares a name: labels and pairs are decided among all of one name, by who uses them. */
  #readNamesakes(name: SideName, section: number): void {
    const side = this.#side(name);
    for (const base of this.#names[name].basesIn(section)) {
      if (this.#bases.has(base)) continue;
      this.#bases.add(base);
      this.#readGroup("pre", this.#names.pre.sectionsOf(base));
      this.#readGroup("post", this.#names.post.sectionsOf(base));
    }
    const title = (side.object.sections[section] as Section).name;
    const nameless = this.#nameless[name].get(title);
    if (nameless === undefined || this.#titles[name].has(title)) return;
    this.#titles[name].add(title);
    for (const namesake of nameless) this.#readContext(name, namesake);
  }

  #readGroup(name: SideName, sections: readonly number[]): void {
    for (const section of sections) {
      this.#readContext(name, section);
      this.#readUsers(name, section);
    }
  }

  /** Whether data of pre that may be a table of functions leads, by way of calls, to what changed. */
  leadsToTables(): boolean {
    const { pre } = this.#sweep;
    const seen = new Uint8Array(this.levels.pre.length);
    const queue: number[] = [];
    for (const { index } of pre.object.sections) {
      if (this.levels.pre[index] !== READ.whole || !isCode(pre.kinds[index] as SectionKind)) continue;
      seen[index] = 1;
      queue.push(index);
    }
    for (const section of queue) {
      for (const user of pre.usersOf(section)) {
        if (seen[user] === 1) continue;
        seen[user] = 1;
        const kind = pre.kinds[user] as SectionKind;
        if (kind === "data" || kind === "rodata") return true;
        // Calls at start and at the end do not count.
        if (kind === "text" || kind === "fragment") queue.push(user);
      }
    }
    return false;
  }
}

function other(name: SideName): SideName {
  return name === "pre" ? "post" : "pre";
}

/** A table, and how far from one field of an entry another one may be; 0: entries have a single field. */
interface Table {
  readonly table: number;
  readonly reach: number;
}

const tables = new WeakMap<SweptSide, readonly Table[]>();

function tablesOf(side: SweptSide): readonly Table[] {
  const known =
    tables.get(side) ??
    side.object.sections
      .filter(({ index }) => side.kinds[index] === "table")
      .map(({ index, name }) => ({ table: index, reach: reachOf(specialTableOf(name)) }));
  tables.set(side, known);
  return known;
}

function reachOf(table: SpecialTable | undefined): number {
  if (table === undefined || table.layouts.length === 0) return LONGEST_ENTRY;
  if (hasSingleFields(table)) return 0;
  return table.layouts.reduce((longest, { size }) => Math.max(longest, size), 0);
}

/** Data without symbols that refers to something: its shape may make it a table. */
function isPerhapsTable(side: SweptSide, section: number): boolean {
  const kind = side.kinds[section];
  if (kind !== "data" && kind !== "rodata") return false;
  return !side.symbols.has(section) && side.recordsOf(section).count > 0;
}

/** Whether something in a section has neither a name nor contents by which it is known. */
function hasNameless(side: SweptSide, section: number): boolean {
  const kind = side.kinds[section] as SectionKind;
  if (!hasSpans(kind) || kind === "string" || kind === "constant" || kind === "export-string" || kind === "fragment")
    return false;
  const symbols = side.symbols.get(section);
  if (symbols === undefined) return true;
  // Only constants, variables and code are cut where something refers to them.
  if (kind !== "rodata" && kind !== "data" && !isCode(kind)) return false;
  const isUnsized = symbols.some(({ size }) => size === 0);
  return isUnsized || !gapsAreFiller(side.object.sections[section] as Section, symbols);
}

function isLocal(side: SweptSide, section: number): boolean {
  return side.symbols.get(section)?.every(({ bind }) => bind === STB.LOCAL) ?? true;
}

/** Sections that tables of functions to run at start refer to. */
function startSections(side: SweptSide): ReadonlySet<number> {
  const found = new Set<number>();
  for (const { index, name } of side.object.sections)
    if (hasSpans(side.kinds[index] as SectionKind) && START.test(name))
      for (const target of side.targetsOf(index)) found.add(target);
  return found;
}

function namelessSections(side: SweptSide): ReadonlyMap<string, readonly number[]> {
  const found = new Map<string, number[]>();
  for (const { index, name } of side.object.sections) {
    const kind = side.kinds[index] as SectionKind;
    if (!hasSpans(kind) || (side.symbols.has(index) && !ARRAY.test(name))) continue;
    const list = found.get(name);
    if (list === undefined) found.set(name, [index]);
    else list.push(index);
  }
  return found;
}
