// npm run proof -- --seed 1 --count 200 [--arch x86-64,aarch64] [--keep FOLDER]: random patches of random programs, applied and run.
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";

const text = { type: "string" };
const { values } = parseArgs({ options: { seed: text, count: text, arch: text, keep: text } });
const env = { ...process.env, PROOF_SEED: values.seed ?? "1", PROOF_COUNT: values.count ?? "10" };
if (values.arch !== undefined) env.PROOF_ARCH = values.arch;
if (values.keep !== undefined) env.PROOF_KEEP = values.keep;
const run = spawnSync("npx", ["vitest", "run", "--silent=false", "test/executed/proof.test.ts"], {
  env,
  stdio: "inherit",
});
process.exitCode = run.status ?? 1;
