import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, rmSync, writeFileSync } from "node:fs";

/** Builds dist/: the library with its types, the command line as one bundle, and the schema beside it. `--schema` renews the schema in src/ first. */
const run = (tool, ...args) =>
  execFileSync(process.execPath, [tool, ...args], { stdio: ["ignore", "inherit", "inherit"] });

rmSync("dist", { recursive: true, force: true });
run("node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json");
if (process.argv.includes("--schema")) {
  const { makeCompareSchema, makeKexecSchema, makeMatchSchema, makeSchema } = await import(
    "./dist/lib/contract/schema.js"
  );
  writeFileSync("src/contract/update.schema.json", `${JSON.stringify(makeSchema(), null, 2)}\n`);
  writeFileSync("src/contract/match.schema.json", `${JSON.stringify(makeMatchSchema(), null, 2)}\n`);
  writeFileSync("src/contract/kexec.schema.json", `${JSON.stringify(makeKexecSchema(), null, 2)}\n`);
  writeFileSync("src/contract/compare.schema.json", `${JSON.stringify(makeCompareSchema(), null, 2)}\n`);
}
run("node_modules/rolldown/bin/cli.mjs", "-c", "--log-level", "warn");
chmodSync("dist/elfsplice.js", 0o755);
copyFileSync("node_modules/gecko-profiler-demangle/index_bg.wasm", "dist/demangle.wasm");
for (const name of ["update", "match", "compare", "kexec"])
  copyFileSync(`src/contract/${name}.schema.json`, `dist/${name}.schema.json`);
