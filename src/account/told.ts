import type { Span } from "../spans/span.ts";

/** What the description tells, as far as the account needs it. */
export interface Told {
  /** Whether the contents of a span are told to be other, new or gone: in functions, data or an error. */
  isTold(span: Span, side: "pre" | "post"): boolean;
  /** Whether it is told that symbols of a span have another st_size, which says nothing of its contents. */
  isResized(span: Span, side: "pre" | "post"): boolean;
  /** Whether a pre span's other name is told, in functions, data or noise. */
  isRenamed(span: Span): boolean;
  /** Whether findings or noise tell of code that no symbol names and nothing leads to. */
  readonly nameless: "reported" | "noise" | undefined;
  /** Names whose exports are told. */
  readonly exports: ReadonlySet<string>;
  /** Names of sections without spans of which a finding tells. */
  readonly sections: ReadonlySet<string>;
}
