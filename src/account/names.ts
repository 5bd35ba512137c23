import type { ObjectDiff } from "../diff/diff.ts";
import type { Section } from "../elf/object.ts";
import type { Span } from "../spans/span.ts";
import type { SpanOwners } from "./spans.ts";
import type { Told } from "./told.ts";
import type { SectionTwins } from "./twins.ts";
import type { View } from "./view.ts";

/** A section that has another name on the other side, though what is in it is the same. */
export interface RenamedSection {
  readonly pre: Section;
  readonly post: Section;
  /** Where a linker makes symbols of the name, the section is an array that code walks from its start to its stop. */
  readonly isArray: boolean;
}

/** Names that a C program can write: GNU ld defines `__start_NAME` and `__stop_NAME` for them. */
const IDENTIFIER = /^[A-Za-z_]\w*$/;

/** Sections of pre whose name post does not have, with the section that holds what was in them. */
export function renamedSections(
  { pairing }: ObjectDiff,
  pre: View,
  post: View,
  told: Told,
  owners: SpanOwners,
  twins: SectionTwins,
  fragments: ReadonlyMap<Span, Span>,
): RenamedSection[] {
  const renamed: RenamedSection[] = [];
  for (const section of pre.allocated) {
    if (twins.has(section.index)) continue;
    for (const span of pre.table.spansOf(section.index)) {
      const twin = pairing.postOf[span.id] ?? fragments.get(span);
      if (twin === undefined || span.size === 0 || owners.pre[span.id] === "reported") continue;
      // Where a function has another name, so has its section.
      if (twin.section.name === section.name || (span.name !== twin.name && told.isRenamed(span))) continue;
      const { section: other } = twin;
      renamed.push({
        pre: section,
        post: post.object.sections[other.index] ?? other,
        isArray: IDENTIFIER.test(section.name) || IDENTIFIER.test(other.name),
      });
      break;
    }
  }
  return renamed;
}
