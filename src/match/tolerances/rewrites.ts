import type { Span, SpanRelocation } from "../../spans/span.ts";
import type { Context } from "../run-context.ts";
import type { Trial } from "../values.ts";
import type { ThreadValue } from "./thread-locals.ts";

/** A place of the object's code where the instruction in the run system is another one, of the same length. */
export interface RewriteSite {
  readonly context: Context;
  readonly trial: Trial;
  readonly span: Span;
  /** Offset of the instruction in the span. */
  readonly at: number;
  /** Address of the run system's instruction. */
  readonly place: bigint;
  /** An instruction of either side, counted in words from the place; NaN past the end. */
  pre(index: number): number;
  run(index: number): number;
  /** The relocations of an instruction, counted in words from the place. */
  fields(index: number): readonly SpanRelocation[];
}

/** What a rewrite found out. */
export interface Rewritten {
  /** Bytes that are done. */
  readonly size: number;
  /** What relocations turn out to stand for. */
  readonly meant?: readonly (readonly [relocation: SpanRelocation, address: bigint])[];
  /** What relocations turn out to say of thread-locals. */
  readonly thread?: readonly (readonly [relocation: SpanRelocation, value: ThreadValue])[];
  /** One word of the object's form that means what the run code means: its fields are read as ever. */
  readonly instead?: number;
}

/** One way in which a linker, or the kernel, writes an instruction anew in its place. */
export interface Rewrite {
  readonly name: string;
  readonly why: string;
  readonly source: string;
  readonly apply: (site: RewriteSite) => Rewritten | undefined;
}
