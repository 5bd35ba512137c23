import { pairOnEvidence } from "../evidence.ts";
import { append } from "../lists.ts";
import { functionBase, withoutHashes } from "../spans/names.ts";
import { isCode, isComparedByContents, isState } from "../spans/section-kind.ts";
import type { Span } from "../spans/span.ts";
import { type Group, groupFree, narrowedPairs, uniquePairs, zipPairs } from "./groups.ts";
import { contentsKey } from "./mask.ts";
import { family, type Pair, type Pairing, type PairingPass, type Side } from "./pairing.ts";
import type { ScopesOf } from "./scopes.ts";
import { staticBase } from "./static-locals.ts";
import { targetKey, targetsKey } from "./target-key.ts";
import { userWords } from "./users.ts";

/** Whether the span goes by its name; strings, constants and fragments are known by what they hold. */
export function isNamed(span: Span): boolean {
  return span.symbol !== undefined && !isComparedByContents(span.kind);
}

/** The name in the source, for spans whose name is not partly a compiler's number. */
function plainName(span: Span): string | undefined {
  if (!isNamed(span)) return undefined;
  const isNumbered = isCode(span.kind) ? functionBase(span.name) !== span.name : staticBase(span) !== undefined;
  return isNumbered ? undefined : `${family(span.kind)} ${span.name}`;
}

/** Names of which some on either side have a number behind them: clang calls the first static local of a function `f.n`, the next `f.n.1`. */
function namesWithNumbers({ free }: Pairing): ReadonlySet<string> {
  const names = new Set<string>();
  for (const span of [...free.pre, ...free.post]) {
    const base = staticBase(span);
    if (base !== undefined) names.add(base);
  }
  return names;
}

/** Names of locals, and of what changed between local and global: where one side has no second of that name, or no second in its file. */
export function localNamePass(scopesOf: ScopesOf): PairingPass {
  return (pre, _post, pairing) => {
    const numbered = namesWithNumbers(pairing);
    const name = (span: Span): string | undefined => {
      const plain = plainName(span);
      return plain !== undefined && numbered.has(plain) ? undefined : plain;
    };
    const wide = groupFree(pairing, name);
    if (wide.length === 0) return [];
    const scopes = scopesOf(pairing);
    const { arch } = pre.table;
    const isSame = ([a, b]: Pair): boolean =>
      isState(a.kind) ? scopes.areSure(a, b) : !scopes.differ(a, b) || contentsKey(a, arch) === contentsKey(b, arch);
    const pairs = uniquePairs(wide).filter(isSame);
    const done = new Set(pairs.flat());
    const scoped = (ofSide: (span: Span) => string) => (span: Span) => {
      const plain = done.has(span) ? undefined : name(span);
      return plain && `${plain} ${ofSide(span)}`;
    };
    const inFiles = uniquePairs(groupFree(pairing, scoped(scopes.ofPre), scoped(scopes.ofPost)));
    return [...pairs, ...inFiles.filter(isSame)];
  };
}

/** Functions and constants of one name in one file, and clones of one kind: by what they do and who uses them, numbers last. */
export function suffixPass(scopesOf: ScopesOf): PairingPass {
  return (pre, post, pairing) => {
    const key = (ofSide: (span: Span) => string) => (span: Span) => {
      if (!isNamed(span) || isState(span.kind)) return hashed(span);
      if (!isCode(span.kind)) return plainName(span) && `${family(span.kind)} ${span.name} ${ofSide(span)}`;
      return `${family(span.kind)} ${functionBase(span.name)} ${ofSide(span)}`;
    };
    const scopes = scopesOf(pairing);
    const groups = groupFree(pairing, key(scopes.ofPre), key(scopes.ofPost));
    const pairs = groups.flatMap((group) => pairNamesakes(group, pre, post, pairing));
    const done = new Set(pairs.flat());
    const anywhere = key(() => "");
    const left = uniquePairs(groupFree(pairing, (span) => (done.has(span) ? undefined : anywhere(span))));
    return [...pairs, ...left.filter(([a, b]) => !scopes.differ(a, b))];
  };
}

/** State whose name has nothing but a hash that tells builds apart; of several nothing tells which is which. */
function hashed(span: Span): string | undefined {
  const name = withoutHashes(span.name);
  return span.symbol === undefined || name === span.name ? undefined : `${family(span.kind)} hashed ${name}`;
}

function pairNamesakes(group: Group, pre: Side, post: Side, pairing: Pairing): Pair[] {
  if (group.pre.length === 1 && group.post.length === 1) return zipPairs(group);
  if (isState((group.pre[0] as Span).kind)) return [];
  const { arch } = pre.table;
  const pairs: Pair[] = [];
  const done = new Set<Span>();
  const rest = (): Group => ({
    pre: group.pre.filter((span) => !done.has(span)),
    post: group.post.filter((span) => !done.has(span)),
  });
  type Words = (span: Span, isPost: boolean) => ReadonlySet<string>;
  const by = (words: Words): void => {
    const left = rest();
    const found = pairOnEvidence(
      left.pre,
      left.post,
      (span) => words(span, false),
      (span) => words(span, true),
      false,
    );
    append(pairs, found);
    for (const pair of found) for (const span of pair) done.add(span);
  };
  const users = [userWords(pre, pairing, false), userWords(post, pairing, true)] as const;
  const contents = (span: Span): string => `${span.section.name} ${contentsKey(span, arch)}`;
  by((span, isPost) => new Set([`${contentsKey(span, arch)} ${targetsKey(span, pairing, isPost)}`]));
  by((span, isPost) => new Set([...users[isPost ? 1 : 0].direct(span)].filter((word) => word.startsWith("#"))));
  by((span) => new Set([contentsKey(span, arch)]));
  // Equal ones are interchangeable: nothing that they do depends on which is which.
  const equal = narrowedPairs(rest(), contents, (span) => contentsKey(span, arch));
  const isEqual = ([a, b]: Pair): boolean => contentsKey(a, arch) === contentsKey(b, arch);
  for (const pair of equal.filter(isEqual)) {
    pairs.push(pair);
    for (const span of pair) done.add(span);
  }
  by((span, isPost) => new Set(span.relocations.map((relocation) => targetKey(relocation, span, pairing, isPost))));
  by((span) => new Set([span.name]));
  const left = rest();
  return left.pre.length === left.post.length ? [...pairs, ...zipPairs(left)] : pairs;
}
