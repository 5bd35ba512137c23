/* Programs that serve as oracles where they are installed: assemblers, compilers, linkers, readelf, objdump. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Real objects beside the project; not part of it. */
const CORPUS = join(import.meta.dirname, "../../../shared/corpus");

/** Skips a test, and says why, unless the corpus is there. */
export function needCorpus(skip: (why: string) => void): void {
  if (!existsSync(CORPUS)) skip(`${CORPUS} is absent`);
}

/** Standard output of a program as text, bytes one to one. */
export function outputOf(program: string, args: readonly string[]): string {
  return execFileSync(program, args, { maxBuffer: 2 ** 30, stdio: ["ignore", "pipe", "pipe"] }).toString("latin1");
}

/** Object files below a folder of the corpus, in name order; none where the corpus is absent. */
export function corpusObjects(folder = ""): string[] {
  const root = join(CORPUS, folder);
  if (!existsSync(root)) return [];
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".o"))
    .sort()
    .map((name) => join(root, name));
}

/** Runs a body with a folder of its own. */
export function inTemporaryFolder<T>(body: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "elfsplice-arch-"));
  try {
    return body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Object that a compiler or assembler makes of a source. */
export function compile(program: string, args: readonly string[], source: string, extension = ".s"): Uint8Array {
  return inTemporaryFolder((folder) => {
    const input = join(folder, `input${extension}`);
    const output = join(folder, "output.o");
    writeFileSync(input, source);
    outputOf(program, [...args, "-o", output, input]);
    return readFileSync(output);
  });
}

/** Image that a linker makes of one object. */
export function link(program: string, args: readonly string[], object: Uint8Array): Uint8Array {
  return inTemporaryFolder((folder) => {
    const input = join(folder, "input.o");
    const output = join(folder, "output");
    writeFileSync(input, object);
    outputOf(program, [...args, "-o", output, input]);
    return readFileSync(output);
  });
}
