import { isBranchField } from "../../arch/branch.ts";
import type { Side } from "../../diff/pairing.ts";
import { STB } from "../../elf/constants.ts";
import { addTo } from "../../grouping.ts";
import { parentFunction } from "../../spans/names.ts";
import { isCode } from "../../spans/section-kind.ts";
import type { Span, SpanRelocation } from "../../spans/span.ts";
import type { OpsTable } from "./ops-tables.ts";

/*
 * How code is entered. Why more than "is it in a table": lo_set_fd is called by lo_ioctl, and only the table lo_fops leads
 * to lo_ioctl. When another table takes over, the new lo_ioctl calls the new lo_set_fd, so nothing leads to the old one. But
 * if loop_limit, which other objects call by name, calls it too, then the old one stays in use.
 */

/** A use of a function that is not a slot of a table. */
interface OtherUse {
  /** The user; the function itself when its name is for others. */
  readonly by: Span;
  readonly kind: "call" | "address" | "global" | "export";
  /** Of the reference, in the user. */
  readonly offset: number;
}

/** A slot that holds a function's address. */
interface SlotUse {
  readonly table: Span;
  readonly offset: number;
}

/** How functions of one object are entered. */
export interface Entrances {
  /** Uses of a function by itself. Calls from init and exit code do not count: the one is over, the other ends it all. */
  usesOf(span: Span): { readonly slots: readonly SlotUse[]; readonly others: readonly OtherUse[] };
  /** The span that something other than a slot leads to, and from which calls lead here; undefined when there is none. */
  rootOf(span: Span): Span | undefined;
  /** The caller through which `rootOf` gets here. */
  callerOf(span: Span): Span | undefined;
  /** Functions from which calls lead to one of these, with these. */
  callersOf(spans: Iterable<Span>, budget: Budget): ReadonlySet<Span>;
}

/** How many references may still be looked at; shared by searches that together must stay linear. */
export interface Budget {
  left: number;
}

/** Names by which the loader itself starts and ends a module. */
const LOADER = /^(init_module|cleanup_module)$/;

/** Finds who enters what, in one pass over the references to code. */
export function findEntrances(side: Side, tables: ReadonlyMap<Span, OpsTable>): Entrances {
  const { table } = side;
  const exported = new Set(table.exports.flatMap(({ target }) => target ?? []));
  const named = new Set(table.exports.map(({ name }) => name));
  const known = new Map<Span, { slots: SlotUse[]; others: OtherUse[] }>();
  const ownerOf = (span: Span): Span => functionOf(side, span);

  const usesOf = (span: Span): { slots: SlotUse[]; others: OtherUse[] } => {
    const cached = known.get(span);
    if (cached !== undefined) return cached;
    const uses: { slots: SlotUse[]; others: OtherUse[] } = { slots: [], others: [] };
    known.set(span, uses);
    const add = (from: Span, relocation: SpanRelocation | undefined, depth: number): void => {
      if (relocation === undefined || relocation.howto.role === "hint" || relocation.howto.role === "none") return;
      const { offset } = relocation;
      if (tables.get(from)?.slots.has(offset)) uses.slots.push({ table: from, offset });
      else if (isCode(from.kind)) {
        const by = ownerOf(from);
        const isCall = depth === 0 && isBranchField(table.arch, relocation.howto, from.bytes, offset);
        const isOver = by.kind === "init-text" || by.kind === "exit-text";
        if (by !== span && !(isCall && isOver))
          uses.others.push({ by, kind: isCall ? "call" : "address", offset: offset - from.entry });
      } else if (isPassedOn(from) && depth < 2) {
        // A constant that code loads: the code that loads it has the address.
        for (const use of side.uses(from)) add(use.from, use.from.relocations[use.relocation], depth + 1);
      } else if (!isForLoader(from)) uses.others.push({ by: from, kind: "address", offset: offset - from.entry });
    };
    for (const use of side.uses(span)) add(use.from, use.from.relocations[use.relocation], 0);
    const isGlobal = span.symbols.some(({ symbol }) => symbol.bind !== STB.LOCAL && !LOADER.test(symbol.name));
    const isExported = exported.has(span) || span.symbols.some(({ symbol }) => named.has(symbol.name));
    if (isExported) uses.others.push({ by: span, kind: "export", offset: 0 });
    else if (isGlobal) uses.others.push({ by: span, kind: "global", offset: 0 });
    return uses;
  };

  let roots: { root: Map<Span, Span>; caller: Map<Span, Span> } | undefined;
  const spread = (): { root: Map<Span, Span>; caller: Map<Span, Span> } => {
    roots ??= spreadRoots(side, usesOf);
    return roots;
  };

  return {
    usesOf,
    rootOf: (span) => spread().root.get(span),
    callerOf: (span) => spread().caller.get(span),
    callersOf: (spans, budget) => {
      const found = new Set<Span>(spans);
      for (const span of found) {
        const { others } = usesOf(span);
        budget.left -= others.length + 1;
        if (budget.left < 0) break;
        for (const use of others) if (use.kind === "call") found.add(use.by);
      }
      return found;
    },
  };
}

/** What is entered other than by slots, and everything that calls lead to from there. */
function spreadRoots(
  side: Side,
  usesOf: (span: Span) => { readonly others: readonly OtherUse[] },
): { root: Map<Span, Span>; caller: Map<Span, Span> } {
  const root = new Map<Span, Span>();
  const caller = new Map<Span, Span>();
  const callees = new Map<Span, Span[]>();
  const queue: Span[] = [];
  for (const span of side.table.spans) {
    if (!isCode(span.kind) || span.kind === "fragment" || span.kind === "init-text") continue;
    let isRoot = false;
    for (const use of usesOf(span).others) {
      if (use.kind !== "call") isRoot = true;
      else {
        addTo(callees, use.by, span);
      }
    }
    if (!isRoot) continue;
    root.set(span, span);
    queue.push(span);
  }
  for (const span of queue) {
    for (const callee of callees.get(span) ?? []) {
      if (root.has(callee)) continue;
      root.set(callee, root.get(span) as Span);
      caller.set(callee, span);
      queue.push(callee);
    }
  }
  return { root, caller };
}

/** The function that code belongs to: a cold part to the function it was cut from, a fragment to its owner. */
export function functionOf(side: Side, span: Span): Span {
  if (span.kind === "fragment") return span.owner === undefined ? span : functionOf(side, span.owner);
  const parent = /\.cold(\.\d+)?$/.test(span.name) ? parentFunction(span.name) : undefined;
  if (parent === undefined) return span;
  return side.uses(span).find((use) => use.from.name === parent)?.from ?? span;
}

/** TOC slots, literals and constants without a name only pass an address on to the code that loads them. */
function isPassedOn({ kind, symbol }: Span): boolean {
  return kind === "toc" || kind === "constant" || (kind === "rodata" && symbol === undefined);
}

/** What is read when a module is loaded or the system boots, and never again. */
function isForLoader({ kind, name, section }: Span): boolean {
  if (kind === "registry" || LOADER.test(name) || name === "__this_module") return true;
  return /initcall|exitcall|^\.gnu\.linkonce\.this_module/.test(section.name);
}
