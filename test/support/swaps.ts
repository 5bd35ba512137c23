import { SHF, SHN, SHT, STT } from "../../src/elf/constants.ts";
import { type ElfObject, type ElfSymbol, readObject, type Section } from "../../src/elf/object.ts";

/** An object in which two things that its relocations refer to have changed places. */
export interface Swap {
  readonly what: string;
  readonly bytes: Uint8Array;
}

/** One relocation record: where its symbol and addend lie in the file. */
interface Row {
  /** Offset of r_info in the file. */
  readonly info: number;
  /** Offset of the addend in the file: in the record, or the word that is relocated. */
  readonly addendAt: number;
  readonly addendSize: 4 | 8;
  readonly symbol: number;
  readonly addend: bigint;
  readonly type: number;
}

function rowsOf(object: ElfObject, bytes: Uint8Array): Row[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const little = object.data === "lsb";
  const wide = object.class === 64;
  const isMips64 = wide && object.machine === 8;
  const rows: Row[] = [];
  for (const table of object.sections) {
    const isRela = table.type === SHT.RELA;
    if (!isRela && table.type !== SHT.REL) continue;
    const target = object.sections[table.info] as Section;
    // References of tables that only describe code are no part of what is matched.
    if ((target.flags & SHF.ALLOC) === 0n || /eh_frame|ARM\.ex/.test(target.name) || isMips64) continue;
    const isCode = (target.flags & SHF.EXECINSTR) !== 0n || /^\.(toc|got|rodata\.cst|data\.rel\.ro)/.test(target.name);
    if (!isCode) continue;
    const size = (wide ? 8 : 4) * (isRela ? 3 : 2);
    for (let at = table.offset; at + size <= table.offset + table.size; at += size) {
      const info = at + (wide ? 8 : 4);
      const raw = wide ? view.getBigUint64(info, little) : BigInt(view.getUint32(info, little));
      const offset = wide ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little);
      const place = target.offset + offset;
      const inField = place + 4 <= bytes.length ? BigInt(view.getInt32(place, little)) : 0n;
      const inRecord = wide
        ? view.getBigInt64(at + (isRela ? 16 : 0), little)
        : BigInt(view.getInt32(at + (isRela ? 8 : 0), little));
      rows.push({
        info,
        addendAt: isRela ? at + (wide ? 16 : 8) : place,
        addendSize: isRela && wide ? 8 : 4,
        symbol: Number(wide ? raw >> 32n : raw >> 8n),
        addend: isRela ? inRecord : inField,
        type: Number(wide ? raw & 0xffff_ffffn : raw & 0xffn),
      });
    }
  }
  return rows;
}

/** What can stand in for one another. */
function classOf({ type, shndx, name }: ElfSymbol): string | undefined {
  if (name === "" || type === STT.SECTION || type === STT.FILE) return undefined;
  if (
    /^(_GLOBAL_OFFSET_TABLE_|\.TOC\.|_gp_disp|__tls_get_addr|___tls_get_addr|__tls_get_offset|__gnu_local_gp|__stack_chk.*|\$.*)$/.test(
      name,
    )
  )
    return undefined;
  if (name.startsWith(".L")) return name.startsWith(".LC") ? "string" : undefined;
  if (type === STT.TLS) return "thread-local";
  if (shndx === SHN.UNDEF)
    return /^(stdout|stderr|environ|xd\d)$/.test(name)
      ? "imported data"
      : /^x[ab]$/.test(name)
        ? "thread-local"
        : "imported function";
  if (type === STT.FUNC) return "function";
  return type === STT.OBJECT ? "data" : undefined;
}

/** Types whose addend lies in the whole word of the field: R_386_32, R_386_GOTOFF, R_ARM_ABS32. */
const isWhole = (machine: number, type: number): boolean =>
  (machine === 3 && (type === 1 || type === 9)) || (machine === 40 && type === 2);

/** Every swap of two symbols of one class, and of two places in one section, that the object's code refers to. */
export function swapsOf(bytes: Uint8Array, name: string): Swap[] {
  const object = readObject(bytes, name);
  const rows = rowsOf(object, bytes);
  const swaps: Swap[] = [];
  const used = [...new Set(rows.map(({ symbol }) => symbol))].sort((a, b) => a - b);
  for (const [index, first] of used.entries()) {
    for (const second of used.slice(index + 1)) {
      const [a, b] = [object.symbols[first], object.symbols[second]];
      const kind = a && classOf(a);
      if (kind === undefined || b === undefined || kind !== classOf(b)) continue;
      swaps.push({ what: `${kind} ${a?.name} and ${b.name}`, bytes: swapSymbols(object, bytes, rows, first, second) });
    }
  }
  for (const symbol of used) {
    const section = object.symbols[symbol];
    if (section?.type !== STT.SECTION) continue;
    const target = object.sections[section.section ?? 0];
    if (target === undefined || (target.flags & SHF.EXECINSTR) !== 0n || /^\.(toc|got)/.test(target.name)) continue;
    const own = rows.filter(
      (row) =>
        row.symbol === symbol &&
        (object.sections.some(({ type }) => type === SHT.RELA) || isWhole(object.machine, row.type)),
    );
    const types = [...new Set(own.map(({ type }) => type))];
    const addends = [...new Set(own.filter(({ type }) => type === types[0]).map(({ addend }) => addend))].sort(
      (a, b) => (a < b ? -1 : 1),
    );
    for (const [index, first] of addends.entries()) {
      for (const second of addends.slice(index + 1)) {
        swaps.push({
          what: `${target.name}+${first} and +${second}`,
          bytes: swapAddends(object, bytes, own, first, second),
        });
      }
    }
  }
  return swaps;
}

function swapSymbols(object: ElfObject, bytes: Uint8Array, rows: readonly Row[], a: number, b: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const view = new DataView(copy.buffer);
  const little = object.data === "lsb";
  for (const { info, symbol, type } of rows) {
    if (symbol !== a && symbol !== b) continue;
    const other = symbol === a ? b : a;
    if (object.class === 64) view.setBigUint64(info, (BigInt(other) << 32n) | BigInt(type), little);
    else view.setUint32(info, ((other << 8) | type) >>> 0, little);
  }
  return copy;
}

function swapAddends(object: ElfObject, bytes: Uint8Array, rows: readonly Row[], a: bigint, b: bigint): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const view = new DataView(copy.buffer);
  const little = object.data === "lsb";
  for (const { addend, addendAt, addendSize } of rows) {
    if (addend !== a && addend !== b) continue;
    const other = addend === a ? b : a;
    if (addendSize === 8) view.setBigInt64(addendAt, other, little);
    else view.setInt32(addendAt, Number(other), little);
  }
  return copy;
}
