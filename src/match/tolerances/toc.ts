import { linkedView } from "../linked-view.ts";
import type { Context } from "../run-context.ts";
import type { Trial } from "../values.ts";

/** Name that objects give to what the TOC pointer holds. 64-bit ELF V2 ABI for Power, 3.4. */
const TOC = ".TOC.";

/** What r2 holds in the code at hand: known from the start of a function that sets it, or from a symbol. */
export function tocBase(context: Context, trial: Trial): bigint | undefined {
  const known = trial.addresses.get(TOC) ?? context.values.get(TOC);
  return known ?? context.image.symbols.named(TOC)[0]?.address ?? linkedView(context.image)?.toc;
}
