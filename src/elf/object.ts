import { FormatError } from "../errors.ts";
import { readSectionTable } from "./elfy.ts";
import type { ElfObject, Relocation, Section } from "./model.ts";
import {
  findRelocationTables,
  findSymbolTable,
  readGroups,
  readRelocations,
  readSymbols,
  type TableContext,
} from "./tables.ts";

export type * from "./model.ts";

/** No relocations apply to most sections. */
const NONE: readonly never[] = [];

/**
 * Reads an ELF file of any type, class and byte order; `file` and `member` name it in errors. Throws FormatError where the
 * file contradicts the gABI, so that every index in the model exists, every section's bytes lie in the file, and every
 * relocation starts in its section. A symbol may still reach past its section.
 */
export function readObject(contents: Uint8Array, file: string, member?: string): ElfObject {
  // A Buffer's slice() is a view, a plain array's a copy: readers of the model meet only the latter.
  const bytes = new Uint8Array(contents.buffer, contents.byteOffset, contents.byteLength);
  const header = readSectionTable(bytes, { file, member });
  const context: TableContext = {
    ...header,
    error: (problem, where, value) => new FormatError({ file, member, ...where }, problem, value),
  };
  const symbolTable = findSymbolTable(context);
  const symbols = symbolTable === undefined ? [] : readSymbols(context, symbolTable);
  const groups = readGroups(context, symbols);
  const tables = findRelocationTables(context);

  function relocationsOf(section: number): readonly Relocation[] {
    const applying = tables.get(section);
    if (applying === undefined) return NONE;
    const read = (table: number): readonly Relocation[] =>
      readRelocations(context, context.sections[table] as Section, symbols.length);
    const [first, ...others] = applying;
    if (first === undefined || others.length > 0) return applying.flatMap(read);
    return read(first);
  }

  return {
    file,
    member,
    bytes,
    ...header,
    symbols,
    groups,
    relocationsOf,
    relocationSectionsOf: (section) => tables.get(section) ?? NONE,
    error: context.error,
  };
}
