import { byteView } from "../bytes.ts";
import { EM, SHF, SHT } from "./constants.ts";
import { decodeName } from "./names.ts";
import type { ElfObject, Section } from "./object.ts";

/** One relocation that the dynamic linker applies. gABI chapter 5, "Dynamic Linking". */
export interface DynamicRelocation {
  /** Where, as a virtual address. */
  readonly address: bigint;
  readonly type: number;
  /** Name of the dynamic symbol; empty when there is none (R_*_RELATIVE). */
  readonly name: string;
  /** r_addend; of RELR what the field holds; 0n for REL, whose addend lies in the field. */
  readonly addend: bigint;
  readonly rela: boolean;
}

/** The relocations of a linked image that refer to `.dynsym` or to no symbol at all. */
export function readDynamicRelocations(object: ElfObject): DynamicRelocation[] {
  const found: DynamicRelocation[] = [];
  for (const table of object.sections) {
    if (table.type === SHT.RELR || table.type === SHT.ANDROID_RELR) readRelative(object, table, found);
    if (table.type !== SHT.RELA && table.type !== SHT.REL) continue;
    const symbols = object.sections[table.link];
    // Tables that the linker left for tools are not loaded; those of a static executable name `.symtab`, and use none of it.
    const isLoaded = (table.flags & SHF.ALLOC) !== 0n;
    if (symbols !== undefined && symbols.type !== SHT.DYNSYM && table.link !== 0 && !isLoaded) continue;
    readTable(object, table, symbols?.type === SHT.DYNSYM ? symbols : undefined, found);
  }
  return found;
}

function readTable(object: ElfObject, table: Section, symbols: Section | undefined, found: DynamicRelocation[]): void {
  const fail = (problem: string, offset: number): never => {
    throw object.error(problem, { section: table.name, offset });
  };
  const view = byteView(table.bytes, object.data, fail);
  const wide = object.class === 64;
  const rela = table.type === SHT.RELA;
  const size = (wide ? 8 : 4) * (rela ? 3 : 2);
  for (let at = 0; at + size <= table.bytes.length; at += size) {
    const address = wide ? view.u64(at) : BigInt(view.u32(at));
    const info = wide ? view.u64(at + 8) : BigInt(view.u32(at + 4));
    const symbol = Number(wide ? info >> 32n : info >> 8n);
    const type = Number(wide ? info & 0xffff_ffffn : info & 0xffn);
    const addend = !rela ? 0n : wide ? view.i64(at + 16) : BigInt(view.i32(at + 8));
    found.push({ address, type, name: symbol === 0 ? "" : dynamicName(object, symbols, symbol), addend, rela });
  }
}

/** R_*_RELATIVE by machine. psABI supplements. */
const RELATIVE: ReadonlyMap<number, number> = new Map([
  [EM.X86_64, 8],
  [EM["386"], 8],
  [EM.AARCH64, 1027],
  [EM.ARM, 23],
  [EM.PPC, 22],
  [EM.PPC64, 22],
  [EM.S390, 12],
  [EM.RISCV, 3],
  [EM.LOONGARCH, 3],
]);

/**
 * Relative relocations without records, SHT_RELR: an even word is an address to relocate; an odd one is a bitmap of the words
 * that follow the last such address. What is added lies in the field. gABI chapter 5, "Relocation", Elf64_Relr.
 */
function readRelative(object: ElfObject, table: Section, found: DynamicRelocation[]): void {
  const fail = (problem: string, offset: number): never => {
    throw object.error(problem, { section: table.name, offset });
  };
  const type = RELATIVE.get(object.machine);
  if (type === undefined) fail("relative relocations (SHT_RELR) of a machine that has none", 0);
  const view = byteView(table.bytes, object.data, fail);
  const size = object.class / 8;
  const wordOf = fieldReader(object);
  let next = 0n;
  const add = (address: bigint): void => {
    found.push({ address, type: type as number, name: "", addend: wordOf(address), rela: false });
  };
  for (let at = 0; at + size <= table.bytes.length; at += size) {
    const entry = size === 8 ? view.u64(at) : BigInt(view.u32(at));
    if ((entry & 1n) === 0n) {
      add(entry);
      next = entry + BigInt(size);
      continue;
    }
    for (let [bits, address] = [entry >> 1n, next]; bits !== 0n; bits >>= 1n, address += BigInt(size)) {
      if ((bits & 1n) !== 0n) add(address);
    }
    next += BigInt(size * (object.class - 1));
  }
}

/** Reads the word that an image holds at an address; 0 where the file has none. */
function fieldReader(object: ElfObject): (address: bigint) => bigint {
  const loaded = object.sections.filter(({ flags, bytes }) => (flags & SHF.ALLOC) !== 0n && bytes.length > 0);
  const size = object.class / 8;
  let last: Section | undefined;
  return (address) => {
    const holds = ({ addr, bytes }: Section): boolean =>
      address >= addr && address + BigInt(size) <= addr + BigInt(bytes.length);
    if (last === undefined || !holds(last)) last = loaded.find(holds);
    if (last === undefined) return 0n;
    const { name } = last;
    const view = byteView(last.bytes, object.data, (problem, offset) => {
      throw object.error(problem, { section: name, offset });
    });
    const at = Number(address - last.addr);
    return size === 8 ? view.u64(at) : BigInt(view.u32(at));
  };
}

/** Names of the dynamic symbols from one index up to another, as far as the table has them. */
export function readDynamicNames(object: ElfObject, from: number, to: number): string[] {
  const symbols = object.sections.find(({ type }) => type === SHT.DYNSYM);
  const count = symbols === undefined ? 0 : Math.floor(symbols.bytes.length / (object.class === 64 ? 24 : 16));
  const names: string[] = [];
  for (let index = from; index < Math.min(to, count); index++) names.push(dynamicName(object, symbols, index));
  return names;
}

function dynamicName(object: ElfObject, symbols: Section | undefined, index: number): string {
  const strings = symbols === undefined ? undefined : object.sections[symbols.link];
  const size = object.class === 64 ? 24 : 16;
  if (symbols === undefined || strings === undefined || (index + 1) * size > symbols.bytes.length) return "";
  const fail = (problem: string, offset: number): never => {
    throw object.error(problem, { section: symbols.name, offset });
  };
  const start = byteView(symbols.bytes, object.data, fail).u32(index * size);
  const end = strings.bytes.indexOf(0, start);
  return end === -1 ? "" : decodeName(strings.bytes.subarray(start, end));
}
