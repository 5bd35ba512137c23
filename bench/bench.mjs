import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { syntheticKernel } from "./synthetic-kernel.mjs";
import { syntheticPair } from "./synthetic-pair.mjs";
import { buildTree } from "./tree.mjs";

/*
 * How long the built program takes, how much memory, and how both grow with the size of the input.
 *
 *   npm run bench               2,000 to 16,000 functions, each several times
 *   npm run bench -- --quick    a short run
 *
 * Each run is a process of its own, as it is for a user; so Node's own start is in every time, and is told apart.
 */

const { values } = parseArgs({ options: { quick: { type: "boolean", default: false } } });
const COUNTS = values.quick ? [250, 500, 1000, 2000] : [2000, 4000, 8000, 16_000];
const PAGES = [25_000, 50_000, 100_000, 200_000];
const ROUNDS = values.quick ? 3 : 7;
const START_ROUNDS = values.quick ? 7 : 15;

const file = (path) => new URL(path, import.meta.url);
const PROGRAM = fileURLToPath(file("../dist/elfsplice.js"));
const CORPUS = fileURLToPath(file("../../shared/corpus/scale/"));

/** Milliseconds that one process takes from its start to its end. */
function timeOf(args) {
  const start = process.hrtime.bigint();
  if (args.command === undefined) runNode(args, ["ignore", "ignore", "inherit"]);
  else runTool(args.command, args.args);
  return Number(process.hrtime.bigint() - start) / 1e6;
}

/** Runs another program; `cmp` and `diff` say by status 1 that there is a difference. */
function runTool(command, args) {
  const { status, error } = spawnSync(command, args, { stdio: "ignore" });
  if (error !== undefined || status > 1)
    throw new Error(`${command} ${args.join(" ")}: ${error ?? `status ${status}`}`);
}

function hasTool(command) {
  return spawnSync(command, ["--version"], { stdio: "ignore" }).status === 0;
}

/** Megabytes of memory that one process held at most. */
function memoryOf(args) {
  const hook = ["--import", file("report-memory.mjs").href];
  const { output } = runNode([...hook, ...args], ["ignore", "ignore", "inherit", "pipe"]);
  return Number(output[3]) / 1024;
}

function runNode(args, stdio) {
  const child = spawnSync(process.execPath, args, { stdio });
  if (child.status !== 0) throw new Error(`node ${args.join(" ")}: status ${child.status ?? child.signal}`);
  return child;
}

/** Times of every job; the rounds go through all jobs, so that a busy moment of the machine hits them alike. */
function timeAll(jobs, rounds) {
  const times = jobs.map(() => []);
  for (const args of jobs) timeOf(args);
  for (let round = 0; round < rounds; round++) {
    for (const [index, args] of jobs.entries()) times[index].push(timeOf(args));
  }
  return times.map((list) => ({ median: median(list), least: Math.min(...list), most: Math.max(...list) }));
}

function median(list) {
  const sorted = list.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Slope of the straight line through the points in a log-log plot: 1 is linear growth, 2 is quadratic. */
function growth(points) {
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)]);
  const mean = (index) => logs.reduce((sum, point) => sum + point[index], 0) / logs.length;
  const [meanX, meanY] = [mean(0), mean(1)];
  const rise = logs.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  return rise / logs.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
}

function printTable(title, header, rows) {
  const lines = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const text = lines.map((line) =>
    line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  "),
  );
  console.log(`${title}\n\n${text.map((line) => `  ${line}`).join("\n")}\n`);
}

const ms = (value) => `${value.toFixed(0)} ms`;
const mb = (value) => `${value.toFixed(0)} MB`;
const percent = (value) => `${(value * 100).toFixed(0)} %`;
const number = (value) => value.toLocaleString("en");

const HEADER = ["input", "size of both", "time", "least…most", "without start", "growth", "Node's start", "memory"];

/** A row for one pair of objects; `previous` is the time of a pair of half the size. */
function pairRow(name, { pre, post }, time, start, previous) {
  const size = (statSync(pre).size + statSync(post).size) / (1 << 20);
  const own = time.median - start;
  const range = `${time.least.toFixed(0)}…${time.most.toFixed(0)}`;
  const memory = memoryOf(diffArgs({ pre, post }));
  const share = start / time.median;
  const step = previous === undefined ? "" : `× ${(own / (previous.median - start)).toFixed(2)}`;
  return [name, `${size.toFixed(1)} MB`, ms(time.median), range, ms(own), step, percent(share), mb(memory)];
}

