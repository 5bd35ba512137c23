// node test/support/seeded.mjs PREFIX FILE [--seed 1] [--count 10] [--arch x86-64,arm] [--keep FOLDER]: runs one test file over random
// programs; what they are is told to it as PREFIX_SEED, PREFIX_COUNT, PREFIX_ARCH and PREFIX_KEEP.
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";

const text = { type: "string" };
const [prefix, file, ...args] = process.argv.slice(2);
const { values } = parseArgs({ args, options: { seed: text, count: text, arch: text, keep: text } });
const env = { ...process.env, [`${prefix}_SEED`]: values.seed ?? "1", [`${prefix}_COUNT`]: values.count ?? "10" };
if (values.arch !== undefined) env[`${prefix}_ARCH`] = values.arch;
if (values.keep !== undefined) env[`${prefix}_KEEP`] = values.keep;
const run = spawnSync("npx", ["vitest", "run", "--silent=false", file], { env, stdio: "inherit" });
process.exitCode = run.status ?? 1;
