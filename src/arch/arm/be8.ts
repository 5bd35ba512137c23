import { SHF } from "../../elf/constants.ts";
import type { ElfObject, ElfSymbol, Section } from "../../elf/object.ts";
import { addTo } from "../../grouping.ts";

/** The linker swapped the instructions of this image to little-endian. AAELF32, "ELF header". */
export const EF_ARM_BE8 = 0x00800000;

/**
 * A big-endian relocatable object as the linker puts it into a BE8 image: instructions in little-endian order, words of A32
 * and halfwords of T32 each by itself, and data as they are. Mapping symbols tell which is which. AAELF32, "Endianness".
 */
export function asBe8(object: ElfObject): ElfObject {
  const marks = new Map<number, ElfSymbol[]>();
  for (const symbol of object.symbols) {
    if (symbol.section === undefined || !/^\$[adt](\.|$)/.test(symbol.name)) continue;
    addTo(marks, symbol.section, symbol);
  }
  return {
    ...object,
    flags: object.flags | EF_ARM_BE8,
    sections: object.sections.map((section) => {
      const own = marks.get(section.index);
      return own === undefined || (section.flags & SHF.EXECINSTR) === 0n ? section : swapped(section, own);
    }),
    relocationsOf: (section) => object.relocationsOf(section),
    relocationSectionsOf: (section) => object.relocationSectionsOf(section),
  };
}

const UNITS: ReadonlyMap<string | undefined, number> = new Map([
  ["a", 4],
  ["t", 2],
  ["d", 0],
]);

function swapped(section: Section, marks: readonly ElfSymbol[]): Section {
  const bytes = section.bytes.slice();
  const inOrder = [...marks].sort((a, b) => (a.value < b.value ? -1 : a.value > b.value ? 1 : 0));
  for (const [i, { name, value }] of inOrder.entries()) {
    const unit = UNITS.get(name[1]) ?? 0;
    const next = inOrder[i + 1]?.value;
    const end = next === undefined || next > BigInt(bytes.length) ? bytes.length : Number(next);
    if (unit === 0 || value > BigInt(bytes.length)) continue;
    for (let at = Number(value); at + unit <= end; at += unit) bytes.subarray(at, at + unit).reverse();
  }
  return { ...section, bytes };
}
