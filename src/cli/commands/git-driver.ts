import type { ElfObject } from "../../elf/object.ts";
import { FormatError, UnsupportedError, UsageError } from "../../errors.ts";
import { describePair } from "../../plan/describe-pair.ts";
import { assembleUpdate } from "../../plan/update/assemble.ts";
import { joinLines } from "../../report/escape.ts";
import { renderText } from "../../report/text.ts";
import { loadObject } from "../input.ts";
import { writeOutput } from "../output.ts";
import { styleFor } from "../style.ts";

/** What git gives for a side that has no such file. */
const NOTHING = "/dev/null";

/**
 * `elfsplice git-driver`: git's convention for external diffs, `path old-file old-hex old-mode new-file new-hex new-mode`; of
 * an unmerged path git gives the path alone. Returns 0, as git takes anything else for a failure. git manual, GIT_EXTERNAL_DIFF.
 */
export async function runGitDriver(path: string, sides: readonly string[]): Promise<number> {
  if (sides.length === 0) {
    await writeOutput(joinLines([`unmerged: ${path}`, ""]), undefined);
    return 0;
  }
  const [oldFile, , , newFile] = sides;
  // Behind the seven come the new name and more of a file that was renamed.
  if (oldFile === undefined || newFile === undefined || sides.length < 6)
    throw new UsageError("git-driver takes the seven words that git gives to an external diff");
  await writeOutput(await describe(path, oldFile, newFile), undefined);
  return 0;
}

async function describe(path: string, oldFile: string, newFile: string): Promise<string> {
  const head = joinLines([`elfsplice diff ${path}`, ""]);
  try {
    const { fragment } = await describePair(read(oldFile), read(newFile), { name: path, links: false });
    return `${head}${renderText(assembleUpdate([fragment]), undefined, styleFor(undefined))}`;
  } catch (error) {
    if (!(error instanceof FormatError || error instanceof UnsupportedError)) throw error;
    return `${head}${joinLines([`Binary files differ (${error.message})`, ""])}`;
  }
}

function read(file: string): ElfObject | undefined {
  return file === NOTHING ? undefined : loadObject(file);
}
