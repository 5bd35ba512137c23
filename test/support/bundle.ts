import { copyFileSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { build, type InputOptions, type OutputOptions } from "rolldown";
import type { TestProject } from "vitest/node";
import config from "../../rolldown.config.ts";
import { join, ROOT } from "./paths.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** Folder of the bundled program. */
    program: string;
  }
}

/** Bundles the program once for all tests, as `npm run build` does; so no test needs a build, or meets an old one. */
export async function setup({ provide }: TestProject): Promise<() => void> {
  const home = mkdtempSync(join(tmpdir(), "elfsplice-program-"));
  const { output, ...input } = config as InputOptions & { output: OutputOptions };
  // Beside the program its main() alone, for tests that call it without a process.
  const entries = { ...(input.input as Record<string, string>), main: "src/cli/main.ts" };
  await build({
    ...input,
    input: entries,
    preserveEntrySignatures: "allow-extension",
    cwd: ROOT,
    logLevel: "warn",
    output: { ...output, dir: home },
  });
  for (const name of ["update", "match", "compare", "kexec"]) {
    copyFileSync(join(ROOT, `src/contract/${name}.schema.json`), join(home, `${name}.schema.json`));
  }
  copyFileSync(join(ROOT, "docs/findings.md"), join(home, "findings.md"));
  writeFileSync(join(home, "package.json"), '{ "type": "module" }');
  symlinkSync(join(ROOT, "node_modules"), join(home, "node_modules"), "junction");
  provide("program", home);
  return () => rmSync(home, { recursive: true, force: true });
}
