import type { Howto } from "../../arch/arch.ts";
import type { LinkedReference } from "../../arch/linked.ts";
import { howtoOf } from "../../arch/registry.ts";
import { resolvedReferences } from "../../arch/resolved.ts";
import { ET, SHF, STB, STT } from "../../elf/constants.ts";
import type { ElfSymbol, Section } from "../../elf/object.ts";
import { firstAfter, sortedNumbers } from "../../lists.ts";
import { stateTest } from "../code-state.ts";
import { isDescribed } from "../descriptors.ts";
import { isClones, isStubSymbol } from "../linker-made.ts";
import type { Draft } from "../references.ts";
import { hasSpans, sectionKind } from "../section-kind.ts";
import type { Image } from "./image.ts";
import type { Meaning, Place } from "./slots.ts";
import { stubSlot } from "./stub-slot.ts";

/** What a reference leads to: a place with spans, or a name outside, each with what is added. */
interface Goal {
  readonly symbol?: ElfSymbol;
  readonly place?: Place;
  readonly addend?: bigint;
}

/** A reference at an offset to what `goal` says; its span is not known yet. */
export function draftTo(offset: number, howto: Howto, goal: Goal): Draft {
  return {
    offset,
    howto,
    symbol: goal.symbol,
    insnAddend: 0n,
    targetAddend: goal.addend ?? 0n,
    targetSection: goal.place?.section.index ?? -1,
    target: undefined,
    targetOffset: goal.place?.offset ?? 0,
  };
}

/** A reference that linking resolved. */
function draftAt(offset: number, howto: Howto, goal: Goal, isBranch = false): Draft {
  return { ...draftTo(offset, howto, goal), resolved: isBranch };
}

/** Sections of code whose entries only lead on to what a slot says. */
const STUB_SECTION = /^\.(i?plt|glink|MIPS\.stubs|stub)(\.|$)/;

const NO_BYTES = new Uint8Array(0);

/** Bytes in which a stub loads its slot. */
const STUB_REACH = 32;

/** Bytes of a stub whose symbol has no size: the one for `__tls_get_addr` on Power saves registers before. */
const LONGEST_STUB = 96;

/** Gives references that linking resolved back their meaning: what code, data and tables of one image point to. */
export class LinkedReader {
  readonly #image: Image;
  readonly #outer = externals();
  readonly #references = new Map<number, readonly LinkedReference[]>();
  readonly #stubs: ReadonlyMap<number, ElfSymbol>;
  readonly #clones: readonly { readonly section: number; readonly from: number; readonly to: number }[];
  readonly #starts = new Map<number, Set<number>>();
  #words: ReadonlyMap<number, Goal> | undefined;

