import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, rmSync, writeFileSync } from "node:fs";

/** Builds dist/: the library with its types, the command line as one bundle, and the schemas beside it. `--schema` renews the schemas in src/ first. */
const run = (tool, ...args) =>
  execFileSync(process.execPath, [tool, ...args], { stdio: ["ignore", "inherit", "inherit"] });

rmSync("dist", { recursive: true, force: true });
run("node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json");
const { DOCUMENT_NAMES: documents } = await import("./dist/lib/contract/names/documents.js");
if (process.argv.includes("--schema")) {
  const { makeSchema } = await import("./dist/lib/contract/schema.js");
  for (const name of documents)
    writeFileSync(`src/contract/${name}.schema.json`, `${JSON.stringify(makeSchema(name), null, 2)}\n`);
}
run("node_modules/rolldown/bin/cli.mjs", "-c", "--log-level", "warn");
chmodSync("dist/elfsplice.js", 0o755);
copyFileSync("docs/findings.md", "dist/findings.md");
copyFileSync("node_modules/gecko-profiler-demangle/index_bg.wasm", "dist/demangle.wasm");
for (const name of documents) copyFileSync(`src/contract/${name}.schema.json`, `dist/${name}.schema.json`);
