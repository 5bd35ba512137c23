import type { ElfObject, Section } from "../elf/object.ts";
import { type Draft, draftsBetween, resolveTarget } from "./references.ts";
import { isCode, type SectionKind } from "./section-kind.ts";
import type { Span, TableEntry } from "./span.ts";
import { EXCEPTION_TABLE } from "./special.ts";

/**
 * Language-specific data of functions that catch or clean up. A `catch` of another type changes nothing but a relocation in
 * there. `.eh_frame` tells whose it is: in a frame description, the function's address comes first, the address of its data
 * next. On 32-bit Arm it is `.ARM.exidx` that tells, in the same order, and the data in `.ARM.extab` begins with its personality
 * routine. Itanium C++ ABI: Exception Handling, 2.5; LSB core, "Exception Frames"; Exception Handling ABI for the Arm
 * Architecture, "Index table entries".
 */
export function attachExceptionTables(
  object: ElfObject,
  kinds: readonly SectionKind[],
  drafts: ReadonlyMap<number, readonly Draft[]>,
  spansOf: (section: number) => readonly Span[],
): void {
  const owners = new Map<number, Map<number, Span>>();
  for (const section of object.sections) {
    if (kinds[section.index] === "unwind" && /^\.(eh_frame|ARM\.exidx)/.test(section.name))
      collectOwners(drafts.get(section.index) ?? [], kinds, owners);
  }
  for (const [index, byPlace] of owners) {
    const section = object.sections[index] as Section;
    const places = [...byPlace.keys()].sort((a, b) => a - b);
    for (const [i, offset] of places.entries()) {
      const end = places[i + 1] ?? section.size;
      if (isCompact(object, section, offset)) continue;
      const owner = byPlace.get(offset) as Span;
      const own = draftsBetween(drafts.get(index) ?? [], offset, end);
      for (const draft of own) {
        resolveTarget(draft, spansOf);
        draft.offset -= offset;
      }
      const entry: TableEntry = {
        table: EXCEPTION_TABLE,
        owner,
        section,
        offset,
        size: end - offset,
        bytes: section.bytes.subarray(offset, end),
        relocations: own,
        ownerField: -1,
        ownerOffset: owner.entry,
      };
      owner.entries = [...owner.entries, entry];
    }
  }
}

/** Whether an entry of `.ARM.extab` only says how to unwind, as its top bit tells: that follows from the code. */
function isCompact(object: ElfObject, section: Section, offset: number): boolean {
  return (
    section.name.startsWith(".ARM.extab") &&
    ((section.bytes[offset + (object.data === "lsb" ? 3 : 0)] ?? 0) & 0x80) !== 0
  );
}

/** Which function each piece of exception data belongs to. */
function collectOwners(
  frames: readonly Draft[],
  kinds: readonly SectionKind[],
  owners: Map<number, Map<number, Span>>,
): void {
  let owner: Span | undefined;
  for (const draft of frames) {
    const kind = kinds[draft.targetSection];
    if (kind === undefined) continue;
    if (isCode(kind)) owner = draft.target;
    else if (kind === "unwind" && owner !== undefined) {
      const places = owners.get(draft.targetSection) ?? new Map<number, Span>();
      places.set(draft.targetOffset, owner);
      owners.set(draft.targetSection, places);
    }
  }
}