function diffArgs({ pre, post }) {
  return [PROGRAM, "diff", pre, post, "--quiet"];
}

function benchStart() {
  const jobs = [
    ["node -e 0", ["-e", "0"]],
    ["elfsplice --version", [PROGRAM, "--version"]],
    ["elfsplice --help", [PROGRAM, "--help"]],
  ];
  const times = timeAll(
    jobs.map(([, args]) => args),
    START_ROUNDS,
  );
  const start = times[0].median;
  const rows = jobs.map(([name, args], index) => {
    const { median: time, least, most } = times[index];
    return [name, ms(time), `${least.toFixed(0)}…${most.toFixed(0)}`, ms(time - start), mb(memoryOf(args))];
  });
  printTable("Start", ["command", "time", "least…most", "without start", "memory"], rows);
  return start;
}

function benchGrowth(folder, start) {
  const pairs = COUNTS.map((count) => {
    const paths = { pre: join(folder, `${count}-pre.o`), post: join(folder, `${count}-post.o`) };
    const pair = syntheticPair(count);
    writeFileSync(paths.pre, pair.pre);
    writeFileSync(paths.post, pair.post);
    return paths;
  });
  const times = timeAll(pairs.map(diffArgs), ROUNDS);
  const rows = COUNTS.map((count, index) =>
    pairRow(`${number(count)} functions`, pairs[index], times[index], start, times[index - 1]),
  );
  printTable(`Growth: elfsplice diff, one function changed, median of ${ROUNDS} runs`, HEADER, rows);
  const points = COUNTS.map((count, index) => [count, times[index].median - start]);
  const exponent = growth(points).toFixed(2);
  console.log(`  growth exponent ${exponent}  (time without Node's start; 1 is linear, 2 quadratic)\n`);
}

function benchMedium(folder, start) {
  const missing = ["pre", "post"].some((side) => !existsSync(join(CORPUS, `medium-${side}.o.zst`)));
  const hasZstd = spawnSync("zstd", ["--version"], { stdio: "ignore" }).status === 0;
  if (missing || !hasZstd) {
    console.log(`Real pair: skipped, ${missing ? "the corpus is not there" : "zstd is not installed"}`);
    return;
  }
  const paths = { pre: join(folder, "medium-pre.o"), post: join(folder, "medium-post.o") };
  for (const side of ["pre", "post"]) {
    const packed = join(CORPUS, `medium-${side}.o.zst`);
    const { status } = spawnSync("zstd", ["-dqf", packed, "-o", paths[side]], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    if (status !== 0) throw new Error(`zstd cannot unpack ${packed}`);
  }
  const [time] = timeAll([diffArgs(paths)], ROUNDS);
  printTable(`Real pair, median of ${ROUNDS} runs`, HEADER, [pairRow("medium", paths, time, start)]);
}

const READ_HEADER = ["input", "size of both", "time", "least…most", "Node's start", "reading it", "ratio", "memory"];

/** Rows for inputs that a tool reads as well: `tool` compares the same bytes and does nothing else. */
function benchAgainst(title, inputs, rounds) {
  const jobs = inputs.flatMap(({ pre, post, tool }) => [
    diffArgs({ pre, post }),
    ...(hasTool(tool.command) ? [tool] : []),
  ]);
  const times = timeAll([["-e", "0"], ...jobs], rounds);
  const start = times.shift();
  const rows = inputs.map(({ name, pre, post, bytes, tool }) => {
    const own = times.shift();
    const read = hasTool(tool.command) ? times.shift() : undefined;
    return [
      name,
      `${(bytes / 1e6).toFixed(1)} MB`,
      ms(own.median),
      `${own.least.toFixed(0)}…${own.most.toFixed(0)}`,
      percent(start.median / own.median),
      read === undefined ? `no ${tool.command}` : `${tool.command} ${ms(read.median)}`,
      read === undefined
        ? ""
        : `× ${(own.median / read.median).toFixed(2)} (least × ${(own.least / read.least).toFixed(2)})`,
      mb(memoryOf(diffArgs({ pre, post }))),
    ];
  });
  printTable(title, READ_HEADER, rows);
}

function benchSmall() {
  const [pre, post] = ["pre", "post"].map((side) => fileURLToPath(file(`../fixtures/text/body/${side}.o`)));
  const bytes = statSync(pre).size + statSync(post).size;
  const tool = { command: "cmp", args: ["-s", pre, post] };
  benchAgainst("One small pair", [{ name: "text/body", pre, post, bytes, tool }], START_ROUNDS);
}

function benchTrees(folder) {
  const size = values.quick ? { objects: 400, differing: 12, megabytes: 33 } : {};
  const { pre, post, objects, bytes, differ } = buildTree(join(folder, "tree"), size);
  const tool = { command: "diff", args: ["-rq", pre, post] };
  const name = `${number(objects)} objects, ${differ.length} differ`;
  benchAgainst("Trees", [{ name, pre, post, bytes: 2 * bytes, tool }], ROUNDS);
  benchArchives(folder, pre, post, differ);
}

/** Archives of a tree's first objects and of those that differ. */
function benchArchives(folder, pre, post, differ) {
  const same = readdirSync(pre, { recursive: true, encoding: "utf8" })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => path.endsWith(".o") && !differ.includes(path))
    .slice(0, values.quick ? 100 : 600);
  const archives = [pre, post].map((root, index) => {
    const members = [...same, ...differ].map((path) => [path.split("/").at(-1), readFileSync(join(root, path))]);
    const archive = join(folder, `${["pre", "post"][index]}.a`);
    writeFileSync(archive, archiveOf(members));
    return archive;
  });
  const bytes = archives.reduce((sum, path) => sum + statSync(path).size, 0);
  const [a, b] = archives;
  // cmp would stop at the first difference.
  const tool = { command: "cat", args: [a, b] };
  const name = `${same.length + differ.length} members`;
  benchAgainst("Archives", [{ name, pre: a, post: b, bytes, tool }], ROUNDS);
}

