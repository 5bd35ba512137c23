import type { Arch, Howto } from "../arch/arch.ts";
import { howtoOf } from "../arch/registry.ts";
import { addressReferences, resolvedReferences } from "../arch/resolved.ts";
import { ET, SHF, STB, STT } from "../elf/constants.ts";
import { readDynamicRelocations } from "../elf/dynamic.ts";
import type { ElfObject, ElfSymbol, Section } from "../elf/object.ts";
import type { Draft } from "./references.ts";

/** A linked image seen as if it were still relocatable: where addresses lie, and what its slots stand for. */
export interface Image {
  readonly object: ElfObject;
  readonly arch: Arch;
  placeAt(address: number): { readonly section: Section; readonly offset: number } | undefined;
  /** Symbol that the dynamic linker puts into a slot. */
  readonly slots: ReadonlyMap<number, string>;
  /** Address that the dynamic linker puts into a slot. */
  readonly pointers: ReadonlyMap<number, number>;
  /** Relocations of the dynamic linker by section. */
  readonly dynamic: ReadonlyMap<number, readonly Draft[]>;
}

/** Symbols of a linked image hold addresses; here they are offsets into their sections, as in a relocatable object. */
export function withSectionOffsets(object: ElfObject): ElfObject {
  if (object.type === ET.REL) return object;
  const symbols = object.symbols.map((symbol) => {
    const section = symbol.section === undefined ? undefined : object.sections[symbol.section];
    return section === undefined ? symbol : { ...symbol, value: symbol.value - section.addr };
  });
  return { ...object, symbols };
}

/** Ends of arrays and of sections are addresses too; alignment may lie behind them. */
const PAST_END = 64;

/** Reads what the dynamic linker would do; undefined for relocatable objects. */
export function readImage(object: ElfObject, arch: Arch): Image | undefined {
  if (object.type === ET.REL) return undefined;
  const mapped = object.sections
    .filter((section) => (section.flags & SHF.ALLOC) !== 0n && section.addr > 0n && (section.flags & SHF.TLS) === 0n)
    .sort((a, b) => Number(a.addr - b.addr));
  const placeAt: Image["placeAt"] = (address) => {
    let low = 0;
    let high = mapped.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (Number((mapped[middle] as Section).addr) <= address) low = middle + 1;
      else high = middle;
    }
    const section = mapped[low - 1];
    if (section === undefined) return undefined;
    const offset = address - Number(section.addr);
    return offset < section.size + PAST_END ? { section, offset } : undefined;
  };
  const slots = new Map<number, string>();
  const pointers = new Map<number, number>();
  const dynamic = new Map<number, Draft[]>();
  const outer = externals();
  for (const { address, type, name, addend } of readDynamicRelocations(object)) {
    if (name === "") pointers.set(Number(address), Number(addend));
    else slots.set(Number(address), name);
    const place = placeAt(Number(address));
    if (place === undefined) continue;
    const target = name === "" ? placeAt(Number(addend)) : undefined;
    const howto = howtoOf(arch, type);
    const symbol = name === "" ? undefined : outer(name);
    const draft = draftAt(place.offset, howto, symbol, target, name === "" ? 0n : addend);
    const list = dynamic.get(place.section.index);
    if (list === undefined) dynamic.set(place.section.index, [draft]);
    else list.push(draft);
  }
  for (const list of dynamic.values()) list.sort((a, b) => a.offset - b.offset);
  return { object, arch, placeAt, slots, pointers, dynamic };
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

function draftAt(
  offset: number,
  howto: Howto,
  symbol: ElfSymbol | undefined,
  target: { readonly section: Section; readonly offset: number } | undefined,
  addend: bigint,
): Draft {
  return {
    offset,
    howto,
    symbol,
    insnAddend: 0n,
    targetAddend: addend,
    place: target?.section.index ?? -1,
    target: undefined,
    targetOffset: target?.offset ?? 0,
    resolved: true,
  };
}

