import type { Arch } from "../arch/arch.ts";
import type { ElfObject } from "../elf/object.ts";
import { labelSpans } from "../spans/labels.ts";
import type { Span, SpanTable } from "../spans/span.ts";
import { buildSpans } from "../spans/spans.ts";
import { usesIn } from "../spans/uses.ts";

/** One object that is matched, with the names that its parts have in the update. */
export interface Subject {
  readonly object: ElfObject;
  readonly table: SpanTable;
  readonly labels: ReadonlyMap<Span, string>;
}

/**
 * Makes of an object what is matched: its spans and their labels. `name` is what labels call the object, as in
 * `filldir<fs/readdir.o>`; an update's objects have the names that `objectName` gives them. Throws FormatError where the
 * object contradicts itself.
 */
export function matchSubject(object: ElfObject, name: string): Subject {
  const table = buildSpans(object);
  return { object, table, labels: labelSpans(table.spans, name, usesIn(table)) };
}

/** The same subject with its instructions in the byte order of the image's: a linker may have changed it (Arm, BE8). */
export function inOrderOf(arch: Arch, subject: Subject): Subject {
  const { object, table, labels } = subject;
  const { reorderCode } = arch.link;
  if (reorderCode === null || table.arch.machine !== arch.machine || object.data !== arch.data) return subject;
  if (table.arch.instructionData === arch.instructionData) return subject;
  const reordered = buildSpans(reorderCode(object));
  const label = (index: number): string => labels.get(table.spans[index] as Span) as string;
  return {
    object: reordered.object,
    table: reordered,
    labels: new Map(reordered.spans.map((span, index) => [span, label(index)])),
  };
}
