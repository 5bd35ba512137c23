import type { Arch } from "../../arch/arch.ts";
import type { LocalGot } from "../../arch/linked.ts";
import { ET, SHF, SHT, STT } from "../../elf/constants.ts";
import type { DynamicRelocation } from "../../elf/dynamic.ts";
import type { ElfObject, Section } from "../../elf/object.ts";
import { lastAtOrBefore } from "../../lists.ts";
import { isLinkerSymbol } from "../linker-made.ts";
import { type Meaning, type Place, type PlaceAt, readWord, Slots, threadSections } from "./slots.ts";

/** A linked image: where addresses lie, and what its slots stand for. */
export interface Image {
  readonly object: ElfObject;
  readonly arch: Arch;
  placeAt(address: number): Place | undefined;
  /** Where the thread-local at an offset of the image's thread-locals lies. */
  threadAt(offset: number): Place | undefined;
  /** The offset in the image's thread-locals of an offset from the thread pointer. */
  fromThreadPointer(offset: number): number;
  readonly threadSize: number;
  /** Whether a word there is a slot of the GOT, and so something that code loads an address from. */
  isSlot(address: number): boolean;
  /** The slot of a dynamic symbol that no relocation tells of (MIPS). */
  slotNamed(name: string): number | undefined;
  /** What a slot stands for; undefined where there is none. */
  meaningAt(address: number): Meaning | undefined;
  /** What a word anywhere stands for, whether the loader or linking filled it. */
  wordAt(address: number): Meaning | undefined;
  /** Whether the loader writes the word at an address. */
  isDynamic(address: number): boolean;
  /** Whether the slot is one that code passes to the run-time for a thread-local: a pair or a descriptor. */
  isThreadSlot(address: number): boolean;
  /** Whether a slot is the pair for the image's own thread-locals, whose second word the loader leaves at 0. */
  isModuleSlot(address: number): boolean;
  /** The word that the compiler keeps for itself at an address; undefined where a symbol names it, or it may be written. */
  literalAt(address: number): number | undefined;
  /** Whether an address is the inside of a function, without a symbol, and the other one in another function. */
  isInsideOther(value: number, user: number): boolean;
  /** Symbol that the loader copies into the image's own memory (R_*_COPY), by address. */
  readonly copies: ReadonlyMap<number, string>;
  /** Stubs that leave the choice of a function to the loader, by address, with the function's name (MIPS). */
  readonly lazyStubs: ReadonlyMap<number, string>;
  /** Slots that hold addresses of the image itself without a relocation (MIPS). */
  readonly localGot: LocalGot | undefined;
  /** Symbols that the linker defines and that name no variable, by address. */
  readonly linkerSymbols: ReadonlyMap<number, string>;
  /** Addresses at which a variable or function has its own symbol. */
  readonly ownSymbols: ReadonlySet<number>;
  /** Relocations of the loader by address, in order. */
  readonly dynamic: readonly DynamicRelocation[];
  readonly globalPointer: number | undefined;
  readonly gotPointer: number | undefined;
  readonly toc: number | undefined;
}

/** Ends of arrays and of sections are addresses too; alignment may lie behind them. */
const PAST_END = 64;

/**
 * Symbols of a linked image hold addresses, and those of thread-locals offsets from the first of them; here all are offsets into
 * their sections, as in a relocatable object. gABI chapter 4, "Symbol Values"; ELF Handling for Thread-Local Storage, 3.
 */
export function withSectionOffsets(object: ElfObject): ElfObject {
  if (object.type === ET.REL) return object;
  const first = threadSections(object)[0]?.addr ?? 0n;
  const symbols = object.symbols.map((symbol) => {
    const section = symbol.section === undefined ? undefined : object.sections[symbol.section];
    if (section === undefined) return symbol;
    const start = (section.flags & SHF.TLS) !== 0n && symbol.type === STT.TLS ? section.addr - first : section.addr;
    return { ...symbol, value: symbol.value - start };
  });
  return { ...object, symbols };
}

function findSection(sorted: readonly Section[], address: number, past: number): Place | undefined {
  const section = sorted[lastAtOrBefore(sorted, ({ addr }) => Number(addr), address)];
  if (section === undefined) return undefined;
  const offset = address - Number(section.addr);
  return offset < section.size + past ? { section, offset } : undefined;
}

