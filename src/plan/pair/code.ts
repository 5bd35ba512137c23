import { createHash } from "node:crypto";
import type { Arch, Howto } from "../../arch/arch.ts";
import type { CodeRelocation, CodeSymbol, CodeTables, FragmentSection, SectionReason } from "../../contract/code.ts";
import { entryLabel } from "../../contract/section-words.ts";
import { SHN, STB, STT } from "../../elf/constants.ts";
import type { ElfSymbol } from "../../elf/object.ts";
import { hex, signedHex } from "../../hex.ts";
import { namesPosition } from "../../spans/references.ts";
import type { Span, SpanRelocation, TableEntry } from "../../spans/span.ts";
import { isThumb } from "../../spans/thumb.ts";
import { byField, byLabel } from "../update/order.ts";

/** What to write down of the sections. */
export interface CodeOptions {
  readonly contents: boolean;
}

const BINDS: Readonly<Record<number, CodeSymbol["bind"]>> = { 0: "local", 1: "global", 2: "weak", 10: "unique" };
const TYPES: Readonly<Record<number, CodeSymbol["type"]>> = {
  [STT.FUNC]: "function",
  [STT.GNU_IFUNC]: "gnu-ifunc",
  [STT.OBJECT]: "object",
  [STT.SECTION]: "section",
  6: "tls",
};

/** Collects the sections, symbols and relocations of one side of a change; everything once, in an order of its own. */
export class CodeBuilder {
  readonly #labels: ReadonlyMap<Span, string>;
  readonly #options: CodeOptions;
  readonly #arch: Arch;
  readonly #sections = new Map<string, FragmentSection>();
  readonly #symbols = new Map<string, CodeSymbol>();
  readonly #entries = new Map<TableEntry, string>();
  /** By label without number: the last number of entries that share it. */
  readonly #numbers = new Map<string, number>();
  /** Which refers to what is told when all sections are known. */
  readonly #references: (readonly [section: string, relocation: SpanRelocation])[] = [];
  readonly #howtos: Map<string, Howto>;
  readonly #kept = new Set<Span>();
  /** By label: whose symbol it is. */
  readonly #holders = new Map<string, Span>();
  readonly #runningOf: (span: Span) => Span | undefined;

  /** `runningOf` tells what a span of this side is in the running system: a symbol that is not part of this side has its name there. */
  constructor(
    labels: ReadonlyMap<Span, string>,
    howtos: Map<string, Howto>,
    options: CodeOptions,
    runningOf: (span: Span) => Span | undefined,
    arch: Arch,
  ) {
    this.#arch = arch;
    this.#labels = labels;
    this.#howtos = howtos;
    this.#options = options;
    this.#runningOf = runningOf;
  }

  has(span: Span): boolean {
    return this.#kept.has(span);
  }

  /** Adds a span with its symbols; the reason of the first call stays. */
  addSpan(span: Span, because: SectionReason): void {
    if (this.#kept.has(span)) return;
    this.#kept.add(span);
    const label = this.#label(span);
    this.#addSection(label, span.kind, span, because);
    this.#addSpanSymbol(span, label);
  }

  /** Adds the relocations of a span, and symbols for what they refer to. */
  addRelocations(span: Span): void {
    const label = this.#label(span);
    for (const relocation of span.relocations) {
      if (relocation.distance === undefined) this.#references.push([label, relocation]);
    }
  }

  /** Adds one table entry of an owner; returns its label. The reason of the first call stays. */
  addEntry(entry: TableEntry, owner: Span, because: SectionReason): string {
    const known = this.#entries.get(entry);
    if (known !== undefined) return known;
    const offset = signedHex(Math.max(0, entry.ownerOffset - owner.entry));
    const base = entryLabel(entry.section.name, this.#label(owner), offset);
    let label = base;
    let number = this.#numbers.get(base) ?? 0;
    while (this.#sections.has(label)) label = `${base}~${++number}`;
    this.#numbers.set(base, number);
    this.#entries.set(entry, label);
    this.#addSection(label, "table", entry, because, this.#label(owner));
    this.#symbols.set(label, {
      label,
      name: entry.section.name,
      section: label,
      offset: 0,
      size: entry.size,
      bind: "local",
      type: "section",
    });
    for (const relocation of entry.relocations) this.#references.push([label, relocation]);
    return label;
  }

  build(): CodeTables {
    const relocations = this.#references.map(([section, relocation]) => this.#relocationOf(section, relocation));
    for (const symbol of [...this.#symbols.values()]) {
      if (symbol.section !== null && !this.#sections.has(symbol.section)) this.#import(symbol);
    }
    return {
      sections: [...this.#sections.values()].sort(byLabel),
      symbols: [...this.#symbols.values()].sort(byLabel),
      relocations: relocations.sort(byField),
    };
  }

  /** A symbol whose span is not part of this side is that of the running system, under the name that it has there. */
  #import(symbol: CodeSymbol): void {
    const holder = this.#holders.get(symbol.label);
    const running = holder && this.#runningOf(holder);
    if (running === undefined) this.#symbols.set(symbol.label, { ...symbol, section: null });
    else if (this.#labels.get(holder as Span) === symbol.label) {
      this.#symbols.set(symbol.label, { ...this.#ownSymbol(running, symbol.label), section: null });
    } else if (running.symbols.some((other) => other.symbol.name === symbol.name)) {
      this.#symbols.set(symbol.label, { ...symbol, section: null });
    } else this.#symbols.delete(symbol.label);
  }

  #ownSymbol(span: Span, label: string): CodeSymbol {
    return ownSymbol(span, label, isThumb(this.#arch, span));
  }

  #label(span: Span): string {
    return this.#labels.get(span) as string;
  }

  #addSection(label: string, kind: string, part: Span | TableEntry, because: SectionReason, owner?: string): void {
    const { bytes, section } = part;
    this.#sections.set(label, {
      label,
      kind,
      size: part.size,
      align: section.addralign || 1,
      flags: hex(section.flags),
      sha256: createHash("sha256").update(bytes).digest("hex"),
      because,
      ...(this.#options.contents
        ? { contents: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64") }
        : {}),
      ...(owner === undefined ? {} : { owner }),
    });
  }

  #addSpanSymbol(span: Span, label: string): void {
    if (this.#symbols.has(label)) return;
    const { symbol } = span;
    this.#symbols.set(label, this.#ownSymbol(span, label));
    this.#holders.set(label, span);
    // Other names of the same code: aliases, and entries inside it.
    for (const { symbol: other, offset } of span.symbols) {
      if (other === symbol || other.bind === STB.LOCAL || this.#symbols.has(other.name)) continue;
      this.#holders.set(other.name, span);
      this.#symbols.set(other.name, {
        label: other.name,
        name: other.name,
        section: label,
        offset,
        size: other.size,
        bind: BINDS[other.bind] ?? "global",
        type: TYPES[other.type] ?? "other",
      });
    }
  }

  #relocationOf(section: string, relocation: SpanRelocation): CodeRelocation {
    const { howto, insnAddend } = relocation;
    this.#howtos.set(howto.name, howto);
    const { label, addend } = this.#targetOf(relocation);
    const bias = BigInt(relocation.bias ?? 0);
    return {
      section,
      offset: relocation.offset,
      howto: howto.name,
      symbol: label,
      insnAddend: hex(insnAddend + bias),
      targetAddend: hex(addend),
    };
  }

