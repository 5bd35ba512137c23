import { hasAnchors, isAnchorBase } from "../../arch/anchors/anchors.ts";
import { reachTest } from "../../arch/anchors/distances.ts";
import { SHF } from "../../elf/constants.ts";
import type { Finding } from "../../findings/findings.ts";
import { isCode } from "../../spans/section-kind.ts";
import { isEntryPoint, type Span, type SpanRelocation } from "../../spans/span.ts";
import { isThumb } from "../../spans/thumb.ts";
import { type PlannedPair, runningSpanOf, spanFinding } from "./pair.ts";

/** A loaded address, with the variable that it is in. */
type Base = SpanRelocation & { readonly target: Span };

/**
 * New code that reaches a variable by its distance from another one, where that distance is not what it is in the running system. Linkers
 * keep a section of one object in one piece; so distances between variables of it are the same as in the old object as long as both are
 * the old object's. GCC: -fsection-anchors.
 */
export function anchoredFindings(pair: PlannedPair, span: Span): Finding[] {
  const { arch } = pair.diff.post.table;
  let mayReach: ReturnType<typeof reachTest> | undefined;
  const bases = basesOf(pair, span);
  const loaded = new Set(bases.map(({ target }) => target));
  for (const base of bases) {
    const { target, targetOffset, offset } = base;
    const strays = straysOf(pair, target);
    if (strays.length === 0) continue;
    const from = target.offset + targetOffset;
    const place = { offset: offset - span.entry };
    const used = span.relocations.find(({ distance, target: other }) => {
      return distance !== undefined && other !== undefined && strays.includes(other) && !loaded.has(other);
    });
    if (used?.target !== undefined) {
      const detail = distanceText(used.target.offset + used.targetOffset - from, target);
      return [spanFinding(pair, "section-anchors", span, "post", detail, place)];
    }
    mayReach ??= reachTest(arch, span.bytes, isThumb(arch, span));
    const stray = strays.find((other) =>
      mayReach?.(other.offset - from, other.offset + Math.max(1, other.size) - from),
    );
    if (stray === undefined) continue;
    const detail = `perhaps ${distanceText(stray.offset - from, target)}`;
    return [spanFinding(pair, "section-anchors", span, "post", detail, place)];
  }
  return [];
}

function distanceText(distance: number, { name }: Span): string {
  return `what lies ${Math.abs(distance)} bytes ${distance < 0 ? "before" : "behind"} ${name}`;
}

/** Loaded addresses in sections of several variables, each place once. */
function basesOf({ diff }: PlannedPair, span: Span): Base[] {
  const { arch, spansOf } = diff.post.table;
  if (!hasAnchors(arch)) return [];
  const bases = new Map<string, Base>();
  for (const relocation of span.relocations) {
    const { howto, target, targetOffset, distance } = relocation;
    if (target === undefined || distance !== undefined || isCode(target.kind)) continue;
    if (!isAnchorBase(arch, howto) && howto.role !== "tls") continue;
    if (isJumpTable(target) || (target.section.flags & SHF.MERGE) !== 0n || spansOf(target.section.index).length < 2)
      continue;
    const key = `${target.section.index} ${target.offset + targetOffset}`;
    if (!bases.has(key)) bases.set(key, { ...relocation, target });
  }
  return [...bases.values()];
}

/** What lies elsewhere, counted from a variable of its section, than in the running system. */
function straysOf(pair: PlannedPair, base: Span): Span[] {
  const home = runningSpanOf(pair, base);
  return pair.diff.post.table.spansOf(base.section.index).filter((span) => {
    if (span === base || isJumpTable(span)) return false;
    const place = runningSpanOf(pair, span);
    if (home === undefined || place === undefined || place.section !== home.section) return true;
    return place.offset - home.offset !== span.offset - base.offset;
  });
}

/** The table of a switch: compilers put it beside the variables that are reached from an anchor, not among them. */
function isJumpTable(span: Span): boolean {
  const { kind, symbol, relocations } = span;
  if (kind !== "rodata" || symbol !== undefined || relocations.length === 0) return false;
  return relocations.every(({ target, targetOffset }) => {
    if (target === undefined) return false;
    return isCode(target.kind) ? !isEntryPoint(target, targetOffset) : target === span;
  });
}
