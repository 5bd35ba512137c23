import { constantName, SHF, SHN, SHT, STB } from "../elf/constants.ts";
import { decodeName } from "../elf/names.ts";
import { readCompiler, sourceFileOf } from "../elf/notes.ts";
import type { ElfObject, ElfSymbol, Section } from "../elf/object.ts";
import { type Finding, findingText, severityOf } from "../findings/findings.ts";
import { addTo } from "../grouping.ts";
import { hex } from "../hex.ts";
import { withSlashes } from "../paths.ts";
import { entryHook } from "../plan/pair/entry-points.ts";
import { labelSpans } from "../spans/labels.ts";
import { isAnonymousName, parentFunction } from "../spans/names.ts";
import { isCode, type SectionKind } from "../spans/section-kind.ts";
import type { Export, Hook, Span, SpanTable } from "../spans/span.ts";
import { buildSpans } from "../spans/spans.ts";
import { specialTableOf, UNKNOWN_TABLE } from "../spans/special.ts";
import { usesIn } from "../spans/uses.ts";
import type {
  DataRow,
  ExportRow,
  FindingRow,
  FragmentRow,
  FunctionRow,
  HookRow,
  Inspection,
  ObjectHeader,
  SectionRow,
  SpanRow,
  TableRow,
} from "./rows.ts";

/** An object with its spans and what they are called. */
export interface LabelledSpans {
  readonly object: ElfObject;
  readonly table: SpanTable;
  readonly labels: ReadonlyMap<Span, string>;
  /** Fragments by the function they belong to. */
  readonly fragments: ReadonlyMap<Span, readonly Span[]>;
}

/** Reads an object's spans and labels them; locals carry the file's own name, without its folder. */
export function labelledSpans(object: ElfObject): LabelledSpans {
  const table = buildSpans(object);
  const name = (object.member ?? object.file).split(/[\\/]/).at(-1) as string;
  const labels = labelSpans(table.spans, name, usesIn(table));
  const fragments = new Map<Span, Span[]>();
  for (const span of table.spans) {
    if (span.kind !== "fragment" || span.owner === undefined) continue;
    addTo(fragments, span.owner, span);
  }
  return { object, table, labels, fragments };
}

/** Describes an object: its sections, what they hold, and what stands in tables about it. */
export function inspectObject(object: ElfObject): Inspection {
  const spans = labelledSpans(object);
  const { table, labels } = spans;
  const label = (span: Span): string => labels.get(span) as string;
  return {
    ...describeHeader(spans),
    sections: describeSections(table),
    functions: table.spans.filter(isFunctionSpan).map((span) => describeFunction(spans, span)),
    fragments: table.spans.filter(({ kind }) => kind === "fragment").map((span) => describeFragment(spans, span)),
    data: table.spans.filter(({ kind }) => !isCode(kind)).map((span) => describeData(spans, span)),
    commons: object.symbols.filter(isCommon).map(({ name, size, value }) => ({ name, size, align: Number(value) })),
    tables: describeTables(table),
    exports: table.exports.map((entry) => describeExport(entry, label)),
    hooks: table.hooks.map((hook) => describeHook(hook, label)),
    groups: object.groups.map(({ section, signature, comdat, members }) => ({
      index: section,
      signature,
      comdat,
      members: members.map((member) => object.sections[member]?.name ?? ""),
    })),
    findings: describeFindings(table),
  };
}

/** What a header is made of. */
interface HeaderSource {
  readonly object: ElfObject;
  readonly table: Pick<SpanTable, "arch">;
}

export function describeHeader({ object, table }: HeaderSource): ObjectHeader {
  const { name, machine, class: bits, data } = table.arch;
  const source = sourceFileOf(object);
  const compiler = readCompiler(object);
  return {
    file: withSlashes(object.file),
    ...(object.member === undefined ? {} : { member: object.member }),
    arch: { name, machine, class: bits, data },
    ...(source === undefined ? {} : { source }),
    ...(compiler === undefined ? {} : { compiler }),
  };
}

/** Letters of section flags in the order of their bits. binutils: readelf.c, get_elf_section_flags. */
const FLAG_LETTERS: readonly (readonly [letter: string, bit: bigint])[] = [
  ["W", SHF.WRITE],
  ["A", SHF.ALLOC],
  ["X", SHF.EXECINSTR],
  ["M", SHF.MERGE],
  ["S", SHF.STRINGS],
  ["I", SHF.INFO_LINK],
  ["L", SHF.LINK_ORDER],
  ["O", SHF.OS_NONCONFORMING],
  ["G", SHF.GROUP],
  ["T", SHF.TLS],
  ["C", SHF.COMPRESSED],
  ["R", SHF.GNU_RETAIN],
  ["E", SHF.EXCLUDE],
];
const KNOWN_FLAGS = FLAG_LETTERS.reduce((bits, [, bit]) => bits | bit, 0n);

/** Flags as letters; `x` stands for all bits that have none. */
function flagLetters(flags: bigint): string {
  const letters = FLAG_LETTERS.filter(([, bit]) => (flags & bit) !== 0n).map(([letter]) => letter);
  return letters.join("") + ((flags & ~KNOWN_FLAGS) === 0n ? "" : "x");
}

