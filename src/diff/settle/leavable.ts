import { BEYOND, HIGH, LOW, STRIDE, SYMBOL, TYPE } from "../../arch/records.ts";
import { howtoOf } from "../../arch/registry.ts";
import { STB, STT } from "../../elf/constants.ts";
import type { ElfSymbol, Section } from "../../elf/object.ts";
import { isAnonymousName } from "../../spans/names.ts";
import { isCode, isState, type SectionKind } from "../../spans/section-kind.ts";
import { baseName } from "./names.ts";
import type { SweptPair } from "./sections.ts";
import type { SweptSide } from "./side.ts";

/** Kinds of sections that can be settled: what stands in them goes by names, or by its contents alone. */
const KINDS: ReadonlySet<SectionKind> = new Set([
  "text",
  "init-text",
  "exit-text",
  "rodata",
  "string",
  "constant",
  "data",
  "bss",
  "percpu",
  "init-data",
  "registry",
  "export",
  "export-string",
]);

/**
 * Whether a section that is the same on both sides may be left out, as far as the section itself tells: every byte belongs to
 * something that has a name, or is known by its contents; its references are all in order; and that its names are the same
 * says for certain that its things are.
 */
export function leavable(pair: SweptPair): (section: number) => boolean {
  const { pre, post, isSame } = pair;
  const files = sameFiles(pre, post);
  const hasChecksums = [pre, post].some(({ object }) => object.symbols.some(({ name }) => name.startsWith("__crc_")));
  return (index) => {
    const kind = pre.kinds[index] as SectionKind;
    const section = pre.object.sections[index] as Section;
    if (isSame[index] !== 1 || !KINDS.has(kind)) return false;
    if (kind === "export") return !hasChecksums && hasOrderlyRecords(pre, section);
    const symbols = pre.symbols.get(index);
    if (section.size === 0 && symbols === undefined) return false;
    if (kind === "export-string") return pre.recordsOf(index).count === 0;
    if (kind === "string" || kind === "constant") return symbols === undefined && pre.recordsOf(index).count === 0;
    if (symbols === undefined || !(isTiled(pre, section, kind, symbols) || isSpaced(section, kind, symbols)))
      return false;
    const isCertain = ({ bind, name, index: number }: ElfSymbol): boolean => {
      if (name === "" || isAnonymousName(name)) return false;
      return bind !== STB.LOCAL || !isState(kind) || files[number] === 1 || baseName(name, kind) !== name;
    };
    return symbols.every(isCertain) && hasOrderlyRecords(pre, section);
  };
}

/** Whether sized symbols cover a section from end to end; filler before the only function of a section counts as its own. */
function isTiled({ arch }: SweptSide, section: Section, kind: SectionKind, symbols: readonly ElfSymbol[]): boolean {
  const [only] = symbols;
  if (section.size === 0) return false;
  if (only !== undefined && symbols.length === 1) {
    const value = Number(only.value);
    if (value + only.size !== section.size) return false;
    return value === 0 || (isCode(kind) && arch.isPadding(section.bytes, 0, value));
  }
  let end = 0;
  for (const { value, size } of [...symbols].sort((a, b) => Number(a.value - b.value) || b.size - a.size)) {
    if (size === 0 || Number(value) > end) return false;
    end = Math.max(end, Number(value) + size);
  }
  return end === section.size;
}

/** Whether sized symbols cover data but for filler between and behind them. */
function isSpaced(section: Section, kind: SectionKind, symbols: readonly ElfSymbol[]): boolean {
  // A variable of a type without members takes no room.
  if (section.size === 0) return !isCode(kind) && symbols.length === 1;
  if (isCode(kind) || symbols.some(({ size }) => size === 0)) return false;
  return gapsAreFiller(section, symbols);
}

/** Whether what no symbol of a section of data covers is filler: zeros, and no more than alignment needs. */
export function gapsAreFiller({ size, addralign, bytes }: Section, symbols: readonly ElfSymbol[]): boolean {
  let end = 0;
  const isFilled = (to: number): boolean =>
    bytes.length === 0 || (to - end < Math.max(addralign, 64) && bytes.subarray(end, to).every((byte) => byte === 0));
  for (const symbol of [...symbols].sort((a, b) => Number(a.value - b.value))) {
    const start = Number(symbol.value);
    if (start > end && !isFilled(start)) return false;
    end = Math.max(end, start + symbol.size);
  }
  return end >= size || isFilled(size);
}

/** Whether all references of a section are of known types, lie inside it, and lead to something with a name, not before it. */
export function hasOrderlyRecords(side: SweptSide, section: Section): boolean {
  const { words, count } = side.recordsOf(section.index);
  for (let at = 0; at < count * STRIDE; at += STRIDE) {
    const howto = howtoOf(side.arch, (words[at + TYPE] as number) >>> 0);
    if (words[at + BEYOND] !== 0 || howto.known === false || ((words[at] as number) >>> 0) + howto.size > section.size)
      return false;
    const symbol = side.object.symbols[words[at + SYMBOL] as number];
    if (symbol === undefined || symbol.index === 0 || (symbol.name === "" && symbol.type !== STT.SECTION)) return false;
    if (!howto.pcrel && (words[at + HIGH] as number) < 0) return false;
    if ((words[at + HIGH] as number) !== 0 && (words[at + HIGH] as number) !== (words[at + LOW] as number) >> 31)
      return false;
  }
  return true;
}

/** By symbol of pre: 1 where it is a local of a source file whose name stands once on each side. */
function sameFiles(pre: SweptSide, post: SweptSide): Uint8Array {
  const count = ({ object }: SweptSide): Map<string, number> => {
    const counts = new Map<string, number>();
    for (const { type, name } of object.symbols) if (type === STT.FILE) counts.set(name, (counts.get(name) ?? 0) + 1);
    return counts;
  };
  const [before, after] = [count(pre), count(post)];
  const found = new Uint8Array(pre.object.symbols.length);
  let isOne = before.size === 0 && after.size === 0;
  for (const { type, name, index } of pre.object.symbols) {
    if (type === STT.FILE) isOne = before.get(name) === 1 && after.get(name) === 1;
    else if (isOne) found[index] = 1;
  }
  return found;
}
