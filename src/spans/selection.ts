import type { Records } from "../arch/records.ts";
import type { ElfSymbol, Section } from "../elf/object.ts";
import type { SectionKind } from "./kinds.ts";

/*
 * Which sections of an object are read as spans. Of a pair of large objects most sections are the same on both sides and have
 * nothing to do with what is not: those are settled by a sweep over the file's own tables, and no span is made of them.
 */

/**
 * `settled`: the section is the same on both sides, and nothing that is read depends on it. `context`: it is the same on both
 * sides; of its references only those are read that lead to what is read too. `whole`: everything in it is read.
 */
export const READ = { settled: 0, context: 1, whole: 2 } as const;

/** What a sweep found out about one object, and how much of it is to be read. */
export interface Selection {
  /** By section index: a value of READ. */
  readonly levels: Uint8Array;
  /** Sections that are not settled and not metadata, by index. */
  readonly sections: readonly Section[];
  /** Kinds of all sections, as kindsOf() has them. */
  readonly kinds: readonly SectionKind[];
  /** Symbols by section, as symbolsBySection() has them. */
  readonly symbols: ReadonlyMap<number, ElfSymbol[]>;
  /** By symbol index: the section that holds it; −1: none. */
  readonly places: Int32Array;
  recordsOf(section: number): Records;
}

/** Whether a section's spans are made; without a selection those of all sections are. */
export function isRead(selection: Selection | undefined, section: number): boolean {
  return selection === undefined || selection.levels[section] !== READ.settled;
}
