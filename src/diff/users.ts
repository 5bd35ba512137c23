import { numberedBase, sourceFunction } from "../spans/names.ts";
import { isCode } from "../spans/section-kind.ts";
import type { Span } from "../spans/span.ts";
import type { Use } from "../spans/uses.ts";
import type { Pairing, Side } from "./pairing.ts";

/** Slots that lead to slots: no compiler makes longer chains. */
const DEEPEST = 4;
/** What more functions reach by one slot than this is not told by them. */
const MOST_USES = 4096;

const NONE: readonly Use[] = [];

/** A slot that holds an address for others: TOC, pools of literals, data without a name. */
function isSlot(span: Span): boolean {
  return span.kind === "toc" || (span.symbol === undefined && !isCode(span.kind));
}

/** Uses of a span, with each slot on the way replaced by who uses the slot. */
export function usesThroughSlots(side: Side): (span: Span) => readonly Use[] {
  const known = new Map<Span, readonly Use[]>();
  const look = (span: Span, depth: number): readonly Use[] => {
    const memo = known.get(span);
    if (memo !== undefined) return memo;
    const direct = side.uses(span);
    if (!direct.some(({ from }) => isSlot(from))) return direct;
    const uses: Use[] = [];
    for (const use of direct) {
      const outer = isSlot(use.from) && depth < DEEPEST ? look(use.from, depth + 1) : NONE;
      if (outer.length === 0) uses.push(use);
      for (const one of outer) if (one.from !== span) uses.push(one);
      if (uses.length > MOST_USES) break;
    }
    uses.sort((a, b) => a.from.id - b.from.id || a.relocation - b.relocation);
    known.set(span, uses);
    return uses;
  };
  return (span) => look(span, 0);
}

/** Who uses what, in words that are equal on both sides when the user is the same. */
export interface UserWords {
  /** The users themselves. */
  readonly direct: (span: Span) => ReadonlySet<string>;
  /** The same, and who calls those users that have no twin: what was inlined into them, or no longer is. */
  readonly withCallers: (span: Span) => ReadonlySet<string>;
}

/** The words of one side, for a pairing as it is now. */
export function userWords(side: Side, pairing: Pairing, isPost: boolean): UserWords {
  const uses = usesThroughSlots(side);
  const preOf = (user: Span): Span | undefined =>
    isPost ? pairing.preOf[user.id] : pairing.postOf[user.id] === undefined ? undefined : user;
  const ownWord = (user: Span): string => {
    const owner = user.kind === "fragment" ? (user.owner ?? user) : user;
    const pre = preOf(owner);
    if (pre !== undefined) return `#${pre.id}`;
    return `~${sourceFunction(numberedBase(owner.name) ?? owner.name)}`;
  };
  const direct = memo((span) => new Set(uses(span).map(({ from }) => ownWord(from))));
  const withCallers = memo((span) => {
    const words = new Set<string>();
    for (const { from } of uses(span)) {
      words.add(ownWord(from));
      if (isCode(from.kind)) words.add(`~${sourceFunction(from.name)}`);
      if (preOf(from) !== undefined) continue;
      for (const outer of uses(from).slice(0, MOST_USES)) words.add(ownWord(outer.from));
    }
    return words;
  });
  return { direct, withCallers };
}

function memo<V>(compute: (span: Span) => V): (span: Span) => V {
  const known = new Map<Span, V>();
  return (span) => {
    const value = known.get(span) ?? compute(span);
    known.set(span, value);
    return value;
  };
}
