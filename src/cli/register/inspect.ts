import { type Command, Option } from "commander";
import type { InspectOptions } from "../commands/inspect.ts";
import { output } from "./options.ts";

export function register(top: Command, done: (status: number) => void): void {
  top
    .command("inspect <object>")
    .description("show what is in an object, in Ksplice's terms: sections, functions, tables, exports, hooks")
    .addOption(output())
    .addOption(new Option("--format <format>", "what to print").choices(["json", "text"]).default("text"))
    .option("--function <name>", "only this function: its bytes and its relocations in words")
    .option("--struct <name>", "only this struct, union, enum or typedef: where its members lie")
    .addHelpText(
      "after",
      `
Examples:
  $ elfsplice inspect fs/readdir.o
  $ elfsplice inspect fs/readdir.o --function filldir
  $ elfsplice inspect net/mac80211/sta_info.o --struct sta_info
  $ elfsplice inspect fs/readdir.o --format json | jq '.functions[].name'`,
    )
    .action(async (object: string, options: InspectOptions) => {
      const { runInspect } = await import("../commands/inspect.ts");
      done(await runInspect(object, options));
    });
}
