import { basename } from "node:path";
import { addendOf } from "../arch/addend.ts";
import type { Arch, Howto } from "../arch/arch.ts";
import { fieldOrder, writeField } from "../arch/field.ts";
import { archFor, howtoOf } from "../arch/registry.ts";
import { SHF, SHN, STB, STT } from "../elf/constants.ts";
import { type ElfObject, type ElfSymbol, readObject, type Section } from "../elf/object.ts";
import type { ImageHeader } from "../elf/segments.ts";
import type { FilePages } from "./file-pages.ts";
import { memoryOf, type Region } from "./memory.ts";
import type { ImageParts } from "./parts.ts";
import { type RunSymbol, type RunSymbols, runSymbols } from "./run-symbols.ts";

/*
 * A module on disk has no addresses yet. It is given some, the way a loader would do it: one section behind the other, where modules
 * lie, or where /proc/kallsyms says that this module's symbols are; and its relocations are applied. From here on it is an image like any other.
 */

/** Where modules begin. Linux: Documentation/x86/x86_64/mm.rst; on 32 bits below the kernel. */
const MODULES = { 64: 0xffff_ffff_c000_0000n, 32: 0xbf00_0000n } as const;
/** What other objects define is put behind the module, within the reach of every architecture's calls, each name in a place of its own. */
const EXTERN_GAP = 0x10_0000n;
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

/** What modules call the value of their TOC pointer, and how far it lies behind the start of their `.toc`. Linux: arch/powerpc/kernel/module_64.c, my_r2. */
const TOC = ".TOC.";
const TOC_BIAS = 0x8000n;

/** Where the last section ends, on a page. */
function endOf(object: ElfObject, bases: ReadonlyMap<number, bigint>): bigint {
  let end: bigint = MODULES[object.class];
  for (const [index, base] of bases) {
    const last = base + BigInt((object.sections[index] as Section).size);
    if (last > end) end = last;
  }
  return (end + 0xfffn) & ~0xfffn;
}

function tocOf(object: ElfObject, bases: ReadonlyMap<number, bigint>): bigint | undefined {
  const section = object.sections.find(({ name, index }) => name === ".toc" && bases.has(index));
  const [first] = bases.values();
  const start = section === undefined ? first : bases.get(section.index);
  return start === undefined ? undefined : start + TOC_BIAS;
}

/** The address of every symbol, by its index, and the list of those that have a name. */
function placeSymbols(
  object: ElfObject,
  bases: ReadonlyMap<number, bigint>,
  map: RunSymbols,
): { addresses: readonly (bigint | undefined)[]; list: readonly RunSymbol[] } {
  const list: RunSymbol[] = [];
  const arch = archFor(object);
  let externs = endOf(object, bases) + EXTERN_GAP;
  const addresses = object.symbols.map((symbol) => {
    const { name, value, size, shndx, section, index, type, bind } = symbol;
    let address: bigint | undefined;
    if (section !== undefined) {
      const base = bases.get(section);
      address = base === undefined ? undefined : base + value;
    } else if (shndx === SHN.ABS) address = value;
    else if (name === TOC) address = tocOf(object, bases);
    else if (name !== "") {
      address = map.named(name)[0]?.address ?? externs;
      externs += EXTERN_SIZE;
    }
    if (address !== undefined && name !== "" && type !== STT.FILE && type !== STT.SECTION) {
      const tag = arch.functionTagBit === true && type === STT.FUNC ? value & 1n : 0n;
      list.push({ name, address: address - tag, size, weak: bind === STB.WEAK, module: undefined, index });
    }
    return address;
  });
  return { addresses, list };
}

/** A section's bytes with its relocations applied, as far as they store addresses or parts of them; the others only mark bits that are not compared. */
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
  const high = new Map<bigint, bigint>();
  for (const isSecondPass of [false, true]) {
    for (const [index, { type, offset, symbol }] of relocations.entries()) {
      const howto = howtoOf(arch, type);
      const isLower = howto.name.startsWith("R_RISCV_PCREL_LO12");
      const target = addresses[symbol];
      if (isLower !== isSecondPass || target === undefined || !isStored(howto)) continue;
      if (offset + howto.size > bytes.length) continue;
      const place = base + BigInt(offset);
      const aim = target + addendOf(arch, relocations, index, section.bytes) + entryOf(arch, object, symbol, howto);
      // The lower half names the instruction with the upper one, and has what that one left.
      const value = isLower ? high.get(aim) : aim - origin(howto, place, object, symbol, addresses);
      if (value === undefined) continue;
      if (howto.name === "R_RISCV_PCREL_HI20") high.set(place, value);
      writeField(bytes, offset, howto, fieldOrder(arch, howto), value);
    }
  }
  return bytes;
}

function isStored({ role, size, encoding }: Howto): boolean {
  const isAddress = role === "address" || role === "branch" || role === "page" || role === "low";
  return isAddress && size > 0 && encoding !== "arm-immediate";
}

/** Upper halves that count in pages, from that of the instruction. AAELF64 5.7.6; LoongArch ELF ABI, R_LARCH_PCALA_HI20. */
const PAGED = /^R_(AARCH64_ADR_PREL_PG_HI21|LARCH_PCALA_HI20)/;
/** Power's distances from the TOC pointer. */
const FROM_TOC = /^R_PPC64_TOC16/;

/** What a field counts from. */
function origin(
  { name, pcrel }: Howto,
  place: bigint,
  object: ElfObject,
  symbol: number,
  addresses: readonly (bigint | undefined)[],
): bigint {
  // The distance of the GOT pointer from the first of two instructions. MIPS ABI supplement, _gp_disp.
  if (object.symbols[symbol]?.name === "_gp_disp") return name === "R_MIPS_LO16" ? place - 4n : place;
  if (PAGED.test(name)) return place - (place % 0x1000n);
  if (FROM_TOC.test(name)) return addresses[object.symbols.findIndex((candidate) => candidate.name === TOC)] ?? 0n;
  return pcrel ? place : 0n;
}

/** A call inside a Power module goes to the local entry point. */
function entryOf(arch: Arch, object: ElfObject, symbol: number, { role }: Howto): bigint {
  const { section, other } = object.symbols[symbol] as ElfSymbol;
  return role === "branch" && section !== undefined ? BigInt(arch.localEntry(other)) : 0n;
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
