import type { Arch } from "../arch/arch.ts";
import { archFor } from "../arch/registry.ts";
import { type ByteView, byteView } from "../bytes.ts";
import { ET, SHT } from "../elf/constants.ts";
import { readDynamicRelocations } from "../elf/dynamic.ts";
import { type ElfObject, type ElfSymbol, readObject } from "../elf/object.ts";
import { type ImageHeader, PT, readImageHeader, type Segment } from "../elf/segments.ts";
import { FormatError, UnsupportedError } from "../errors.ts";

/** PT_* numbers beside those of elf/segments.ts. gABI chapter 5, "Program Header". */
export const MORE_PT = { DYNAMIC: 2, INTERP: 3, PHDR: 6, TLS: 7 } as const;

/** A symbol of `.dynsym`, and whether the program itself defines it. */
export interface DynamicSymbol {
  readonly index: number;
  readonly isDefined: boolean;
  readonly isThread: boolean;
  /** Whether it is undefined and has the address of a stub all the same. gABI chapter 5, "Function Addresses"; MIPS ABI supplement. */
  readonly hasStub: boolean;
}

/** A linked program that an update is written into. */
export interface Program {
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly object: ElfObject;
  readonly header: ImageHeader;
  readonly arch: Arch;
  /** Whether it is loaded where it was linked. */
  readonly isFixed: boolean;
  /** Whether it is a library, so that others may take the place of what it exports. */
  readonly isLibrary: boolean;
  readonly dynamic: ReadonlyMap<string, DynamicSymbol>;
  /** Address less file offset of the segment that the file's header is in. */
  readonly bias: bigint;
  readonly threads: Segment | undefined;
  /** Functions by address, the tag bit taken away. */
  functionAt(address: bigint): ElfSymbol | undefined;
  view(): ByteView;
  /** File offset of `size` bytes at an address; undefined where the file does not have them. */
  offsetOf(address: bigint, size: number): number | undefined;
}

/** Reads a program. Throws FormatError for a file that contradicts the gABI, UnsupportedError for one that cannot be changed. */
export function readProgram(bytes: Uint8Array, file: string): Program {
  const object = readObject(bytes, file);
  if (object.type !== ET.EXEC && object.type !== ET.DYN)
    throw new UnsupportedError({ file }, "no executable and no shared object: nothing can be applied to it");
  const header = readImageHeader({
    file,
    size: bytes.length,
    read: (offset, size) => bytes.subarray(offset, offset + size),
  });
  const loads = header.segments.filter(({ type }) => type === PT.LOAD);
  const [first] = loads;
  if (first === undefined) throw new FormatError({ file }, "has no segment that is loaded");
  const arch = archFor(object);
  const hasInterpreter = header.segments.some(({ type }) => type === MORE_PT.INTERP);
  const flags = dynamicValue(object, DT_FLAGS_1) ?? 0n;
  let functions: Map<bigint, ElfSymbol> | undefined;
  return {
    file,
    bytes,
    object,
    header,
    arch,
    isFixed: object.type === ET.EXEC,
    isLibrary: object.type === ET.DYN && !hasInterpreter && (flags & DF_1_PIE) === 0n,
    dynamic: readDynamicSymbols(object),
    bias: first.vaddr - BigInt(first.offset),
    threads: header.segments.find(({ type }) => type === MORE_PT.TLS),
    functionAt(address) {
      functions ??= functionsByAddress(object, arch.functionTagBit === true);
      return functions.get(address);
    },
    view: () => viewOf(bytes, object, file),
    offsetOf(address, size) {
      const holder = loads.find(
        ({ vaddr, filesz }) => address >= vaddr && address + BigInt(size) <= vaddr + BigInt(filesz),
      );
      return holder === undefined ? undefined : holder.offset + Number(address - holder.vaddr);
    },
  };
}

const DT_FLAGS_1 = 0x6fff_fffbn;
const DF_1_PIE = 0x0800_0000n;

/** Bytes in the order of an object, by offset; a read outside is a FormatError. */
export function viewOf(bytes: Uint8Array, { data }: Pick<ElfObject, "data">, file: string): ByteView {
  return byteView(bytes, data, (problem, offset) => {
    throw new FormatError({ file, offset }, problem);
  });
}

/** Entries of `.dynamic` in order, up to and with the first DT_NULL. gABI chapter 5, "Dynamic Section". */
export function dynamicEntries(object: ElfObject): { readonly tag: bigint; readonly value: bigint }[] {
  const table = object.sections.find(({ type }) => type === SHT.DYNAMIC);
  if (table === undefined) return [];
  const view = viewOf(table.bytes, object, object.file);
  const size = object.class / 4;
  const entries: { tag: bigint; value: bigint }[] = [];
  for (let at = 0; at + size <= table.bytes.length; at += size) {
    const word = (offset: number): bigint => (size === 16 ? view.u64(offset) : BigInt(view.u32(offset)));
    entries.push({ tag: word(at), value: word(at + size / 2) });
    if (entries.at(-1)?.tag === 0n) break;
  }
  return entries;
}

/** The value of a dynamic tag; undefined where there is none. */
export function dynamicValue(object: ElfObject, tag: bigint): bigint | undefined {
  return dynamicEntries(object).find((entry) => entry.tag === tag)?.value;
}

function readDynamicSymbols(object: ElfObject): ReadonlyMap<string, DynamicSymbol> {
  const table = object.sections.find(({ type }) => type === SHT.DYNSYM);
  const found = new Map<string, DynamicSymbol>();
  if (table === undefined) return found;
  const strings = object.sections[table.link];
  const view = viewOf(table.bytes, object, object.file);
  const wide = object.class === 64;
  const size = wide ? 24 : 16;
  for (let index = 1; (index + 1) * size <= table.bytes.length; index++) {
    const at = index * size;
    const info = view.u8(at + (wide ? 4 : 12));
    if (info >> 4 === 0 || strings === undefined) continue;
    const start = view.u32(at);
    const end = strings.bytes.indexOf(0, start);
    if (end <= start) continue;
    const name = Buffer.from(strings.bytes.subarray(start, end)).toString("utf8");
    const isDefined = view.u16(at + (wide ? 6 : 14)) !== 0;
    const hasStub = !isDefined && (wide ? view.u64(at + 8) !== 0n : view.u32(at + 4) !== 0);
    if (!found.has(name)) found.set(name, { index, isDefined, isThread: (info & 15) === 6, hasStub });
  }
  return found;
}

function functionsByAddress(object: ElfObject, hasTag: boolean): Map<bigint, ElfSymbol> {
  const found = new Map<bigint, ElfSymbol>();
  for (const symbol of object.symbols) {
    if ((symbol.type !== 2 && symbol.type !== 10) || symbol.section === undefined) continue;
    const address = hasTag ? symbol.value & ~1n : symbol.value;
    if (!found.has(address)) found.set(address, symbol);
  }
  return found;
}

/** Addresses that the dynamic linker writes to. */
export function dynamicPlaces(object: ElfObject): bigint[] {
  return readDynamicRelocations(object).map(({ address }) => address);
}
