import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { syntheticPair } from "./synthetic-pair.mjs";

/*
 * Two build trees of the size of a kernel's: 2,888 objects, about 239 MB a side, of which 12 differ. Every file is a copy of
 * its own, so that both trees take their full size in the file cache.
 *
 *   node bench/tree.mjs FOLDER                      FOLDER/pre and FOLDER/post
 *   node bench/tree.mjs FOLDER --objects 400 --differing 3 --megabytes 32
 */

const OBJECTS = 2888;
const DIFFERING = 12;
const MEGABYTES = 239;
const PER_FOLDER = 24;
/** Functions of the synthetic pair that stands in for real objects above the average; it has about 190 bytes for each. */
const FUNCTIONS = 1500;

const fromRoot = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
/** Real kernel objects where there are some; a clone that stands alone has its fixtures. */
const SOURCES = ["../shared/corpus/kernel-pairs", "fixtures"].map(fromRoot);

/** Pairs of objects below a folder whose sides are named `pre` and `post`, in the order of their paths. */
function pairsBelow(folder) {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => path.endsWith(".o") && /(^|\/)pre(\.o$|\/)/.test(path))
    .sort()
    .map((path) => [join(folder, path), join(folder, path.replace(/(^|\/)pre(\.o$|\/)/, "$1post$2"))])
    .filter(([, post]) => existsSync(post))
    .map(([pre, post]) => ({ pre: readFileSync(pre), post: readFileSync(post) }));
}

/** All pairs at hand, by whether they are above or below the wanted average: taken in turn, they come near any size. */
function choosePairs(average) {
  const pairs = SOURCES.filter((folder) => existsSync(folder)).flatMap(pairsBelow);
  if (!pairs.some(({ pre }) => pre.length > average)) {
    const { pre, post } = syntheticPair(FUNCTIONS);
    pairs.push({ pre: Buffer.from(pre), post: Buffer.from(post) });
  }
  const [large, small] = [
    pairs.filter(({ pre }) => pre.length > average),
    pairs.filter(({ pre }) => pre.length <= average),
  ];
  return { large: large.length > 0 ? large : small, small: small.length > 0 ? small : large };
}

/**
 * Writes `folder`/pre and `folder`/post; the same arguments and sources give the same trees. Returns what was written: both
 * folders, objects and bytes a side, and the paths, relative to a side, of the objects that differ.
 */
export function buildTree(folder, { objects = OBJECTS, differing = DIFFERING, megabytes = MEGABYTES } = {}) {
  const average = (megabytes * 1e6) / objects;
  const lists = choosePairs(average);
  const changed = lists.small.filter(({ pre, post }) => !pre.equals(post));
  const step = Math.max(1, Math.floor(objects / Math.max(1, differing)));
  const sides = { pre: join(folder, "pre"), post: join(folder, "post") };
  const differ = [];
  const taken = new Map();
  let bytes = 0;
  for (let index = 0; index < objects; index++) {
    const path = `drivers/d${Math.floor(index / PER_FOLDER)}/unit-${index}.o`;
    const isDiffering = index % step === 0 && differ.length < differing;
    const list = isDiffering ? changed : bytes < average * index ? lists.large : lists.small;
    const turn = taken.get(list) ?? 0;
    taken.set(list, turn + 1);
    const { pre, post } = list[turn % list.length];
    for (const [side, contents] of [
      [sides.pre, pre],
      [sides.post, isDiffering ? post : pre],
    ]) {
      const file = join(side, path);
      if (index % PER_FOLDER === 0) mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, contents);
    }
    bytes += pre.length;
    if (isDiffering) differ.push(path);
  }
  return { ...sides, objects, bytes, differ };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { objects: { type: "string" }, differing: { type: "string" }, megabytes: { type: "string" } },
  });
  const [folder] = positionals;
  if (folder === undefined) {
    console.error("usage: node bench/tree.mjs FOLDER [--objects N] [--differing N] [--megabytes N]");
    process.exit(2);
  }
  const sizes = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Number(value)]));
  const { objects, bytes, differ } = buildTree(folder, sizes);
  console.log(`${objects} objects, ${(bytes / 1e6).toFixed(0)} MB a side, ${differ.length} differ:`);
  for (const path of differ) console.log(`  ${path}`);
}
