import type { ObjectDiff } from "../diff/diff.ts";
import { SHN, STT } from "../elf/constants.ts";
import type { ElfSymbol, Section } from "../elf/object.ts";
import { namesPosition, spanAt } from "../spans/references.ts";
import { isCode, isComparedByContents } from "../spans/section-kind.ts";
import type { Span } from "../spans/span.ts";
import { isStringSpan } from "../spans/strings.ts";
import { symbolPlace } from "../spans/symbol-place.ts";
import { pairSettled } from "./settled.ts";
import type { SectionTwins, TwinOf } from "./twins.ts";
import type { View } from "./view.ts";

/** Not asked yet. */
const UNKNOWN = -2;

/**
 * Symbols that stand for the same place on both sides, so that records with equal addends mean the same without a look at the
 * place: names of spans that are pairs, sections whose spans are pairs one by one, and what is defined elsewhere by one name.
 */
export function twinSymbols(diff: ObjectDiff, pre: View, post: View, twins: SectionTwins): TwinOf {
  const { pairing, result } = diff;
  const known = new Int32Array(pre.object.symbols.length).fill(UNKNOWN);
  known[0] = 0;
  pairSettled(pre, post, twins, known);
  let others: { readonly elsewhere: Map<string, number>; readonly sections: Map<number, number> } | undefined;
  return (symbol) => {
    const before = known[symbol];
    if (before !== UNKNOWN) return before ?? -1;
    const found = find(pre.object.symbols[symbol] as ElfSymbol);
    known[symbol] = found;
    return found;
  };

  function find(symbol: ElfSymbol): number {
    const { section, shndx, type, name } = symbol;
    if (section === undefined) {
      others ??= collectOthers(post);
      return shndx === SHN.UNDEF ? (others.elsewhere.get(name) ?? -1) : -1;
    }
    if (type === STT.SECTION) {
      const twin = twins.get(section);
      const areSettled = twin !== undefined && pre.isSettled(section) && post.isSettled(twin);
      if (twin === undefined || !(areSettled || isSameSection(section, twin))) return -1;
      others ??= collectOthers(post);
      const found = others.sections.get(twin) ?? -1;
      // The symbol of a section stands at its start, but nothing makes it.
      return post.object.symbols[found]?.value === symbol.value ? found : -1;
    }
    return namesPosition(symbol) ? -1 : findNamed(symbol, section);
  }

  function findNamed(symbol: ElfSymbol, section: number): number {
    const span = spanAt(pre.table.spansOf(section), symbolPlace(pre.arch, symbol));
    const twin = span && pairing.postOf[span.id];
    if (span === undefined || twin === undefined || isComparedByContents(span.kind) || !stays(span)) return -1;
    const at = span.symbols.findIndex((inner) => inner.symbol === symbol);
    const inner = span.symbols[at];
    const other = twin.symbols[at];
    if (inner === undefined || other === undefined || other.symbol.name !== symbol.name) return -1;
    return inner.offset - span.entry === other.offset - twin.entry ? other.symbol.index : -1;
  }

  /** Whether what refers to a span may go on doing so. */
  function stays(span: Span): boolean {
    const outcome = result.outcomes[span.id];
    if (outcome === "relocated" || (outcome === "replaced" && isCode(span.kind))) return false;
    const lines = result.lines[span.id];
    return lines === undefined || !lines.some(({ kind }) => kind === "encoding-only");
  }

  function isSameSection(a: number, b: number): boolean {
    const [left, right] = [pre.table.spansOf(a), post.table.spansOf(b)];
    if (left.length === 0 || left.length !== right.length) return false;
    const [from, to] = [pre.object.sections[a] as Section, post.object.sections[b] as Section];
    // Texts and constants mean what they hold.
    const { kind } = left[0] as Span;
    if ((kind === "string" || kind === "constant") && kind === right[0]?.kind)
      return Buffer.compare(from.bytes, to.bytes) === 0;
    let isEqual: boolean | undefined;
    for (let i = 0; i < left.length; i++) {
      const span = left[i] as Span;
      const other = right[i] as Span;
      if (span.offset !== other.offset || span.size !== other.size || span.entry !== other.entry) return false;
      if (span.kind === "fragment" || span.kind === "toc" || span.kind !== other.kind || !stays(span)) return false;
      const isText = span.symbol === undefined && isStringSpan(span);
      if (pairing.postOf[span.id] === other && !isText) continue;
      isEqual ??= Buffer.compare(from.bytes, to.bytes) === 0;
      if (!isText || !isEqual) return false;
    }
    return true;
  }
}

function collectOthers({ object }: View): { elsewhere: Map<string, number>; sections: Map<number, number> } {
  const elsewhere = new Map<string, number>();
  const sections = new Map<number, number>();
  for (const { index, name, section, shndx, type } of object.symbols) {
    if (section === undefined && shndx === SHN.UNDEF && index > 0) elsewhere.set(name, index);
    else if (type === STT.SECTION && section !== undefined) sections.set(section, index);
  }
  return { elsewhere, sections };
}
