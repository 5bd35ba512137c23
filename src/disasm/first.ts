import type { Arch } from "../arch/arch.ts";
import { shortTarget, targetTexts } from "../diff/difference.ts";
import type { Pairing } from "../diff/pairing.ts";
import type { Span, SpanRelocation } from "../spans/span.ts";
import type { Instruction } from "./instruction.ts";
import { placeText, targetKeys } from "./targets.ts";
import { hexWord } from "./units.ts";
import { decodeWords } from "./words.ts";

/** The first instruction in which two functions differ, on both sides; an empty text where one side has ended. */
export interface FirstInstruction {
  /** From the function's symbol. */
  readonly offset: { readonly pre: number; readonly post: number };
  readonly pre: string;
  readonly post: string;
}

type Listing = readonly Instruction[];

/** The instructions of two paired functions, as words. */
export interface Listings {
  readonly before: Listing;
  readonly after: Listing;
}

export function listingsOf(pre: Span, post: Span, pairing: Pairing, arch: Arch): Listings {
  return {
    before: decodeWords(pre, arch, targetKeys(pairing, "pre")),
    after: decodeWords(post, arch, targetKeys(pairing, "post")),
  };
}

/**
 * Finds the first instruction in which two paired functions differ, and says it in hexadecimal with its relocations in words;
 * undefined when they differ in kernel tables or in other functions only. Needs no disassembler, and one pass over each.
 */
export function firstInstruction(
  pre: Span,
  post: Span,
  { before, after }: Listings,
  arch: Arch,
): FirstInstruction | undefined {
  const index = firstDifference(before, after);
  if (index === undefined) return undefined;
  return {
    offset: { pre: placeOf(before, index, pre), post: placeOf(after, index, post) },
    pre: instructionText(before[index], pre, arch, after[index]),
    post: instructionText(after[index], post, arch, before[index]),
  };
}

/**
 * Index of the first instructions that are not the same. In what both begin with and in what both end with, instructions
 * correspond one by one, so a branch must lead to the corresponding place; places between are not told apart.
 */
function firstDifference(pre: Listing, post: Listing): number | undefined {
  const isSame = (i: number, j: number): boolean => pre[i]?.normalised === post[j]?.normalised;
  const shorter = Math.min(pre.length, post.length);
  let head = 0;
  while (head < shorter && isSame(head, head)) head++;
  let tail = 0;
  while (tail < shorter - head && isSame(pre.length - 1 - tail, post.length - 1 - tail)) tail++;
  const placeIn = (listing: Listing): ((offset: number) => number | undefined) => {
    const indices = new Map(listing.map(({ offset }, index) => [offset, index]));
    return (offset) => {
      const index = indices.get(offset) ?? listing.length;
      if (index < head) return index;
      // Counted from the end, below zero.
      return index >= listing.length - tail ? index - listing.length - 1 : undefined;
    };
  };
  const prePlace = placeIn(pre);
  const postPlace = placeIn(post);
  for (let i = 0; i < head; i++) {
    const before = pre[i]?.inner;
    const after = post[i]?.inner;
    if (before !== undefined && after !== undefined && prePlace(before) !== postPlace(after)) return i;
  }
  return head < Math.max(pre.length, post.length) ? head : undefined;
}

function placeOf(listing: readonly Instruction[], index: number, span: Span): number {
  return (listing[index]?.offset ?? span.size) - span.entry;
}

/** An instruction in hexadecimal with what it refers to; `other` is the one it is compared with: `e800000000 R_X86_64_PLT32 kfree+0`, `7415 +0x2c`. */
export function instructionText(
  instruction: Instruction | undefined,
  span: Span,
  arch: Arch,
  other: Instruction | undefined,
): string {
  if (instruction === undefined) return "";
  const { bytes, relocations, inner } = instruction;
  const words = relocations
    .map((relocation, i) => relocationText(relocation, other?.relocations[i]))
    .filter((text) => text !== "");
  if (inner !== undefined && words.length === 0) words.push(placeText(inner - span.entry));
  return [hexWord(bytes, span, arch), ...words].join(" ");
}

/** A relocation type and what it refers to; empty for one that means nothing. `other` is the one it is compared with. */
export function relocationText(relocation: SpanRelocation, other: SpanRelocation | undefined): string {
  const { howto, symbol } = relocation;
  const isMark = symbol === undefined && (howto.role === "hint" || howto.role === "none");
  const text = other === undefined ? shortTarget(relocation) : targetTexts(relocation, other)[0];
  return isMark ? "" : `${howto.name} ${text}`;
}
