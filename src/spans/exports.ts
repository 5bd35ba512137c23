import { readInteger } from "../bytes.ts";
import { SHN } from "../elf/constants.ts";
import type { ElfObject, Section } from "../elf/object.ts";
import { addTo } from "../grouping.ts";
import { signedHex } from "../hex.ts";
import type { SectionKind } from "./kinds.ts";
import { type Draft, draftsBetween } from "./references.ts";
import type { Export } from "./span.ts";

const EXPORT_SYMBOL = /^__(?:ksymtab|export_symbol)_(.+)$/;

interface Named {
  readonly name: string;
  readonly offset: number;
}

/** Reads every exported symbol of the object, in each form the kernel has had. Linux: include/linux/export.h, export-internal.h. */
export function readExports(
  object: ElfObject,
  kinds: readonly SectionKind[],
  drafts: ReadonlyMap<number, readonly Draft[]>,
  sections: readonly Section[],
): Export[] {
  const own = sections.filter(({ index, size }) => kinds[index] === "export" && size > 0);
  if (own.length === 0) return [];
  const names = exportSymbols(object, kinds);
  const crcs = checksums(object);
  const exports: Export[] = [];
  for (const section of own) {
    const list = drafts.get(section.index) ?? [];
    const starts = names.get(section.index) ?? inferredStarts(section, list, kinds);
    for (const [i, { name, offset }] of starts.entries()) {
      const size = (starts[i + 1]?.offset ?? section.size) - offset;
      exports.push(readExport(section, name, offset, size, list, crcs.get(name)));
    }
  }
  return exports;
}

/** `__ksymtab_NAME` and `__export_symbol_NAME` mark where the entries are. */
function exportSymbols(object: ElfObject, kinds: readonly SectionKind[]): ReadonlyMap<number, Named[]> {
  const names = new Map<number, Named[]>();
  for (const symbol of object.symbols) {
    if (symbol.section === undefined || kinds[symbol.section] !== "export") continue;
    const match = EXPORT_SYMBOL.exec(symbol.name);
    if (match === null) continue;
    addTo(names, symbol.section, { name: match[1] as string, offset: Number(symbol.value) });
  }
  for (const list of names.values()) list.sort((a, b) => a.offset - b.offset);
  return names;
}

/** Bytes from one entry to the next: address and name, and with addresses of four bytes since 5.4 the namespace. */
function entryStride(section: Section, drafts: readonly Draft[], kinds: readonly SectionKind[]): number {
  const [first] = drafts;
  if (first === undefined) return section.size;
  const width = Math.max(first.howto.size, 1);
  const isText = (draft: Draft | undefined): boolean => {
    const kind = draft === undefined ? undefined : kinds[draft.targetSection];
    return kind === "export-string" || kind === "string";
  };
  const isPairs = drafts.every((draft, i) => isText(draft) === (i % 2 === 1));
  return isPairs || width !== 4 ? 2 * width : 3 * width;
}

/** Entries without symbols of their own: each starts with a reference to what it exports, the next one is its name. */
function inferredStarts(section: Section, drafts: readonly Draft[], kinds: readonly SectionKind[]): Named[] {
  const stride = entryStride(section, drafts, kinds);
  const starts: Named[] = [];
  for (let offset = 0; offset < section.size; offset += Math.max(stride, 1)) {
    const [value, named] = draftsBetween(drafts, offset, offset + stride);
    const name = named === undefined ? undefined : stringAt(named);
    starts.push({
      name: name || value?.target?.name || value?.symbol?.name || `${section.name}${signedHex(offset)}`,
      offset,
    });
  }
  return starts;
}

/** The NUL-terminated text a reference points to, or undefined when it points to no contents. */
function stringAt(draft: Draft | undefined): string | undefined {
  const bytes = draft?.target?.bytes;
  if (bytes === undefined || draft === undefined || draft.targetOffset < 0 || draft.targetOffset >= bytes.length)
    return undefined;
  const end = bytes.indexOf(0, draft.targetOffset);
  return new TextDecoder().decode(bytes.subarray(draft.targetOffset, end === -1 ? bytes.length : end));
}

interface Checksum {
  readonly value: bigint;
  readonly symbol: string | undefined;
}

const references = new WeakMap<ElfObject, Map<number, ReadonlyMap<number, string>>>();

/** What the records of a table of checksums refer to, by offset. */
function referencesIn(object: ElfObject, section: number): ReadonlyMap<number, string> {
  const known = references.get(object) ?? new Map<number, ReadonlyMap<number, string>>();
  references.set(object, known);
  const texts =
    known.get(section) ??
    new Map(
      object.relocationsOf(section).map(({ offset, symbol, addend }) => {
        const name = symbol === 0 ? "" : (object.symbols[symbol]?.name ?? "");
        return [offset, `${name}${signedHex(addend)}`] as const;
      }),
    );
  known.set(section, texts);
  return texts;
}

/** `__crc_NAME` is an absolute symbol, or marks a word in a `___kcrctab` section. */
function checksums(object: ElfObject): ReadonlyMap<string, Checksum> {
  const crcs = new Map<string, Checksum>();
  for (const symbol of object.symbols) {
    if (!symbol.name.startsWith("__crc_")) continue;
    const name = symbol.name.slice(6);
    if (symbol.shndx === SHN.ABS) crcs.set(name, { value: symbol.value, symbol: undefined });
    else if (symbol.section !== undefined) {
      const { bytes } = object.sections[symbol.section] as Section;
      const offset = Number(symbol.value);
      if (offset + 4 > bytes.length) continue;
      const value = BigInt(readInteger(bytes, offset, 4, object.data));
      crcs.set(name, { value, symbol: referencesIn(object, symbol.section).get(offset) });
    }
  }
  return crcs;
}

function readExport(
  section: Section,
  name: string,
  offset: number,
  size: number,
  drafts: readonly Draft[],
  crc: Checksum | undefined,
): Export {
  const own = draftsBetween(drafts, offset, offset + size);
  const modern = section.name === ".export_symbol";
  const texts = modern ? textsOf(section.bytes.subarray(offset, offset + size)) : [];
  const value = modern ? own.at(-1) : own[0];
  const licence = modern ? (texts[0]?.includes("GPL") ? "gpl" : "any") : section.name.includes("_gpl") ? "gpl" : "any";
  const namespace = modern ? texts[1] : stringAt(own[2]);
  const relocations = own.map((draft) => ({ ...draft, offset: draft.offset - offset }));
  return {
    name,
    licence,
    namespace: namespace || undefined,
    crc: crc?.value,
    crcSymbol: crc?.symbol,
    section,
    offset,
    size,
    bytes: section.bytes.subarray(offset, offset + size),
    target: value?.target,
    value: value && relocations[own.indexOf(value)],
    relocations,
  };
}

/** The licence and the namespace that an `.export_symbol` entry starts with. */
function textsOf(bytes: Uint8Array): string[] {
  const decoder = new TextDecoder();
  const first = bytes.indexOf(0);
  const second = first === -1 ? -1 : bytes.indexOf(0, first + 1);
  if (first === -1) return [];
  return [
    decoder.decode(bytes.subarray(0, first)),
    second === -1 ? "" : decoder.decode(bytes.subarray(first + 1, second)),
  ];
}
