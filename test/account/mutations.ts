import { fieldMaskBytes, fieldOrder } from "../../src/arch/field.ts";
import { archFor, howtoOf } from "../../src/arch/registry.ts";
import { SHF, SHT, STT } from "../../src/elf/constants.ts";
import { type ElfObject, type ElfSymbol, readObject, type Section } from "../../src/elf/object.ts";
import { buildSpans } from "../../src/spans/spans.ts";

/** What one mutation changes. */
export const MUTATIONS = ["byte", "addend", "symbol", "section-name", "symbol-size"] as const;
export type MutationKind = (typeof MUTATIONS)[number];

/** An object with one thing changed. */
export interface Mutant {
  readonly bytes: Uint8Array;
  readonly kind: MutationKind;
  /** The allocated section that it is in, or whose records or symbols it is about. */
  readonly section: Section;
  /** Offset in the section, of the byte, of the relocated field, or of the symbol. */
  readonly offset: number;
  readonly words: string;
  /** Whether both symbols stand for equal texts. */
  readonly isSameText?: boolean;
}

/** Whole numbers below a limit, the same ones for the same seed (mulberry32). */
export function randomNumbers(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000) * limit);
  };
}

type Random = (limit: number) => number;

/** Changes one thing of an object; undefined where it has nothing of the kind. */
export function mutate(original: Uint8Array, kind: MutationKind, random: Random): Mutant | undefined {
  const object = readObject(original, "original.o");
  const bytes = original.slice();
  return MAKERS[kind](object, bytes, random);
}

type Maker = (object: ElfObject, bytes: Uint8Array, random: Random) => Mutant | undefined;

const MAKERS: Readonly<Record<MutationKind, Maker>> = {
  byte: mutateByte,
  addend: (object, bytes, random) => mutateRecord(object, bytes, random, "addend"),
  symbol: (object, bytes, random) => mutateRecord(object, bytes, random, "symbol"),
  "section-name": mutateSectionName,
  "symbol-size": mutateSymbolSize,
};

function allocated(object: ElfObject): Section[] {
  return object.sections.filter(({ flags, size }) => (flags & SHF.ALLOC) !== 0n && size > 0);
}

function pick<T>(list: readonly T[], random: Random): T | undefined {
  return list[random(list.length)];
}

function mutateByte(object: ElfObject, bytes: Uint8Array, random: Random): Mutant | undefined {
  const sections = allocated(object).filter(({ type }) => type !== SHT.NOBITS);
  let at = random(sections.reduce((sum, { size }) => sum + size, 0));
  for (const section of sections) {
    if (at < section.size) {
      const was = bytes[section.offset + at] as number;
      const is = (was + 1 + random(255)) & 0xff;
      bytes[section.offset + at] = is;
      return { bytes, kind: "byte", section, offset: at, words: `${was.toString(16)} to ${is.toString(16)}` };
    }
    at -= section.size;
  }
  return undefined;
}

/** Offsets of the fields of Elf32_Rela and Elf64_Rela. gABI chapter 4, "Relocation". */
function mutateRecord(
  object: ElfObject,
  bytes: Uint8Array,
  random: Random,
  kind: "addend" | "symbol",
): Mutant | undefined {
  const tables = allocated(object).flatMap((section) =>
    object
      .relocationSectionsOf(section.index)
      .map((index) => ({ section, table: object.sections[index] as Section }))
      .filter(
        ({ table }) => (table.type === SHT.RELA || (table.type === SHT.REL && kind === "symbol")) && table.size > 0,
      ),
  );
  const chosen = pick(tables, random);
  if (chosen === undefined) return undefined;
  const { section, table } = chosen;
  const wide = object.class === 64;
  const little = object.data === "lsb";
  const size = (wide ? 16 : 8) + (table.type === SHT.RELA ? (wide ? 8 : 4) : 0);
  const index = random(Math.floor(table.size / size));
  const view = new DataView(bytes.buffer, bytes.byteOffset + table.offset + index * size, size);
  const offset = wide ? Number(view.getBigUint64(0, little)) : view.getUint32(0, little);
  const mutant = { bytes, kind, section, offset };
  if (kind === "addend") {
    const step = 1 + random(64);
    if (wide) view.setBigInt64(16, view.getBigInt64(16, little) + BigInt(step), little);
    else view.setInt32(8, view.getInt32(8, little) + step, little);
    return { ...mutant, words: `addend + ${step}` };
  }
  const isMips64 = wide && object.machine === 8;
  const at = wide ? (little && !isMips64 ? 12 : 8) : 4;
  const word = view.getUint32(at, little);
  const number = wide ? word : word >>> 8;
  const others = object.symbols.filter((symbol) => isOther(symbol, object.symbols[number]));
  const other = pick(others, random);
  if (other === undefined) return undefined;
  view.setUint32(at, wide ? other.index : ((other.index << 8) | (word & 0xff)) >>> 0, little);
  const [text, otherText] = [textAt(object, object.symbols[number]), textAt(object, other)];
  const isSameText = text !== undefined && text === otherText;
  return {
    ...mutant,
    isSameText,
    words: `symbol ${object.symbols[number]?.name} (${number}) to ${other.name} (${other.index})`,
  };
}

