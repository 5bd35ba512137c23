import { SHF, SHT } from "../../../src/elf/constants.ts";
import { type ElfObject, readObject, type Section } from "../../../src/index.ts";

/** Bits turned over in each of what an object has: section contents, records, symbols, headers of records. */
const EACH = 3;

/** The same bytes with one bit turned over, several times at places that a text chooses; what was turned over in words. */
export function* flipped(bytes: Uint8Array, seed: string): Generator<readonly [what: string, bytes: Uint8Array]> {
  const object = readObject(bytes, "x.o");
  const { sections } = object;
  const chance = generator(seed);
  const places = [
    ["contents", sections.filter(({ flags, bytes: own }) => (flags & SHF.ALLOC) !== 0n && own.length > 0)],
    ["records", sections.filter(({ type, size }) => (type === SHT.RELA || type === SHT.REL) && size > 0)],
    ["symbols", sections.filter(({ type, size }) => type === SHT.SYMTAB && size > 0)],
  ] as const;
  for (const [what, list] of places) {
    for (let i = 0; i < EACH && list.length > 0; i++) {
      const section = list[chance(list.length)];
      if (section === undefined) continue;
      const at = section.offset + chance(section.size);
      const other = Uint8Array.from(bytes);
      other[at] = (other[at] as number) ^ (1 << chance(8));
      yield [`${what}, byte ${at}`, other];
    }
  }
  const [, [, tables]] = places;
  for (const field of ["sh_link", "sh_entsize"] as const) {
    const table = tables[chance(tables.length)];
    if (table === undefined) continue;
    const other = Uint8Array.from(bytes);
    const at = fieldOf(object, bytes, table, field);
    // Records without a table of symbols may name none.
    other[at] = field === "sh_link" ? 0 : (other[at] as number) ^ (1 << chance(4));
    yield [`${field} of ${table.name}`, other];
  }
}

/** Where the least significant byte of a field of a section's header stands in the file. gABI chapter 4, "Sections". */
function fieldOf(
  { class: bits, data }: ElfObject,
  bytes: Uint8Array,
  { index }: Section,
  field: "sh_link" | "sh_entsize",
): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = data === "lsb";
  const wide = bits === 64;
  const headers = wide ? Number(view.getBigUint64(40, little)) : view.getUint32(32, little);
  const [size, offset, width] = wide
    ? [64, field === "sh_link" ? 40 : 56, field === "sh_link" ? 4 : 8]
    : [40, field === "sh_link" ? 24 : 36, 4];
  return headers + index * size + offset + (little ? 0 : width - 1);
}

/** Numbers below a limit by a linear congruence, the same for the same text. */
function generator(seed: string): (limit: number) => number {
  let state = 7;
  for (const letter of seed) state = (state * 31 + (letter.codePointAt(0) as number)) % 0x7fff_ffff;
  return (limit) => {
    state = (state * 48_271) % 0x7fff_ffff;
    return state % limit;
  };
}
