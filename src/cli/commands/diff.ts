import { closeSync, openSync, readSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { UsageError } from "../../errors.ts";
import { KIND_SIZE, kindOf } from "../../input/kind.ts";
import type { DiffOptions } from "../diff-options.ts";
import { checkEmitOptions, withFormat } from "../emit.ts";
import { jobsOption } from "../jobs.ts";
import { delayOptimizer } from "../optimizer.ts";
import { checkOutput } from "../output.ts";

/** `elfsplice diff`: two objects, archives or trees in, the update description out. Returns the exit status. */
export async function runDiff(
  pre: string,
  post: string,
  given: Omit<DiffOptions, "format"> & Partial<Pick<DiffOptions, "format">>,
): Promise<number> {
  const options = withFormat(given);
  delayOptimizer();
  checkEmitOptions(options);
  if (options.shard !== undefined) checkShardOptions(options);
  const jobs = options.jobs === undefined ? undefined : jobsOption(options.jobs);
  checkOutput(options.output);
  const kinds = [kindOfInput(pre), kindOfInput(post)];
  const isBuild = kinds.some((kind) => kind === "folder" || kind === "archive" || kind === "thin");
  if (!isBuild) refuseBuildOptions(pre, post, options);
  const isPlain = kinds.every((kind) => kind === "object" || kind === "image" || kind === "other");
  // Two objects need nothing of what follows, and are not to wait for it.
  if (isPlain && options.cache === undefined) {
    const { diffTwoObjects } = await import("../diff-objects.ts");
    return diffTwoObjects(pre, post, options);
  }
  const [preKind, postKind] = kinds;
  if (preKind === "folder" && postKind === "folder" && jobs !== 1 && availableParallelism() > 1) {
    const { startEarly } = await import("../thread.ts");
    startEarly();
  }
  const { diffBuilds } = await import("../diff-builds.ts");
  return diffBuilds(pre, post, options, isBuild ? "build" : "pair");
}

/** Options that say which of many objects are compared, by whom, and how that goes on: what they would do with two files. */
const BUILD_OPTIONS: Readonly<Partial<Record<keyof DiffOptions, readonly [option: string, does: string]>>> = {
  onlyTargets: ["--only-targets", "chooses among the objects of trees or archives"],
  include: ["--include", "chooses among the objects of trees or archives"],
  exclude: ["--exclude", "chooses among the objects of trees or archives"],
  shard: ["--shard", "chooses among the objects of trees or archives"],
  jobs: ["--jobs", "shares the objects of trees or archives out to threads"],
  hashes: ["--hashes", "is for objects of trees or archives that are the same, others have their hashes"],
  progress: ["--progress", "tells how many objects of trees or archives are compared"],
};

function refuseBuildOptions(pre: string, post: string, options: DiffOptions): void {
  for (const [key, [option, does]] of Object.entries(BUILD_OPTIONS))
    if (options[key as keyof DiffOptions] !== undefined)
      throw new UsageError(`${option} ${does}; ${pre} and ${post} are two files`);
}

/** A part is not a description yet: options that ask something of a description belong to merge. */
function checkShardOptions({ format, exitCode, require, explain }: DiffOptions): void {
  const gate = exitCode ? "--exit-code" : require !== undefined ? "--require" : "";
  const wrong = format !== "json" ? "--format" : explain ? "--explain" : gate;
  if (wrong !== "") throw new UsageError(`--shard writes a part of a description: give ${wrong} to elfsplice merge`);
}

/** What an input is; `other` where it cannot be opened, which is reported when it is read. */
function kindOfInput(path: string): "folder" | ReturnType<typeof kindOf> {
  let descriptor: number | undefined;
  try {
    const stats = statSync(path);
    if (stats.isDirectory()) return "folder";
    // The bytes of a pipe can be had only once.
    if (!stats.isFile()) return "other";
    const head = new Uint8Array(KIND_SIZE);
    descriptor = openSync(path, "r");
    return kindOf(head, readSync(descriptor, head));
  } catch {
    return "other";
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
