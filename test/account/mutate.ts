import { readFileSync, statSync } from "node:fs";
import { parseArgs } from "node:util";
import { CORPUS, FIXTURES, HAS_CORPUS, join, objectsBelow, relative } from "../support/paths.ts";
import { MUTATIONS, mutate, randomNumbers } from "./mutations.ts";
import { fateOf } from "./silence.ts";

/*
 * Changes one thing of an object, many times, and counts what the description tells of it. Status 1 when something is silent
 * that no class excuses.
 *
 *   npm run mutate -- --count 20000 --seed 1
 */

const { values } = parseArgs({
  options: { count: { type: "string", default: "2000" }, seed: { type: "string", default: "1" } },
});
const count = Number(values.count);
const random = randomNumbers(Number(values.seed));

/** Larger objects take longer than what they teach is worth. */
const LARGEST = 120_000;
/** One of so many mutations is made in a real kernel object, where the corpus is there. */
const REAL = 5;

const fixtures = objectsBelow(FIXTURES);
const real = HAS_CORPUS
  ? ["kpatch-objs", "kernel-pairs"]
      .flatMap((name) => objectsBelow(join(CORPUS, name)))
      .filter((path) => statSync(path).size <= LARGEST)
  : [];

const counts = new Map<string, number>();
const add = (row: string): void => {
  counts.set(row, (counts.get(row) ?? 0) + 1);
};
const silent: string[] = [];
for (let made = 0; made < count; ) {
  const files = real.length > 0 && random(REAL) === 0 ? real : fixtures;
  const path = files[random(files.length)] as string;
  const kind = MUTATIONS[random(MUTATIONS.length)] as (typeof MUTATIONS)[number];
  const original = new Uint8Array(readFileSync(path));
  const mutant = mutate(original, kind, random);
  if (mutant === undefined) continue;
  made++;
  const result = await fateOf(original, mutant);
  add(result.fate === "excused" ? `silent by right: ${result.why}` : `${result.fate}: ${kind}`);
  if (result.fate !== "silent") continue;
  const from = relative(path.startsWith(FIXTURES) ? FIXTURES : CORPUS, path);
  silent.push(`SILENT ${from} ${kind} ${mutant.section.name}+0x${mutant.offset.toString(16)}: ${mutant.words}`);
}
for (const line of silent) console.log(line);
for (const [row, number] of [...counts].sort(([a], [b]) => (a < b ? -1 : 1)))
  console.log(`${String(number).padStart(7)}  ${row}`);
process.exitCode = silent.length > 0 ? 1 : 0;
