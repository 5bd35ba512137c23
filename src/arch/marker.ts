/** Whether a name is local to the assembler: `.L…`, kept in the symbol table by linker relaxation or on request. */
export function isLocalLabel(name: string): boolean {
  return name.startsWith(".L");
}

/**
 * Mapping symbols: AAELF32 and AAELF64, "Mapping symbols"; RISC-V psABI, "Mapping Symbol" ($x may carry an ISA string).
 */
const MAPPING = { aarch64: /^\$[dx](\.|$)/, arm: /^\$[adt](\.|$)/, riscv: /^\$(d(\.|$)|x(rv(32|64)\w*)?(\.|$))/ };

/** A test for an architecture's mapping symbols and assembler-local labels. */
export function markerTest(family: keyof typeof MAPPING): (name: string) => boolean {
  const mapping = MAPPING[family];
  return (name) => isLocalLabel(name) || (name.startsWith("$") && mapping.test(name));
}
