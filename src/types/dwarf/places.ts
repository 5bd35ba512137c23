import { ET, SHF } from "../../elf/constants.ts";
import type { ElfObject, Section } from "../../elf/object.ts";
import type { DebugSection, Target } from "../sections.ts";

/** Finds what the address of `size` bytes at a byte offset of a debug section refers to; undefined where to nothing in the object. */
export type PlaceReader = (section: DebugSection, offset: number, size: number) => Target | undefined;

/** Addresses as section and offset: of a relocatable object by their relocations, of a linked one by the sections' addresses. */
export function placeReader(object: ElfObject): PlaceReader {
  if (object.type === ET.REL) return (section, offset) => section.targetAt(offset);
  const find = sectionFinder(object);
  return ({ bytes }, offset, size) => {
    if (offset + size > bytes.length || (size !== 4 && size !== 8)) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset + offset, size);
    const little = object.data === "lsb";
    return find(size === 8 ? view.getBigUint64(0, little) : BigInt(view.getUint32(0, little)));
  };
}

/** Finds the allocated section that holds an address, by bisection. */
function sectionFinder({ sections }: ElfObject): (address: bigint) => Target | undefined {
  const loaded = sections
    .filter(({ flags, size, addr }) => (flags & SHF.ALLOC) !== 0n && (flags & SHF.TLS) === 0n && size > 0 && addr > 0n)
    .sort((a, b) => (a.addr < b.addr ? -1 : a.addr > b.addr ? 1 : 0));
  return (address) => {
    let low = 0;
    let high = loaded.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((loaded[middle] as Section).addr <= address) low = middle + 1;
      else high = middle;
    }
    const section = loaded[low - 1];
    if (section === undefined || address > section.addr + BigInt(section.size)) return undefined;
    return { section: section.index, offset: Number(address - section.addr) };
  };
}
