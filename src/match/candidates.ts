import type { Span } from "../spans/span.ts";
import { type Context, wrap } from "./context.ts";
import type { InteriorReference } from "./values.ts";
import { isOverridden } from "./weak.ts";

/** Addresses at which a span's first byte may be, by the names that the span and the run system have in common. */
export function candidatesByName(context: Context, span: Span): bigint[] {
  const found = new Set<bigint>();
  for (const { symbol, offset } of span.symbols) {
    if (symbol.name === "" || symbol.name.startsWith(".L") || isOverridden(context.image, symbol)) continue;
    for (const { address, module } of context.image.symbols.named(symbol.name)) {
      if (context.image.symbols.hasModules && module !== context.module) continue;
      found.add(wrap(context.arch, address - BigInt(offset)));
    }
  }
  return [...found];
}

/** Addresses that references into the middle of a span suggest, if nothing in it has moved. */
export function candidatesByLanding(context: Context, landings: readonly InteriorReference[]): bigint[] {
  return [...new Set(landings.map(({ address, offset }) => wrap(context.arch, address - BigInt(offset))))];
}
