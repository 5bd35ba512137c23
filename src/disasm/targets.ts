import { shortTarget, targetText } from "../diff/difference.ts";
import type { Pairing } from "../diff/pairing.ts";
import { STB } from "../elf/constants.ts";
import { signedHex } from "../hex.ts";
import type { Span, SpanRelocation } from "../spans/span.ts";

/** What a relocation points to, in words that are equal on both sides when the meaning is. */
export type TargetKey = (relocation: SpanRelocation) => string;

/** Keys by which references to the same thing are equal whatever it is called: a paired thing goes by its pre span. */
export function targetKeys(pairing: Pairing, side: "pre" | "post"): TargetKey {
  const preOf = (span: Span): Span | undefined => {
    if (side === "post") return pairing.preOf[span.id];
    return pairing.postOf[span.id] === undefined ? undefined : span;
  };
  const keyOf: TargetKey = (relocation) => {
    const { target, targetOffset } = relocation;
    if (target === undefined) return targetText(relocation);
    if (target.kind === "string") return contentsFrom(target, targetOffset);
    if (target.kind === "fragment") return `${target.section.name}+${targetOffset}`;
    const [slot] = target.kind === "toc" ? target.relocations : [];
    if (slot !== undefined && slot.target?.kind !== "toc") return `toc ${keyOf(slot)}`;
    const pre = preOf(target);
    if (pre !== undefined) return `#${pre.id}+${targetOffset - target.entry}`;
    // What one side defines and the other does not is still the thing of that name.
    const isGlobal = target.symbol !== undefined && target.symbol.bind !== STB.LOCAL;
    return isGlobal ? targetText(relocation) : `${side} #${target.id}+${targetOffset - target.entry}`;
  };
  return keyOf;
}

function contentsFrom(span: Span, offset: number): string {
  const isInside = offset >= 0 && offset < span.bytes.length;
  const text = Buffer.from(isInside ? span.bytes.subarray(offset) : span.bytes).toString("latin1");
  return `"${text}"${isInside ? "" : offset}`;
}

/** Whether a relocation points into the span that holds it, but not at its entry: a branch that was left to the linker. */
export function isInner({ target, targetOffset, howto }: SpanRelocation, span: Span): boolean {
  return target?.id === span.id && targetOffset !== span.entry && howto.role !== "none";
}

/** What a relocation points to, as an assembler would write it: `foo`, `foo+0x8`, `"text"`, `+0x1a` in the same function. */
export function targetWords(relocation: SpanRelocation, span: Span): string {
  const { howto, symbol, target, targetOffset } = relocation;
  if (symbol === undefined && (howto.role === "hint" || howto.role === "none")) return "";
  if (target === undefined || target.kind === "string") return withoutZero(shortTarget(relocation));
  if (isInner(relocation, span)) return placeText(targetOffset - span.entry);
  if (target.symbol !== undefined) return withoutZero(shortTarget(relocation));
  const [held] = target.kind === "toc" ? target.relocations : [];
  if (held !== undefined) return `*${withoutZero(shortTarget(held))}`;
  const place = target.offset + targetOffset;
  return place === 0 ? target.section.name : `${target.section.name}${placeText(place)}`;
}

/** A place in the same function, from its symbol. */
export function placeText(offset: number): string {
  return signedHex(offset);
}

function withoutZero(text: string): string {
  return text.endsWith("+0") ? text.slice(0, -2) : text;
}
