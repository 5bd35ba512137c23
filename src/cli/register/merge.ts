import type { Command } from "commander";
import type { EmitOptions } from "../emit.ts";
import { color, formats, output, required } from "./options.ts";

export function register(top: Command, done: (status: number) => void): void {
  top
    .command("merge <parts...>")
    .description("join the parts of one run of diff --shard into the description that one machine would have made")
    .addOption(output())
    .addOption(formats())
    .option("--no-instructions", "with --format text or html: leave out the differing instructions")
    .option("-v, --verbose", "with --format text: every detail, however many functions differ")
    .addOption(color())
    .option("--exit-code", "status 1 if the running system would have to change")
    .addOption(required())
    .option("--statement", "wrap the description as an in-toto Statement v1; the parts need --statement, too")
    .option("-q, --quiet", "no summary on standard error")
    .addHelpText(
      "after",
      `
Examples:
  $ elfsplice merge part-*.json -o update.json
  $ elfsplice merge part-1.json part-2.json --format text --require splice`,
    )
    .action(async (parts: string[], options: EmitOptions) => {
      const { runMerge } = await import("../commands/merge.ts");
      done(await runMerge(parts, options));
    });
}
