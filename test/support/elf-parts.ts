/*
 * Small objects in a few lines. Bytes are hexadecimal; a relocated field stands between braces: type without its prefix,
 * symbol or section, addend, and, where an instruction is more than its field, the instruction's bytes.
 *
 *   elf([text("f", "e8 {PLT32 ext-4} c3"), data("v", "{64 f+1}"), strings("a", "bc")])
 *   elf([text("f", "{CALL26 ext|00000094} c0035fd6")], { machine: "aarch64" })
 *
 * Symbols that are used and defined nowhere become undefined ones. In REL objects the addend is written into the field;
 * bytes given without an addend stay as they are.
 */
import type { Arch, Howto } from "../../src/arch/arch.ts";
import { fieldOrder, writeField } from "../../src/arch/field.ts";
import { archFor } from "../../src/arch/registry.ts";
import { type ElfObject, readObject } from "../../src/elf/object.ts";
import type { SpanTable } from "../../src/spans/span.ts";
import { buildSpans } from "../../src/spans/spans.ts";
import { buildElf, type ElfDescription, type RelocationDescription, type SymbolDescription } from "./elf-builder.ts";
import { type GroupDescription, MACHINES, type MachineName, type SectionDescription } from "./elf-description.ts";
import { bytesOf } from "./elf-fields.ts";

export type SectionExtra = Partial<Omit<SectionDescription, "name" | "code" | "content" | "relocations">>;

interface Source extends SectionExtra {
  readonly name: string;
  readonly asm: string;
}

/** One or several sections with their symbols. */
export interface Part {
  readonly sections: readonly Source[];
  readonly symbols: readonly SymbolDescription[];
  readonly groups?: readonly GroupDescription[];
}

export type SymbolExtra = Partial<Omit<SymbolDescription, "name" | "section">>;

interface NamedExtra extends SymbolExtra {
  /** Default: the usual section of that name. */
  readonly in?: string;
  readonly extra?: SectionExtra;
}

const USUAL = /^\.(init\.|exit\.)?(text|data|rodata|bss)\b|^\.(note|comment)/;

/** A section without symbols, or with those given, whose default section is this one. */
export function section(
  name: string,
  asm: string,
  extra: SectionExtra = {},
  symbols: readonly SymbolDescription[] = [],
): Part {
  const flags = USUAL.test(name) ? {} : { flags: "A" };
  const id = extra.id ?? name;
  return {
    sections: [{ name, asm, ...flags, ...extra }],
    symbols: symbols.map((symbol) => ({ section: id, ...symbol })),
  };
}

function single(type: "func" | "object", folder: string): (name: string, asm: string, extra?: NamedExtra) => Part {
  return (name, asm, { in: where = `${folder}.${name}`, extra = {}, ...symbol } = {}) =>
    section(where, asm, { id: `${where}:${name}`, ...extra }, [{ name, type, size: -1, ...symbol }]);
}

/** A function in a section of its own; local unless told otherwise. */
export const text = single("func", ".text");
export const data = single("object", ".data");
export const rodata = single("object", ".rodata");

export function bss(name: string, size: number, extra: SymbolExtra = {}): Part {
  return section(`.bss.${name}`, "", { size }, [{ name, type: "object", size, ...extra }]);
}

/** Mergeable strings, as compilers emit them. */
export function strings(...texts: readonly string[]): Part {
  return { sections: [{ name: ".rodata.str1.1", asm: "", strings: texts }], symbols: [] };
}

/** A symbol table entry without a section: undefined, absolute, common, a source file's name. */
export function symbol(name: string, extra: Partial<SymbolDescription> = {}): Part {
  return { sections: [], symbols: [{ name, ...extra }] };
}

export function group(signature: string, ...members: readonly string[]): Part {
  return { sections: [], symbols: [], groups: [{ signature, members }] };
}

export interface ElfExtra extends Partial<Omit<ElfDescription, "sections" | "symbols" | "groups" | "machine">> {
  readonly machine?: MachineName;
}

/** The description of an object that consists of these parts. */
export function elf(parts: readonly Part[], extra: ElfExtra = {}): ElfDescription {
  const row = MACHINES[extra.machine ?? "x86_64"];
  const shape = { machine: row.machine, class: extra.class ?? row.class, data: extra.data ?? row.data };
  const arch = archFor({ ...shape, flags: extra.flags ?? 0 });
  const isRela = (extra.relocationFormat ?? row.format) === "rela";
  const sections = parts.flatMap((part) => part.sections.map((source) => assemble(source, arch, isRela)));
  const sizes = new Map(sections.map((made) => [made.id ?? String(made.name), made.length]));
  const symbols = parts
    .flatMap((part) => part.symbols)
    .map((made) => (made.size === -1 ? { ...made, size: sizes.get(made.section as string) as number } : made));
  const known = new Set([...sizes.keys(), ...symbols.map((made) => made.id ?? String(made.name))]);
  const wanted = new Set(
    sections
      .flatMap((made) => made.relocations ?? [])
      .flatMap(({ symbol: id }) => (typeof id === "string" ? [id] : [])),
  );
  const missing = [...wanted].filter((id) => !known.has(id)).map((name): SymbolDescription => ({ name }));
  const groups = parts.flatMap((part) => part.groups ?? []);
  return {
    ...extra,
    sections: sections.map(({ length: _length, ...made }) => made),
    symbols: [...symbols, ...missing],
    groups,
  };
}

const FIELD = /\{([\w]+)(?: ([^\s|}]*?)([+-]\d+)?)?(?:\|([0-9a-f]*))?\}/g;

function assemble(source: Source, arch: Arch, isRela: boolean): SectionDescription & { length: number } {
  const { asm, ...rest } = source;
  if (rest.strings !== undefined) return { ...rest, length: 0 };
  const chunks: Uint8Array[] = [];
  const relocations: RelocationDescription[] = [];
  let offset = 0;
  const push = (bytes: Uint8Array): void => {
    chunks.push(bytes);
    offset += bytes.length;
  };
  let at = 0;
  for (const match of asm.matchAll(FIELD)) {
    push(bytesOf(asm.slice(at, match.index)));
    at = match.index + match[0].length;
    const howto = howtoNamed(arch, match[1] as string);
    const field = match[4] === undefined ? new Uint8Array(howto.size) : Uint8Array.from(bytesOf(match[4]));
    const addend = BigInt(match[3] ?? 0);
    if (!isRela && (match[3] !== undefined || match[4] === undefined))
      writeField(field, 0, howto, fieldOrder(arch, howto), addend);
    relocations.push({ offset, type: howto.type, symbol: match[2] || 0, ...(isRela ? { addend } : {}) });
    push(field);
  }
  push(bytesOf(asm.slice(at)));
  const content = Buffer.concat(chunks);
  return { ...rest, content, ...(relocations.length > 0 ? { relocations } : {}), length: rest.size ?? content.length };
}

function howtoNamed(arch: Arch, name: string): Howto {
  const found = [...arch.howtos.values()].find((howto) => howto.name.replace(/^R_(X86_64|[A-Z0-9]+)_/, "") === name);
  if (found === undefined) throw new Error(`${arch.name} has no relocation ${name}`);
  return found;
}

/** The object of these parts, as the tool reads it. */
export function objectOf(parts: readonly Part[], extra: ElfExtra = {}, file = "x.o"): ElfObject {
  return readObject(buildElf(elf(parts, extra)), file);
}

export function spansOf(parts: readonly Part[], extra: ElfExtra = {}): SpanTable {
  return buildSpans(objectOf(parts, extra));
}
