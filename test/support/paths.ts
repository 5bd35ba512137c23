import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's own folder. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const FIXTURES = join(ROOT, "fixtures");
/** Real objects with known answers; not part of the repository. */
export const CORPUS = join(ROOT, "../shared/corpus");
export const HAS_CORPUS = existsSync(CORPUS);

/** Folders of fixtures that hold a pair, as `topic/case`, sorted. */
export function fixtureCases(): string[] {
  return readdirSync(FIXTURES, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith("truth.json"))
    .map((path) => path.replaceAll("\\", "/").replace(/\/truth\.json$/, ""))
    .sort();
}

/** All object files below a folder, sorted. */
export function objectsBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".o"))
    .map((path) => join(folder, path))
    .sort();
}

export function readText(path: string): string {
  return readFileSync(path, "utf8");
}

export { join, relative };