/** The text that a symbol stands for. */
function textAt({ sections }: ElfObject, symbol: ElfSymbol | undefined): string | undefined {
  const section = symbol?.section === undefined ? undefined : sections[symbol.section];
  if (symbol === undefined || section === undefined || (section.flags & SHF.STRINGS) === 0n) return undefined;
  const start = Number(symbol.value);
  const end = section.bytes.indexOf(0, start);
  return Buffer.from(section.bytes.subarray(start, end)).toString("latin1");
}

/** Whether a symbol means another place than a record's. */
function isOther(symbol: ElfSymbol, known: ElfSymbol | undefined): boolean {
  if (symbol.index === 0 || symbol.type === STT.FILE || symbol.index === known?.index) return false;
  return !(
    symbol.section === known?.section &&
    symbol.value === known?.value &&
    (symbol.section !== undefined || symbol.name === known?.name)
  );
}

function mutateSectionName(object: ElfObject, bytes: Uint8Array, random: Random): Mutant | undefined {
  const section = pick(allocated(object), random);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const little = object.data === "lsb";
  const names = object.sections[view.getUint16(object.class === 64 ? 62 : 50, little)];
  if (section === undefined || names === undefined) return undefined;
  const headers = object.class === 64 ? Number(view.getBigUint64(40, little)) : view.getUint32(32, little);
  const start = view.getUint32(headers + section.index * (object.class === 64 ? 64 : 40), little);
  const at = names.offset + start + section.name.length - 1;
  const was = bytes[at] as number;
  bytes[at] = 0x61 + ((was + random(25)) % 26);
  if (bytes[at] === was) bytes[at] = was === 0x7a ? 0x79 : was + 1;
  return {
    bytes,
    kind: "section-name",
    section,
    offset: 0,
    words: `last letter to ${String.fromCharCode(bytes[at] as number)}`,
  };
}

function mutateSymbolSize(object: ElfObject, bytes: Uint8Array, random: Random): Mutant | undefined {
  const table = object.sections.find(({ type }) => type === SHT.SYMTAB);
  const sized = object.symbols.filter(
    ({ size, section }) =>
      size > 0 && section !== undefined && ((object.sections[section]?.flags ?? 0n) & SHF.ALLOC) !== 0n,
  );
  const symbol = pick(sized, random);
  if (symbol === undefined || table === undefined) return undefined;
  const wide = object.class === 64;
  const view = new DataView(bytes.buffer, bytes.byteOffset + table.offset + symbol.index * (wide ? 24 : 16));
  const size = random(2) === 0 && symbol.size > 1 ? random(symbol.size) : symbol.size + 1 + random(16);
  if (wide) view.setBigUint64(16, BigInt(size), object.data === "lsb");
  else view.setUint32(8, size, object.data === "lsb");
  const section = object.sections[symbol.section as number] as Section;
  return {
    bytes,
    kind: "symbol-size",
    section,
    offset: Number(symbol.value),
    words: `${symbol.name} from ${symbol.size} to ${size}`,
  };
}

/** Sections whose contents the build makes from the rest; `src/account/classes.ts` has the reasons. */
const DERIVED =
  /^(\.orc_(unwind|unwind_ip|header|lookup)|\.sframe|\.note\.gnu\.build-id|\.BTF_ids|\.BTF(\.ext)?|\.reginfo|\.MIPS\.options|\.discard.*|__versions)$/;

/**
 * Why a mutation may be silent: it changes nothing that a linked image or the running system has. Undefined where nothing
 * excuses it.
 */
export function excuseFor(mutant: Mutant, original: ElfObject): string | undefined {
  const { kind, section, offset } = mutant;
  if (DERIVED.test(section.name)) return `${kind}: in a section that the build makes from the rest (${section.name})`;
  if (kind === "byte" && isOverwritten(mutant, original)) return "byte: only bits that a RELA record overwrites";
  if (kind === "symbol" && mutant.isSameText === true) return "symbol: to another copy of the same text";
  const spans = buildSpans(original).spansOf(section.index);
  if (kind === "symbol-size" && spans.length === 0) return "symbol-size: in a section that is not cut at symbols";
  const isBetween =
    spans.length > 0 && spans.every((span) => offset < span.offset || offset >= span.offset + span.size);
  if (kind === "byte" && isBetween) return "byte: filler between functions, and still filler";
  return undefined;
}

/** Whether all bits that differ lie in fields of RELA records. */
function isOverwritten({ bytes, section, offset }: Mutant, original: ElfObject): boolean {
  const arch = archFor(original);
  let bits = (bytes[section.offset + offset] as number) ^ (section.bytes[offset] as number);
  for (const relocation of original.relocationsOf(section.index)) {
    if (!relocation.rela || relocation.offset > offset || relocation.offset + 8 <= offset) continue;
    const howto = howtoOf(arch, relocation.type);
    const mask = fieldMaskBytes(howto, fieldOrder(arch, howto));
    bits &= ~(mask[offset - relocation.offset] ?? 0);
  }
  return bits === 0;
}
