import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import { CORPUS, FIXTURES, join, ROOT } from "../support/paths.ts";
import { growth, hasTool, memoryOf, printTable, type Times, type Tool, timeAll } from "./measure.ts";
import { syntheticKernel } from "./synthetic-kernel.ts";
import { syntheticPair } from "./synthetic-pair.ts";
import { buildTree, type Trees } from "./tree.ts";

/*
 * How long the built program takes, how much memory, and how both grow with the size of the input.
 *
 *   npm run bench                     2,000 to 16,000 functions, each several times
 *   npm run bench -- --quick          a short run
 *   npm run bench -- --trees FOLDER   only writes the two build trees, FOLDER/pre and FOLDER/post
 *
 * Each run is a process of its own, as it is for a user; so Node's own start is in every time. Times are told in units of
 * that start, too: these figures can be compared between machines.
 */

const { values } = parseArgs({ options: { quick: { type: "boolean", default: false }, trees: { type: "string" } } });
const COUNTS = values.quick ? [250, 500, 1000, 2000] : [2000, 4000, 8000, 16_000];
const PAGES = [25_000, 50_000, 100_000, 200_000];
const ROUNDS = values.quick ? 3 : 7;
/** Short runs are measured more often, and Node's own start never less than seven times. */
const START_ROUNDS = values.quick ? 7 : 15;
const QUICK_TREE = { objects: 400, differing: 12, megabytes: 33 };

const PROGRAM = join(ROOT, "dist/elfsplice.js");
const NODE_START = ["-e", "0"];

/** Two inputs of `diff`. */
interface Pair {
  readonly pre: string;
  readonly post: string;
}

const ms = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} ms`;
const mb = (value: number): string => `${value.toFixed(0)} MB`;
const number = (value: number): string => value.toLocaleString("en");
const range = ({ least, most }: Times): string => `${least.toFixed(0)}…${most.toFixed(0)}`;
const inStarts = (time: Times, start: number): string => (time.median / start).toFixed(2);

function diffArgs({ pre, post }: Pair): string[] {
  return [PROGRAM, "diff", pre, post, "--quiet"];
}

/** Prints what Node takes by itself and returns it, in milliseconds. */
function benchStart(): number {
  const jobs: (readonly [name: string, args: readonly string[]])[] = [
    ["node -e 0", NODE_START],
    ["elfsplice --version", [PROGRAM, "--version"]],
    ["elfsplice --help", [PROGRAM, "--help"]],
  ];
  const times = timeAll(
    jobs.map(([, args]) => args),
    START_ROUNDS,
  );
  const start = (times[0] as Times).median;
  const rows = jobs.map(([name, args], index) => {
    const time = times[index] as Times;
    return [name, ms(time.median), range(time), inStarts(time, start), mb(memoryOf(args))];
  });
  printTable("Start", ["command", "time", "least…most", "in starts", "memory"], rows);
  return start;
}

/** Prints how the time of one kind of job grows, and the exponent of it. */
function benchGrowth(
  title: string,
  unit: string,
  jobs: readonly (readonly [size: number, args: readonly string[]])[],
  start: number,
): void {
  const times = timeAll(
    jobs.map(([, args]) => args),
    ROUNDS,
  );
  const own = (index: number): number => (times[index] as Times).median - start;
  const rows = jobs.map(([size, args], index) => {
    const time = times[index] as Times;
    const step = index === 0 ? "" : `× ${(own(index) / own(index - 1)).toFixed(2)}`;
    const name = `${number(size)} ${unit}`;
    return [name, ms(time.median), range(time), inStarts(time, start), ms(own(index)), step, mb(memoryOf(args))];
  });
  const header = ["input", "time", "least…most", "in starts", "without start", "growth", "memory"];
  printTable(`Growth: ${title}, median of ${ROUNDS} runs`, header, rows);
  const exponent = growth(jobs.map(([size], index) => [size, own(index)])).toFixed(2);
  console.log(`  growth exponent ${exponent}  (time without Node's start; 1 is linear, 2 quadratic)\n`);
}

