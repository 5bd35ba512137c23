import type { Code, CodeTables, SectionReason } from "./code.ts";

/*
 * What the sections of a change say in words: `because`, and the labels of table entries. Inside the program reasons and
 * owners are data; these words are written when the description is made, and read where only the description is at hand.
 */

/** The words of `because`. */
export function reasonWords(reason: SectionReason): string {
  switch (reason.kind) {
    case "hook":
      return `hook ${reason.stage}`;
    case "export":
      return `export ${reason.name}`;
    case "owner":
    case "referenced-by":
      return `${reason.kind} ${reason.label}`;
    case "bug-entry":
      return BUG_ENTRY;
    default:
      return reason.kind;
  }
}

const BUG_ENTRY = "owner of a bug entry";

/** The label that the words of `because` name; undefined if the reason is not another section. */
export function labelInReason(because: string): string | undefined {
  return because === BUG_ENTRY ? undefined : /^(?:referenced-by|owner) (.*)$/s.exec(because)?.[1];
}

/** The label of a table entry, before a number is added to a second one: `__bug_table<target:f+0x4>`. `offset` is already in words. */
export function entryLabel(table: string, owner: string, offset: string): string {
  return `${table}<target:${owner}${offset}>`;
}

/** The label of the owner in the label of a table entry, `__bug_table<target:f+0x4>~1`; undefined for any other label. */
export function ownerInLabel(label: string): string | undefined {
  return /<target:(.*)\+0x[0-9a-f]+>(?:~\d+)?$/s.exec(label)?.[1];
}

/** One half of a change as the description has it. */
export function describeCode(name: string, { sections, symbols, relocations }: CodeTables): Code {
  return {
    name,
    sections: sections.map(({ owner: _, ...section }) => ({ ...section, because: reasonWords(section.because) })),
    symbols,
    relocations,
  };
}
