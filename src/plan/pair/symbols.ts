import type { Arch } from "../../arch/arch.ts";
import { SHN, STB, STT } from "../../elf/constants.ts";
import type { ElfObject, ElfSymbol } from "../../elf/object.ts";
import type { Finding } from "../../findings/findings.ts";
import { hex } from "../../hex.ts";
import { append } from "../../lists.ts";
import type { Span } from "../../spans/span.ts";
import { type PlannedPair, spanFinding } from "./pair.ts";

/** Where a symbol points: a span, and the distance from its first byte. */
interface Spot {
  readonly span: Span;
  readonly distance: number;
}

/** STV_* bits of st_other; the rest is the processor's. gABI chapter 4, "Symbol Visibility". */
const VISIBILITY = 3;
/** Types that say only what kind of thing a name is for; an assembler's annotation may come or go. */
const PLAIN: ReadonlySet<number> = new Set([STT.NOTYPE, STT.OBJECT, STT.COMMON]);

/**
 * What the linker and other objects see of the names that both sides define, and what no byte of a section tells: the kind
 * of a symbol, its binding, the processor's bits, and the place that it stands for. Each difference is an error, because
 * code that was linked before the patch keeps what the name meant then.
 */
export function compareSymbols(pair: PlannedPair): Finding[] {
  const { pre, post } = pair.diff;
  const before = definedGlobals(pre.table.object);
  const after = definedGlobals(post.table.object);
  const findings: Finding[] = [];
  const report = (name: string, detail: string): void => {
    findings.push({ code: "symbol-changed", where: { object: pair.index, side: "post", name }, detail });
  };
  const [spotBefore, spotAfter] = [finder(pre.table.spans), finder(post.table.spans)];
  for (const [name, old] of before) {
    const now = after.get(name);
    if (now === undefined) continue;
    const spot = spotBefore(old);
    // Of a function that is replaced, the jump at its old entry serves those who were linked to it.
    const isReplaced = spot !== undefined && pair.diff.result.outcomes[spot.span.id] === "replaced";
    const kind = kindChange(old, now, pre.table.arch) ?? (isReplaced ? undefined : linkChange(old, now));
    if (kind !== undefined) report(name, kind);
    else if (isMoved(pair, spot, spotAfter(now))) report(name, "it stands for another place");
  }
  append(findings, sizeFindings(pair));
  const [oldFlags, newFlags] = [pre.table.object.flags, post.table.object.flags];
  if (oldFlags !== newFlags) {
    const detail = `e_flags ${hex(oldFlags)} becomes ${hex(newFlags)}: the two sides follow different conventions`;
    findings.push({
      code: "symbol-changed",
      where: { object: pair.index, side: "post", name: "the ELF header" },
      detail,
    });
  }
  return findings;
}

/** Symbols of equal code or data whose st_size alone differs: tools and debuggers, and copy relocations, go by it. */
function sizeFindings(pair: PlannedPair): Finding[] {
  const { pre, pairing, result } = pair.diff;
  const findings: Finding[] = [];
  for (const span of pre.table.spans) {
    const twin = pairing.postOf[span.id];
    if (twin === undefined || result.outcomes[span.id] !== "unchanged" || result.exempt.includes(span)) continue;
    for (const [i, { symbol }] of span.symbols.entries()) {
      const other = twin.symbols[i]?.symbol;
      if (other === undefined || other.name !== symbol.name || other.size === symbol.size) continue;
      // Filler inside equal code, longer branches: the symbol is as large as what it names.
      if (other.size - symbol.size === twin.size - span.size) continue;
      const detail = `st_size of ${symbol.name} ${symbol.size} becomes ${other.size}, though what it stands for is the same`;
      findings.push(spanFinding(pair, "symbol-changed", span, "pre", detail));
    }
  }
  return findings;
}

function kindChange(old: ElfSymbol, now: ElfSymbol, { taggedCode }: Arch): string | undefined {
  const [wasCommon, isCommon] = [old.shndx === SHN.COMMON, now.shndx === SHN.COMMON];
  if (wasCommon !== isCommon)
    return wasCommon
      ? "a common symbol becomes a definition, whose place and value are other ones than those that run"
      : "a definition becomes a common symbol";
  if (old.type !== now.type && !(PLAIN.has(old.type) && PLAIN.has(now.type))) {
    const isAnnotation = [old.type, now.type].includes(STT.NOTYPE) && ![old.type, now.type].includes(STT.GNU_IFUNC);
    if (!isAnnotation) return `its type ${old.type} becomes ${now.type} (STT_*)`;
  }
  const areFunctions = old.type === STT.FUNC && now.type === STT.FUNC;
  if (taggedCode !== null && areFunctions && (old.value & 1n) !== (now.value & 1n))
    return "Arm code becomes Thumb code, or the other way round";
  return undefined;
}

/** What only the linker is told, and what a patch that replaces the function does not need. */
function linkChange(old: ElfSymbol, now: ElfSymbol): string | undefined {
  if (old.bind !== now.bind) return old.bind === STB.WEAK ? "weak becomes strong" : "strong becomes weak";
  if ((old.other & ~VISIBILITY) !== (now.other & ~VISIBILITY))
    return `st_other ${hex(old.other)} becomes ${hex(now.other)}: callers enter it in another way`;
  if ((old.other & VISIBILITY) !== (now.other & VISIBILITY))
    return `its visibility ${old.other & VISIBILITY} becomes ${now.other & VISIBILITY} (STV_*)`;
  return undefined;
}

/** Whether a name went to another thing, or to another place of a thing that is the same. A function that is replaced tells of its entries itself. */
function isMoved({ diff }: PlannedPair, old: Spot | undefined, now: Spot | undefined): boolean {
  if (old === undefined || now === undefined) return false;
  const { pairing, result } = diff;
  const twin = pairing.postOf[old.span.id];
  if (twin === undefined) return false;
  if (twin !== now.span) return pairing.preOf[now.span.id] !== undefined;
  return result.outcomes[old.span.id] === "unchanged" && old.distance !== now.distance;
}

/** Symbols that other objects can refer to, by name; of a name that is defined twice, none. */
function definedGlobals({ symbols }: ElfObject): ReadonlyMap<string, ElfSymbol> {
  const found = new Map<string, ElfSymbol>();
  const twice = new Set<string>();
  for (const symbol of symbols) {
    if (symbol.bind === STB.LOCAL || symbol.shndx === SHN.UNDEF || symbol.name === "") continue;
    if (found.has(symbol.name)) twice.add(symbol.name);
    found.set(symbol.name, symbol);
  }
  for (const name of twice) found.delete(name);
  return found;
}

/** Finds where a symbol points, by the spans that hold it. */
function finder(spans: readonly Span[]): (symbol: ElfSymbol) => Spot | undefined {
  const spots = new Map<number, Spot>();
  for (const span of spans)
    for (const { symbol, offset } of span.symbols)
      if (symbol.bind !== STB.LOCAL) spots.set(symbol.index, { span, distance: offset });
  return ({ index }) => spots.get(index);
}
