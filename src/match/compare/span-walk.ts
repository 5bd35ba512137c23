import { markLinked } from "../../diff/mask.ts";
import type { Span, SpanRelocation } from "../../spans/span.ts";
import type { Context } from "../context.ts";
import type { Trial } from "../values.ts";

/** A walk over a span and a candidate in the run code, from one pair of instructions to the next. */
export abstract class SpanWalk {
  protected readonly context: Context;
  protected readonly trial: Trial;
  protected readonly span: Span;
  /** Address of the candidate. */
  protected readonly address: bigint;
  /** Bits of the span that relocations fill in. */
  protected readonly mask: Uint8Array;
  /** Names of the rules of tolerance that were needed so far. */
  protected readonly rules = new Set<string>();
  /** Offset in the span, and of the run code from its start. */
  protected at = 0;
  protected runAt = 0;
  #nextField = 0;

  constructor(context: Context, trial: Trial, span: Span, address: bigint) {
    this.context = context;
    this.trial = trial;
    this.span = span;
    this.address = address;
    // An instruction that the span cuts off reaches past it.
    this.mask = new Uint8Array(span.bytes.length + 16);
    markLinked(this.mask, span.relocations, context.arch);
  }

  /** Relocations of a stretch of the span. The walk only goes forward, so those that are passed are not looked at again. */
  protected fields(from: number, to: number): SpanRelocation[] {
    const { relocations } = this.span;
    while ((relocations[this.#nextField]?.offset ?? to) < this.at) this.#nextField++;
    const found: SpanRelocation[] = [];
    for (let index = this.#nextField; (relocations[index]?.offset ?? to) < to; index++) {
      const relocation = relocations[index] as SpanRelocation;
      if (relocation.offset >= from) found.push(relocation);
    }
    return found;
  }
}
