import { rmSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { rolldown } from "rolldown";

/* Bundles mutate.ts beside it, as Node 20 runs no TypeScript, and runs it. */

const input = fileURLToPath(new URL("mutate.ts", import.meta.url));
// The project's folder is found from two folders below it.
const dir = fileURLToPath(new URL(`../.mutate-${process.pid}`, import.meta.url));
const bundle = await rolldown({ input, platform: "node", logLevel: "silent" });
const { output } = await bundle.write({ dir, format: "esm" });
try {
  await import(pathToFileURL(`${dir}/${output[0].fileName}`).href);
} finally {
  rmSync(dir, { recursive: true, force: true });
}
