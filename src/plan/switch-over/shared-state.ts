import type { StateDescription, SwitchOver } from "../../contract/switch-over.ts";
import { SHN, STB } from "../../elf/constants.ts";
import { append } from "../../lists.ts";
import { byText } from "../../order.ts";
import { isCode, isState } from "../../spans/section-kind.ts";
import type { Span } from "../../spans/span.ts";
import type { PlannedPair } from "../pair/pair.ts";
import { byLabel, byName } from "../update/order.ts";
import { type OpsTable, pointerSize } from "./ops-tables.ts";
import { functionOf } from "./reach.ts";

/** Variables that only remember what was said or seen: a second copy means that it is said once more. Linux: include/linux/once.h, ratelimit.h, lockdep.h, dynamic_debug.h. */
const HARMLESS: readonly { readonly name: RegExp; readonly why: string }[] = [
  {
    name: /^(__already_done|__warned|__print_once|___done|__done)(\.|$)/,
    why: "it only says that a message was printed",
  },
  { name: /^_rs(\.|$)/, why: "it only limits how often a message is printed" },
  { name: /^(__key|__wq_key|lockdep_\w+_key)(\.|$)/, why: "it only names a class of locks" },
  { name: /^(__UNIQUE_ID_ddebug|descriptor)/, why: "it only switches a debug message" },
];

/**
 * Variables of the old object that both versions would have a copy of. A variable that only init code names is over with
 * it if it is no longer than a pointer; anything longer (an array of devices) may have been handed out by its address. What
 * exit code names must be there when it runs.
 * Tables of several functions are not state: the switch itself is about them.
 */
export function findSharedState(pair: PlannedPair, tables: ReadonlyMap<Span, OpsTable>): StateDescription[] {
  const { table } = pair.diff.pre;
  const found: StateDescription[] = [];
  for (const span of table.spans) {
    if (!isState(span.kind) || span.size === 0) continue;
    const ops = tables.get(span);
    if (ops !== undefined && functionsIn(ops) > 1) continue;
    const users = usersOf(pair, span);
    const isLive = users.some(({ kind }) => kind !== "init-text");
    if (users.length === 0 || (!isLive && span.size <= pointerSize(table.arch))) continue;
    const harmless = HARMLESS.find(({ name }) => name.test(span.name))?.why;
    found.push({
      label: pair.preLabels.get(span) as string,
      object: pair.index,
      kind: kindOf(span),
      size: span.size,
      users: users.map((user) => pair.preLabels.get(user) as string).sort(byText),
      ...(harmless === undefined ? {} : { harmless }),
    });
  }
  append(found, commons(pair));
  return found.sort(byLabel);
}

function functionsIn({ slots }: OpsTable): number {
  let count = 0;
  for (const { target, outer } of slots.values()) if (target !== undefined || outer !== undefined) count++;
  return count;
}

function kindOf({ kind, section }: Span): StateDescription["kind"] {
  return /ro_after_init/.test(section.name) ? "ro-after-init" : (kind as StateDescription["kind"]);
}

/** Functions and data that refer to a variable; through constants and TOC slots, who loads those. */
function usersOf({ diff: { pre } }: PlannedPair, span: Span): Span[] {
  const users = new Set<Span>();
  const add = (user: Span, depth: number): void => {
    if ((user.kind === "toc" || user.kind === "constant") && depth < 2) {
      for (const use of pre.uses(user)) add(use.from, depth + 1);
    } else if (isCode(user.kind)) users.add(functionOf(pre, user));
    else if (user.kind !== "registry" && user !== span) users.add(user);
  };
  for (const use of pre.uses(span)) {
    // Entries of kernel tables (jump labels) belong to code that uses the variable.
    add(use.from, 0);
  }
  return [...users];
}

/** Common symbols have no span: code that names one uses it. */
function commons(pair: PlannedPair): StateDescription[] {
  const { table } = pair.diff.pre;
  const names = new Map(
    table.object.symbols.filter(({ shndx }) => shndx === SHN.COMMON).map((symbol) => [symbol.name, symbol.size]),
  );
  if (names.size === 0) return [];
  const users = new Map<string, Set<string>>();
  for (const span of table.spans) {
    if (!isCode(span.kind) || span.kind === "init-text" || span.kind === "exit-text") continue;
    for (const { symbol } of span.relocations) {
      if (symbol === undefined || symbol.shndx !== SHN.COMMON) continue;
      const list = users.get(symbol.name) ?? new Set();
      list.add(pair.preLabels.get(functionOf(pair.diff.pre, span)) as string);
      users.set(symbol.name, list);
    }
  }
  return [...users].map(([name, labels]) => ({
    label: name,
    object: pair.index,
    kind: "bss",
    size: names.get(name) as number,
    users: [...labels].sort(byText),
  }));
}

/** Names that every module has, or that the build makes. */
const EVERYONES =
  /^(init_module|cleanup_module|__this_module|__(ksymtab|kstrtab|kstrtabns|crc|pfx|cfi|kcfi_typeid)_.*)$/;

type Clash = NonNullable<SwitchOver["clashes"]>[number];

/** Names that both versions define for others. The loader refuses a second export of one name; a look-up of another name finds either. */
export function findClashes(pair: PlannedPair): Clash[] {
  const { pre, post } = pair.diff;
  const before = new Set(globalNames(pair, "pre"));
  const exported = new Set(pre.table.exports.map(({ name }) => name));
  const after = new Set(post.table.exports.map(({ name }) => name));
  const found: Clash[] = [];
  for (const name of globalNames(pair, "post")) {
    if (!before.has(name)) continue;
    found.push({ name, object: pair.index, kind: exported.has(name) && after.has(name) ? "exported" : "global" });
  }
  return found.sort(byName);
}

function globalNames(pair: PlannedPair, side: "pre" | "post"): string[] {
  const names = pair.diff[side].table.object.symbols
    .filter(({ bind, section, name }) => bind !== STB.LOCAL && section !== undefined && !EVERYONES.test(name))
    .map(({ name }) => name);
  return [...new Set(names)];
}
