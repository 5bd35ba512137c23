import { byteView } from "../bytes.ts";
import { SHT } from "./constants.ts";
import { decodeName } from "./names.ts";
import type { ElfObject, Section } from "./object.ts";

/** One relocation that the dynamic linker applies. gABI chapter 5, "Dynamic Linking". */
export interface DynamicRelocation {
  /** Where, as a virtual address. */
  readonly address: bigint;
  readonly type: number;
  /** Name of the dynamic symbol; empty when there is none (R_*_RELATIVE). */
  readonly name: string;
  /** r_addend; 0n for REL, whose addend lies in the field. */
  readonly addend: bigint;
  readonly rela: boolean;
}

/** The relocations of a linked image that refer to `.dynsym` or to no symbol at all. */
export function readDynamicRelocations(object: ElfObject): DynamicRelocation[] {
  const found: DynamicRelocation[] = [];
  for (const table of object.sections) {
    if (table.type !== SHT.RELA && table.type !== SHT.REL) continue;
    const symbols = object.sections[table.link];
    if (symbols !== undefined && symbols.type !== SHT.DYNSYM && table.link !== 0) continue;
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
