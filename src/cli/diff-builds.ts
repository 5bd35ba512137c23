import type { FunctionChange } from "../contract/description.ts";
import type { SuppressionRule, UpdatePart } from "../contract/part.ts";
import { assembleUpdate } from "../plan/update/assemble.ts";
import { readSourceRoots } from "../plan/update/source-roots.ts";
import { escapeLine } from "../report/escape.ts";
import { jsonPieces } from "../report/json.ts";
import { VERSION } from "../version.ts";
import { type Build, type BuildRequest, type DescribedBuild, describeBuild } from "./build.ts";
import type { InstructionLines, Mode } from "./describe-task.ts";
import type { DiffOptions } from "./diff-options.ts";
import { removeDeadDrafts, removeOwnDrafts } from "./drafts.ts";
import { emitUpdate, wantsRows } from "./emit.ts";
import { onInterrupt } from "./interrupt.ts";
import { jobsOption } from "./jobs.ts";
import { writeOutput } from "./output.ts";
import { createProgress } from "./progress.ts";
import { readShard, type Shard } from "./shard.ts";

/** Compares two trees, two archives, or two files that have to be unpacked or kept (`pair`). */
export async function diffBuilds(pre: string, post: string, options: DiffOptions, kind: Mode["kind"]): Promise<number> {
  const shard = options.shard === undefined ? undefined : readShard(options.shard);
  const suppress =
    options.suppress === undefined ? [] : (await import("./suppressions.ts")).readSuppressionFile(options.suppress);
  const sourceRoots = readSourceRoots(options.sourceRoot ?? []);
  const progress = createProgress(process.stderr, {
    wanted: options.progress ?? false,
    quiet: options.quiet ?? false,
    colour: !process.env["NO_COLOR"],
  });
  if (options.cache !== undefined) removeDeadDrafts(options.cache);
  const request = await requestOf(options, kind, shard, progress);
  let build: Build | undefined;
  onInterrupt(async () => {
    progress.clear();
    await build?.stop();
    if (options.cache !== undefined) removeOwnDrafts(options.cache);
  });
  build = describeBuild(pre, post, request);
  let described: DescribedBuild;
  try {
    described = await build.done;
  } finally {
    progress.clear();
  }
  for (const warning of described.warnings) process.stderr.write(`elfsplice: warning: ${escapeLine(warning)}\n`);
  if (shard !== undefined) return writePart(described, shard, suppress, options);
  const { fragments, findings, instructions } = described;
  const description = assembleUpdate(fragments, {
    id: options.id,
    suppress,
    oldCode: options.oldCode,
    findings,
    sourceRoots,
  });
  const names = fragments.map(({ name }) => name);
  return emitUpdate(description, linesByObject(names, instructions), options);
}

async function requestOf(
  options: DiffOptions,
  kind: Mode["kind"],
  shard: Shard | undefined,
  progress: BuildRequest["progress"],
): Promise<BuildRequest> {
  const { include, exclude, target, onlyTargets, contents, oldCode, statement, hashes, cache, format, output } =
    options;
  const showsInstructions = options.instructions !== false && (format === "text" || shard !== undefined);
  const style = showsInstructions
    ? (await import("./style.ts")).styleFor(shard === undefined ? output : "part", options)
    : undefined;
  return {
    selection: {
      ...(include && { include }),
      ...(exclude && { exclude }),
      ...(target && { targets: target }),
      ...(onlyTargets && { onlyTargets: namesIn(onlyTargets) }),
    },
    settings: {
      contents: contents ?? false,
      oldCode,
      mode: kind === "pair" ? { kind } : { kind, hashes: (statement || hashes) ?? false },
      style,
      rows: wantsRows(options),
      cache,
    },
    jobs: options.jobs === undefined ? undefined : jobsOption(options.jobs),
    shard,
    progress,
  };
}

/** For a function of the description: its differing instructions. `names` are the objects', in order. */
export function linesByObject(
  names: readonly string[],
  instructions: ReadonlyMap<string, InstructionLines>,
): (change: FunctionChange) => readonly string[] | undefined {
  return ({ object, label }) => {
    const lines = instructions.get(names[object] as string);
    return lines !== undefined && Object.hasOwn(lines, label) ? lines[label] : undefined;
  };
}

async function writePart(
  { fragments, instructions, findings, pairs, listing }: DescribedBuild,
  shard: Shard,
  suppress: readonly SuppressionRule[],
  { id, contents, oldCode, sourceRoot, statement, hashes, output, quiet }: DiffOptions,
): Promise<number> {
  const part: UpdatePart = {
    generator: { name: "elfsplice", version: VERSION },
    shard: { ...shard },
    options: {
      ...(id === undefined ? {} : { id }),
      contents: contents ?? false,
      oldCode,
      suppress: [...suppress],
      ...(sourceRoot === undefined ? {} : { sourceRoots: readSourceRoots(sourceRoot) }),
      ...(statement || hashes ? { hashes: true } : {}),
    },
    pairs,
    listing,
    leftOut: findings.map(({ code, where, detail }) => ({ code, where: { ...where }, detail })),
    fragments: [...fragments],
    instructions: Object.fromEntries(
      [...instructions].map(([name, lines]) => [
        name,
        Object.fromEntries(Object.entries(lines).map(([label, text]) => [label, [...text]])),
      ]),
    ),
  };
  await writeOutput(jsonPieces(part, ""), output);
  const differing = fragments.filter(({ object }) => object.status !== "identical").length;
  if (!quiet)
    process.stderr.write(
      `elfsplice: part ${shard.index}/${shard.of}: ${fragments.length} of ${pairs} pairs, ${differing} differ\n`,
    );
  return 0;
}

function namesIn(lists: readonly string[]): string[] {
  return lists.flatMap((list) => list.split(",").map((name) => name.trim())).filter((name) => name !== "");
}
