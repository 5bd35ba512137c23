import type { Arch } from "../../arch/arch.ts";
import { type Records, readRecords, STRIDE, SYMBOL } from "../../arch/records.ts";
import { archFor } from "../../arch/registry.ts";
import { STT } from "../../elf/constants.ts";
import type { ElfObject, ElfSymbol, Section } from "../../elf/object.ts";
import { addTo } from "../../grouping.ts";
import { isMark, symbolsBySection } from "../../spans/cut.ts";
import { hasSpans, type SectionKind } from "../../spans/section-kind.ts";
import { kindsOf } from "../../spans/spans.ts";

/** One object as the sweep sees it: section by section, references as words. Nothing here is a span. */
export interface SweptSide {
  readonly object: ElfObject;
  readonly arch: Arch;
  readonly kinds: readonly SectionKind[];
  readonly symbols: ReadonlyMap<number, ElfSymbol[]>;
  /** Symbols that only mark places, by section, in table order. */
  readonly marks: ReadonlyMap<number, readonly ElfSymbol[]>;
  /** The group of each section that is in one, in words. */
  readonly groups: ReadonlyMap<number, string>;
  /** Section of each symbol by its index; −1: none. */
  readonly places: Int32Array;
  recordsOf(section: number): Records;
  /** Sections that a section refers to, each once, itself left out. */
  targetsOf(section: number): Int32Array;
  /** Sections with spans, or with exports, that refer to a section, each once. */
  usersOf(section: number): Int32Array;
}

const NO_SECTIONS = new Int32Array(0);

export function sweptSide(object: ElfObject): SweptSide {
  const arch = archFor(object);
  const symbols = symbolsBySection(object, arch);
  const kinds = kindsOf(object, symbols);
  const places = new Int32Array(object.symbols.length);
  const marks = new Map<number, ElfSymbol[]>();
  for (const symbol of object.symbols) {
    const { index, section, type } = symbol;
    places[index] = section ?? -1;
    if (section === undefined || type === STT.SECTION || type === STT.FILE) continue;
    if (isMark(arch, symbol)) addTo(marks, section, symbol);
  }
  const groups = new Map<number, string>();
  for (const { signature, comdat, members } of object.groups)
    for (const member of members) groups.set(member, `${signature} ${comdat}`);
  const recordsOf = (section: number): Records => readRecords(object, arch, object.sections[section] as Section);
  const edges = new Edges(kinds, places, recordsOf);
  return {
    object,
    arch,
    kinds,
    symbols,
    marks,
    groups,
    places,
    recordsOf,
    targetsOf: (section) => edges.targetsOf(section),
    usersOf: (section) => edges.usersOf(section),
  };
}

/** Which section refers to which, in arrays. */
class Edges {
  readonly #count: number;
  readonly #places: Int32Array;
  readonly #recordsOf: (section: number) => Records;
  readonly #isUser: (section: number) => boolean;
  /** By section referred to: the number of the last search that met it. */
  readonly #seen: Int32Array;
  #search = 0;
  #users: { readonly starts: Int32Array; readonly list: Int32Array } | undefined;

  constructor(kinds: readonly SectionKind[], places: Int32Array, recordsOf: (section: number) => Records) {
    this.#count = kinds.length;
    this.#places = places;
    this.#recordsOf = recordsOf;
    this.#isUser = (section) => {
      const kind = kinds[section] as SectionKind;
      return hasSpans(kind) || kind === "export";
    };
    this.#seen = new Int32Array(kinds.length);
  }

  targetsOf(section: number): Int32Array {
    const found: number[] = [];
    this.#each(section, (target) => found.push(target));
    return Int32Array.from(found);
  }

  usersOf(section: number): Int32Array {
    this.#users ??= this.#index();
    const { starts, list } = this.#users;
    const [from, to] = [starts[section] as number, starts[section + 1] as number];
    return from === to ? NO_SECTIONS : list.subarray(from, to);
  }

  #each(section: number, visit: (target: number) => void): void {
    const { words, count } = this.#recordsOf(section);
    const search = ++this.#search;
    for (let at = SYMBOL; at < count * STRIDE; at += STRIDE) {
      const target = this.#places[words[at] as number] as number;
      if (target < 0 || target === section || this.#seen[target] === search) continue;
      this.#seen[target] = search;
      visit(target);
    }
  }

  #index(): { readonly starts: Int32Array; readonly list: Int32Array } {
    const pairs: number[] = [];
    const starts = new Int32Array(this.#count + 1);
    for (let section = 0; section < this.#count; section++) {
      if (!this.#isUser(section)) continue;
      this.#each(section, (target) => {
        pairs.push(section, target);
        starts[target + 1] = (starts[target + 1] as number) + 1;
      });
    }
    for (let section = 0; section < this.#count; section++)
      starts[section + 1] = (starts[section + 1] as number) + (starts[section] as number);
    const next = starts.slice();
    const list = new Int32Array(pairs.length / 2);
    for (let i = 0; i < pairs.length; i += 2) {
      const target = pairs[i + 1] as number;
      const at = next[target] as number;
      next[target] = at + 1;
      list[at] = pairs[i] as number;
    }
    return { starts, list };
  }
}
