import { type Command, Option } from "commander";
import type { ExplainOptions } from "../commands/explain.ts";
import { output } from "./options.ts";

export function register(top: Command, done: (status: number) => void): void {
  top
    .command("explain <code>")
    .description("tell what a finding, an abort cause, a reason or a cause of a change means, and what to do")
    .addOption(output())
    .addOption(new Option("--format <format>", "what to print").choices(["json", "text"]).default("text"))
    .addHelpText(
      "after",
      `
Examples:
  $ elfsplice explain init-text-changed
  $ elfsplice explain no_match
  $ elfsplice explain inlined-change`,
    )
    .action(async (code: string, options: ExplainOptions) => {
      const { runExplain } = await import("../commands/explain.ts");
      done(await runExplain(code, options));
    });
}
