import type { ElfObject } from "../elf/object.ts";
import type { Span } from "../spans/span.ts";
import type { Contents } from "./mask.ts";

/** Tables of descriptors that dynamic debug switches. Linux: include/linux/dynamic_debug.h. */
const DESCRIPTORS = /^(__dyndbg|__verbose)$/;

/** Pointers before the word with the line: module, function, file, format. */
const POINTERS = 4;

/** Bits of that word that hold the line, counted from its first bit field. */
const LINE_BITS = 18;

/** A descriptor of dynamic debug with its line number left out; undefined for anything else. */
export function withoutLine(span: Span, object: ElfObject): Contents | undefined {
  if (!DESCRIPTORS.test(span.section.name)) return undefined;
  const isBigEndian = object.data === "msb";
  const at = (POINTERS * object.class) / 8;
  if (span.bytes.length < at + 4) return undefined;
  const bytes = span.bytes.slice();
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const word = view.getUint32(at, !isBigEndian);
  // Bit fields begin at the least significant bit of a little-endian word, at the most significant one of a big-endian word.
  const kept = isBigEndian ? word & (2 ** (32 - LINE_BITS) - 1) : word & ~(2 ** LINE_BITS - 1);
  view.setUint32(at, kept >>> 0, !isBigEndian);
  return { bytes, relocations: span.relocations };
}
