import type { SectionKind } from "../spans/kinds.ts";
import type { Span, SpanTable } from "../spans/span.ts";
import type { Use } from "../spans/uses.ts";

/** Which pass found a pair; the passes run in this order. */
export type PairedBy =
  | "global-name"
  | "contents"
  | "local-name"
  | "compiler-suffix"
  | "static-local"
  | "reference"
  | "rename"
  | "order";

/** One side of the comparison, with its index of uses. */
export interface Side {
  readonly table: SpanTable;
  readonly uses: (span: Span) => readonly Use[];
}

/** Both sides of the comparison. */
export interface Sides {
  readonly pre: Side;
  readonly post: Side;
}

/** Which pre span and which post span are the same thing. */
export interface Pairing {
  /** By pre span id: the post span. */
  readonly postOf: readonly (Span | undefined)[];
  /** By post span id: the pre span. */
  readonly preOf: readonly (Span | undefined)[];
  /** By pre span id: the pass that paired it. */
  readonly by: readonly (PairedBy | undefined)[];
  /** Spans without a pair when the present pass began, by side. */
  readonly free: { readonly pre: readonly Span[]; readonly post: readonly Span[] };
  /** Variables of pre that have no twin although one or more new ones of that name are used, any of which may be the same: these. */
  readonly unclear?: ReadonlyMap<Span, readonly Span[]>;
}

/** Two spans that a pass holds to be the same thing. */
export type Pair = readonly [pre: Span, post: Span];

/** A pass looks at what is still free and says what belongs together. */
export type PairingPass = (pre: Side, post: Side, pairing: Pairing) => readonly Pair[];

/** Kinds among which a name may move and still be the same thing: a variable that becomes read-mostly, code that leaves `.exit.text`. */
export function family(kind: SectionKind): string {
  if (kind === "text" || kind === "exit-text") return "text";
  // Read-only and writable data are different things: a constant cannot be written, a variable must not be replaced.
  if (kind === "data" || kind === "bss") return "data";
  return kind;
}
