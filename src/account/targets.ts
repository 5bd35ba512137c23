import { HIGH, LOW, offsetOf, type Records, STRIDE, SYMBOL, typeOf } from "../arch/records.ts";
import { howtoOf } from "../arch/registry.ts";
import { SHN } from "../elf/constants.ts";
import type { ElfSymbol, Section } from "../elf/object.ts";
import { hex, signedHex } from "../hex.ts";
import { codeAddend } from "../spans/code-state.ts";
import { namesPosition, spanAt } from "../spans/references.ts";
import { isCode } from "../spans/section-kind.ts";
import type { Span, SpanRelocation } from "../spans/span.ts";
import { symbolPlace } from "../spans/symbol-place.ts";
import type { View } from "./view.ts";

/** What a reference means: a place in a span, a place in a section without spans, or a symbol that is defined elsewhere. */
export interface Target {
  readonly span: Span | undefined;
  /** Index of the section that holds the place; -1 where the symbol is defined elsewhere. */
  readonly section: number;
  /** From the span's start, else from the section's. */
  readonly offset: number;
  readonly symbol: ElfSymbol | undefined;
  readonly addend: number;
}

/** What a record refers to, from the record and the symbol table alone. */
export function targetOf(view: View, section: Section, records: Records, index: number): Target {
  const { object, arch, table } = view;
  const { words } = records;
  const at = index * STRIDE;
  const number = words[at + SYMBOL] as number;
  const symbol = number === 0 ? undefined : object.symbols[number];
  const addend = (words[at + HIGH] as number) * 0x1_0000_0000 + ((words[at + LOW] as number) >>> 0);
  const place = symbol?.section ?? -1;
  if (symbol === undefined || place < 0) return { span: undefined, section: -1, offset: 0, symbol, addend };
  const start = symbolPlace(arch, symbol);
  const spans = table.spansOf(place);
  const isPosition = namesPosition(symbol);
  let offset = start + addend;
  if (isPosition && isCode(table.kinds[section.index] ?? "metadata")) {
    const howto = howtoOf(arch, typeOf(records, index));
    offset -= Number(codeAddend(object, arch, section, howto, offsetOf(records, index)));
  }
  const span = spanAt(spans, isPosition ? offset : start);
  return { span, section: place, offset: span === undefined ? offset : offset - span.offset, symbol, addend };
}

/** What the reading of the object says that a reference means. */
export function targetRead({ target, targetOffset, targetAddend, symbol }: SpanRelocation): Target {
  return {
    span: target,
    section: target?.section.index ?? symbol?.section ?? -1,
    offset: targetOffset,
    symbol,
    addend: Number(targetAddend),
  };
}

/** A target for a person: `f+0x4`, `.rodata+0x18`, `printk-0x4`. */
export function targetWords(target: Target, view: View): string {
  const { span, section, offset, symbol, addend } = target;
  if (span?.symbol !== undefined) return `${span.name}${signedHex(offset - span.entry)}`;
  if (section >= 0) return `${view.object.sections[section]?.name ?? ""}${signedHex((span?.offset ?? 0) + offset)}`;
  const value = symbol?.shndx === SHN.ABS ? `=${hex(symbol.value)}` : "";
  return `${symbol?.name ?? ""}${value}${signedHex(addend)}`;
}
