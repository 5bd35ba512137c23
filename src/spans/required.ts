/* What must hold of each relocation before it is followed; where it does not, the object is damaged. Each throws FormatError. */
import type { Howto } from "../arch/arch.ts";
import type { ElfObject, ElfSymbol } from "../elf/object.ts";
import { isCode } from "./section-kind.ts";
import type { Span } from "./span.ts";

interface Field {
  readonly offset: number;
  readonly howto: Howto;
  readonly symbol: ElfSymbol | undefined;
}

/** A field ends where what it stands in does: the bytes behind are not its own. `offset` counts from the holder's start. */
export function requireRoom(object: ElfObject, { howto, offset }: Field, holder: string, size: number): void {
  if (offset + howto.size <= size || !writesSomething(howto)) return;
  const problem = `the field of ${howto.name} (${howto.size} bytes) reaches past the end of ${holder} (${size} bytes)`;
  throw object.error(problem, { section: holder, offset });
}

/** What is referred to and lies elsewhere has a name: else it cannot be told what it is, even where a type is not known. */
export function requireName(object: ElfObject, { howto, symbol, offset }: Field, section: string): void {
  if (symbol === undefined || symbol.section !== undefined || symbol.name !== "") return;
  const problem = `${howto.name} refers to symbol ${symbol.index}, which has no name and no section`;
  throw object.error(problem, { section, offset });
}

/** An address lies inside the function that it is counted from, or in the bytes before its entry that are shipped with it. */
export function requireBytes(object: ElfObject, { section, offset: start, relocations }: Span): void {
  for (const { howto, target, targetOffset, offset } of relocations) {
    if (howto.pcrel || target === undefined || !isCode(target.kind) || targetOffset >= 0) continue;
    if (!writesSomething(howto)) continue;
    const problem = `${howto.name} refers to a place ${-targetOffset} bytes before ${target.name}, where nothing is known to be`;
    throw object.error(problem, { section: section.name, offset: start + offset });
  }
}

/** Records that only tell a linker something have no field. */
function writesSomething({ mask, role }: Howto): boolean {
  return mask !== 0n && role !== "hint" && role !== "none";
}
