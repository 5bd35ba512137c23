import { spawnSync } from "node:child_process";
import { join, ROOT } from "../support/paths.ts";

/** What is run and measured: this project's program by its arguments to node, or another tool. */
export type Job = readonly string[] | Tool;

/** Another program, which gives figures to compare with. */
export interface Tool {
  readonly command: string;
  readonly args: readonly string[];
}

/** Milliseconds of several runs of one job. */
export interface Times {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** Milliseconds that one process takes from its start to its end. */
function timeOf(job: Job): number {
  const start = process.hrtime.bigint();
  if (isTool(job)) runTool(job);
  else runNode(job, ["ignore", "ignore", "inherit"]);
  return Number(process.hrtime.bigint() - start) / 1e6;
}

function isTool(job: Job): job is Tool {
  return "command" in job;
}

/** Runs another program; `cmp` and `diff` say by status 1 that there is a difference. */
function runTool({ command, args }: Tool): void {
  const { status, error } = spawnSync(command, args, { stdio: "ignore" });
  if (error !== undefined || status === null || status > 1)
    throw new Error(`${command} ${args.join(" ")}: ${error ?? `status ${status}`}`);
}

export function hasTool(command: string): boolean {
  return spawnSync(command, ["--version"], { stdio: "ignore" }).status === 0;
}

/** Megabytes of memory that one process of Node held at most. */
export function memoryOf(args: readonly string[]): number {
  const hook = ["--import", new URL(`file://${join(ROOT, "test/bench/report-memory.mjs")}`).href];
  const { output } = runNode([...hook, ...args], ["ignore", "ignore", "inherit", "pipe"]);
  return Number(output[3]) / 1024;
}

type Stdio = readonly ("ignore" | "inherit" | "pipe")[];

function runNode(args: readonly string[], stdio: Stdio): ReturnType<typeof spawnSync> {
  const child = spawnSync(process.execPath, args, { stdio: [...stdio] });
  if (child.status !== 0) throw new Error(`node ${args.join(" ")}: status ${child.status ?? child.signal}`);
  return child;
}

/** Times of every job, in order; the rounds go through all jobs, so that a busy moment of the machine hits them alike. */
export function timeAll(jobs: readonly Job[], rounds: number): Times[] {
  for (const job of jobs) timeOf(job);
  const runs = Array.from({ length: rounds }, () => jobs.map(timeOf));
  return jobs.map((_, index) => {
    const list = runs.map((run) => run[index] as number);
    return { median: median(list), least: Math.min(...list), most: Math.max(...list) };
  });
}

function median(list: readonly number[]): number {
  const sorted = list.toSorted((a, b) => a - b);
  const upper = sorted[sorted.length >> 1] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[(sorted.length >> 1) - 1] as number) + upper) / 2;
}

/** Slope of the straight line through the points in a log-log plot: 1 is linear growth, 2 is quadratic. */
export function growth(points: readonly (readonly [size: number, time: number])[]): number {
  const logs = points.map(([size, time]) => ({ x: Math.log(size), y: Math.log(time) }));
  const meanX = logs.reduce((sum, { x }) => sum + x, 0) / logs.length;
  const meanY = logs.reduce((sum, { y }) => sum + y, 0) / logs.length;
  const rise = logs.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0);
  return rise / logs.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0);
}

export function printTable(title: string, header: readonly string[], rows: readonly (readonly string[])[]): void {
  const lines = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? "").length)));
  const text = lines.map((line) =>
    widths.map((width, i) => (i === 0 ? (line[i] ?? "").padEnd(width) : (line[i] ?? "").padStart(width))).join("  "),
  );
  console.log(`${title}\n\n${text.map((line) => `  ${line}`.trimEnd()).join("\n")}\n`);
}
