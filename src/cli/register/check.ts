import { type Command, Option } from "commander";
import type { CheckOptions } from "../commands/check.ts";
import { collect, output, required } from "./options.ts";

export function register(top: Command, done: (status: number) => void): void {
  top
    .command("check <update>")
    .description("check that an update description is sound, fits its objects, and meets the gates asked for")
    .option("--root <folder>", "hold the objects below this folder against their sizes and hashes")
    .addOption(required())
    .option("--fail-on <finding>", "status 1 if there is such a finding: a code, or a severity or worse", collect)
    .option("--max-functions <count>", "status 1 if more functions are changed, new or deleted")
    .option("--allow-functions <file>", "status 1 if a function changes that no line of this file names")
    .option("--baseline <update>", "functions and findings of this description are known: only what is new counts")
    .option("--allow-targets <names>", "status 1 if anything else is changed; names separated by commas", collect)
    .addOption(output())
    .addOption(
      new Option("--format <format>", "what to print").choices(["json", "text", "junit", "github"]).default("text"),
    )
    .option("-q, --quiet", "no problems on standard error")
    .addHelpText(
      "after",
      `
Examples:
  $ elfsplice check update.json
  $ elfsplice check update.json --root . --require splice --fail-on export-deleted --max-functions 20
  $ elfsplice check - --format json --allow-targets vmlinux,ext4 < update.json`,
    )
    .action(async (update: string, options: CheckOptions) => {
      const { runCheck } = await import("../commands/check.ts");
      done(await runCheck(update, options));
    });
}