/** Reads what the loader would do with an image; undefined for relocatable objects. `object` has symbols by section. */
export function readImage(object: ElfObject, arch: Arch): Image | undefined {
  if (object.type === ET.REL) return undefined;
  const mapped = object.sections
    .filter(({ flags, addr }) => (flags & SHF.ALLOC) !== 0n && addr > 0n && (flags & SHF.TLS) === 0n)
    .sort((a, b) => Number(a.addr - b.addr));
  const threads = threadSections(object);
  // File contents of initialised thread-locals have addresses too.
  const initialised = threads.filter(({ type }) => type !== SHT.NOBITS);
  const placeAt: PlaceAt = (address) => {
    const place = findSection(mapped, address, PAST_END);
    if (place !== undefined && place.offset < place.section.size) return place;
    return findSection(initialised, address, 0) ?? place;
  };
  const threadStart = Number(threads[0]?.addr ?? 0n);
  const lastThread = threads.at(-1);
  const threadSize = lastThread === undefined ? 0 : Number(lastThread.addr) + lastThread.size - threadStart;
  const alignment = threads.reduce((most, { addralign }) => Math.max(most, addralign), 1);
  const threadAt: Image["threadAt"] = (offset) => findSection(threads, threadStart + offset, 1);
  const pointers = pointersOf(object, arch, placeAt);
  const slots = new Slots(object, arch, placeAt, pointers.got, (offset) =>
    moduleOffset(arch, offset, threadSize, alignment),
  );
  const { linkerSymbols, ownSymbols } = symbolAddresses(object);
  const named = namedAt(object, arch);
  return {
    object,
    arch,
    placeAt,
    threadAt,
    fromThreadPointer: (offset) => moduleOffset(arch, offset, threadSize, alignment),
    threadSize,
    isSlot: (address) => slots.isSlot(address),
    slotNamed: (name) => slots.slotNamed(name),
    meaningAt: (address) => slots.meaningAt(address),
    wordAt: (address) => slots.wordMeaning(address),
    isDynamic: (address) => slots.isDynamic(address),
    isThreadSlot: (address) => slots.isThreadSlot(address),
    isInsideOther: (value, user) => !ownSymbols.has(value) && isInsideOther(named, value, user),
    isModuleSlot: (address) => slots.isModuleSlot(address),
    literalAt: (address) => literalAt(object, slots, placeAt, (at) => named(at) !== undefined, address),
    copies: slots.copies,
    lazyStubs: slots.lazyStubs,
    localGot: slots.localGot,
    linkerSymbols,
    ownSymbols,
    dynamic: slots.relocations,
    globalPointer: pointers.global,
    gotPointer: pointers.got,
    toc: pointers.toc,
  };
}

/** Offset in the image's thread-locals of a distance from the thread pointer. ELF Handling for Thread-Local Storage, 3; psABIs. */
function moduleOffset({ family }: Arch, offset: number, size: number, alignment: number): number {
  const alignUp = (value: number): number => Math.ceil(value / alignment) * alignment;
  if (family === "x86" || family === "s390") return offset + alignUp(size);
  if (family === "aarch64") return offset - alignUp(16);
  if (family === "arm") return offset - alignUp(8);
  return family === "power" || family === "mips" ? offset + 0x7000 : offset;
}

/** DT_PLTGOT. gABI chapter 5, "Dynamic Section". */
const PLTGOT = 3n;

function pointersOf(
  object: ElfObject,
  arch: Arch,
  placeAt: PlaceAt,
): { global: number | undefined; got: number | undefined; toc: number | undefined } {
  const addressOf = (wanted: string): number | undefined => {
    const symbol = object.symbols.find(({ name, shndx }) => name === wanted && shndx !== 0);
    if (symbol === undefined) return undefined;
    const section = symbol.section === undefined ? undefined : object.sections[symbol.section];
    return Number(symbol.value + (section?.addr ?? 0n));
  };
  let fromDynamic: number | undefined;
  for (const section of object.sections) {
    if (section.type !== SHT.DYNAMIC) continue;
    const size = object.class / 8;
    for (let at = 0; at + 2 * size <= section.bytes.length; at += 2 * size) {
      if (readWord(object, section, at) === PLTGOT) fromDynamic = Number(readWord(object, section, at + size));
    }
  }
  const got = addressOf("_GLOBAL_OFFSET_TABLE_") ?? fromDynamic;
  const table = object.sections.find(({ name }) => name === ".got");
  const toc = addressOf(".TOC.") ?? (table === undefined ? undefined : Number(table.addr) + 0x8000);
  const isFound = got !== undefined && placeAt(got) !== undefined;
  // What $gp holds. MIPS ABI supplement, "Global Offset Table".
  const gp = fromDynamic === undefined || arch.family !== "mips" ? undefined : fromDynamic + 0x7ff0;
  const global = addressOf("__global_pointer$") ?? addressOf("_gp") ?? gp;
  return { global, got: isFound ? got : undefined, toc };
}

