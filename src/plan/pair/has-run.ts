import { isBranchField } from "../../arch/branch.ts";
import type { Side } from "../../diff/pairing.ts";
import { STB, STT } from "../../elf/constants.ts";
import { isCode } from "../../spans/section-kind.ts";
import type { Span, SpanRelocation } from "../../spans/span.ts";

/** Tables whose functions run once, when a program, library, module or kernel starts. gABI chapter 5; Linux: include/linux/init.h. */
const START_TABLES = /^\.(preinit_array|init_array|ctors)(\.|$)|^\.(\w+_)?initcall/;
/** The name by which the kernel starts a module. */
const MODULE_START = "init_module";

/**
 * Of a function that runs only at start: what ran it, in words; undefined for all others. A global function that no table names may
 * have callers elsewhere, so it does not count.
 */
export function startersIn(side: Side): (span: Span) => string | undefined {
  let starters: ReadonlyMap<Span, string> | undefined;
  return (span) => {
    starters ??= findStarters(side);
    return starters.get(span);
  };
}

/** Goes from what tables name to what only that calls, each use being looked at once. */
function findStarters(side: Side): ReadonlyMap<Span, string> {
  const starters = new Map<Span, string>();
  for (const span of side.table.spans) {
    if (!isCode(span.kind) || span.kind === "fragment") continue;
    const named = namedAtStart(side, span);
    if (named !== undefined && usersOf(side, span).size === 0) starters.set(span, named);
  }
  const waiting = new Map<Span, Set<Span>>();
  // The list grows while we walk it.
  for (const [span, why] of starters) {
    for (const { target } of span.relocations) {
      if (target === undefined || !isCode(target.kind) || starters.has(target)) continue;
      const users = waiting.get(target) ?? usersOf(side, target);
      waiting.set(target, users);
      users.delete(span);
      const named = namedAtStart(side, target);
      if (users.size > 0 || (named === undefined && isForOthers(target))) continue;
      starters.set(target, named ?? `only ${span.name} uses it, and ${why}`);
    }
  }
  return starters;
}

/** What names a function as one that runs at start. */
function namedAtStart(side: Side, span: Span): string | undefined {
  const chosen = resolverOf(span);
  if (chosen !== undefined) return `it chose the code of ${chosen}`;
  if (span.symbols.some(({ symbol }) => symbol.name === MODULE_START)) return `it is ${MODULE_START}`;
  const table = side.uses(span).find(({ from }) => isStartTable(from));
  return table === undefined ? undefined : `it stands in ${table.from.section.name}`;
}

function isStartTable({ kind, section }: Span): boolean {
  return !isCode(kind) && START_TABLES.test(section.name);
}

/** Who uses a function, other than at start; the function itself where its address is taken, which may be called at any time. */
function usersOf(side: Side, span: Span): Set<Span> {
  const users = new Set<Span>();
  for (const { from, relocation } of side.uses(span)) {
    if (isStartTable(from) || from.name === "__this_module") continue;
    if (!isBranch(side, from, from.relocations[relocation])) users.add(span);
    else if (from.kind !== "init-text") users.add(from.owner ?? from);
  }
  // A reference to a resolver means the code that it chose.
  return resolverOf(span) === undefined ? users : new Set();
}

function isBranch({ table }: Side, from: Span, reference: SpanRelocation | undefined): boolean {
  if (reference === undefined || !isCode(from.kind)) return false;
  return isBranchField(table.arch, reference.howto, from.bytes, reference.offset);
}

/** The name of the IFUNC whose resolver a function is. */
function resolverOf({ symbols, entry }: Span): string | undefined {
  return symbols.find(({ symbol, offset }) => symbol.type === STT.GNU_IFUNC && offset === entry)?.symbol.name;
}

function isForOthers(span: Span): boolean {
  return span.symbols.some(({ symbol }) => symbol.bind !== STB.LOCAL && symbol.name !== MODULE_START);
}
