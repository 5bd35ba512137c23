import { addTo } from "../grouping.ts";
import type { Span } from "../spans/span.ts";
import type { Pair, Pairing } from "./pairing.ts";

/** Spans of both sides that share a key. */
export interface Group {
  readonly pre: Span[];
  readonly post: Span[];
}

/** Groups free spans of both sides by a key; spans without a key stay out, and so do keys that only one side has. */
export function groupFree(
  pairing: Pairing,
  preKey: (span: Span) => string | undefined,
  postKey: (span: Span) => string | undefined = preKey,
): Group[] {
  const groups = new Map<string, Group>();
  for (const span of pairing.free.pre) {
    const key = preKey(span);
    if (key === undefined) continue;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { pre: [span], post: [] });
    else group.pre.push(span);
  }
  for (const span of pairing.free.post) {
    const key = postKey(span);
    if (key !== undefined) groups.get(key)?.post.push(span);
  }
  return [...groups.values()].filter((group) => group.post.length > 0);
}

/** Pairs of the groups in which each side has exactly one span. */
export function uniquePairs(groups: readonly Group[]): Pair[] {
  return groups
    .filter((group) => group.pre.length === 1 && group.post.length === 1)
    .map((group) => [group.pre[0] as Span, group.post[0] as Span]);
}

/** Pairs the spans of a group one after the other, as far as both sides reach. */
export function zipPairs(group: Group): Pair[] {
  const count = Math.min(group.pre.length, group.post.length);
  return Array.from({ length: count }, (_, i) => [group.pre[i] as Span, group.post[i] as Span]);
}

/** What tells spans apart that share a coarser key. */
export type Finer = (span: Span, isPost: boolean) => string;

/** Within a group, spans that share the finest key first (in order where several do), then the next one; what shares none stays free. */
export function keyedPairs(group: Group, ...keys: readonly Finer[]): Pair[] {
  const pairs: Pair[] = [];
  let { pre, post } = group;
  for (const finer of keys) {
    if (pre.length === 0 || post.length === 0) break;
    const waiting = new Map<string, Span[]>();
    for (const span of post) {
      const key = finer(span, true);
      addTo(waiting, key, span);
    }
    for (const list of waiting.values()) list.reverse();
    const used = new Set<Span>();
    pre = pre.filter((span) => {
      const twin = waiting.get(finer(span, false))?.pop();
      if (twin === undefined) return true;
      used.add(twin);
      pairs.push([span, twin]);
      return false;
    });
    post = post.filter((span) => !used.has(span));
  }
  return pairs;
}

/** Like keyedPairs; what is left then goes in order, if both sides have as many. */
export function narrowedPairs(group: Group, ...keys: readonly Finer[]): Pair[] {
  if (group.pre.length === 1 && group.post.length === 1) return zipPairs(group);
  const pairs = keyedPairs(group, ...keys);
  const used = new Set(pairs.flat());
  const left: Group = {
    pre: group.pre.filter((span) => !used.has(span)),
    post: group.post.filter((span) => !used.has(span)),
  };
  return left.pre.length === left.post.length ? [...pairs, ...zipPairs(left)] : pairs;
}
