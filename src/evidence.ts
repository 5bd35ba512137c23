import { append } from "./lists.ts";
/** What speaks for a pair: words that both sides may share. */
export type TokensOf<T> = (item: T) => ReadonlySet<string>;

/** Rounds after which evidence that rests on other evidence is no longer followed. */
const MOST_ROUNDS = 16;

/**
 * Pairs what evidence tells: a word that exactly one item of each side has is a vote for these two. Two are paired when each has
 * more votes for the other than for anything else; with `strict`, when neither has a vote for anything else. What they had is
 * then out of the way, so that a word which several shared may become telling. Cost: the number of words in each round.
 */
export function pairOnEvidence<T>(
  pre: readonly T[],
  post: readonly T[],
  preTokens: TokensOf<T>,
  postTokens: TokensOf<T>,
  strict: boolean,
): [T, T][] {
  const pairs: [T, T][] = [];
  let left = { pre, post };
  for (let round = 0; round < MOST_ROUNDS && left.pre.length > 0 && left.post.length > 0; round++) {
    const found = mutual(votesOf(holders(left.pre, preTokens), holders(left.post, postTokens)), strict);
    if (found.length === 0) break;
    append(pairs, found);
    const done = new Set(found.flat());
    left = { pre: left.pre.filter((item) => !done.has(item)), post: left.post.filter((item) => !done.has(item)) };
  }
  return pairs;
}

/** Who has each word; null where several do. */
function holders<T>(items: readonly T[], tokensOf: TokensOf<T>): ReadonlyMap<string, T | null> {
  const known = new Map<string, T | null>();
  for (const item of items) for (const token of tokensOf(item)) known.set(token, known.has(token) ? null : item);
  return known;
}

type Votes<T> = Map<T, Map<T, number>>;

function votesOf<T>(
  pre: ReadonlyMap<string, T | null>,
  post: ReadonlyMap<string, T | null>,
): { readonly ofPre: Votes<T>; readonly ofPost: Votes<T> } {
  const ofPre: Votes<T> = new Map();
  const ofPost: Votes<T> = new Map();
  for (const [token, a] of pre) {
    const b = post.get(token);
    if (a === null || b === undefined || b === null) continue;
    count(ofPre, a, b);
    count(ofPost, b, a);
  }
  return { ofPre, ofPost };
}

function count<T>(votes: Votes<T>, from: T, to: T): void {
  const known = votes.get(from);
  if (known === undefined) votes.set(from, new Map([[to, 1]]));
  else known.set(to, (known.get(to) ?? 0) + 1);
}

function mutual<T>({ ofPre, ofPost }: { ofPre: Votes<T>; ofPost: Votes<T> }, strict: boolean): [T, T][] {
  const pairs: [T, T][] = [];
  for (const [a, votes] of ofPre) {
    const b = favourite(votes, strict);
    if (b !== undefined && favourite(ofPost.get(b) as Map<T, number>, strict) === a) pairs.push([a, b]);
  }
  return pairs;
}

function favourite<T>(votes: ReadonlyMap<T, number>, strict: boolean): T | undefined {
  if (strict && votes.size > 1) return undefined;
  let best: T | undefined;
  let most = 0;
  for (const [item, number] of votes) {
    if (number === most) best = undefined;
    if (number > most) {
      best = item;
      most = number;
    }
  }
  return best;
}
