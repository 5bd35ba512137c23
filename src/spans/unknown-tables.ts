import type { ElfSymbol, Section } from "../elf/object.ts";
import type { Draft } from "./references.ts";
import { isCode, type SectionKind } from "./section-kind.ts";

/** Names under which compilers keep data; tables are not called so. */
const COMPILER_DATA =
  /^\.(data|rodata|bss|sdata|srodata|tdata|got|opd|branch_lt|gcc_except_table|init_array|fini_array|lrodata|ldata)/;

/** Sections that are tables by their shape: no symbols, no compiler's name, and addresses inside functions, not at their beginnings. */
export function unknownTables(
  sections: readonly Section[],
  kinds: readonly SectionKind[],
  drafts: ReadonlyMap<number, readonly Draft[]>,
  symbols: ReadonlyMap<number, readonly ElfSymbol[]>,
): Section[] {
  const candidates = sections.filter((section) => {
    const kind = kinds[section.index];
    return (
      (kind === "data" || kind === "rodata") &&
      drafts.has(section.index) &&
      !symbols.has(section.index) &&
      !COMPILER_DATA.test(section.name)
    );
  });
  return candidates.filter((section) =>
    drafts.get(section.index)?.some((draft) => isInsideFunction(draft, kinds, symbols)),
  );
}

function isInsideFunction(
  { targetSection, targetOffset }: Draft,
  kinds: readonly SectionKind[],
  symbols: ReadonlyMap<number, readonly ElfSymbol[]>,
): boolean {
  const kind = kinds[targetSection];
  if (kind === undefined || !isCode(kind) || kind === "fragment") return false;
  return targetOffset > 0 && !symbols.get(targetSection)?.some((symbol) => Number(symbol.value) === targetOffset);
}
