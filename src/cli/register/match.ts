import { type Command, Option } from "commander";
import type { MatchOptions } from "../commands/match.ts";
import { collect } from "./options.ts";

export function register(top: Command, done: (status: number) => void): void {
  top
    .command("match <inputs...>")
    .description("match an update description, or objects compiled before a patch, against the system that runs")
    .requiredOption("--run <image>", "vmlinux, executable, shared object, module, core, or kdump")
    .option("--system-map <file>", "System.map or a copy of /proc/kallsyms")
    .option("--symbols <file>", "for a core: an executable or library that was mapped, or the vmlinux", collect)
    .option("--slide <distance>", "how far the run system was moved (KASLR, PIE); default: deduced")
    .option("--target <name>", "vmlinux or the module that the objects belong to")
    .option("--search", "look for code without a name by its bytes")
    .option("--load-address <address>", "where the new code will be loaded: gives trampolines, checks reach")
    .addOption(new Option("-o, --output <file>", "write to a file; an update comes back with what was found"))
    .addOption(new Option("--format <format>", "what to print").choices(["json", "text"]).default("json"))
    .option("-q, --quiet", "no summary on standard error")
    .addHelpText(
      "after",
      `
Examples:
  $ elfsplice match update.json --run vmlinux --system-map System.map -o placed.json
  $ elfsplice match pre/fs/readdir.o --run vmlinux --format text | less
  $ elfsplice match pre/*.o --run core.1234 --symbols ./server`,
    )
    .action(async (inputs: string[], options: MatchOptions) => {
      const { runMatch } = await import("../commands/match.ts");
      done(await runMatch(inputs, options));
    });
}
