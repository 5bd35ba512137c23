import { basename } from "node:path";
import { addendOf } from "../arch/addend.ts";
import type { Arch } from "../arch/arch.ts";
import { fieldOrder, writeField } from "../arch/field.ts";
import { archFor, howtoOf } from "../arch/registry.ts";
import { SHF, SHN, STB, STT } from "../elf/constants.ts";
import { type ElfObject, readObject, type Section } from "../elf/object.ts";
import type { ImageHeader } from "../elf/segments.ts";
import type { FilePages } from "./file-pages.ts";
import type { ImageParts } from "./image.ts";
import { memoryOf, type Region } from "./memory.ts";
import { type RunSymbol, type RunSymbols, runSymbols } from "./run-symbols.ts";

/*
 * A module on disk has no addresses yet. It is given some, the way a loader would do it: one section behind the other, where modules
 * lie, or where /proc/kallsyms says that this module's symbols are; and its relocations are applied. From here on it is an image like any other.
 */

/** Where modules begin. Linux: Documentation/x86/x86_64/mm.rst; on 32 bits below the kernel. */
const MODULES = { 64: 0xffff_ffff_c000_0000n, 32: 0xbf00_0000n } as const;
/** What other objects define is put here, each name in a place of its own. */
const EXTERNS = { 64: 0xffff_ffff_a000_0000n, 32: 0xbe00_0000n } as const;
const EXTERN_SIZE = 16n;

/** A module as its loader would place and link it. */
export function moduleImage(source: FilePages, header: ImageHeader, map: RunSymbols): ImageParts {
  const object = readObject(source.read(0, source.size), source.file);
  const arch = archFor(header);
  const name = basename(source.file).replace(/\.ko$/, "").replaceAll("-", "_");
  const bases = placeSections(object, name, map);
  const symbols = placeSymbols(object, bases, map);
  const regions = [...bases].map(([index, base]) => {
    const section = object.sections[index] as Section;
    return sectionRegion(section, base, linkSection(object, arch, section, base, symbols.addresses));
  });
  return {
    kind: "rel",
    memory: memoryOf(regions),
    symbols: runSymbols("symbol-table", symbols.list),
    slide: 0n,
    buildId: undefined,
    table(wanted) {
      const section = object.sections.find((candidate) => candidate.name === wanted && bases.has(candidate.index));
      return section && { start: bases.get(section.index) as bigint, size: section.size };
    },
    files: [],
  };
}

function isLoaded(section: Section): boolean {
  return (section.flags & SHF.ALLOC) !== 0n && section.size > 0;
}

/** The address of each loaded section. */
function placeSections(object: ElfObject, module: string, map: RunSymbols): ReadonlyMap<number, bigint> {
  const bases = new Map<number, bigint>();
  for (const { name, value, section, type } of object.symbols) {
    if (section === undefined || bases.has(section) || type === STT.SECTION) continue;
    const [running, second] = map.named(name).filter((symbol) => symbol.module === module);
    if (running !== undefined && second === undefined) bases.set(section, running.address - value);
  }
  let next: bigint = MODULES[object.class];
  for (const section of object.sections) {
    if (!isLoaded(section) || bases.has(section.index)) continue;
    const unit = BigInt(Math.max(section.addralign, 16));
    next = ((next + unit - 1n) / unit) * unit;
    bases.set(section.index, next);
    next += BigInt(section.size);
  }
  return new Map([...bases].filter(([index]) => isLoaded(object.sections[index] as Section)));
}

/** The address of every symbol, by its index, and the list of those that have a name. */
function placeSymbols(
  object: ElfObject,
  bases: ReadonlyMap<number, bigint>,
  map: RunSymbols,
): { addresses: readonly (bigint | undefined)[]; list: readonly RunSymbol[] } {
  const list: RunSymbol[] = [];
  let externs = EXTERNS[object.class] as bigint;
  const addresses = object.symbols.map((symbol) => {
    const { name, value, size, shndx, section, index, type, bind } = symbol;
    let address: bigint | undefined;
    if (section !== undefined) {
      const base = bases.get(section);
      address = base === undefined ? undefined : base + value;
    } else if (shndx === SHN.ABS) address = value;
    else if (name !== "") {
      address = map.named(name)[0]?.address ?? externs;
      externs += EXTERN_SIZE;
    }
    if (address !== undefined && name !== "" && type !== STT.FILE && type !== STT.SECTION) {
      list.push({ name, address, size, weak: bind === STB.WEAK, module: undefined, index });
    }
    return address;
  });
  return { addresses, list };
}

/** A section's bytes with its relocations applied, as far as they store addresses; the others only mark bits that are not compared. */
function linkSection(
  object: ElfObject,
  arch: Arch,
  section: Section,
  base: bigint,
  addresses: readonly (bigint | undefined)[],
): Uint8Array {
  const relocations = object.relocationsOf(section.index);
  if (relocations.length === 0 || section.bytes.length === 0) return section.bytes;
  const bytes = Uint8Array.from(section.bytes);
  for (const [index, { type, offset, symbol }] of relocations.entries()) {
    const howto = howtoOf(arch, type);
    const target = addresses[symbol];
    if (target === undefined || (howto.role !== "address" && howto.role !== "branch") || howto.encoding !== undefined)
      continue;
    if (howto.size === 0 || offset + howto.size > bytes.length) continue;
    const value =
      target + addendOf(arch, relocations, index, section.bytes) - (howto.pcrel ? base + BigInt(offset) : 0n);
    writeField(bytes, offset, howto, fieldOrder(arch, howto), value);
  }
  return bytes;
}

function sectionRegion(section: Section, start: bigint, bytes: Uint8Array): Region {
  return {
    start,
    size: section.size,
    held: bytes.length,
    executable: (section.flags & SHF.EXECINSTR) !== 0n,
    name: section.name,
    read: (from, length) => (bytes.length === 0 ? new Uint8Array(length) : bytes.subarray(from, from + length)),
  };
}
