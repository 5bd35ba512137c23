import { type Command, Option } from "commander";
import type { KexecCommandOptions } from "../commands/kexec.ts";
import { collect, output } from "./options.ts";

export function register(top: Command, done: (status: number) => void): void {
  top
    .command("kexec <kernel>")
    .description("plan how a whole kernel is loaded and started in place of the one that runs")
    .option("--initrd <file>", "initial RAM disk to load with it")
    .option("--initrd-address <address>", "where the initrd goes (default: as high as the architecture allows)")
    .option("--memory <map>", "a copy of /proc/iomem, or a list of start-end; the ranges themselves will do too")
    .option("--crash-kernel <range>", "plan for a panic: all in place within this range (start-end, size@start)")
    .option("--load-address <address>", "where the lowest segment goes, for a kernel that can be moved")
    .option("--page-size <bytes>", "size of a page (default: what the architecture usually has)")
    .option(
      "--source-pages <which>",
      "pages before they are moved: ascending (default), random:<seed>, or a file of addresses",
    )
    .option("--participants <files...>", "objects, or an update description: who takes part in a live update")
    .option("--simulate <scenario>", "ok, cancel, all, or fail=<participant>:<event>; may be given again", collect)
    .addOption(output())
    .addOption(new Option("--format <format>", "what to print").choices(["json", "text"]).default("json"))
    .option("-q, --quiet", "no summary on standard error")
    .addHelpText(
      "after",
      `
Examples:
  $ elfsplice kexec vmlinux --initrd initrd.img --memory /proc/iomem -o plan.json
  $ elfsplice kexec vmlinux --crash-kernel 256M@768M --load-address 768M --format text
  $ elfsplice kexec vmlinux --participants update.json --simulate all --format text | less
  $ elfsplice kexec vmlinux --participants mm/memfd_luo.o --simulate fail=memfd_luo_handler:freeze`,
    )
    .action(async (kernel: string, options: KexecCommandOptions) => {
      const { runKexec } = await import("../commands/kexec.ts");
      done(await runKexec(kernel, options));
    });
}
