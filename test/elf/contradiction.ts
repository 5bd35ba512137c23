/* Files that contradict the gABI or themselves, one contradiction each: the rows are in the two tables beside this. */
import type { ElfDescription, SectionOverride } from "../support/elf-builder.ts";

export const base: ElfDescription = {
  sections: [
    { name: ".text", code: "e8 00000000 c3", relocations: [{ offset: 1, type: 4, symbol: "ext", addend: -4 }] },
    { name: ".data", content: "0102030405060708" },
  ],
  symbols: [{ name: "f", section: ".text", type: "func", bind: "global", size: 6 }, { name: "ext" }],
};
export const grouped: ElfDescription = { ...base, groups: [{ signature: "f", members: [".text"] }] };
export const extended: ElfDescription = { ...base, numbering: "extended" };
export const narrow: ElfDescription = { ...base, machine: "ppc" };

/** A description with some fields of one section's header, or its content, written wrong. */
export function over(section: string, fields: SectionOverride, description: ElfDescription = base): ElfDescription {
  return { ...description, overrides: { [section]: fields } };
}

/** What is wrong, and where the error must say that it is. */
export interface Contradiction {
  readonly what: string;
  readonly elf: ElfDescription;
  /** Where the error must be said to be. */
  readonly section?: string | number;
  readonly offset?: number;
  readonly value?: number | bigint;
  readonly problem: RegExp;
}