/** A System V archive: headers of 60 characters, contents on even offsets. */
function archiveOf(members) {
  const parts = [Buffer.from("!<arch>\n")];
  for (const [name, contents] of members) {
    const header = [`${name}/`.padEnd(16), "0".padEnd(12), "0".padEnd(6), "0".padEnd(6), "644".padEnd(8)];
    parts.push(Buffer.from(`${header.join("")}${String(contents.length).padEnd(10)}\x60\n`), contents);
    if (contents.length % 2 === 1) parts.push(Buffer.from("\n"));
  }
  return Buffer.concat(parts);
}

/** The plan for a kernel of so many pages that lie by chance in memory; the plan is written out whole. */
function benchKexec(folder, start) {
  const map = join(folder, "memory-map");
  writeFileSync(map, "0x100000-0x1ffffffff\n");
  const jobs = PAGES.map((pages) => {
    const kernel = join(folder, `${pages}-vmlinux`);
    writeFileSync(kernel, syntheticKernel(pages));
    return [PROGRAM, "kexec", kernel, "--memory", map, "--source-pages", "random:1", "--quiet"];
  });
  const times = timeAll(jobs, ROUNDS);
  const rows = PAGES.map((pages, index) => {
    const { median: time, least, most } = times[index];
    const step = index === 0 ? "" : `× ${((time - start) / (times[index - 1].median - start)).toFixed(2)}`;
    const range = `${least.toFixed(0)}…${most.toFixed(0)}`;
    return [`${number(pages)} pages`, ms(time), range, ms(time - start), step, mb(memoryOf(jobs[index]))];
  });
  const header = ["input", "time", "least…most", "without start", "growth", "memory"];
  printTable(`Growth: elfsplice kexec, source pages by chance, median of ${ROUNDS} runs`, header, rows);
  const exponent = growth(PAGES.map((pages, index) => [pages, times[index].median - start])).toFixed(2);
  console.log(`  growth exponent ${exponent}\n`);
}

if (!existsSync(PROGRAM)) {
  console.error("dist/elfsplice.js is not there: run npm run build first");
  process.exit(2);
}
const folder = mkdtempSync(join(tmpdir(), "elfsplice-bench-"));
try {
  console.log(`Node ${process.version}, ${process.platform} ${process.arch}${values.quick ? ", quick" : ""}\n`);
  const start = benchStart();
  benchSmall();
  benchGrowth(folder, start);
  benchKexec(folder, start);
  benchMedium(folder, start);
  benchTrees(folder);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