/** Which of several linker symbols of one address to tell: the one that start-up code means. */
const FIRST_NAMES = ["__TMC_END__", "_GLOBAL_OFFSET_TABLE_", "_DYNAMIC"];

function symbolAddresses(object: ElfObject): { linkerSymbols: Map<number, string>; ownSymbols: Set<number> } {
  const linkerSymbols = new Map<number, string>();
  const ownSymbols = new Set<number>();
  for (const symbol of object.symbols) {
    const section = symbol.section === undefined ? undefined : object.sections[symbol.section];
    if (section === undefined || (section.flags & SHF.TLS) !== 0n || symbol.type === STT.SECTION) continue;
    const address = Number(symbol.value + section.addr);
    if (!isLinkerSymbol(symbol, section)) {
      if (symbol.type !== STT.FILE) ownSymbols.add(address);
      continue;
    }
    const known = linkerSymbols.get(address);
    const isFirst = known === undefined || (!FIRST_NAMES.includes(known) && symbol.name < known);
    if (isFirst || FIRST_NAMES.includes(symbol.name)) linkerSymbols.set(address, symbol.name);
  }
  return { linkerSymbols, ownSymbols };
}

/** Read-only once the loader has filled it. */
const RELRO = /^\.data\.rel\.ro(\.|$)/;

function literalAt(
  object: ElfObject,
  slots: Slots,
  placeAt: PlaceAt,
  isNamed: (address: number) => boolean,
  address: number,
): number | undefined {
  const place = placeAt(address);
  if (place === undefined || address % (object.class / 8) !== 0) return undefined;
  const { flags, name, bytes } = place.section;
  const isConstant = (flags & (SHF.WRITE | SHF.EXECINSTR)) === 0n || RELRO.test(name);
  if (!isConstant || place.offset + object.class / 8 > bytes.length) return undefined;
  if (slots.isSlot(address) || slots.isDynamic(address) || isNamed(address)) return undefined;
  return Number(BigInt.asIntN(object.class, readWord(object, place.section, place.offset)));
}

/** Bytes of the image that a symbol names. */
interface Named {
  readonly from: number;
  readonly to: number;
  readonly isFunction: boolean;
}

/** Finds what a symbol with a size names at an address. */
function namedAt(object: ElfObject, { functionTagBit }: Arch): (address: number) => Named | undefined {
  const read = (): Named[] => {
    const found: Named[] = [];
    for (const { section: index, value, size, type } of object.symbols) {
      const section = index === undefined ? undefined : object.sections[index];
      if (section === undefined || size === 0 || type === STT.TLS) continue;
      const isFunction = type === STT.FUNC;
      const address = Number(value + section.addr);
      const from = address - (functionTagBit && isFunction ? address % 2 : 0);
      found.push({ from, to: from + size, isFunction });
    }
    return found.sort((a, b) => a.from - b.from);
  };
  let sorted: Named[] | undefined;
  return (address) => {
    sorted ??= read();
    const named = sorted[lastAtOrBefore(sorted, ({ from }) => from, address)];
    return named !== undefined && named.to > address ? named : undefined;
  };
}

/** Whether an address lies inside one function with a size, behind its beginning, and is held by another one. */
function isInsideOther(named: (address: number) => Named | undefined, value: number, user: number): boolean {
  const holder = named(value);
  const owner = named(user);
  if (holder?.isFunction !== true || owner?.isFunction !== true) return false;
  const isBeginning = value === holder.from || value === holder.from + 1;
  return !isBeginning && owner.from !== holder.from;
}
