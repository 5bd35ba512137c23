import { archFor } from "../arch/registry.ts";
import { ET, SHF, STT } from "../elf/constants.ts";
import { readDynamicRelocations } from "../elf/dynamic.ts";
import type { ElfObject, ElfSymbol, Relocation, Section } from "../elf/object.ts";

/*
 * 64-bit Power, ABI version 1: the symbol of a function is that of its descriptor in `.opd`: code address, TOC pointer,
 * environment. Branches name it too; the linker looks up the code there. 64-bit PowerPC ELF ABI Supplement 1.9, 3.5.
 */

/** R_PPC64_ADDR64. */
const ADDRESS = 38;
const SECTION_NAME = ".opd";

/** Whether functions of an object are called through descriptors. */
export function hasDescriptors(object: ElfObject): boolean {
  if (!archFor(object).link.mayHaveDescriptors) return false;
  return object.sections.some(({ name }) => name === SECTION_NAME);
}

/** Whether a section holds nothing but the descriptors of functions that stand elsewhere. */
export function isDescribed(object: ElfObject, { name }: Section): boolean {
  return name === SECTION_NAME && hasDescriptors(object);
}

interface Place {
  readonly section: number;
  readonly value: bigint;
}

/**
 * A linked image whose functions' symbols stand at their code; an image without descriptors is returned as it is. The loader fills in
 * where the code is, or linking did.
 */
export function withLinkedCodeSymbols(object: ElfObject): ElfObject {
  if (object.type === ET.REL || !hasDescriptors(object)) return object;
  const opd = object.sections.find(({ name }) => name === SECTION_NAME);
  if (opd === undefined) return object;
  const filled = new Map(readDynamicRelocations(object).map(({ address, addend }) => [address, addend]));
  const view = new DataView(opd.bytes.buffer, opd.bytes.byteOffset, opd.bytes.byteLength);
  const symbols = object.symbols.map((symbol): ElfSymbol => {
    if (symbol.section !== opd.index || symbol.type !== STT.FUNC) return symbol;
    const at = Number(symbol.value - opd.addr);
    if (at < 0 || at + 8 > opd.bytes.length) return symbol;
    const value = filled.get(symbol.value) ?? view.getBigUint64(at, object.data === "lsb");
    const holder = object.sections.find(({ addr, size, flags }) => {
      const isCode = (flags & SHF.ALLOC) !== 0n && (flags & SHF.EXECINSTR) !== 0n;
      return isCode && value >= addr && value < addr + BigInt(size);
    });
    return holder === undefined ? symbol : { ...symbol, section: holder.index, shndx: holder.index, value };
  });
  return { ...object, symbols };
}

/**
 * A relocatable object whose functions' symbols stand at their code, as everywhere else, and in which references to descriptors
 * are references to the functions. Objects without descriptors are returned as they are.
 */
export function withCodeSymbols(object: ElfObject): ElfObject {
  if (object.type !== ET.REL || !hasDescriptors(object)) return object;
  const descriptors = object.sections.filter(({ name }) => name === SECTION_NAME).map(({ index }) => index);
  const code = new Map(descriptors.map((index) => [index, codeOf(object, index)]));
  const sizes = dotSizes(object);
  const symbolAt = new Map<string, number>();
  const symbols = object.symbols.map((symbol): ElfSymbol => {
    if (symbol.section === undefined || symbol.type === STT.SECTION) return symbol;
    const place = code.get(symbol.section)?.get(symbol.value);
    if (place === undefined) return symbol;
    symbolAt.set(`${symbol.section} ${symbol.value}`, symbol.index);
    const size = sizes.get(`${place.section} ${place.value}`) ?? symbol.size;
    return { ...symbol, section: place.section, shndx: place.section, value: place.value, size };
  });
  const named = ({ symbol, addend }: Relocation): number | undefined => {
    const to = object.symbols[symbol];
    if (to === undefined || to.type !== STT.SECTION || to.section === undefined || !code.has(to.section))
      return undefined;
    return symbolAt.get(`${to.section} ${to.value + addend}`);
  };
  return {
    ...object,
    symbols,
    relocationsOf: (section) =>
      object.relocationsOf(section).map((relocation) => {
        const symbol = named(relocation);
        return symbol === undefined ? relocation : { ...relocation, symbol, addend: 0n };
      }),
    relocationSectionsOf: (section) => object.relocationSectionsOf(section),
  };
}

/** Where the code of each descriptor is, by the descriptor's offset. */
function codeOf(object: ElfObject, section: number): ReadonlyMap<bigint, Place> {
  const places = new Map<bigint, Place>();
  for (const { offset, type, symbol, addend } of object.relocationsOf(section)) {
    const to = object.symbols[symbol];
    if (type !== ADDRESS || to?.section === undefined) continue;
    places.set(BigInt(offset), { section: to.section, value: to.value + addend });
  }
  return places;
}

/** Sizes of code that has a symbol of its own, `.f`, as older compilers write it. */
function dotSizes(object: ElfObject): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  for (const { name, section, value, size } of object.symbols)
    if (name.startsWith(".") && size > 0 && section !== undefined) sizes.set(`${section} ${value}`, size);
  return sizes;
}