  constructor(image: Image) {
    this.#image = image;
    const { object, arch } = image;
    const stubs = new Map<number, ElfSymbol>();
    const clones: { section: number; from: number }[] = [];
    for (const symbol of object.symbols) {
      if (symbol.section === undefined || symbol.type === STT.SECTION || symbol.type === STT.FILE) continue;
      const section = object.sections[symbol.section] as Section;
      if ((section.flags & SHF.EXECINSTR) === 0n) continue;
      const value =
        Number(symbol.value) - (arch.functionTagBit && symbol.type === STT.FUNC ? Number(symbol.value) % 2 : 0);
      if (isStubSymbol(symbol)) stubs.set(Number(section.addr) + value, symbol);
      if (isClones(symbol.name)) clones.push({ section: section.index, from: value });
      const isFunction = symbol.type === STT.FUNC || (symbol.type === STT.NOTYPE && symbol.bind !== STB.LOCAL);
      if (!isFunction && !isStubSymbol(symbol)) continue;
      const starts = this.#starts.get(section.index) ?? new Set();
      this.#starts.set(section.index, starts.add(value));
    }
    this.#stubs = stubs;
    const sorted = new Map(clones.map(({ section }) => [section, sortedNumbers(this.#starts.get(section) ?? [])]));
    this.#clones = clones.map(({ section, from }) => {
      const size = object.sections[section]?.size ?? from;
      return { section, from, to: Math.min(firstAfter(sorted.get(section) ?? [], from) ?? size, size) };
    });
  }

  /** References of one code section, given back as relocations. */
  codeDrafts(section: Section): Draft[] {
    const drafts = new Map<number, Draft>();
    for (const reference of this.#referencesOf(section)) {
      const goal = this.#goalOf(reference, section);
      if (goal === undefined) continue;
      const howto = howtoOf(this.#image.arch, reference.type);
      drafts.set(reference.offset, draftAt(reference.offset, howto, goal, reference.use === "branch"));
    }
    return [...drafts.values()].sort((a, b) => a.offset - b.offset);
  }

  #referencesOf(section: Section): readonly LinkedReference[] {
    const known = this.#references.get(section.index);
    if (known !== undefined) return known;
    const { object, arch, globalPointer, gotPointer, toc, threadSize, placeAt, localGot } = this.#image;
    const isFixed = object.type === ET.EXEC;
    const found = arch.code.linked({
      branches: (from, to, isTagged) => resolvedReferences(arch, section.bytes, from, to, isTagged),
      isPadding: (from, to) => arch.isPadding(section.bytes, from, to),
      code: section.bytes,
      base: Number(section.addr),
      little: arch.instructionData === "lsb",
      starts: this.#starts.get(section.index) ?? new Set(),
      stateAt: stateTest(object, arch, section),
      globalPointer: arch.family === "s390" ? gotPointer : globalPointer,
      gotPointer: STUB_SECTION.test(section.name) ? gotPointer : undefined,
      localGot,
      toc,
      threadSize,
      isModuleSlot: (address) => this.#image.isModuleSlot(address),
      isThreadSlot: (address) => this.#image.isThreadSlot(address),
      literalAt: (address) => this.#image.literalAt(address),
      isAddress: (value, at) =>
        isFixed &&
        value >= 0x1000 &&
        placeAt(value) !== undefined &&
        !this.#image.isInsideOther(value, Number(section.addr) + at),
      codeAt: (address) => {
        const place = placeAt(address);
        return place === undefined ? NO_BYTES : place.section.bytes.subarray(place.offset);
      },
      isMapped: (value) => placeAt(value) !== undefined,
    });
    this.#references.set(section.index, found);
    return found;
  }

  #goalOf({ value, use, offset }: LinkedReference, section: Section, depth = 0): Goal | undefined {
    const image = this.#image;
    if (use === "thread") return this.#threadGoal(image.fromThreadPointer(value), BigInt(value));
    if (use === "module") return this.#threadGoal(value, BigInt(value));
    if (use === "branch") {
      const stub = depth > 4 ? undefined : this.#stubGoal(value, depth);
      if (stub !== undefined) return stub;
    } else if ((use === "load" && image.isSlot(value)) || image.isThreadSlot(value)) {
      const meaning = image.meaningAt(value);
      if (meaning !== undefined) return this.meant(meaning);
    }
    return this.#addressGoal(value, this.#isInClones(section, offset));
  }

  /** What a slot's meaning leads to. */
  meant(meaning: Meaning): Goal | undefined {
    switch (meaning.kind) {
      case "name":
        return { symbol: this.#outer(meaning.name), addend: meaning.addend };
      case "address":
        return this.#addressGoal(meaning.address, false);
      case "thread":
        return this.#threadGoal(meaning.offset, BigInt(meaning.offset));
      case "number":
        return { addend: meaning.value };
    }
  }

  #threadGoal(offset: number, otherwise: bigint): Goal {
    const place = this.#image.threadAt(offset);
    return place === undefined ? { symbol: this.#outer("_TLS_MODULE_BASE_"), addend: otherwise } : { place };
  }

  #addressGoal(address: number, isCloneCode: boolean): Goal | undefined {
    const { copies, lazyStubs, linkerSymbols, ownSymbols, placeAt, gotPointer, globalPointer, toc } = this.#image;
    // What a weak symbol that nothing defines is.
    if (address === 0) return { addend: 0n };
    const marker = linkerSymbols.get(address);
    if (marker === "__TMC_END__" && isCloneCode) return { symbol: this.#outer(marker) };
    const copy = copies.get(address) ?? lazyStubs.get(address);
    if (copy !== undefined) return { symbol: this.#outer(copy) };
    if (address === globalPointer) return { symbol: this.#outer("__global_pointer$") };
    if (address === toc) return { symbol: this.#outer(".TOC.") };
    if (address === gotPointer) return { symbol: this.#outer("_GLOBAL_OFFSET_TABLE_") };
    if (marker !== undefined && !ownSymbols.has(address)) return { symbol: this.#outer(marker) };
    const place = placeAt(address);
    if (place === undefined) return undefined;
    const { object, wordAt } = this.#image;
    if (isDescribed(object, place.section)) {
      const code = wordAt(address);
      const begin = code?.kind === "address" ? placeAt(code.address) : undefined;
      if (begin !== undefined) return { place: begin };
    }
    if (hasSpans(sectionKind(place.section, true))) return { place };
    return { symbol: this.#outer(place.section.name), addend: BigInt(place.offset) };
  }

  #isInClones(section: Section, offset: number): boolean {
    return this.#clones.some(
      ({ section: index, from, to }) => index === section.index && offset >= from && offset < to,
    );
  }

  /** What a stub at an address leads on to; undefined where there is no stub. */
  #stubGoal(address: number, depth: number): Goal | undefined {
    const meaning = this.stubMeaning(address, depth);
    return meaning === undefined ? undefined : this.meant(meaning);
  }

  /** Whether the section or a symbol says that a stub of the linker stands at an address. */
  isStub(address: number): boolean {
    const place = this.#image.placeAt(address);
    return place !== undefined && (this.#stubSymbol(address) !== undefined || STUB_SECTION.test(place.section.name));
  }

  /** The stubs of the sections of stubs, as far as they can be read, where the section says how long they are. */
  stubs(): { readonly address: number; readonly meaning: Meaning }[] {
    const found: { address: number; meaning: Meaning }[] = [];
    for (const { name, flags, entsize, addr, size } of this.#image.object.sections) {
      if ((flags & SHF.EXECINSTR) === 0n || !STUB_SECTION.test(name) || entsize < 4) continue;
      for (let at = 0; at + entsize <= size; at += entsize) {
        const slot = this.#slotWithin(Number(addr) + at, entsize);
        const meaning = slot === undefined ? undefined : this.#image.meaningAt(slot);
        if (meaning !== undefined) found.push({ address: Number(addr) + at, meaning });
      }
    }
    return found;
  }

  /** The slot that a stub of a known length loads. */
  #slotWithin(address: number, size: number): number | undefined {
    const place = this.#image.placeAt(address);
    if (place === undefined) return undefined;
    return this.#referencesOf(place.section).find(
      ({ offset, use, value }) =>
        offset >= place.offset && offset < place.offset + size && use !== "branch" && this.#image.isSlot(value),
    )?.value;
  }

  #stubSymbol(address: number): ElfSymbol | undefined {
    return this.#stubs.get(address) ?? this.#stubs.get(address - (address % 2));
  }

  /** What a stub of the linker at an address leads to: an import, or another address of the image. Undefined where no stub stands, or none that can be read. */
  stubMeaning(address: number, depth = 0): Meaning | undefined {
    const image = this.#image;
    const lazy = image.lazyStubs.get(address);
    if (lazy !== undefined) return { kind: "name", name: lazy, addend: 0n };
    const symbol = this.#stubSymbol(address);
    const place = image.placeAt(address);
    if (place === undefined || (place.section.flags & SHF.EXECINSTR) === 0n) return undefined;
    const from = place.offset - (image.arch.functionTagBit ? place.offset % 2 : 0);
    const isNamed = symbol !== undefined || STUB_SECTION.test(place.section.name);
    const stub = {
      bytes: place.section.bytes.subarray(from, from + STUB_REACH),
      address: Number(place.section.addr) + from,
      little: image.arch.instructionData === "lsb",
      toc: image.toc,
    };
    const own = stubSlot(image.arch, stub, isNamed);
    if (own !== undefined && image.isSlot(own)) return image.meaningAt(own);
    if (!isNamed) return undefined;
    const size = symbol === undefined ? STUB_REACH : symbol.size || LONGEST_STUB;
    const within = this.#referencesOf(place.section).filter(({ offset }) => offset >= from && offset < from + size);
    const slot = within
      .sort((a, b) => a.offset - b.offset)
      .find(({ use, value }) => use !== "branch" && image.isSlot(value));
    if (slot !== undefined) return image.meaningAt(slot.value);
    if (symbol === undefined || depth > 4) return undefined;
    const last = within.at(-1);
    if (last === undefined) return undefined;
    return this.stubMeaning(last.value, depth + 1) ?? { kind: "address", address: last.value, direct: true };
  }

  /** What data of the image points to: the loader's relocations, and in a fixed image each aligned word that is an address. */
  dataDrafts(section: Section): readonly Draft[] {
    const { object, arch, dynamic, placeAt } = this.#image;
    const found = new Map<number, Draft>();
    const start = Number(section.addr);
    for (const { address, type, name, addend } of dynamic) {
      const at = Number(address) - start;
      if (at < 0 || at >= section.size || placeAt(Number(address))?.section !== section) continue;
      const howto = howtoOf(arch, type);
      const goal = name === "" ? this.#addressGoal(Number(addend), false) : { symbol: this.#outer(name), addend };
      found.set(at, draftAt(at, howto, goal ?? { addend }));
    }
    const type = arch.link.wordType;
    for (const [address, goal] of this.#wordsOfCode()) {
      const at = address - start;
      if (type === null) break;
      if (at >= 0 && at < section.size && placeAt(address)?.section === section && !found.has(at))
        found.set(at, draftAt(at, howtoOf(arch, type), goal));
    }
    if (object.type === ET.EXEC && type !== null) {
      const size = object.class / 8;
      const { bytes } = section;
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const little = object.data === "lsb";
      for (let at = 0; at + size <= bytes.length; at += size) {
        if (found.has(at)) continue;
        const value = size === 4 ? view.getUint32(at, little) : Number(view.getBigUint64(at, little));
        const goal = value < 0x1000 ? undefined : this.#addressGoal(value, false);
        if (goal !== undefined) found.set(at, draftAt(at, howtoOf(arch, type), goal));
      }
    }
    return [...found.values()].sort((a, b) => a.offset - b.offset);
  }

  /** What words of data say that the compiler keeps for code alone, by address. */
  #wordsOfCode(): ReadonlyMap<number, Goal> {
    if (this.#words !== undefined) return this.#words;
    const words = new Map<number, Goal>();
    this.#words = words;
    for (const section of this.#image.object.sections) {
      const isMapped = (section.flags & SHF.ALLOC) !== 0n && (section.flags & SHF.EXECINSTR) !== 0n;
      for (const reference of isMapped ? this.#referencesOf(section) : []) {
        const goal = reference.word === undefined ? undefined : this.#goalOf(reference, section);
        if (reference.word !== undefined && goal !== undefined) words.set(reference.word, goal);
      }
    }
    return words;
  }

  /** What the word at an address leads to. */
  goalInWord(address: number): Goal | undefined {
    const meaning = this.#image.wordAt(address);
    return meaning && this.meant(meaning);
  }

  /** What an address leads to. */
  goalAt(address: number): Goal | undefined {
    return this.#addressGoal(address, false);
  }
}

/** The entries of nameless read-only data that lead into code from its start on: a jump table, of two entries at least. */
export function jumpTableDrafts(image: Image, section: Section, offset: number, bytes: Uint8Array): Draft[] {
  const base = Number(section.addr) + offset;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = image.object.data === "lsb";
  for (const { size, type, isRelative, isFromGot, isFromGlobalPointer } of image.arch.link.jumpTables) {
    const start = isFromGot ? image.gotPointer : isFromGlobalPointer ? image.globalPointer : base;
    if (start === undefined) continue;
    const drafts: Draft[] = [];
    for (let at = 0; at + size <= bytes.length; at += size) {
      const value =
        size === 4
          ? isRelative
            ? view.getInt32(at, little)
            : view.getUint32(at, little)
          : Number(isRelative ? view.getBigInt64(at, little) : view.getBigUint64(at, little));
      const place = image.placeAt(isRelative ? start + value : value);
      if (value === 0 || place === undefined || (place.section.flags & SHF.EXECINSTR) === 0n) break;
      drafts.push(draftAt(at, howtoOf(image.arch, type), { place }));
    }
    if (drafts.length >= 2) return drafts;
  }
  return [];
}

/** One symbol per name that the image imports. */
function externals(): (name: string) => ElfSymbol {
  const known = new Map<string, ElfSymbol>();
  return (name) => {
    let symbol = known.get(name);
    if (symbol === undefined) {
      symbol = {
        index: -1,
        name,
        value: 0n,
        size: 0,
        bind: STB.GLOBAL,
        type: STT.NOTYPE,
        other: 0,
        shndx: 0,
        section: undefined,
      };
      known.set(name, symbol);
    }
    return symbol;
  };
}
