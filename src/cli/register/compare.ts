import { type Command, Option } from "commander";
import type { CompareOptions } from "../commands/compare.ts";
import { output } from "./options.ts";

export function register(top: Command, done: (status: number) => void): void {
  top
    .command("compare <older> <newer>")
    .description("show what a newer update description adds, drops or alters: does a cumulative patch patch all?")
    .addOption(output())
    .addOption(new Option("--format <format>", "what to print").choices(["json", "text"]).default("text"))
    .option("--require-superset", "status 1 unless the newer one patches all that the older one patches")
    .addHelpText(
      "after",
      `
Examples:
  $ elfsplice compare update-1.json update-2.json
  $ elfsplice compare update-1.json update-2.json --require-superset --format json | jq .lacking`,
    )
    .action(async (older: string, newer: string, options: CompareOptions) => {
      const { runCompare } = await import("../commands/compare.ts");
      done(await runCompare(older, newer, options));
    });
}
