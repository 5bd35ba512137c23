import { SHN, STT } from "../../elf/constants.ts";
import { functionBase, variableBase } from "../../spans/names.ts";
import { isCode, type SectionKind } from "../../spans/section-kind.ts";
import type { SweptSide } from "./side.ts";

/** What a compiler adds to names stands behind a dot or one of these beginnings. */
const MADE_UP = /[.@]|^(__UNIQUE_ID_|__initcall__|_Z|__Z|_R)/;

/** A name without what a compiler counts by. */
export function baseName(name: string, kind: SectionKind): string {
  if (!MADE_UP.test(name)) return name;
  return isCode(kind) ? functionBase(name) : variableBase(name);
}

/** Symbols of one side that share a name but for a compiler's numbers: by that name the sections that hold them. */
export interface NameGroups {
  /** Sections that hold a symbol of a name, numbers left aside. */
  sectionsOf(base: string): readonly number[];
  /** Bases of a section's names that are shared or numbered. */
  basesIn(section: number): readonly string[];
}

const NONE: readonly never[] = [];

export function nameGroups({ object, kinds, symbols }: SweptSide): NameGroups {
  const groups = new Map<string, number[]>();
  const counted = new Set<string>();
  for (const { name, section, shndx, type } of object.symbols) {
    if (section === undefined || shndx === SHN.UNDEF || type === STT.SECTION || type === STT.FILE) continue;
    const base = baseName(name, kinds[section] as SectionKind);
    if (base !== name) counted.add(base);
    const group = groups.get(base);
    if (group === undefined) groups.set(base, [section]);
    else group.push(section);
  }
  const isShared = (base: string): boolean => counted.has(base) || (groups.get(base)?.length ?? 0) > 1;
  return {
    sectionsOf: (base) => groups.get(base) ?? NONE,
    basesIn: (section) =>
      (symbols.get(section) ?? NONE)
        .map(({ name }) => baseName(name, kinds[section] as SectionKind))
        .filter((base) => isShared(base)),
  };
}
