import { STB } from "../elf/constants.ts";
import { pairOnEvidence } from "../evidence.ts";
import { append } from "../lists.ts";
import { numberedBase, variableBase } from "../spans/names.ts";
import { isCode, isComparedByContents, isState } from "../spans/section-kind.ts";
import type { Span } from "../spans/span.ts";
import type { Use } from "../spans/uses.ts";
import { type Finer, type Group, groupFree, uniquePairs, zipPairs } from "./groups.ts";
import { contentsKey } from "./mask.ts";
import { withoutLine } from "./messages.ts";
import { family, type Pair, type Pairing, type PairingPass, type Side } from "./pairing.ts";
import type { ScopesOf } from "./scopes.ts";
import { targetKey, targetsKey } from "./target-key.ts";
import { type UserWords, userWords, usesThroughSlots } from "./users.ts";

/** The base of a local variable's name; the compiler's number behind it means nothing, and neither does the discriminator of a C++ static. */
export function staticBase(span: Span): string | undefined {
  if (span.symbol === undefined || isCode(span.kind) || span.symbol.bind !== STB.LOCAL) return undefined;
  const { name } = span;
  const isCounted = name.startsWith("_ZZ") || numberedBase(name) !== undefined;
  return isCounted ? `${family(span.kind)} ${variableBase(name)}` : undefined;
}

/** What static-local passes pair: numbered names, and state whose plain name several have. */
function baseOf(span: Span): string | undefined {
  if (isComparedByContents(span.kind)) return undefined;
  const base = staticBase(span);
  if (base !== undefined) return base;
  if (span.symbol?.bind !== STB.LOCAL || !isState(span.kind)) return undefined;
  return `${family(span.kind)} ${span.name}`;
}

/** All that one pass knows. */
interface Pass {
  readonly pre: Side;
  readonly post: Side;
  readonly pairing: Pairing;
  readonly users: { readonly pre: UserWords; readonly post: UserWords };
  readonly uses: { readonly pre: (span: Span) => readonly Use[]; readonly post: (span: Span) => readonly Use[] };
  readonly stage: Stage;
}

type Words = (span: Span) => ReadonlySet<string>;

/** `first`: functions that were renamed have no twin yet. `last`: no other evidence will come. */
export type Stage = "first" | "middle" | "last";

function usersKey(span: Span, words: UserWords): string {
  return [...words.direct(span)].sort().join(",");
}

/** Order of first use: what tells same-named statics of one function apart when nothing else does. */
function byFirstUse(uses: (span: Span) => readonly Use[]): (a: Span, b: Span) => number {
  const firstUse = (span: Span): number => {
    const use = uses(span)[0];
    return use === undefined ? Number.MAX_SAFE_INTEGER : use.from.id * 0x10000 + use.relocation;
  };
  return (a, b) => firstUse(a) - firstUse(b) || a.id - b.id;
}

/** Whether a span points to a static local that has no twin yet: then it is too early to say what it is. */
function isUndecided(span: Span, taken: readonly (Span | undefined)[]): boolean {
  return span.relocations.some(
    ({ target, anchor }) =>
      anchor === undefined &&
      target !== undefined &&
      taken[target.id] === undefined &&
      staticBase(target) !== undefined,
  );
}

/**
 * Where and how a variable is used, in words that are equal on both sides where the code around is: the exact reference, if
 * the user did not change but for references; else the operation, and what is referred to next (`step` 1) or last (-1).
 */
function contextWords(pass: Pass, isPost: boolean, step: 1 | -1): Words {
  const { pairing, pre } = pass;
  const { arch } = pre.table;
  const uses = isPost ? pass.uses.post : pass.uses.pre;
  return (span) => {
    const words = new Set<string>();
    for (const { from, relocation } of uses(span)) {
      const user = isPost ? pairing.preOf[from.id] : from;
      const twin = isPost ? from : pairing.postOf[from.id];
      if (user === undefined || twin === undefined) continue;
      const key = `#${user.id}`;
      const isSameCode =
        user.relocations.length === twin.relocations.length && contentsKey(user, arch) === contentsKey(twin, arch);
      if (isSameCode && relocation >= 0) words.add(`${key} at ${relocation}`);
      if (isSameCode && relocation < 0) {
        for (const entry of from.entries.filter(({ relocations }) => relocations.some(({ target }) => target === span)))
          words.add(`${key} entry ${entry.section.name} ${entry.ownerOffset - from.entry}`);
      }
      if (isSameCode || relocation < 0) continue;
      const base = baseOf(span);
      const neighbour = (): string => {
        for (let at = relocation + step; at >= 0 && at < from.relocations.length; at += step) {
          const other = from.relocations[at];
          if (other === undefined || (other.target !== undefined && baseOf(other.target) === base)) continue;
          return targetKey(other, from, pairing, isPost);
        }
        return "";
      };
      const own = from.relocations[relocation];
      if (own === undefined) continue;
      const shape = Buffer.from(from.bytes.subarray(Math.max(0, own.offset - 2), own.offset)).toString("hex");
      const beside = neighbour();
      if (beside !== "") words.add(`${key} beside ${beside}`);
      words.add(`${key} form ${own.howto.family} ${own.targetOffset} ${shape}`);
    }
    return words;
  };
}

