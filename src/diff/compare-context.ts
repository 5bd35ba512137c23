import type { Arch } from "../arch/arch.ts";
import { isCode } from "../spans/section-kind.ts";
import type { Span, SpanTable } from "../spans/span.ts";
import { type Correspondence, correspond } from "./correspondence.ts";
import type { Pairing, Sides } from "./pairing.ts";

/** What comparisons of one pair of objects share. */
export interface CompareContext {
  readonly pairing: Pairing;
  readonly arch: Arch;
  /** For a paired function whose instructions only moved: where they are now. */
  readonly correspondenceOf: (pre: Span) => Correspondence | undefined;
  /** What lies before a span in its section. */
  readonly before: (span: Span, side: "pre" | "post") => Span | undefined;
  /** Both sides, with their uses. */
  readonly sides: Sides;
}

/** A context whose correspondences are looked for when first asked for. */
export function compareContext(pairing: Pairing, arch: Arch, sides: Sides): CompareContext {
  const tables = { pre: sides.pre.table, post: sides.post.table };
  const known = new Map<Span, Correspondence | undefined>();
  const correspondenceOf = (pre: Span): Correspondence | undefined => {
    const post = pairing.postOf[pre.id];
    if (post === undefined || !isCode(pre.kind) || Buffer.compare(pre.bytes, post.bytes) === 0) return undefined;
    // Alone in its section, a function has its own alignment and no neighbour.
    if (!hasNeighbours(pre, tables.pre) && !hasNeighbours(post, tables.post)) return undefined;
    if (!known.has(pre)) known.set(pre, correspond(pre, post, arch));
    return known.get(pre);
  };
  const before = (span: Span, side: "pre" | "post"): Span | undefined => {
    const other = span.offset === 0 ? undefined : tables[side].spans[span.id - 1];
    return other?.section === span.section ? other : undefined;
  };
  return { pairing, arch, correspondenceOf, before, sides };
}

/** Whether other code lies in the same section: then branches and alignment inside a function depend on its place. */
function hasNeighbours(span: Span, table: SpanTable): boolean {
  return table.spansOf(span.section.index).length > 1;
}
