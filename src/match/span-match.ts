import type { Span } from "../spans/span.ts";
import type { Block, Mismatch } from "./compare/mismatch.ts";

/** What became of a span. */
type Status = "matched" | "ambiguous" | "unmatched" | "located";

/** One span and what is known of it in the run system. */
export interface SpanMatch {
  readonly span: Span;
  /** Index of its object. */
  readonly object: number;
  status: Status;
  address: bigint | undefined;
  /** Candidates of the last try. */
  candidates: readonly bigint[];
  rules: readonly string[];
  blocks: readonly Block[];
  mismatch: Mismatch | undefined;
  /** Whether the run system has another definition of it, so that this one is not there. */
  readonly overridden: boolean;
}