/** Pairs one group of same-named variables, from the best evidence to the weakest; each step takes what the ones before left. */
function pairGroup(group: Group, pass: Pass): Pair[] {
  const { pairing, users, uses, stage } = pass;
  const isLast = stage === "last";
  const isReady = (taken: readonly (Span | undefined)[]) => (span: Span) => isLast || !isUndecided(span, taken);
  const onlyReady = (of: Group): Group => ({
    pre: of.pre.filter(isReady(pairing.postOf)).sort(byFirstUse(uses.pre)),
    post: of.post.filter(isReady(pairing.preOf)).sort(byFirstUse(uses.post)),
  });
  const pairs: Pair[] = [];
  const done = new Set<Span>();
  const take = (found: readonly Pair[]): void => {
    for (const pair of found) for (const span of pair) done.add(span);
    append(pairs, found);
  };
  const left = (of: Group): Group => ({
    pre: of.pre.filter((span) => !done.has(span)),
    post: of.post.filter((span) => !done.has(span)),
  });
  const holdsState = isState((group.pre[0] as Span).kind);
  const sameUsers = split(group, (span, isPost) => usersKey(span, isPost ? users.post : users.pre));
  for (const one of sameUsers) {
    if (one.pre.length === 1 && one.post.length === 1) take(zipPairs(one));
    else
      for (const key of finerKeys(pass)) for (const equal of split(left(onlyReady(one)), key)) take(alike(equal, pass));
  }
  if (stage === "first") return pairs;
  const ready = onlyReady(group);
  // Some users went, came, or took the variable along into another function.
  take(byWords(left(ready), users.pre.direct, users.post.direct, holdsState));
  if (!isLast) return pairs;
  take(byWords(left(ready), users.pre.withCallers, users.post.withCallers, holdsState));
  take(inContext(left(ready), pass));
  for (const one of sameUsers)
    if (!holdsState && one.pre.length === one.post.length) take(zipPairs(left(onlyReady(one))));
  const last = left(ready);
  const [a, b] = [last.pre[0], last.post[0]];
  if (a === undefined || b === undefined || last.pre.length > 1 || last.post.length > 1) return pairs;
  if (!holdsState || mayBeSame(a, b, pass)) take([[a, b]]);
  return pairs;
}

function byWords(group: Group, pre: Words, post: Words, strict: boolean): Pair[] {
  return pairOnEvidence(group.pre, group.post, pre, post, strict);
}

/** By the code around the uses. A flag stands before the message that it guards, so what comes next tells more than what came last. */
function inContext(group: Group, pass: Pass): Pair[] {
  const next = byWords(group, contextWords(pass, false, 1), contextWords(pass, true, 1), false);
  const left = without(group, next);
  return [...next, ...byWords(left, contextWords(pass, false, -1), contextWords(pass, true, -1), false)];
}

function without(group: Group, pairs: readonly Pair[]): Group {
  const used = new Set(pairs.flat());
  return { pre: group.pre.filter((span) => !used.has(span)), post: group.post.filter((span) => !used.has(span)) };
}

/** What tells statics with the same users apart: contents and targets; then size and targets, for initialisers that changed. */
function finerKeys({ pre, pairing }: Pass): readonly Finer[] {
  const { arch } = pre.table;
  const targets: Finer = (span, isPost) => `${span.size} ${targetsKey(span, pairing, isPost)}`;
  const whole: Finer = (span, isPost) =>
    `${contentsKey(withoutLine(span, pre.table.object) ?? span, arch)} ${targets(span, isPost)}`;
  return [whole, targets];
}

