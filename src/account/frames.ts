import { firstRecord, offsetOf } from "../arch/records.ts";
import { readInteger } from "../bytes.ts";
import type { Section } from "../elf/object.ts";
import type { Span } from "../spans/span.ts";
import { targetOf } from "./targets.ts";
import type { View } from "./view.ts";

/** One record of `.eh_frame`, or one entry of `.ARM.exidx`. */
export interface Frame {
  readonly from: number;
  readonly to: number;
  /** The function that it describes; undefined for what several share, and for terminators. */
  readonly owner: Span | undefined;
  /** Of a frame: where what it shares with others begins. */
  readonly shared: number | undefined;
  /** Where the part begins that says something of this function alone. */
  readonly body: number;
}

/** Bytes of an index entry. Exception Handling ABI for the Arm Architecture, "Index table entries". */
const INDEX_ENTRY = 8;
/** Length and CIE pointer. LSB core, "The .eh_frame section". */
const HEAD = 8;

/** Cuts unwinding tables into records; undefined where they are of no known form. */
export function framesOf(view: View, section: Section): readonly Frame[] | undefined {
  if (section.name.startsWith(".ARM.exidx")) return indexEntries(view, section);
  if (!section.name.startsWith(".eh_frame")) return undefined;
  const { bytes } = section;
  const frames: Frame[] = [];
  for (let from = 0; from + 4 <= bytes.length; ) {
    const length = Number(readInteger(bytes, from, 4, view.object.data));
    if (length === 0) {
      frames.push({ from, to: from + 4, owner: undefined, shared: undefined, body: from + 4 });
      from += 4;
      continue;
    }
    const to = from + 4 + length;
    if (length === 0xffff_ffff || length < 4 || to > bytes.length) return undefined;
    const pointer = Number(readInteger(bytes, from + 4, 4, view.object.data));
    const owner = pointer === 0 ? undefined : ownerAt(view, section, from + HEAD);
    frames.push({ from, to, owner, shared: pointer === 0 ? undefined : from + 4 - pointer, body: from + HEAD });
    from = to;
  }
  return frames;
}

function indexEntries(view: View, section: Section): Frame[] {
  const frames: Frame[] = [];
  for (let from = 0; from < section.size; from += INDEX_ENTRY) {
    const to = Math.min(from + INDEX_ENTRY, section.size);
    frames.push({ from, to, owner: ownerAt(view, section, from), shared: undefined, body: from });
  }
  return frames;
}

function ownerAt(view: View, section: Section, offset: number): Span | undefined {
  const records = view.recordsOf(section);
  for (let i = firstRecord(records, offset); i < records.count && offsetOf(records, i) === offset; i++) {
    const { span } = targetOf(view, section, records, i);
    if (span !== undefined) return span;
  }
  return undefined;
}