  /** The symbol a reference goes by, and how far from it the target is. */
  #targetOf(relocation: SpanRelocation): { label: string; addend: bigint | number } {
    const { target, targetOffset, into, symbol } = relocation;
    const targetAddend = relocation.targetAddend - BigInt(relocation.bias ?? 0);
    if (target !== undefined) {
      const label = this.#label(target);
      this.#addSpanSymbol(target, label);
      return { label, addend: targetOffset - target.entry };
    }
    if (into === undefined) {
      return { label: symbol === undefined ? this.#absolute() : this.#outerSymbol(symbol), addend: targetAddend };
    }
    const entry = into.entry === undefined ? undefined : this.#entries.get(into.entry);
    if (entry !== undefined) return { label: entry, addend: targetOffset };
    if (symbol !== undefined && !namesPosition(symbol))
      return { label: this.#outerSymbol(symbol), addend: targetAddend };
    return {
      label: this.#sectionSymbol(into.section.name || `section [${into.section.index}]`),
      addend: targetOffset + (into.entry?.offset ?? 0),
    };
  }

  /** What a field without a symbol counts from: address 0. gABI chapter 4, "Relocation": STN_UNDEF. */
  #absolute(): string {
    const label = "*ABS*";
    if (!this.#symbols.has(label))
      this.#symbols.set(label, {
        label,
        name: label,
        section: null,
        offset: 0,
        size: 0,
        bind: "local",
        type: "absolute",
        value: "0x0",
      });
    return label;
  }

  /** A section whose contents belong to no side. */
  #sectionSymbol(name: string): string {
    if (!this.#symbols.has(name))
      this.#symbols.set(name, { label: name, name, section: null, offset: 0, size: 0, bind: "local", type: "section" });
    return name;
  }

  /** A symbol without a span: undefined, absolute, common, or in a section that is neither code nor data. */
  #outerSymbol(symbol: ElfSymbol | undefined): string {
    const label = symbol?.name ?? "";
    if (!this.#symbols.has(label)) {
      this.#symbols.set(label, {
        label,
        name: label,
        section: null,
        offset: 0,
        size: symbol?.size ?? 0,
        bind: BINDS[symbol?.bind ?? 0] ?? "local",
        ...(symbol?.shndx === SHN.ABS
          ? { type: "absolute", value: hex(symbol.value) }
          : { type: TYPES[symbol?.type ?? 0] ?? "other" }),
      });
    }
    return label;
  }
}

/** The symbol that stands for a span, in the span's own section. */
function ownSymbol(span: Span, label: string, isTagged: boolean): CodeSymbol {
  const { symbol } = span;
  return {
    label,
    name: span.name,
    section: label,
    offset: span.entry,
    size: span.size - span.entry,
    bind: BINDS[symbol?.bind ?? 0] ?? "local",
    type: symbol === undefined ? "section" : (TYPES[symbol.type] ?? "other"),
    ...(span.localEntry === 0 ? {} : { localEntry: span.localEntry }),
    ...(isTagged ? { instructionSet: "thumb" } : {}),
  };
}
