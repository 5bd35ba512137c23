import type { Command } from "commander";
import type { ApplyOptions } from "../commands/apply.ts";

export function register(top: Command, done: (status: number) => void): void {
  top
    .command("apply <update>")
    .description("write an update into a copy of a program, take it out again, or see whether it is there")
    .requiredOption("--run <program>", "the executable or shared object")
    .option("-o, --output <file>", "the program that is written")
    .option("--reverse", "take the update that was applied last out again: what was before, byte for byte")
    .option("--check", "only say whether the program has the update: status 1 if it has not")
    .option("--target <name>", "which of the update's targets the program is")
    .option("-q, --quiet", "no summary on standard error")
    .addHelpText(
      "after",
      `
The update must have been made with diff --contents.

Examples:
  $ elfsplice diff pre/ post/ --contents -o update.json
  $ elfsplice apply update.json --run server -o server.patched
  $ elfsplice apply update.json --run server.patched --check
  $ elfsplice apply update.json --run server.patched --reverse -o server`,
    )
    .action(async (update: string, options: ApplyOptions) => {
      const { runApply } = await import("../commands/apply.ts");
      done(await runApply(update, options));
    });
}
