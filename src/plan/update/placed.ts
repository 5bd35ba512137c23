import type { UpdateDescription } from "../../contract/description.ts";
import type { MatchResult } from "../../contract/match.ts";

/**
 * The update with what matching found in the run system: values of symbols and their position among equal names, old and new
 * addresses, the bytes that are overwritten, and those of trampolines. What is not known stays as it was.
 */
export function placeUpdate(update: UpdateDescription, result: MatchResult): UpdateDescription {
  const values = new Map(result.symbols.map((symbol) => [symbol.label, symbol]));
  const placed = new Map(result.patches.map((patch) => [`${patch.label}+${patch.offset}`, patch]));
  const withValue = <T extends { readonly label: string }>(symbol: T): T => {
    const known = values.get(symbol.label);
    if (known === undefined) return symbol;
    const { value, slot, kind } = known;
    const more = { ...(slot === undefined ? {} : { slot }), ...(kind === undefined ? {} : { kind }) };
    if (value === null) return { ...symbol, ...more };
    return { ...symbol, value, ...more, ...(known.sympos === null ? {} : { sympos: known.sympos }) };
  };
  return {
    ...update,
    changes: update.changes.map((change) => ({
      ...change,
      oldCode: { ...change.oldCode, symbols: change.oldCode.symbols.map(withValue) },
      newCode: {
        ...change.newCode,
        symbols: change.newCode.symbols.map((symbol) => (symbol.section === null ? withValue(symbol) : symbol)),
      },
      patches: change.patches.map((patch) => {
        const known = placed.get(`${patch.oldLabel}+${patch.oldOffset}`);
        if (known === undefined) return patch;
        const trampoline = known.bytes === null ? {} : { trampoline: known.bytes };
        const newAddress = known.newAddress === null ? {} : { newAddress: known.newAddress };
        return { ...patch, oldAddress: known.oldAddress, saved: known.saved, ...newAddress, ...trampoline };
      }),
    })),
  };
}
