import type { Relocation } from "../elf/object.ts";
import type { Arch } from "./arch.ts";
import { howtoOf } from "./registry.ts";

/** Index of the record that holds the low half, for each record of a table that has one; -1 for the others. */
type Pairs = Int32Array;

const pairsOfTables = new WeakMap<readonly Relocation[], Map<Arch, Pairs>>();

/**
 * The whole addend of a record: r_addend, or for REL what its field holds. On MIPS the field of a HI16 has only the
 * upper half; the lower is in the field of the next LO16 for the same symbol, with sign: `lui 0x1` and `addiu -4` stand
 * for 0xfffc.
 */
export function addendOf(arch: Arch, relocations: readonly Relocation[], index: number, bytes: Uint8Array): bigint {
  const relocation = relocations[index] as Relocation;
  if (relocation.rela) return relocation.addend;
  const own = implicitAddend(arch, relocation, bytes);
  const partner = arch.lowParts?.has(relocation.type)
    ? relocations[pairsOf(arch, relocations)[index] as number]
    : undefined;
  if (!partner) return own;
  const shift = 16n - BigInt(howtoOf(arch, relocation.type).rightshift);
  return (own << shift) + implicitAddend(arch, partner, bytes);
}

function implicitAddend(arch: Arch, { type, offset }: Relocation, bytes: Uint8Array): bigint {
  return arch.implicitAddend(howtoOf(arch, type), bytes, offset);
}

function pairsOf(arch: Arch, relocations: readonly Relocation[]): Pairs {
  let tables = pairsOfTables.get(relocations);
  if (!tables) {
    tables = new Map();
    pairsOfTables.set(relocations, tables);
  }
  let pairs = tables.get(arch);
  if (!pairs) {
    pairs = findPairs(arch, relocations);
    tables.set(arch, pairs);
  }
  return pairs;
}

/** From the end, so that the last low record seen of a type and symbol is always the next one. */
function findPairs(arch: Arch, relocations: readonly Relocation[]): Pairs {
  const pairs = new Int32Array(relocations.length).fill(-1);
  const next = new Map<string, number>();
  for (let index = relocations.length - 1; index >= 0; index--) {
    const { type, symbol } = relocations[index] as Relocation;
    const low = arch.lowParts?.get(type);
    if (low !== undefined) pairs[index] = next.get(`${low}:${symbol}`) ?? -1;
    next.set(`${type}:${symbol}`, index);
  }
  return pairs;
}
