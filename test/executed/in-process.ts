import { runApply } from "../../src/cli/commands/apply.ts";
import { runDiff } from "../../src/cli/commands/diff.ts";
import { join } from "../support/paths.ts";
import type { Splice } from "./execute.ts";

/** Values of options by their names: `--run pre.exe` and `-o update.json` have one, `--reverse` has none. */
function optionOf(args: readonly string[], name: string): string | undefined {
  const at = args.indexOf(name);
  return at === -1 ? undefined : args[at + 1];
}

/** The commands `diff` and `apply` in this process: thousands of programs would mostly wait for Node.js to start. */
export const inProcess: Splice = async (args, folder) => {
  const [command = "", first = "", second = ""] = args;
  const inFolder = (name: string): string => join(folder, name);
  const output = inFolder(optionOf(args, "-o") ?? "");
  try {
    const status =
      command === "diff"
        ? await runDiff(inFolder(first), inFolder(second), {
            include: [optionOf(args, "--include") ?? ""],
            contents: true,
            format: "json",
            instructions: false,
            oldCode: "needed",
            jobs: "1",
            quiet: true,
            output,
          })
        : await runApply(inFolder(first), {
            run: inFolder(optionOf(args, "--run") ?? ""),
            reverse: args.includes("--reverse"),
            quiet: true,
            output,
          });
    return { status, text: "" };
  } catch (error) {
    return { status: 2, text: `elfsplice: ${error instanceof Error ? error.message : String(error)}` };
  }
};
