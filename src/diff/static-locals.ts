import { numberedBase, sourceFunction } from "../spans/names.ts";
import { isCode } from "../spans/section-kind.ts";
import type { Span } from "../spans/span.ts";
import { type Finer, type Group, groupFree, keyedPairs, narrowedPairs, uniquePairs, zipPairs } from "./groups.ts";
import { contentsKey } from "./mask.ts";
import { family, type Pair, type Pairing, type PairingPass, type Side } from "./pairing.ts";
import { targetsKey } from "./target-key.ts";

/** The base of a static local's name; the compiler's number behind it means nothing. */
function baseOf(span: Span): string | undefined {
  if (span.symbol === undefined || isCode(span.kind) || span.symbol.bind !== 0) return undefined;
  const base = numberedBase(span.name);
  return base === undefined ? undefined : `${family(span.kind)} ${base}`;
}

/** What a user is called on both sides: its pre span where it is paired, its source name elsewhere. */
function userKey(user: Span, pairing: Pairing, isPost: boolean): string {
  const pre = isPost ? pairing.preOf[user.id] : pairing.postOf[user.id] === undefined ? undefined : user;
  if (pre !== undefined) return `#${pre.id}`;
  return sourceFunction(numberedBase(user.name) ?? user.name);
}

function usersKey(span: Span, side: Side, pairing: Pairing, isPost: boolean): string {
  const users = new Set(side.uses(span).map((use) => userKey(use.from, pairing, isPost)));
  return [...users].sort().join(",");
}

/** Order of first use, then size and contents: what tells same-named statics of one function apart. */
function byFirstUse(side: Side): (a: Span, b: Span) => number {
  const place = (span: Span): number => {
    const use = side.uses(span)[0];
    return use === undefined ? Number.MAX_SAFE_INTEGER : use.from.id * 0x10000 + use.relocation;
  };
  return (a, b) => place(a) - place(b) || a.id - b.id;
}

/** Whether a span points to a static local that has no twin yet: then it is too early to say what it is. */
function isUndecided(span: Span, taken: readonly (Span | undefined)[]): boolean {
  return span.relocations.some(
    ({ target, anchor }) =>
      anchor === undefined && target !== undefined && taken[target.id] === undefined && baseOf(target) !== undefined,
  );
}

function pairGroups(groups: readonly Group[], pre: Side, post: Side, pairing: Pairing, isLast: boolean): Pair[] {
  const targets: Finer = (span, isPost) => `${span.size} ${targetsKey(span, pairing, isPost)}`;
  const whole: Finer = (span, isPost) => `${contentsKey(span, pre.table.arch)} ${targets(span, isPost)}`;
  return groups.flatMap((group) => {
    if (group.pre.length === 1 && group.post.length === 1) return zipPairs(group);
    const isReady = (taken: readonly (Span | undefined)[]) => (span: Span) => isLast || !isUndecided(span, taken);
    const ready: Group = {
      pre: group.pre.filter(isReady(pairing.postOf)).sort(byFirstUse(pre)),
      post: group.post.filter(isReady(pairing.preOf)).sort(byFirstUse(post)),
    };
    return isLast ? narrowedPairs(ready, whole, targets) : keyedPairs(ready, whole, targets);
  });
}

/**
 * Static locals (`counter.3`): by base name and by the functions that use them. Several of one name in one function go by
 * contents and by what they point to; those that point to others of their kind wait until these have their twins. In the
 * last round what is left goes in the order of first use, and users no longer count where only one of a name is left.
 */
export function staticLocalPass(isLast: boolean): PairingPass {
  return (pre, post, pairing) => {
    const keyed = (side: Side, isPost: boolean) => (span: Span) => {
      const base = baseOf(span);
      return base && `${base} ${usersKey(span, side, pairing, isPost)}`;
    };
    const sameUsers = pairGroups(groupFree(pairing, keyed(pre, false), keyed(post, true)), pre, post, pairing, isLast);
    if (!isLast) return sameUsers;
    const done = new Set(sameUsers.flat());
    const free = (span: Span): string | undefined => (done.has(span) ? undefined : baseOf(span));
    return [...sameUsers, ...uniquePairs(groupFree(pairing, free))];
  };
}
