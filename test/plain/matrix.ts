/* Compiles fixture sources in every way that must not matter, and tells the verdict over their functions. */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { assembleUpdate, readObject, type UpdateDescription } from "../../src/index.ts";
import { FIXTURES } from "../support/paths.ts";
import { fragmentOfObjects } from "../support/plan-diff.ts";
import { IS_FULL } from "../support/sample.ts";

const run = promisify(execFile);

/** Flags that a patch's verdict must not depend on, by the name of the combination. */
export type Variants = Readonly<Record<string, readonly string[]>>;

const ONE = ["-fno-function-sections", "-fno-data-sections"];
const MANY = ["-ffunction-sections", "-fdata-sections"];

export const SECTIONS: Variants = { plain: ONE, sections: MANY };

export const SECTIONS_AND_PIC: Variants = {
  plain: [...ONE, "-fno-pic"],
  sections: [...MANY, "-fno-pic"],
  pic: [...ONE, "-fPIC"],
  "sections pic": [...MANY, "-fPIC"],
};

/** A compiler and its optimisation: between two of them inlining and cloning differ. */
export interface Setting {
  readonly compiler: string;
  readonly level: string;
}

export function settings(compilers: readonly string[], levels: readonly string[]): Setting[] {
  return compilers.flatMap((compiler) => levels.map((level) => ({ compiler, level })));
}

/** Everything, or for the n-th case so many of the settings that together the cases use each equally often. */
export function chosen(all: readonly Setting[], n: number, count: number): readonly Setting[] {
  if (IS_FULL) return all;
  // A step that has no divisor in common with the number of settings reaches all of them.
  const step = all.length % 5 === 0 ? 7 : 5;
  return Array.from({ length: Math.min(count, all.length) }, (_, i) => all[(n + i * step) % all.length] as Setting);
}

const COMMON = ["-w", "-fno-asynchronous-unwind-tables", "-fno-strict-aliasing", "-fno-stack-protector"];

const SIDES = ["pre", "post"] as const;

/** The source's name and the flags that belong to it, without those that the matrix varies. */
function recipeOf(name: string): { readonly source: string; readonly flags: readonly string[] } {
  const row = readFileSync(join(FIXTURES, "cases.tsv"), "utf8")
    .split("\n")
    .map((line) => line.split("\t"))
    .find(([first]) => first === name);
  if (row?.[2] === undefined) throw new Error(`${name} is not in cases.tsv`);
  const flags = (row[3] ?? "").split(" ").filter((flag) => flag !== "" && !/sections|pie|pic|mcmodel/i.test(flag));
  return { source: row[2], flags };
}

/** Runs jobs, as many at a time as there are processors. */
async function inPool<T>(jobs: readonly (() => Promise<T>)[]): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < jobs.length; i = next++) results[i] = await (jobs[i] as () => Promise<T>)();
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return results;
}

/** Compiles one source and gives the object's bytes. */
export async function compiled(
  compiler: string,
  args: readonly string[],
  folder: string,
  source: string,
  output: string,
): Promise<Uint8Array> {
  const path = join(folder, output);
  // GCC alone knows this flag, and clang keeps the order anyway.
  const known = compiler.startsWith("clang") ? args.filter((arg) => arg !== "-fno-toplevel-reorder") : args;
  await run(compiler, [...COMMON, ...known, "-c", "-o", path, source], { cwd: folder });
  return readFileSync(path);
}

/** Runs a body with a folder of its own. */
export async function inFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "elfsplice-plain-"));
  try {
    return await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The verdict over functions on one line: `changed=a,b new=c`; empty when there is nothing to say. */
function functionVerdict({ functions }: UpdateDescription): string {
  const words = ["changed", "new", "deleted", "renamed", "line-only"].map((status) => {
    const names = functions
      .filter((change) => change.status === status)
      .map((change) => (status === "renamed" ? `${change.name}>${change.renamedTo}` : change.name));
    return names.length === 0 ? "" : `${status}=${names.sort().join(",")}`;
  });
  return words.filter((word) => word !== "").join(" ");
}

/** The verdict over functions that truth.json gives, in the same words. */
export function trueVerdict(name: string): string {
  const { functions } = JSON.parse(readFileSync(join(FIXTURES, name, "truth.json"), "utf8")) as {
    functions: Record<string, (string | [string, string])[]>;
  };
  const words = ["changed", "new", "deleted", "renamed", "lineOnly"].map((status) => {
    const names = (functions[status] ?? []).map((entry) => (typeof entry === "string" ? entry : entry.join(">")));
    return names.length === 0 ? "" : `${status === "lineOnly" ? "line-only" : status}=${names.sort().join(",")}`;
  });
  return words.filter((word) => word !== "").join(" ");
}

export function verdictOf(pre: Uint8Array, post: Uint8Array): string {
  return functionVerdict(assembleUpdate([fragmentOfObjects(readObject(pre, "pre.o"), readObject(post, "post.o"))]));
}

/** Verdicts of one fixture, by `compiler level` and then by variant. */
export async function verdictsOf(
  name: string,
  wanted: readonly Setting[],
  variants: Variants,
  machineFlags: readonly string[],
): Promise<Record<string, Record<string, string>>> {
  const { source, flags } = recipeOf(name);
  return inFolder(async (folder) => {
    for (const side of SIDES) {
      mkdirSync(join(folder, side));
      cpSync(join(FIXTURES, "include"), join(folder, side), { recursive: true });
      cpSync(join(FIXTURES, name, `${side}.c`), join(folder, side, source));
    }
    const kinds = wanted.flatMap((setting) => Object.keys(variants).map((variant) => ({ ...setting, variant })));
    const verdicts = await inPool(
      kinds.map(({ compiler, level, variant }) => async () => {
        const args = [level, ...(variants[variant] ?? []), ...machineFlags, ...flags];
        const output = `${compiler}${level} ${variant}.o`;
        const pre = await compiled(compiler, args, join(folder, "pre"), source, output);
        const post = await compiled(compiler, args, join(folder, "post"), source, output);
        return verdictOf(pre, post);
      }),
    );
    const found: Record<string, Record<string, string>> = {};
    for (const [i, { compiler, level, variant }] of kinds.entries()) {
      const row = found[`${compiler} ${level}`] ?? {};
      row[variant] = verdicts[i] as string;
      found[`${compiler} ${level}`] = row;
    }
    return found;
  });
}
