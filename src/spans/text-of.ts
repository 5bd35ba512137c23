import type { Span } from "./span.ts";

/** Whether a byte is part of a message: printable, white space, a kernel log level (SOH), or of a multi-byte character. */
function isTextByte(byte: number): boolean {
  return (byte >= 0x20 && byte !== 0x7f) || (byte >= 0x07 && byte <= 0x0d) || byte === 0x01 || byte === 0x1b;
}

/**
 * The bytes of the text that stands at an offset of a span, without its terminator; undefined when none does. Strings that
 * a link merged into plain `.rodata` have lost their section flags, but not their looks.
 */
export function textBytes(span: Span, offset: number): Uint8Array | undefined {
  if (offset < 0 || offset >= span.bytes.length) return undefined;
  if (span.kind === "string" || span.kind === "export-string") {
    const end = span.section.entsize > 1 ? -1 : span.bytes.indexOf(0, offset);
    return span.bytes.subarray(offset, end === -1 ? span.bytes.length : end);
  }
  if (span.kind !== "rodata" || span.symbol !== undefined || span.relocations.length > 0) return undefined;
  const end = span.bytes.indexOf(0, offset);
  if (end <= offset) return undefined;
  for (let at = offset; at < end; at++) if (!isTextByte(span.bytes[at] as number)) return undefined;
  return span.bytes.subarray(offset, end);
}

/** Whether a span is nothing but one text and zeros behind it. */
export function isTextSpan(span: Span): boolean {
  if (span.kind === "string") return true;
  const text = textBytes(span, 0);
  return text !== undefined && span.bytes.subarray(text.length).every((byte) => byte === 0);
}
