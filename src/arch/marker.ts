/** Whether a name is local to the assembler: `.L…`, kept in the symbol table by linker relaxation or on request. */
export function isLocalLabel(name: string): boolean {
  return name.startsWith(".L");
}

/** A test for an architecture's mapping symbols, which tell code from data, and assembler-local labels. */
export function markerTest(mapping: RegExp): (name: string) => boolean {
  return (name) => isLocalLabel(name) || (name.startsWith("$") && mapping.test(name));
}
