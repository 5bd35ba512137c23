import type { Span } from "./span.ts";

/** Whether a byte is part of a message: printable, white space, a kernel log level (SOH), or of a multi-byte character. */
function isTextByte(byte: number): boolean {
  return (byte >= 0x20 && byte !== 0x7f) || (byte >= 0x07 && byte <= 0x0d) || byte === 0x01 || byte === 0x1b;
}

/**
 * The bytes of the text that stands at an offset of a span, without its terminator; undefined when none does. Strings that
 * a link merged into plain `.rodata` have lost their section flags, but not their looks.
 */
export function stringBytes(span: Span, offset: number): Uint8Array | undefined {
  if (offset < 0 || offset >= span.bytes.length) return undefined;
  if (span.kind === "string" || span.kind === "export-string") {
    const end = span.section.entsize > 1 ? -1 : span.bytes.indexOf(0, offset);
    return span.bytes.subarray(offset, end === -1 ? span.bytes.length : end);
  }
  const text = wholeText(span);
  return text !== undefined && offset < text.length ? text.subarray(offset) : undefined;
}

/** The text that nameless read-only data consists of, zeros behind it aside; undefined when it is anything else. */
function wholeText(span: Span): Uint8Array | undefined {
  if (span.kind !== "rodata" || span.symbol !== undefined || span.relocations.length > 0) return undefined;
  const { bytes } = span;
  const end = bytes.indexOf(0);
  if (end <= 0) return undefined;
  for (let at = 0; at < end; at++) if (!isTextByte(bytes[at] as number)) return undefined;
  for (let at = end; at < bytes.length; at++) if (bytes[at] !== 0) return undefined;
  return bytes.subarray(0, end);
}

/** Whether a span is nothing but one text and zeros behind it. */
export function isStringSpan(span: Span): boolean {
  return span.kind === "string" || wholeText(span) !== undefined;
}
