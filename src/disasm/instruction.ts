import type { Span, SpanRelocation } from "../spans/span.ts";
import type { TargetKey } from "./targets.ts";

/** One instruction, or as many bytes as stand for one. */
export interface Instruction {
  /** Byte offset in the span. */
  readonly offset: number;
  readonly size: number;
  readonly bytes: Uint8Array;
  /** For a person: relocated fields and places in the same function in words. */
  readonly text: string;
  readonly relocations: readonly SpanRelocation[];
  /** What is compared: like the text, but for code that only moved, or refers to the same things by another name, the same. */
  readonly normalised: string;
  /** Offset of the place in the same span that it refers to, as a branch does; undefined when to none. */
  readonly inner: number | undefined;
}

/** Turns the bytes of a span into instructions; between them they hold every byte, in order, up to LONGEST_CODE. */
export type Disassembler = (span: Span, keyOf: TargetKey) => Instruction[];

/** Bytes of a function that are taken apart. Real functions are shorter; a hostile file must not cost more than it is big. */
const LONGEST_CODE = 1 << 18;

/** The part of a span that is taken apart: nearly always all of it. */
export function startOf(span: Span): Span {
  if (span.bytes.length <= LONGEST_CODE) return span;
  const relocations = span.relocations.filter(({ offset }) => offset < LONGEST_CODE);
  return { ...span, bytes: span.bytes.subarray(0, LONGEST_CODE), relocations };
}

/** Gives the relocations of one stretch after the other; calls must come in offset order. */
export function relocationsInTurn(relocations: readonly SpanRelocation[]): (end: number) => readonly SpanRelocation[] {
  let next = 0;
  return (end) => {
    const first = next;
    while (next < relocations.length && (relocations[next] as SpanRelocation).offset < end) next++;
    return first === next ? NONE : relocations.slice(first, next);
  };
}

const NONE: readonly SpanRelocation[] = [];
