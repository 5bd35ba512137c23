import type { Command } from "commander";
import type { ModuleOptions } from "../commands/module.ts";

export function register(top: Command, done: (status: number) => void): void {
  top
    .command("module <update>")
    .description("write what kbuild needs for a Linux livepatch module that does what an update describes")
    .requiredOption("-o, --output <folder>", "folder to write to; a file with --for-linker and --finish")
    .option("--name <name>", "name of the module (default: livepatch_ and the update's id)")
    .option("--symvers <file>", "Module.symvers of the built kernel: which symbols are exported, and by whom")
    .option("--match <file>", "what elfsplice match wrote: the position of each name among equal ones")
    .option("--for-linker", "instead: put the object in the form that a linker keeps; <update> is the object")
    .option("--finish", "instead: make a linked module what the kernel loads; <update> is the .ko")
    .option("-q, --quiet", "nothing on standard error")
    .addHelpText(
      "after",
      `
Examples:
  $ elfsplice diff pre/fs/proc/cmdline.o post/fs/proc/cmdline.o --target vmlinux --contents -o update.json
  $ elfsplice module update.json -o cmdline --name livepatch_cmdline --symvers linux/Module.symvers
  $ make -C cmdline KDIR=$PWD/linux && insmod cmdline/livepatch_cmdline.ko`,
    )
    .action(async (update: string, options: ModuleOptions) => {
      const { runModule } = await import("../commands/module.ts");
      done(await runModule(update, options));
    });
}