/** One function changes: in objects whose tables lead to all functions, and in those where only calls do. */
function benchFunctions(folder: string, start: number): void {
  for (const tables of [true, false]) {
    const jobs = COUNTS.map((count) => {
      const name = `${count}${tables ? "" : "-calls"}`;
      const paths = { pre: join(folder, `${name}-pre.o`), post: join(folder, `${name}-post.o`) };
      const pair = syntheticPair(count, { tables });
      writeFileSync(paths.pre, pair.pre);
      writeFileSync(paths.post, pair.post);
      return [count, diffArgs(paths)] as const;
    });
    const title = `elfsplice diff, one function changed, ${tables ? "which a table leads to" : "which only calls lead to"}`;
    benchGrowth(title, "functions", jobs, start);
  }
}

/** The plan for a kernel of so many pages that lie by chance in memory; the plan is written out whole. */
function benchKexec(folder: string, start: number): void {
  const map = join(folder, "memory-map");
  writeFileSync(map, "0x100000-0x1ffffffff\n");
  const jobs = PAGES.map((pages) => {
    const kernel = join(folder, `${pages}-vmlinux`);
    writeFileSync(kernel, syntheticKernel(pages));
    return [pages, [PROGRAM, "kexec", kernel, "--memory", map, "--source-pages", "random:1", "--quiet"]] as const;
  });
  benchGrowth("elfsplice kexec, source pages by chance", "pages", jobs, start);
}

/** One input, and the tools that read the same bytes and do less. */
interface Compared extends Pair {
  readonly name: string;
  /** Of both sides together. */
  readonly bytes: number;
  readonly tools: readonly Tool[];
}

function benchAgainst(
  title: string,
  { name, pre, post, bytes, tools }: Compared,
  { start, rounds }: { readonly start: number; readonly rounds: number },
): void {
  const present = tools.filter(({ command }) => hasTool(command));
  const [own, ...others] = timeAll([diffArgs({ pre, post }), ...present], rounds);
  if (own === undefined) return;
  const row = (words: string, time: Times, memory = ""): string[] => {
    const ratio = time === own ? "" : `× ${(own.median / time.median).toFixed(2)}`;
    return [words, ms(time.median), range(time), inStarts(time, start), ratio, memory];
  };
  const rows = [
    row("elfsplice diff", own, mb(memoryOf(diffArgs({ pre, post })))),
    ...present.map((tool, index) => {
      const options = tool.args.filter((arg) => arg.startsWith("-"));
      return row([tool.command, ...options].join(" "), others[index] as Times);
    }),
  ];
  const header = ["command", "time", "least…most", "in starts", "diff takes", "memory"];
  printTable(`${title}: ${name}, ${(bytes / 1e6).toFixed(1)} MB, median of ${rounds} runs`, header, rows);
}

function sizeOf({ pre, post }: Pair): number {
  return statSync(pre).size + statSync(post).size;
}

/** Tools for two objects: are they equal, and what is in them. */
function objectTools({ pre, post }: Pair): Tool[] {
  return [
    { command: "cmp", args: ["-s", pre, post] },
    { command: "readelf", args: ["-SsrW", pre, post] },
  ];
}

function benchSmall(start: number): void {
  const pair = { pre: join(FIXTURES, "text/body/pre.o"), post: join(FIXTURES, "text/body/post.o") };
  const input = { name: "text/body", ...pair, bytes: sizeOf(pair), tools: objectTools(pair) };
  benchAgainst("One small pair", input, { start, rounds: START_ROUNDS });
}

