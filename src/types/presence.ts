import { SHT } from "../elf/constants.ts";
import type { ElfObject } from "../elf/object.ts";

/** Sections of which one is enough to know types. */
const TYPE_SECTIONS: ReadonlySet<string> = new Set([
  ".debug_info",
  ".zdebug_info",
  ".debug_types",
  ".zdebug_types",
  ".BTF",
]);

const LINE_SECTIONS: ReadonlySet<string> = new Set([".debug_line", ".zdebug_line"]);

/** Whether an object says anything about types: DWARF or BTF. Costs nothing, so that the readers are loaded only where there is something to read. */
export function hasTypes(object: ElfObject): boolean {
  return object.sections.some(({ name, type, size }) => TYPE_SECTIONS.has(name) && type !== SHT.NOBITS && size > 0);
}

/** Whether an object uses shadow variables: Linux, kernel/livepatch/shadow.c. */
export function usesShadow(object: ElfObject): boolean {
  return object.symbols.some(({ name }) => name.startsWith("klp_shadow_"));
}

/** Whether an object says which source lines its code comes from. */
export function hasLines(object: ElfObject): boolean {
  return object.sections.some(({ name, type, size }) => LINE_SECTIONS.has(name) && type !== SHT.NOBITS && size > 0);
}