/** Variables that only the code around their uses tells apart; of state, what that does not tell stays without a twin. */
function alike(group: Group, pass: Pass): Pair[] {
  if (group.pre.length === 1 && group.post.length === 1) return zipPairs(group);
  const found = inContext(group, pass);
  const left = without(group, found);
  // Nothing reads what has no users: any order will do.
  const isUnused = left.pre.length === left.post.length && left.pre.every((span) => pass.uses.pre(span).length === 0);
  return isState((group.pre[0] as Span).kind) && !isUnused ? found : [...found, ...zipPairs(left)];
}

/** The only ones of their name: the same, unless a function that is on both sides used one and does not use the other. */
function mayBeSame(pre: Span, post: Span, pass: Pass): boolean {
  const { users, pairing } = pass;
  const before = [...users.pre.direct(pre)];
  const after = [...users.post.direct(post)];
  if (before.length === 0 || after.length === 0) return true;
  if ([...before, ...after].some((word) => word.startsWith("#"))) return false;
  const { arch } = pass.pre.table;
  return (
    pre.size === post.size &&
    contentsKey(pre, arch) === contentsKey(post, arch) &&
    targetsKey(pre, pairing, false) === targetsKey(post, pairing, true)
  );
}

function split(group: Group, key: Finer): Group[] {
  const groups = new Map<string, Group>();
  for (const span of group.pre) {
    const own = key(span, false);
    const known = groups.get(own);
    if (known === undefined) groups.set(own, { pre: [span], post: [] });
    else known.pre.push(span);
  }
  for (const span of group.post) groups.get(key(span, true))?.post.push(span);
  return [...groups.values()].filter(({ post }) => post.length > 0);
}

/**
 * Static locals (`counter.3`), and other variables of which several have one name: by base name, file, and the functions that
 * use them. Several of one name in one function go by contents, by what they point to and by the code around their uses; those
 * that point to others of their kind wait until these have their twins. Later, users may have gone and come as long as those
 * that stayed tell. State that nothing tells is not paired: new code would take over the value of another variable.
 */
export function staticLocalPass(stage: Stage, scopesOf: ScopesOf): PairingPass {
  return (pre, post, pairing) => {
    if (pairing.free.pre.length === 0) return [];
    const wide = groupFree(pairing, baseOf);
    if (wide.length === 0) return [];
    const scopes = scopesOf(pairing);
    const pass: Pass = {
      pre,
      post,
      pairing,
      stage,
      users: { pre: userWords(pre, pairing, false), post: userWords(post, pairing, true) },
      uses: { pre: usesThroughSlots(pre), post: usesThroughSlots(post) },
    };
    return wide.flatMap((group) => {
      const scoped = split(group, (span, isPost) => (isPost ? scopes.ofPost(span) : scopes.ofPre(span)));
      const pairs = scoped.flatMap((one) => pairGroup(one, pass));
      if (stage !== "last") return pairs;
      const left = without(group, pairs);
      if (left.pre.length === 0 || left.post.length === 0) return pairs;
      return [...pairs, ...acrossFiles(left, pass)];
    });
  };
}

/** What moved to another file along with its users; a constant that has no other of its name. */
function acrossFiles(group: Group, { users }: Pass): Pair[] {
  const holdsState = isState((group.pre[0] as Span).kind);
  const found = byWords(group, users.pre.withCallers, users.post.withCallers, true);
  return holdsState ? found : [...found, ...uniquePairs([group]).filter(([span]) => !found.flat().includes(span))];
}

/**
 * What only limits messages or tells classes of locks apart: a second copy that starts anew harms nothing. Linux:
 * include/linux/once_lite.h, ratelimit.h, lockdep.h, dynamic_debug.h.
 */
const HARMLESS = /^(__already_done|__warned|__print_once|_rs|__key|descriptor|__UNIQUE_ID_ddebug\d+)(\.\d+)*$/;

/** State without a twin that new code might still mean: variables of its name are used in post, and nothing tells them from it. */
export function unclearState(
  pre: Side,
  post: Side,
  pairing: Pairing,
  scopesOf: ScopesOf,
): ReadonlyMap<Span, readonly Span[]> {
  const unclear = new Map<Span, readonly Span[]>();
  const base = (span: Span): string | undefined =>
    isState(span.kind) && !HARMLESS.test(span.name) ? baseOf(span) : undefined;
  const groups = groupFree(pairing, base);
  if (groups.length === 0) return unclear;
  const scopes = scopesOf(pairing);
  for (const group of groups) {
    const used = group.post.filter((span) => post.uses(span).length > 0);
    for (const span of group.pre) {
      if (pre.uses(span).length === 0) continue;
      const others = used.filter((other) => !scopes.differ(span, other));
      if (others.length > 0) unclear.set(span, others);
    }
  }
  return unclear;
}
