import type { RunSymbols } from "./run-symbols.ts";

/**
 * The position of an address among the run system's symbols of one name, as livepatch counts: 0 when the name is unique, else from
 * 1 on in the order of kallsyms. Null when no symbol of that name is there. Linux: Documentation/livepatch/module-elf-format.rst.
 */
export function symposOf(symbols: RunSymbols, name: string, address: bigint): number | null {
  const named = symbols.named(name);
  const index = named.findIndex((symbol) => symbol.address === address);
  if (index === -1) return null;
  return named.length === 1 ? 0 : index + 1;
}
