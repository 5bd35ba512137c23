import { type Command, Option } from "commander";
import { RENDER_FORMATS } from "../../contract/names/formats.ts";
import type { RenderOptions } from "../commands/render.ts";
import { color, output } from "./options.ts";

export function register(top: Command, done: (status: number) => void): void {
  top
    .command("render <update>")
    .description("show an update description for people: as text, markdown, a page, or for code scanning")
    .addOption(output())
    .addOption(new Option("--format <format>", "what to print").choices(RENDER_FORMATS).default("text"))
    .option("-v, --verbose", "with --format text: every detail, however many functions differ")
    .addOption(color())
    .addHelpText(
      "after",
      `
Examples:
  $ elfsplice render update.json
  $ elfsplice render update.json --format markdown > comment.md
  $ elfsplice render update.json --format html -o report.html`,
    )
    .action(async (update: string, options: RenderOptions) => {
      const { runRender } = await import("../commands/render.ts");
      done(await runRender(update, options));
    });
}