function benchMedium(folder: string, start: number): void {
  const packed = (["pre", "post"] as const).map((side) => join(CORPUS, `scale/medium-${side}.o.zst`));
  const isMissing = packed.some((path) => !existsSync(path));
  if (isMissing || !hasTool("zstd")) {
    console.log(`Real pair: skipped, ${isMissing ? "the corpus is not there" : "zstd is not installed"}\n`);
    return;
  }
  const pair = { pre: join(folder, "medium-pre.o"), post: join(folder, "medium-post.o") };
  for (const [index, path] of packed.entries()) {
    const out = index === 0 ? pair.pre : pair.post;
    const { status } = spawnSync("zstd", ["-dqf", path, "-o", out], { stdio: ["ignore", "ignore", "inherit"] });
    if (status !== 0) throw new Error(`zstd cannot unpack ${path}`);
  }
  benchAgainst(
    "Real pair",
    { name: "medium", ...pair, bytes: sizeOf(pair), tools: objectTools(pair) },
    { start, rounds: ROUNDS },
  );
}

function benchTrees(folder: string, start: number): void {
  const trees = buildTree(join(folder, "tree"), values.quick ? QUICK_TREE : {});
  const { pre, post, objects, bytes, differ } = trees;
  const tools = [{ command: "diff", args: ["-rq", pre, post] }];
  const name = `${number(objects)} objects, ${differ.length} differ`;
  benchAgainst("Trees", { name, pre, post, bytes: 2 * bytes, tools }, { start, rounds: ROUNDS });
  benchArchives(folder, trees, start);
}

/** Archives of a tree's first objects and of those that differ. */
function benchArchives(folder: string, trees: Trees, start: number): void {
  const same = readdirSync(trees.pre, { recursive: true, encoding: "utf8" })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => path.endsWith(".o") && !trees.differ.includes(path))
    .slice(0, values.quick ? 100 : 600);
  const write = (side: "pre" | "post"): string => {
    const members = [...same, ...trees.differ].map(
      (path) => [path.slice(path.lastIndexOf("/") + 1), readFileSync(join(trees[side], path))] as const,
    );
    const archive = join(folder, `${side}.a`);
    writeFileSync(archive, archiveOf(members));
    return archive;
  };
  const pair = { pre: write("pre"), post: write("post") };
  // cmp would stop at the first difference.
  const tools = [{ command: "cat", args: [pair.pre, pair.post] }];
  const name = `${same.length + trees.differ.length} members`;
  benchAgainst("Archives", { name, ...pair, bytes: sizeOf(pair), tools }, { start, rounds: ROUNDS });
}

/** A System V archive: headers of 60 characters, contents on even offsets. */
function archiveOf(members: readonly (readonly [name: string, contents: Uint8Array])[]): Buffer {
  const parts: Uint8Array[] = [Buffer.from("!<arch>\n")];
  for (const [name, contents] of members) {
    const header = [`${name}/`.padEnd(16), "0".padEnd(12), "0".padEnd(6), "0".padEnd(6), "644".padEnd(8)];
    parts.push(Buffer.from(`${header.join("")}${String(contents.length).padEnd(10)}\x60\n`), contents);
    if (contents.length % 2 === 1) parts.push(Buffer.from("\n"));
  }
  return Buffer.concat(parts);
}

function writeTrees(folder: string): void {
  const { objects, bytes, differ } = buildTree(folder, values.quick ? QUICK_TREE : {});
  console.log(`${objects} objects, ${(bytes / 1e6).toFixed(0)} MB a side, ${differ.length} differ:`);
  for (const path of differ) console.log(`  ${path}`);
}

function benchAll(): void {
  if (!existsSync(PROGRAM)) throw new Error("dist/elfsplice.js is not there: run npm run build first");
  const folder = mkdtempSync(join(tmpdir(), "elfsplice-bench-"));
  try {
    console.log(`Node ${process.version}, ${process.platform} ${process.arch}${values.quick ? ", quick" : ""}\n`);
    const start = benchStart();
    benchSmall(start);
    benchFunctions(folder, start);
    benchKexec(folder, start);
    benchMedium(folder, start);
    benchTrees(folder, start);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (values.trees === undefined) benchAll();
else writeTrees(values.trees);
