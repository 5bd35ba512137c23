import { SHF, SHT } from "../../../src/elf/constants.ts";
import { readObject } from "../../../src/index.ts";

/** Bits turned over in each of what an object has: section contents, records, symbols. */
const EACH = 3;

/** The same bytes with one bit turned over, several times at places that a text chooses; what was turned over in words. */
export function* flipped(bytes: Uint8Array, seed: string): Generator<readonly [what: string, bytes: Uint8Array]> {
  const { sections } = readObject(bytes, "x.o");
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