/** References that linking resolved in one code section, given back as relocations: branches, pc-relative and absolute addresses, slots by name. */
export function linkedDrafts(image: Image, section: Section): Draft[] {
  const { arch, object } = image;
  const base = Number(section.addr);
  const outer = externals();
  const drafts = new Map<number, Draft>();
  const add = (offset: number, type: number, address: number): void => {
    const name = image.slots.get(address) ?? stubName(image, address);
    const pointer = image.pointers.get(address);
    const target = name === undefined ? image.placeAt(pointer ?? address) : undefined;
    if (name === undefined && target === undefined) return;
    const symbol = name === undefined ? undefined : outer(name);
    drafts.set(offset, draftAt(offset, howtoOf(arch, type), symbol, target, 0n));
  };
  for (const { offset, type, target } of resolvedReferences(arch, section.bytes, 0, section.bytes.length)) {
    add(offset, type, base + target);
  }
  const isAddress = (value: number): boolean =>
    object.type === ET.EXEC && value >= 0x1000 && image.placeAt(value) !== undefined;
  for (const { offset, type, address } of addressReferences(arch, section.bytes, base, isAddress))
    add(offset, type, address);
  return [...drafts.values()].sort((a, b) => a.offset - b.offset);
}

/** What data of a linked image points to: the dynamic linker's relocations, and in a fixed image each aligned word that is an address. */
export function dataDrafts(image: Image, section: Section): readonly Draft[] {
  const dynamic = image.dynamic.get(section.index) ?? [];
  const { object, arch } = image;
  const type = arch.link.wordType;
  if (object.type !== ET.EXEC || type === null || section.bytes.length === 0) return dynamic;
  const taken = new Set(dynamic.map((draft) => draft.offset));
  const size = object.class / 8;
  const { bytes } = section;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = object.data === "lsb";
  const found: Draft[] = [];
  for (let at = 0; at + size <= bytes.length; at += size) {
    if (taken.has(at)) continue;
    const value = size === 4 ? view.getUint32(at, little) : Number(view.getBigUint64(at, little));
    const place = value < 0x1000 ? undefined : image.placeAt(value);
    if (place !== undefined) found.push(draftAt(at, howtoOf(arch, type), undefined, place, 0n));
  }
  return [...dynamic, ...found].sort((a, b) => a.offset - b.offset);
}

/** The symbol whose slot a PLT stub jumps through. */
function stubName(image: Image, address: number): string | undefined {
  const place = image.placeAt(address);
  if (place === undefined || !place.section.name.startsWith(".plt")) return undefined;
  const { section, offset } = place;
  const base = Number(section.addr);
  const end = Math.min(offset + 16, section.bytes.length);
  const stub = section.bytes.subarray(offset, end);
  const relative = resolvedReferences(image.arch, section.bytes, offset, end).map(
    (reference) => base + reference.target,
  );
  const whole = addressReferences(image.arch, stub, base + offset, (value) => image.slots.has(value)).map(
    (reference) => reference.address,
  );
  for (const slot of [...relative, ...whole]) {
    const name = image.slots.get(slot);
    if (name !== undefined) return name;
  }
  return undefined;
}

/** The entries of nameless read-only data that lead into code from its start on: a jump table, of two entries at least. */
export function jumpTableDrafts(image: Image, section: Section, offset: number, bytes: Uint8Array): Draft[] {
  const base = Number(section.addr) + offset;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const { size, type, isRelative } of image.arch.link.jumpTables) {
    const drafts: Draft[] = [];
    for (let at = 0; at + size <= bytes.length; at += size) {
      const value =
        size === 4
          ? isRelative
            ? view.getInt32(at, true)
            : view.getUint32(at, true)
          : Number(view.getBigUint64(at, true));
      const place = image.placeAt(isRelative ? base + value : value);
      if (value === 0 || place === undefined || (place.section.flags & SHF.EXECINSTR) === 0n) break;
      drafts.push(draftAt(at, howtoOf(image.arch, type), undefined, place, 0n));
    }
    if (drafts.length >= 2) return drafts;
  }
  return [];
}
