import { isBranchField } from "../../arch/branch.ts";
import type { SwitchOver } from "../../contract/switch-over.ts";
import type { Side } from "../../diff/pairing.ts";
import { byText } from "../../order.ts";
import type { Span } from "../../spans/span.ts";
import type { PlannedPair } from "../pair/pair.ts";

/** Names of functions that make something known to the rest of the kernel, or take it back; the kernel's habits of naming are all there is to go by. */
export const REGISTERS =
  /(^|_)(un|de)?register(_|$)|(^|_)(add|del|remove|create|destroy|request|release|attach|detach|install)(_|$)|(^|_)kthread_run/;

/** Names of functions that allocate what stays, or free it. */
const ALLOCATES =
  /(^|_)(alloc|free)(_|$)|(^|_)(k[mzc]|vm?|vz|kvm?|kvz|kvc)alloc|(^|_)k?v?free|(^|_)kmalloc|(^|_)k?v?malloc/;

type Registration = NonNullable<SwitchOver["registrations"]>[number];

/** What loading the new module does besides, and what unloading the old one undoes: calls in init and exit code. */
export function findRegistrations(pair: PlannedPair): Registration[] {
  return [
    ...callsOf(pair, "post", "init", (span, entry) => span.kind === "init-text" || entry.has(span)),
    ...callsOf(pair, "pre", "exit", (span, entry) => span.kind === "exit-text" || entry.has(span)),
  ].sort((a, b) => byText(b.phase, a.phase) || byText(a.label, b.label) || byText(a.call, b.call));
}

function callsOf(
  pair: PlannedPair,
  side: "pre" | "post",
  phase: Registration["phase"],
  runs: (span: Span, entry: ReadonlySet<Span>) => boolean,
): Registration[] {
  const { table } = pair.diff[side];
  const labels = side === "pre" ? pair.preLabels : pair.postLabels;
  const entry = entriesOf(pair.diff[side], phase);
  const found: Registration[] = [];
  for (const span of table.spans) {
    if (!runs(span, entry)) continue;
    const calls = span.relocations
      .filter(
        ({ howto, offset, target }) => target === undefined && isBranchField(table.arch, howto, span.bytes, offset),
      )
      .map(({ symbol }) => symbol?.name ?? "")
      .filter((name) => REGISTERS.test(name) || ALLOCATES.test(name));
    for (const call of new Set(calls))
      found.push({ label: labels.get(span) as string, object: pair.index, phase, call });
  }
  return found;
}

const ENTRY = { init: /^init_module$/, exit: /^cleanup_module$/ } as const;
const CALLS = { init: /initcall/, exit: /exitcall/ } as const;

/** Functions that the loader calls although they lie with the rest of the code. */
function entriesOf({ table }: Side, phase: Registration["phase"]): ReadonlySet<Span> {
  const found = new Set<Span>();
  for (const span of table.spans) {
    if (span.symbols.some(({ symbol }) => ENTRY[phase].test(symbol.name))) found.add(span);
    if (!CALLS[phase].test(span.section.name)) continue;
    for (const { target } of span.relocations) if (target !== undefined) found.add(target);
  }
  return found;
}
