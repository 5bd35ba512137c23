import { STT } from "../elf/constants.ts";
import type { ElfObject } from "../elf/object.ts";
import type { Span } from "../spans/span.ts";

/** The source file each local symbol comes from: the STT_FILE symbol before it. gABI chapter 4, "Symbol Table". */
export function fileScopes(object: ElfObject): (span: Span) => string {
  const files: string[] = new Array(object.symbols.length);
  let file = "";
  for (const symbol of object.symbols) {
    if (symbol.type === STT.FILE) file = symbol.name;
    files[symbol.index] = symbol.bind === 0 ? file : "";
  }
  return (span) => (span.symbol === undefined ? "" : (files[span.symbol.index] ?? ""));
}
