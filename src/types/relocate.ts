import { addendOf } from "../arch/addend.ts";
import type { Arch, Howto } from "../arch/arch.ts";
import { fieldOrder, readField, writeField } from "../arch/field.ts";
import { archFor, howtoOf } from "../arch/registry.ts";
import { ET } from "../elf/constants.ts";
import type { ElfObject, Relocation, Section } from "../elf/object.ts";

/** A type that no table of the architecture knows. */
export type UnknownType = (name: string, offset: number) => void;

/**
 * Contents of a debug section with its relocations applied as if every section lay at address 0: a field that refers to
 * another debug section then holds an offset into it. Fields that cannot be resolved (undefined symbols) hold their addend.
 */
export function relocated(object: ElfObject, section: Section, contents: Uint8Array, unknown: UnknownType): Uint8Array {
  // A linked image holds the final values; what `--emit-relocs` kept would be applied twice.
  const relocations = object.type === ET.REL ? object.relocationsOf(section.index) : [];
  if (relocations.length === 0) return contents;
  const arch = archFor(object);
  const bytes = contents.slice();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = object.data === "lsb";
  const plain = new Map<number, 0 | 4 | 8>();
  let words: ReadonlyMap<number, 4 | 8> | undefined;
  for (let index = 0; index < relocations.length; index++) {
    const { type, offset, symbol, addend, rela } = relocations[index]!;
    let width = plain.get(type);
    if (width === undefined) {
      const howto = howtoOf(arch, type);
      if (howto.known === false) words ??= wordTypes(object, relocations, contents);
      width = howto.known === false ? (words?.get(type) ?? 0) : plainWidth(arch, howto);
      plain.set(type, width);
    }
    if (rela && width === 4 && offset + 4 <= bytes.length) {
      view.setUint32(offset, Number(BigInt.asUintN(32, valueOfSymbol(object, symbol) + addend)), little);
    } else if (rela && width === 8 && offset + 8 <= bytes.length) {
      view.setBigUint64(offset, BigInt.asUintN(64, valueOfSymbol(object, symbol) + addend), little);
    } else {
      const howto = howtoOf(arch, type);
      if (howto.known === false) unknown(howto.name, offset);
      else if (howto.size > 0 && offset + howto.size <= bytes.length) {
        // REL: the field still holds its addend, for only this record writes to it.
        const sum = valueOfSymbol(object, symbol) + addendOf(arch, relocations, index, bytes);
        apply(arch, howto, bytes, offset, sum, valueOfSymbol(object, symbol) + addend);
      }
    }
  }
  return bytes;
}

/**
 * Widths of relocation types that no table has, as far as debug information tells them: it holds plain words only. An offset
 * into another debug section is as wide as DWARF's format makes it, an address of code or data as the file's class. A type
 * that is used for both has a width where the two agree; types of records that share a field have none.
 */
function wordTypes(
  object: ElfObject,
  relocations: readonly Relocation[],
  contents: Uint8Array,
): ReadonlyMap<number, 4 | 8> {
  const view = new DataView(contents.buffer, contents.byteOffset, contents.byteLength);
  // DWARF 5 section 7.4: a length of all ones begins a unit of the 64-bit format.
  const is64Bit = contents.length >= 4 && view.getUint32(0) === 0xffff_ffff;
  const ofAddress = object.class === 64 ? 8 : 4;
  const widths = new Map<number, 4 | 8>();
  const unclear = new Set<number>();
  const taken = new Set<number>();
  for (const { type, offset, symbol, rela } of relocations) {
    const target = object.sections[object.symbols[symbol]?.section ?? 0];
    const width = target?.name.startsWith(".debug_") ? (is64Bit ? 8 : 4) : ofAddress;
    if (!rela || taken.has(offset) || (widths.get(type) ?? width) !== width) unclear.add(type);
    taken.add(offset);
    widths.set(type, width);
  }
  for (const type of unclear) widths.delete(type);
  return widths;
}

function valueOfSymbol(object: ElfObject, symbol: number): bigint {
  const found = object.symbols[symbol];
  return found?.section === undefined ? 0n : found.value;
}

/** Whether the field simply holds S + A. */
function plainWidth(arch: Arch, howto: Howto): 0 | 4 | 8 {
  const whole =
    howto.mask === (1n << BigInt(8 * howto.size)) - 1n && howto.rightshift === 0 && howto.encoding === undefined;
  const isAddress =
    howto.role === "address" && !howto.pcrel && !howto.rounding && fieldOrder(arch, howto) === arch.data;
  return whole && isAddress && (howto.size === 4 || howto.size === 8) ? howto.size : 0;
}

/** One record by its name: ADD and SUB change what is there, SET and the rest replace it. RISC-V and LoongArch psABI, "Relocations". */
function apply(arch: Arch, howto: Howto, bytes: Uint8Array, offset: number, sum: bigint, value: bigint): void {
  const [, operation, kind] = /_(ADD|SUB|SET)_?(\d+|ULEB128)$/.exec(howto.name) ?? [];
  const order = fieldOrder(arch, howto);
  if (kind === "ULEB128") {
    applyUleb(bytes, offset, operation as string, value);
  } else if (operation === "ADD" || operation === "SUB") {
    const held = readField(bytes, offset, howto, order);
    writeField(bytes, offset, howto, order, operation === "ADD" ? held + value : held - value);
  } else if (howto.role !== "hint" && howto.role !== "none") {
    writeField(bytes, offset, howto, order, howto.pcrel ? sum - BigInt(offset) : sum);
  }
}

/** A ULEB128 keeps the number of bytes that the assembler reserved. */
function applyUleb(bytes: Uint8Array, offset: number, operation: string, value: bigint): void {
  let end = offset;
  let held = 0n;
  for (let shift = 0n; end < bytes.length && end - offset < 10; shift += 7n) {
    const byte = bytes[end++] as number;
    held |= BigInt(byte & 0x7f) << shift;
    if ((byte & 0x80) === 0) break;
  }
  const result = operation === "SET" ? value : operation === "ADD" ? held + value : held - value;
  let rest = BigInt.asUintN(7 * (end - offset), result);
  for (let at = offset; at < end; at++, rest >>= 7n) bytes[at] = Number(rest & 0x7fn) | (at + 1 < end ? 0x80 : 0);
}
