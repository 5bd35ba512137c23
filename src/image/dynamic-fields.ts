import type { Arch } from "../arch/arch.ts";
import { archFor, howtoOf } from "../arch/registry.ts";
import { SHT } from "../elf/constants.ts";
import { type ByteSource, type ImageHeader, sectionBytes } from "../elf/segments.ts";
import type { Region } from "./memory.ts";

/** What the loader will write: place → value. */
export type DynamicFields = ReadonlyMap<bigint, bigint>;

/** The words that a loader fills with addresses of the image itself (R_*_RELATIVE): in the file they may hold nothing. gABI chapter 5, "Dynamic Linking". */
export function dynamicFields(source: ByteSource, header: ImageHeader, slide: bigint): DynamicFields {
  const fields = new Map<bigint, bigint>();
  const arch = archFor(header);
  if (header.class !== 64) return fields;
  for (const section of header.sections) {
    if (section.type !== SHT.RELA || section.addr === 0n) continue;
    const bytes = sectionBytes(source, section);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const little = header.data === "lsb";
    for (let at = 0; at + 24 <= bytes.length; at += 24) {
      const type = Number(view.getBigUint64(at + 8, little) & 0xffff_ffffn);
      if (!isRelative(arch, type)) continue;
      fields.set(view.getBigUint64(at, little) + slide, BigInt.asUintN(64, view.getBigInt64(at + 16, little) + slide));
    }
  }
  return fields;
}

function isRelative(arch: Arch, type: number): boolean {
  return howtoOf(arch, type).name.endsWith("_RELATIVE");
}

/** The region as it is once the loader has written its fields. */
export function withDynamicFields(region: Region, fields: DynamicFields, header: ImageHeader): Region {
  if (fields.size === 0) return region;
  const places = [...fields.keys()]
    .filter((place) => place >= region.start && place < region.start + BigInt(region.size))
    .map((place) => Number(place - region.start))
    .sort((a, b) => a - b);
  if (places.length === 0) return region;
  const little = header.data === "lsb";
  return {
    ...region,
    read(from, length) {
      const bytes = region.read(from, length);
      const first = places.findIndex((place) => place + 8 > from);
      if (bytes === undefined || first === -1 || (places[first] as number) >= from + length) return bytes;
      const filled = Uint8Array.from(bytes);
      for (let index = first; index < places.length && (places[index] as number) < from + length; index++) {
        const place = places[index] as number;
        const word = new DataView(new ArrayBuffer(8));
        word.setBigUint64(0, fields.get(region.start + BigInt(place)) as bigint, little);
        for (let i = 0; i < 8; i++) {
          if (place + i >= from && place + i < from + length) filled[place + i - from] = word.getUint8(i);
        }
      }
      return filled;
    },
  };
}
