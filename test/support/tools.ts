/* Programs that serve as oracles where they are installed: compilers, binutils, emulators. A test that needs one skips without it, naming it. */
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

const known = new Map<string, boolean>();

/** Whether a program stands in a folder of PATH; no process is started to find out. */
export function isInstalled(program: string): boolean {
  let found = known.get(program);
  if (found === undefined) {
    found = (process.env["PATH"] ?? "")
      .split(delimiter)
      .some((folder) => folder !== "" && isProgram(join(folder, program)));
    known.set(program, found);
  }
  return found;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Skips a test, and says why, unless all programs are there. */
export function needPrograms(skip: (why: string) => void, ...programs: readonly string[]): void {
  for (const program of programs) if (!isInstalled(program)) skip(`${program} is not installed`);
}
