import { hex } from "../../hex.ts";
import type { Lookup, RunTables } from "../../image/run-tables.ts";
import type { Span, TableEntry } from "../../spans/span.ts";
import { bindAddress, type Context, meantAddress } from "../context.ts";
import type { Trial } from "../values.ts";

/** Name of the rule for functions whose traps were looked up. */
const TRAP_RULES: ReadonlyMap<string, string> = new Map([
  ["__bug_table", "bug-entry"],
  ["__ex_table", "exception-entry"],
]);

export interface TableFinding {
  readonly offset: number;
  readonly why: string;
}

/**
 * Looks up every bug and exception entry of a span in the run system's tables: an instruction that traps without its entry is
 * another instruction. What the entries refer to (the file of a bug, the place to go on) becomes known. Ksplice: kmodsrc/ksplice.c, handle_reloc.
 */
export function checkTables(
  context: Context,
  trial: Trial,
  tables: RunTables,
  span: Span,
  addressOf: (offset: number) => bigint | undefined,
): { readonly missing: TableFinding | undefined; readonly rules: readonly string[] } {
  const rules = new Set<string>();
  for (const entry of span.entries) {
    const rule = TRAP_RULES.get(entry.section.name);
    const owner = rule === undefined ? undefined : addressOf(entry.ownerOffset);
    if (rule === undefined || owner === undefined) continue;
    const found = tables.find(entry, owner);
    if (found.kind === "missing") {
      const why = `the run system's ${entry.section.name} has no entry for ${hex(owner)}`;
      return { missing: { offset: entry.ownerOffset, why }, rules: [...rules] };
    }
    if (found.kind === "unknown") continue;
    rules.add(rule);
    takeEntry(context, trial, span, entry, found);
  }
  return { missing: undefined, rules: [...rules] };
}

/** Takes over what the one run entry refers to; where several have one address, none can be told from the others. */
function takeEntry(
  context: Context,
  trial: Trial,
  span: Span,
  entry: TableEntry,
  { places }: Extract<Lookup, { kind: "found" }>,
): void {
  const [place, second] = places;
  if (place === undefined || second !== undefined) return;
  const bytes = context.image.memory.read(place, entry.size);
  if (bytes === undefined || bytes.length < entry.size) return;
  for (const relocation of entry.relocations) {
    if (relocation.offset === entry.ownerField || relocation.target?.kind !== "string") continue;
    const field = place + BigInt(relocation.offset);
    const meant = meantAddress(context.image, relocation, bytes, relocation.offset, field);
    // Older tables count from the entry's start: then the address is not that of a string, and says nothing.
    if (meant !== undefined) bindAddress(context, trial, span, relocation, meant);
  }
}
