import { isBranchField } from "../../arch/branch.ts";
import type { Side } from "../../diff/pairing.ts";
import { STB } from "../../elf/constants.ts";
import { addTo, getOrAdd } from "../../grouping.ts";
import { parentFunction } from "../../spans/names.ts";
import { isCode } from "../../spans/section-kind.ts";
import type { Span } from "../../spans/span.ts";
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

/** Finds how code is entered, in one pass over the references to it. */
export function findEntrances(side: Side, tables: ReadonlyMap<Span, OpsTable>): Entrances {
  return new CallGraph(side, tables);
}

interface Uses {
  readonly slots: SlotUse[];
  readonly others: OtherUse[];
}

interface Roots {
  readonly root: ReadonlyMap<Span, Span>;
  readonly caller: ReadonlyMap<Span, Span>;
}

class CallGraph implements Entrances {
  readonly #side: Side;
  readonly #tables: ReadonlyMap<Span, OpsTable>;
  readonly #exported: ReadonlySet<Span>;
  readonly #exportedNames: ReadonlySet<string>;
  readonly #uses = new Map<Span, Uses>();
  #roots: Roots | undefined;

  constructor(side: Side, tables: ReadonlyMap<Span, OpsTable>) {
    this.#side = side;
    this.#tables = tables;
    const { exports } = side.table;
    this.#exported = new Set(exports.flatMap(({ target }) => target ?? []));
    this.#exportedNames = new Set(exports.map(({ name }) => name));
  }

  usesOf(span: Span): Uses {
    return getOrAdd(this.#uses, span, () => this.#findUses(span));
  }

  rootOf(span: Span): Span | undefined {
    return this.#spread().root.get(span);
  }

  callerOf(span: Span): Span | undefined {
    return this.#spread().caller.get(span);
  }

  callersOf(spans: Iterable<Span>, budget: Budget): ReadonlySet<Span> {
    const found = new Set<Span>(spans);
    for (const span of found) {
      const { others } = this.usesOf(span);
      budget.left -= others.length + 1;
      if (budget.left < 0) break;
      for (const use of others) if (use.kind === "call") found.add(use.by);
    }
    return found;
  }

  #findUses(span: Span): Uses {
    const uses: Uses = { slots: [], others: [] };
    for (const { from, relocation } of this.#side.uses(span)) this.#addUse(uses, span, from, relocation, 0);
    const { symbols } = span;
    const isGlobal = symbols.some(({ symbol }) => symbol.bind !== STB.LOCAL && !LOADER.test(symbol.name));
    const isExported = this.#exported.has(span) || symbols.some(({ symbol }) => this.#exportedNames.has(symbol.name));
    if (isExported) uses.others.push({ by: span, kind: "export", offset: 0 });
    else if (isGlobal) uses.others.push({ by: span, kind: "global", offset: 0 });
    return uses;
  }

  /** One reference to a span; `depth` counts the constants that pass the address on. */
  #addUse(uses: Uses, span: Span, from: Span, index: number, depth: number): void {
    const relocation = from.relocations[index];
    if (relocation === undefined || relocation.howto.role === "hint" || relocation.howto.role === "none") return;
    const { offset } = relocation;
    if (this.#tables.get(from)?.slots.has(offset)) uses.slots.push({ table: from, offset });
    else if (isCode(from.kind)) {
      const by = functionOf(this.#side, from);
      const { arch } = this.#side.table;
      const isCall = depth === 0 && isBranchField(arch, relocation.howto, from.bytes, offset);
      const isOver = by.kind === "init-text" || by.kind === "exit-text";
      if (by !== span && !(isCall && isOver))
        uses.others.push({ by, kind: isCall ? "call" : "address", offset: offset - from.entry });
    } else if (isPassedOn(from) && depth < 2) {
      // A constant that code loads: the code that loads it has the address.
      for (const use of this.#side.uses(from)) this.#addUse(uses, span, use.from, use.relocation, depth + 1);
    } else if (!isForLoader(from)) uses.others.push({ by: from, kind: "address", offset: offset - from.entry });
  }

  /** What is entered other than by slots, and everything that calls lead to from there. */
  #spread(): Roots {
    if (this.#roots !== undefined) return this.#roots;
    const root = new Map<Span, Span>();
    const caller = new Map<Span, Span>();
    const callees = new Map<Span, Span[]>();
    const queue: Span[] = [];
    for (const span of this.#side.table.spans) {
      if (!isCode(span.kind) || span.kind === "fragment" || span.kind === "init-text") continue;
      const { others } = this.usesOf(span);
      for (const use of others) if (use.kind === "call") addTo(callees, use.by, span);
      if (others.every(({ kind }) => kind === "call")) continue;
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
    this.#roots = { root, caller };
    return this.#roots;
  }
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
