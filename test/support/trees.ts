import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { afterAll } from "vitest";
import { join } from "./paths.ts";

/** Files by path, relative and with `/`. */
export type Files = Readonly<Record<string, Uint8Array | string>>;

/** A folder for one test file, removed after it; the function writes files below it and returns the folder they are in. */
export function useTrees(): (name: string, files: Files) => string {
  const home = mkdtempSync(join(tmpdir(), "elfsplice-trees-"));
  afterAll(() => rmSync(home, { recursive: true, force: true }));
  return (name, files) => {
    const folder = join(home, name);
    mkdirSync(folder, { recursive: true });
    for (const [path, contents] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), contents);
    }
    return folder;
  };
}
