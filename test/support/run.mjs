import { rmSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { rolldown } from "rolldown";

/* node test/support/run.mjs SCRIPT.ts [arguments]: bundles a TypeScript program of the tests, since Node 20 runs none, and runs it. */

const [, launcher, input, ...rest] = process.argv;
if (input === undefined) {
  console.error("usage: node test/support/run.mjs SCRIPT.ts [arguments]");
  process.exit(2);
}
process.argv = [process.execPath, launcher, ...rest];
// Two folders below the project's, as the sources are that look for it.
const dir = fileURLToPath(new URL(`../.run-${process.pid}`, import.meta.url));
process.on("exit", () => rmSync(dir, { recursive: true, force: true }));
const bundle = await rolldown({ input, platform: "node", logLevel: "silent" });
const { output } = await bundle.write({ dir, format: "esm" });
await import(pathToFileURL(`${dir}/${output[0].fileName}`).href);
