import type { ObjectDiff } from "../diff/diff.ts";
import { family } from "../diff/pairing.ts";
import { ET } from "../elf/constants.ts";
import { functionBase, isAnonymousName, numberedBase, withoutHashes } from "../spans/names.ts";
import { isCode, isComparedByContents, isState } from "../spans/section-kind.ts";
import type { Span, SpanTable } from "../spans/span.ts";
import type { View } from "./view.ts";

/** What the symbols of a pair say of it that its contents do not; both in words. */
interface Doubt {
  readonly pre: string;
  readonly post: string;
}

/** Asks a pair of spans whether they can be the same thing at all, whatever their contents are. */
export type Identity = (pre: Span, post: Span, isTold: boolean) => Doubt | undefined;

/**
 * Contents alone cannot show that two equal things were taken for each other: their names, their sizes and their users can. A
 * name that both sides define once is one thing; a static variable keeps at least one of its users.
 */
export function identityOf({ pairing }: ObjectDiff, pre: View, post: View): Identity {
  let names: Names | undefined;
  const isLinked = pre.object.type !== ET.REL;

  return (p, q, isTold) => {
    const sizes = isTold || isLinked || p.size !== q.size ? undefined : otherSize(p, q);
    if (sizes !== undefined) return sizes;
    if (p.symbol === undefined || q.symbol === undefined || isComparedByContents(p.kind)) return undefined;
    if (p.name !== q.name) {
      names ??= { pre: plainNames(pre.table), post: plainNames(post.table) };
      const crossed = crossedName(p, q, names.pre, names.post);
      if (crossed !== undefined) return crossed;
    }
    const isNumbered = isState(p.kind) && isState(q.kind) && numberedBase(p.name) !== undefined;
    if (isNumbered && !sharesUser(p, q))
      return { pre: `${p.name} used by ${userNames(p, pre)}`, post: `${q.name} used by ${userNames(q, post)}` };
    return undefined;
  };

  function sharesUser(p: Span, q: Span): boolean {
    const mine = pre.uses(p);
    const others = post.uses(q);
    if (mine.length === 0 || others.length === 0) return true;
    const users = new Set(others.map(({ from }) => from));
    // A function that has no twin any more, or that is new, may be where the variable's code went.
    if (mine.every(({ from }) => pairing.postOf[from.id] === undefined)) return true;
    if (others.every(({ from }) => pairing.preOf[from.id] === undefined)) return true;
    return mine.some(({ from }) => {
      const twin = pairing.postOf[from.id];
      return twin !== undefined && users.has(twin);
    });
  }
}

type Names = Record<"pre" | "post", ReadonlyMap<string, Span | undefined>>;

/** Spans by family and name, without those whose name is a compiler's number; undefined for a name that stands twice. */
function plainNames({ spans }: SpanTable): ReadonlyMap<string, Span | undefined> {
  const names = new Map<string, Span | undefined>();
  for (const span of spans) {
    if (span.symbol === undefined || isComparedByContents(span.kind)) continue;
    const key = nameKey(span);
    names.set(key, names.has(key) ? undefined : span);
  }
  return names;
}

function nameKey(span: Span): string {
  return `${family(span.kind)} ${span.name}`;
}

/** Each side has the other's name, once, somewhere else. */
function crossedName(
  p: Span,
  q: Span,
  before: ReadonlyMap<string, Span | undefined>,
  after: ReadonlyMap<string, Span | undefined>,
): Doubt | undefined {
  if (p.name === q.name || hasName(p, q.name) || hasName(q, p.name)) return undefined;
  if (withoutHashes(p.name) === withoutHashes(q.name)) return undefined;
  if (isMadeUp(p) || isMadeUp(q)) return undefined;
  const meant = after.get(nameKey(p));
  const other = before.get(nameKey(q));
  if (meant === undefined && other === undefined) return undefined;
  return { pre: p.name, post: q.name };
}

function hasName(span: Span, name: string): boolean {
  return span.symbols.some(({ symbol }) => symbol.name === name);
}

/** Whether a number of the compiler is part of the name. */
function isMadeUp({ name, kind }: Span): boolean {
  if (isAnonymousName(name)) return true;
  if (isCode(kind)) return functionBase(name) !== name;
  // A C++ static has its number only from the second one on.
  return name.startsWith("_ZZ") || numberedBase(name) !== undefined;
}

/** Symbols of one name and place that have another st_size. */
function otherSize(p: Span, q: Span): Doubt | undefined {
  const count = Math.min(p.symbols.length, q.symbols.length);
  for (let i = 0; i < count; i++) {
    const [x, y] = [p.symbols[i], q.symbols[i]];
    if (x === undefined || y === undefined || x.symbol.name !== y.symbol.name || x.symbol.size === y.symbol.size)
      continue;
    return { pre: `${x.symbol.name} of ${x.symbol.size} bytes`, post: `${y.symbol.name} of ${y.symbol.size} bytes` };
  }
  return undefined;
}

function userNames(span: Span, view: View): string {
  return [...new Set(view.uses(span).map(({ from }) => from.name))].slice(0, 3).join(", ");
}
