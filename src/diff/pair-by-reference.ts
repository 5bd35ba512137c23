import { STB } from "../elf/constants.ts";
import { isCode, isComparedByContents, isState } from "../spans/section-kind.ts";
import type { Span } from "../spans/span.ts";
import { isStringSpan } from "../spans/strings.ts";
import { family, type Pair, type Pairing, type PairingPass, type Side } from "./pairing.ts";

function isCandidate(span: Span | undefined, taken: readonly (Span | undefined)[]): span is Span {
  if (span === undefined || taken[span.id] !== undefined) return false;
  return !isComparedByContents(span.kind) && !isCode(span.kind) && !isStringSpan(span);
}

/** Free data that a span refers to, in order of the references, each once. */
function freeTargets(span: Span, taken: readonly (Span | undefined)[]): Span[] {
  const targets = new Set<Span>();
  for (const { target, anchor } of span.relocations) {
    if (anchor === undefined && isCandidate(target, taken)) targets.add(target);
  }
  return [...targets];
}

/** Data without a name (jump tables, `.LC`, switch tables) may pair by its place alone; named data only as a rename, under stricter evidence. */
function mayPair(pre: Span, post: Span): boolean {
  if (family(pre.kind) !== family(post.kind)) return false;
  if (pre.symbol !== undefined || post.symbol !== undefined) return false;
  return !isState(pre.kind) || pre.size === post.size;
}

/**
 * Anonymous data by the place that refers to it: the n-th anonymous thing of a function is the n-th of its twin, when both
 * have as many of them. Only where all places agree.
 */
export const pairByReference: PairingPass = (pre, post, pairing) => {
  const proposals = new Map<Span, Span | null>();
  const claimed = new Map<Span, Span | null>();
  const propose = (a: Span, b: Span): void => {
    const known = proposals.get(a);
    proposals.set(a, known === undefined || known === b ? b : null);
    const holder = claimed.get(b);
    claimed.set(b, holder === undefined || holder === a ? a : null);
  };
  for (const user of usersOfNameless(pre, pairing)) {
    const twin = pairing.postOf[user.id];
    if (twin === undefined) continue;
    for (const [a, b] of targetsInPlace(user, twin, pairing)) if (mayPair(a, b)) propose(a, b);
  }
  const pairs: Pair[] = renamedInPlace(pre, post, pairing);
  for (const [a, b] of proposals) if (b !== null && claimed.get(b) === a) pairs.push([a, b]);
  return pairs;
};

/** Who refers to nameless data that is still free. */
function usersOfNameless(pre: Side, pairing: Pairing): ReadonlySet<Span> {
  const users = new Set<Span>();
  for (const span of pairing.free.pre) {
    if (span.symbol === undefined && isCandidate(span, pairing.postOf))
      for (const { from } of pre.uses(span)) users.add(from);
  }
  return users;
}

function targetsInPlace(user: Span, twin: Span, pairing: Pairing): Pair[] {
  const a = freeTargets(user, pairing.postOf).filter((span) => span.symbol === undefined);
  const b = freeTargets(twin, pairing.preOf).filter((span) => span.symbol === undefined);
  return a.length === b.length ? a.map((span, i) => [span, b[i] as Span]) : [];
}

/** Whether two objects refer to the same things at the same places; what has no pair yet is not the same. */
function refersToSame(a: Span, b: Span, pairing: Pairing): boolean {
  if (a.relocations.length !== b.relocations.length) return false;
  return a.relocations.every((x, i) => {
    const y = b.relocations[i];
    if (y === undefined || x.offset !== y.offset || x.howto !== y.howto) return false;
    const { target } = x;
    if (target === undefined || y.target === undefined) {
      return target === y.target && x.symbol?.name === y.symbol?.name && x.targetAddend === y.targetAddend;
    }
    if (x.targetOffset !== y.targetOffset) return false;
    if (target === a || pairing.postOf[target.id] === y.target) return (target === a) === (y.target === b);
    const isText = isComparedByContents(target.kind) || isStringSpan(target);
    return isText && target.kind === y.target.kind && Buffer.compare(target.bytes, y.target.bytes) === 0;
  });
}

/**
 * Local data that got another name: every reference to it stands where, in the user's twin, a reference to the other one
 * stands, and size and contents are the same. Then it is the same variable, and its running value stays right.
 */
function renamedInPlace(pre: Side, post: Side, pairing: Pairing): Pair[] {
  const pairs: Pair[] = [];
  for (const span of pairing.free.pre) {
    if (!isCandidate(span, pairing.postOf) || span.symbol === undefined || span.symbol.bind !== STB.LOCAL) continue;
    const uses = pre.uses(span);
    const first = uses[0];
    if (first === undefined || first.relocation < 0) continue;
    const other = pairing.postOf[first.from.id]?.relocations[first.relocation]?.target;
    if (!isCandidate(other, pairing.preOf) || other.symbol === undefined || other.symbol.bind !== STB.LOCAL) continue;
    if (family(other.kind) !== family(span.kind) || other.size !== span.size) continue;
    if (Buffer.compare(span.bytes, other.bytes) !== 0 || !refersToSame(span, other, pairing)) continue;
    const places = new Set(post.uses(other).map((use) => `${pairing.preOf[use.from.id]?.id} ${use.relocation}`));
    const isParallel =
      uses.length === places.size && uses.every((use) => places.has(`${use.from.id} ${use.relocation}`));
    const isSameLength = uses.every(
      (use) => pairing.postOf[use.from.id]?.relocations.length === use.from.relocations.length,
    );
    if (isParallel && isSameLength) pairs.push([span, other]);
  }
  return pairs;
}