function describeSections({ object, kinds, spansOf }: SpanTable): SectionRow[] {
  return object.sections.slice(1).map((section) => ({
    index: section.index,
    name: section.name,
    kind: kinds[section.index] as SectionKind,
    type: constantName(SHT, "SHT_", section.type),
    size: section.size,
    align: section.addralign || 1,
    flags: flagLetters(section.flags),
    flagBits: hex(section.flags),
    spans: spansOf(section.index).length,
    relocations: countRelocations(object, section),
  }));
}

/** Records that apply to a section, counted without reading them: debug sections have millions. */
function countRelocations(object: ElfObject, section: Section): number {
  let count = 0;
  for (const index of object.relocationSectionsOf(section.index)) {
    const { size, entsize } = object.sections[index] as Section;
    if (entsize > 0) count += Math.floor(size / entsize);
  }
  return count;
}

function isFunctionSpan(span: Span): boolean {
  return isCode(span.kind) && span.kind !== "fragment";
}

function isCommon({ shndx }: ElfSymbol): boolean {
  return shndx === SHN.COMMON || shndx === SHN.X86_64_LCOMMON;
}

function bindName(bind: number): string {
  return bind === STB.GNU_UNIQUE ? "unique" : constantName(STB, "", bind).toLowerCase();
}

function describeSpan(labels: ReadonlyMap<Span, string>, span: Span): SpanRow {
  const { symbol, entry } = span;
  const counts = new Map<string, number>();
  for (const { section } of span.entries) counts.set(section.name, (counts.get(section.name) ?? 0) + 1);
  return {
    label: labels.get(span) as string,
    name: span.name,
    kind: span.kind,
    section: span.section.name,
    offset: span.offset + entry,
    size: span.size - entry,
    ...(symbol === undefined ? {} : { bind: bindName(symbol.bind) }),
    aliases: span.symbols
      .filter((inner) => inner.symbol !== symbol && !isAnonymousName(inner.symbol.name))
      .map((inner) => ({ name: inner.symbol.name, offset: inner.offset - entry, bind: bindName(inner.symbol.bind) })),
    relocations: span.relocations.length,
    tables: Object.fromEntries(counts),
  };
}

export function describeFunction({ table, labels, fragments }: LabelledSpans, span: Span): FunctionRow {
  const partOf = parentFunction(span.name);
  const localEntry = span.symbol === undefined ? 0 : table.arch.localEntry(span.symbol.other);
  return {
    ...describeSpan(labels, span),
    entry: entryHook(span),
    ...(localEntry === 0 ? {} : { localEntry }),
    ...(partOf === undefined ? {} : { partOf }),
    fragments: fragments.get(span)?.length ?? 0,
    ...(table.exempt.has(span) ? { exempt: true } : {}),
  };
}

export function describeFragment({ labels }: LabelledSpans, span: Span): FragmentRow {
  const owner = span.owner === undefined ? undefined : labels.get(span.owner);
  return {
    label: labels.get(span) as string,
    section: span.section.name,
    offset: span.offset,
    size: span.size,
    ...(owner === undefined ? {} : { owner }),
    relocations: span.relocations.length,
  };
}

function describeData({ labels }: LabelledSpans, span: Span): DataRow {
  const isText = span.kind === "export-string" || (span.kind === "string" && span.section.entsize === 1);
  const text = isText ? { text: decodeName(span.bytes).replace(/\0+$/, "") } : {};
  return { ...describeSpan(labels, span), ...text };
}

function describeTables({ object, kinds, spans, layouts }: SpanTable): TableRow[] {
  const owners = new Map<Section, { entries: number; spans: Set<Span> }>();
  for (const span of spans) {
    for (const { section } of span.entries) {
      const known = owners.get(section) ?? { entries: 0, spans: new Set() };
      known.entries++;
      known.spans.add(span);
      owners.set(section, known);
    }
  }
  return object.sections.flatMap((section) => {
    if (kinds[section.index] !== "table") return [];
    const row = specialTableOf(section.name) ?? UNKNOWN_TABLE;
    const entrySize = layouts.get(section.index)?.size;
    const own = owners.get(section);
    return {
      section: section.name,
      index: section.index,
      size: section.size,
      policy: row.policy,
      ...(entrySize === undefined ? {} : { entries: Math.ceil(section.size / entrySize), entrySize }),
      owned: own?.entries ?? 0,
      owners: own?.spans.size ?? 0,
    };
  });
}

function describeExport(entry: Export, label: (span: Span) => string): ExportRow {
  const { name, licence, namespace, crc, section, offset, target } = entry;
  return {
    name,
    licence,
    ...(namespace === undefined ? {} : { namespace }),
    ...(crc === undefined ? {} : { crc: hex(crc) }),
    section: section.name,
    offset,
    ...(target === undefined ? {} : { target: label(target) }),
  };
}

function describeHook({ stage, section, offset, target, name }: Hook, label: (span: Span) => string): HookRow {
  return { stage, section: section.name, offset, function: target === undefined ? name : label(target) };
}

/** What the reading of the object could not place. */
function describeFindings({ arch, warnings }: SpanTable): FindingRow[] {
  const findings: Finding[] = warnings.map(({ code, section, offset, detail }) => ({
    code,
    where: { section, offset },
    detail,
  }));
  if (arch.howtos.size === 0)
    findings.unshift({ code: "machine-without-table", where: { name: arch.name }, detail: "" });
  return findings.map((finding) => ({
    code: finding.code,
    severity: severityOf(finding),
    ...(finding.where.section === undefined ? {} : { section: finding.where.section }),
    ...(finding.where.offset === undefined ? {} : { offset: finding.where.offset }),
    message: findingText(finding),
  }));
}
