import { SHT } from "../elf/constants.ts";
import type { Section } from "../elf/object.ts";
import { dynamicEntries, type Program, viewOf } from "./program.ts";
import { refuse } from "./refuse.ts";
import type { DynamicRecord } from "./slots.ts";

const DT = {
  PLTRELSZ: 2n,
  RELA: 7n,
  RELASZ: 8n,
  RELAENT: 9n,
  REL: 17n,
  RELSZ: 18n,
  RELENT: 19n,
  JMPREL: 23n,
  RELACOUNT: 0x6fff_fff9n,
  RELCOUNT: 0x6fff_fffan,
};

/** A range of addresses that is written anew, so that the dynamic linker must not write what it would have. */
export interface Rewritten {
  readonly start: bigint;
  readonly end: bigint;
}

/** The table of dynamic relocations that takes the place of the program's. */
export interface DynamicTable {
  readonly isRela: boolean;
  readonly bytes: Uint8Array;
  /** Section that held it; undefined where there was none. */
  readonly section: Section | undefined;
  /** Leading records without a symbol (DT_RELACOUNT); undefined where the program does not count them. */
  readonly relatives: number | undefined;
}

/** Bytes of the table with so many records more. */
export function tableSize(program: Program, more: number): number {
  const { size, table } = existing(program);
  return (table?.length ?? 0) + more * size;
}

interface Existing {
  readonly isRela: boolean;
  readonly size: number;
  readonly table: Uint8Array | undefined;
  readonly section: Section | undefined;
  readonly relatives: number | undefined;
}

function existing(program: Program): Existing {
  const { object, arch, file, bytes } = program;
  const entries = new Map(dynamicEntries(object).map(({ tag, value }) => [tag, value]));
  const isRela = entries.has(DT.RELA) || (!entries.has(DT.REL) && arch.load.dynamic.isRela);
  const start = entries.get(isRela ? DT.RELA : DT.REL);
  const total = entries.get(isRela ? DT.RELASZ : DT.RELSZ);
  const size = (object.class / 8) * (isRela ? 3 : 2);
  const relatives = entries.get(isRela ? DT.RELACOUNT : DT.RELCOUNT);
  if (start === undefined || total === undefined)
    return { isRela, size, table: undefined, section: undefined, relatives: undefined };
  // Some linkers count the records of the PLT, which lie behind, among them; a dynamic linker that binds lazily must not apply those twice.
  const [plt, pltSize = 0n] = [entries.get(DT.JMPREL), entries.get(DT.PLTRELSZ)];
  const length = plt !== undefined && plt + pltSize === start + total && pltSize <= total ? total - pltSize : total;
  const offset = program.offsetOf(start, Number(length));
  if (offset === undefined) refuse(file, "its dynamic relocations are not in the file");
  const kind = isRela ? SHT.RELA : SHT.REL;
  const section = object.sections.find(({ type, addr }) => type === kind && addr === start);
  return {
    isRela,
    size,
    table: bytes.subarray(offset, offset + Number(length)),
    section,
    relatives: relatives === undefined ? undefined : Number(relatives),
  };
}

/** The program's records but for those of what is rewritten, and the new ones: those without a symbol among the first. */
export function extendTable(
  program: Program,
  records: readonly DynamicRecord[],
  rewritten: readonly Rewritten[],
): DynamicTable {
  const { isRela, size, table, section, relatives } = existing(program);
  const kept: Uint8Array[][] = [[], []];
  const view = table === undefined ? undefined : viewOf(table, program.object, program.file);
  for (let at = 0, index = 0; table !== undefined && at + size <= table.length; at += size, index++) {
    const address = size % 8 === 0 && program.object.class === 64 ? view?.u64(at) : BigInt(view?.u32(at) ?? 0);
    if (rewritten.some(({ start, end }) => address !== undefined && address >= start && address < end)) continue;
    kept[index < (relatives ?? 0) ? 0 : 1]?.push(table.subarray(at, at + size));
  }
  const { relative } = program.arch.load.dynamic;
  const made = (isRelative: boolean): Uint8Array[] =>
    records.filter(({ type }) => (type === relative) === isRelative).map((record) => encode(program, record, isRela));
  const first = [...(kept[0] ?? []), ...(relatives === undefined ? [] : made(true))];
  const rest = [...(kept[1] ?? []), ...(relatives === undefined ? made(true) : []), ...made(false)];
  return {
    isRela,
    bytes: Uint8Array.from(Buffer.concat([...first, ...rest])),
    section,
    relatives: relatives === undefined ? undefined : first.length,
  };
}

function encode({ object }: Program, { address, type, symbol, addend }: DynamicRecord, isRela: boolean): Uint8Array {
  const little = object.data === "lsb";
  if (object.class === 64) {
    const view = new DataView(new ArrayBuffer(isRela ? 24 : 16));
    view.setBigUint64(0, BigInt.asUintN(64, address), little);
    view.setBigUint64(8, (BigInt(symbol) << 32n) | BigInt(type), little);
    if (isRela) view.setBigInt64(16, BigInt.asIntN(64, addend), little);
    return new Uint8Array(view.buffer);
  }
  const view = new DataView(new ArrayBuffer(isRela ? 12 : 8));
  view.setUint32(0, Number(BigInt.asUintN(32, address)), little);
  view.setUint32(4, symbol * 256 + type, little);
  if (isRela) view.setInt32(8, Number(BigInt.asIntN(32, addend)), little);
  return new Uint8Array(view.buffer);
}

/** Entries of the dynamic section that name the table. */
export function tagsOf(
  { object }: Program,
  table: DynamicTable,
  address: bigint,
): (readonly [tag: bigint, value: bigint])[] {
  const size = BigInt((object.class / 8) * (table.isRela ? 3 : 2));
  return [
    [table.isRela ? DT.RELA : DT.REL, address],
    [table.isRela ? DT.RELASZ : DT.RELSZ, BigInt(table.bytes.length)],
    [table.isRela ? DT.RELAENT : DT.RELENT, size],
    ...(table.relatives === undefined
      ? []
      : [[table.isRela ? DT.RELACOUNT : DT.RELCOUNT, BigInt(table.relatives)] as const]),
  ];
}

/** The contents of `.dynamic` with other values; unused entries at its end take tags that were not there. */
export function retag(
  program: Program,
  tags: readonly (readonly [tag: bigint, value: bigint])[],
): { readonly section: Section; readonly bytes: Uint8Array } {
  const { object, file } = program;
  const section = object.sections.find(({ type }) => type === SHT.DYNAMIC);
  if (section === undefined) refuse(file, "its dynamic linker has to relocate new code, and it has no dynamic section");
  const bytes = Uint8Array.from(section.bytes);
  const view = new DataView(bytes.buffer);
  const little = object.data === "lsb";
  const word = object.class / 8;
  const read = (at: number): bigint =>
    word === 8 ? view.getBigUint64(at, little) : BigInt(view.getUint32(at, little));
  const write = (at: number, value: bigint): void => {
    if (word === 8) view.setBigUint64(at, value, little);
    else view.setUint32(at, Number(value), little);
  };
  const set = (tag: bigint, value: bigint): void => {
    for (let at = 0; at + 2 * word <= bytes.length; at += 2 * word) {
      const found = read(at);
      if (found !== tag && found !== 0n) continue;
      // The last entry stays DT_NULL.
      if (found === 0n && at + 4 * word > bytes.length) break;
      write(at, tag);
      write(at + word, value);
      return;
    }
    refuse(file, "its dynamic section has no room for one more entry");
  };
  for (const [tag, value] of tags) set(tag, value);
  return { section, bytes };
}
