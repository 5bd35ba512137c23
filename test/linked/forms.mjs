// npm run forms -- --seed 1 --count 200 [--arch x86-64,arm] [--keep FOLDER]: random programs in every form, counted by architecture.
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";

const text = { type: "string" };
const { values } = parseArgs({ options: { seed: text, count: text, arch: text, keep: text } });
const env = { ...process.env, FORMS_SEED: values.seed ?? "1", FORMS_COUNT: values.count ?? "10" };
if (values.arch !== undefined) env.FORMS_ARCH = values.arch;
if (values.keep !== undefined) env.FORMS_KEEP = values.keep;
const run = spawnSync("npx", ["vitest", "run", "--silent=false", "test/linked/forms.test.ts"], {
  env,
  stdio: "inherit",
});
process.exitCode = run.status ?? 1;
