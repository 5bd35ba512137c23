import type { RunImage } from "../image/image.ts";
import { isCode } from "../spans/section-kind.ts";
import type { Span } from "../spans/span.ts";
import { isOverridden } from "./weak.ts";

/** Kinds whose contents are compared; the others are only located. */
export function isCompared(span: Span): boolean {
  return isCode(span.kind) || span.kind === "rodata" || isText(span);
}

/** Kinds that are compared as soon as something refers to them: the same contents always stand for the same thing. */
export function isText({ kind }: Span): boolean {
  return kind === "string" || kind === "constant";
}

/** Kinds that the run system has as spans of its own. */
export function isWanted(span: Span): boolean {
  if (span.size === 0 && isCode(span.kind)) return false;
  // Between strings that are aligned there are zeros, which look like empty strings.
  if (span.kind === "string" && span.bytes.every((byte) => byte === 0)) return false;
  return span.kind !== "fragment" && span.kind !== "toc";
}

/** Whether all names that the run system knows of a span are another object's there, so that this one cannot be called. */
export function isReplaced({ symbol, symbols }: Span, image: RunImage): boolean {
  if (!isOverridden(image, symbol)) return false;
  return symbols.every(
    (other) => isOverridden(image, other.symbol) || image.symbols.named(other.symbol.name).length === 0,
  );
}
