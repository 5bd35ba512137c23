import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { CORPUS, FIXTURES, join } from "../support/paths.ts";
import { syntheticPair } from "./synthetic-pair.ts";

/*
 * Two build trees of the size of a kernel's: 2,888 objects, about 239 MB a side, of which 12 differ. Every file is a copy of
 * its own, so that both trees take their full size in the file cache.
 */

const OBJECTS = 2888;
const DIFFERING = 12;
const MEGABYTES = 239;
const PER_FOLDER = 24;
/** Functions of the synthetic pair that stands in for real objects above the average; it has about 190 bytes for each. */
const FUNCTIONS = 1500;

/** Real kernel objects where there are some; a clone that stands alone has its fixtures. */
const SOURCES = [join(CORPUS, "kernel-pairs"), FIXTURES];

/** How large trees are to be; sizes are of one side. */
export interface TreeSize {
  readonly objects?: number;
  readonly differing?: number;
  readonly megabytes?: number;
}

/** What was written: both folders, objects and bytes a side, and the paths, relative to a side, of the objects that differ. */
export interface Trees {
  readonly pre: string;
  readonly post: string;
  readonly objects: number;
  readonly bytes: number;
  readonly differ: readonly string[];
}

interface Contents {
  readonly pre: Buffer;
  readonly post: Buffer;
}

/** Pairs of objects below a folder whose sides are named `pre` and `post`, in the order of their paths. */
function pairsBelow(folder: string): Contents[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => path.endsWith(".o") && /(^|\/)pre(\.o$|\/)/.test(path))
    .sort()
    .map((path) => ({ pre: join(folder, path), post: join(folder, path.replace(/(^|\/)pre(\.o$|\/)/, "$1post$2")) }))
    .filter(({ post }) => existsSync(post))
    .map(({ pre, post }) => ({ pre: readFileSync(pre), post: readFileSync(post) }));
}

/** All pairs at hand, by whether they are above or below the wanted average: taken in turn, they come near any size. */
function choosePairs(average: number): { readonly large: readonly Contents[]; readonly small: readonly Contents[] } {
  const pairs = SOURCES.filter((folder) => existsSync(folder)).flatMap(pairsBelow);
  if (!pairs.some(({ pre }) => pre.length > average)) pairs.push(syntheticPair(FUNCTIONS));
  const large = pairs.filter(({ pre }) => pre.length > average);
  const small = pairs.filter(({ pre }) => pre.length <= average);
  return { large: large.length > 0 ? large : small, small: small.length > 0 ? small : large };
}

/** Writes `folder`/pre and `folder`/post; the same arguments and sources give the same trees. */
export function buildTree(
  folder: string,
  { objects = OBJECTS, differing = DIFFERING, megabytes = MEGABYTES }: TreeSize = {},
): Trees {
  const average = (megabytes * 1e6) / objects;
  const lists = choosePairs(average);
  const changed = lists.small.filter(({ pre, post }) => !pre.equals(post));
  const step = Math.max(1, Math.floor(objects / Math.max(1, differing)));
  const sides = { pre: join(folder, "pre"), post: join(folder, "post") };
  const differ: string[] = [];
  const taken = new Map<readonly Contents[], number>();
  let bytes = 0;
  for (let index = 0; index < objects; index++) {
    const path = `drivers/d${Math.floor(index / PER_FOLDER)}/unit-${index}.o`;
    const isDiffering = index % step === 0 && differ.length < differing;
    const list = isDiffering ? changed : bytes < average * index ? lists.large : lists.small;
    const turn = taken.get(list) ?? 0;
    taken.set(list, turn + 1);
    const { pre, post } = list[turn % list.length] as Contents;
    for (const [side, contents] of [
      [sides.pre, pre],
      [sides.post, isDiffering ? post : pre],
    ] as const) {
      const file = join(side, path);
      if (index % PER_FOLDER === 0) mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, contents);
    }
    bytes += pre.length;
    if (isDiffering) differ.push(path);
  }
  return { ...sides, objects, bytes, differ };
}
