/*
 * Two trees are compared path by path. Where they do not lie side by side, because one was given a folder too deep, every
 * object would be added or removed: thousands of findings, and none that helps.
 */
import { UsageError } from "../../errors.ts";

/** Paths that are looked at to find out how far two trees lie apart. */
const SAMPLE = 200;
/** Files of one name that are tried as twins of a path. */
const TRIED = 32;
/** Trees of which at most this part lies at the same paths may be shifted. */
const FEW = 0.1;
/** A shift counts if it gives at least this part of the sample a twin. */
const MOST = 0.5;

/**
 * Refuses two trees that share no path, or that share far more once one of them is entered or left by a folder. `pre` and
 * `post` are the trees as given, the paths those of their objects. Throws UsageError with the folders that would fit.
 */
export function requireAlignment(
  pre: string,
  post: string,
  prePaths: readonly string[],
  postPaths: readonly string[],
): void {
  if (prePaths.length === 0 || postPaths.length === 0) return;
  const known = new Set(prePaths);
  const shared = postPaths.reduce((count, path) => count + (known.has(path) ? 1 : 0), 0);
  if (shared > FEW * Math.min(prePaths.length, postPaths.length)) return;
  const shift = shiftOf(prePaths, postPaths);
  if (shared > 0 && shift === undefined) return;
  const amount =
    shared === 0 ? "share no path" : `share only ${shared} of ${Math.min(prePaths.length, postPaths.length)} paths`;
  const examples = `${prePaths[0]} is only in the first, ${postPaths.find((path) => !known.has(path))} only in the second`;
  const hint = shift === undefined ? "" : `; did you mean ${join(pre, shift.pre)} and ${join(post, shift.post)}?`;
  throw new UsageError(`${pre} and ${post} ${amount}: ${examples}${hint}`);
}

/** The folders of both trees whose paths agree for most of a sample; undefined if there are none. */
function shiftOf(
  prePaths: readonly string[],
  postPaths: readonly string[],
): { readonly pre: string; readonly post: string } | undefined {
  // The smaller tree may be a part of the larger one.
  if (postPaths.length > prePaths.length) {
    const shift = shiftOf(postPaths, prePaths);
    return shift && { pre: shift.post, post: shift.pre };
  }
  const byName = new Map<string, string[]>();
  for (const path of prePaths) {
    const name = path.slice(path.lastIndexOf("/") + 1);
    const list = byName.get(name);
    if (list === undefined) byName.set(name, [path]);
    else if (list.length < TRIED) list.push(path);
  }
  const sample = evenly(postPaths, SAMPLE);
  const votes = new Map<string, { readonly pre: string; readonly post: string; count: number }>();
  for (const path of sample) {
    const fitting = new Set<string>();
    for (const twin of byName.get(path.slice(path.lastIndexOf("/") + 1)) ?? []) {
      const [a, b] = withoutSharedEnd(twin, path);
      if (a === "" && b === "") continue;
      const key = `${a}\0${b}`;
      if (fitting.has(key)) continue;
      fitting.add(key);
      const vote = votes.get(key) ?? { pre: a, post: b, count: 0 };
      vote.count++;
      votes.set(key, vote);
    }
  }
  const best = [...votes.values()].reduce<{ pre: string; post: string; count: number } | undefined>(
    (most, vote) => (most === undefined || vote.count > most.count ? vote : most),
    undefined,
  );
  return best !== undefined && best.count >= MOST * sample.length ? best : undefined;
}

/** The folders of two paths that remain when the end that both share is taken away. */
function withoutSharedEnd(a: string, b: string): [string, string] {
  const [left, right] = [a.split("/"), b.split("/")];
  while (left.length > 0 && right.length > 0 && left.at(-1) === right.at(-1)) {
    left.pop();
    right.pop();
  }
  return [left.join("/"), right.join("/")];
}

function evenly(paths: readonly string[], count: number): string[] {
  if (paths.length <= count) return [...paths];
  return Array.from({ length: count }, (_, index) => paths[Math.floor((index * paths.length) / count)] as string);
}

function join(tree: string, folder: string): string {
  if (folder === "") return tree;
  return tree.endsWith("/") ? tree + folder : `${tree}/${folder}`;
}
