#!/usr/bin/env node
import { Command, CommanderError, Option } from "commander";
import { DOCUMENT_NAMES } from "../contract/names/documents.ts";
import { RUNGS } from "../contract/names/rungs.ts";
import { FormatError, UnsupportedError, UsageError } from "../errors.ts";
import { escapeLine, joinLines } from "../report/escape.ts";
import { VERSION } from "../version.ts";
import type { ApplyOptions } from "./commands/apply.ts";
import type { CheckOptions } from "./commands/check.ts";
import type { CompareOptions } from "./commands/compare.ts";
import type { InspectOptions } from "./commands/inspect.ts";
import type { KexecCommandOptions } from "./commands/kexec.ts";
import type { MatchOptions } from "./commands/match.ts";
import type { ModuleOptions } from "./commands/module.ts";
import type { SchemaOptions } from "./commands/schema.ts";
import type { DiffOptions } from "./diff-options.ts";
import type { EmitOptions } from "./emit.ts";
import { EXIT } from "./exit-status.ts";

function output(): Option {
  return new Option("-o, --output <file>", "write to a file instead of standard output");
}

function required(): Option {
  return new Option("--require <rung>", "status 1 unless this rung, or a less disruptive one, is applicable").choices(
    RUNGS,
  );
}

/** Values of an option that may be given more than once. */
function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

function program(done: (status: number) => void): Command {
  const top = new Command("elfsplice")
    .description(
      "Diffs ELF objects compiled before and after a source patch, and describes the update for live patching.",
    )
    .version(VERSION)
    .option("--max-memory <size>", "refuse inputs that would take more, unpacked: 512M, 4G (default: 2G)")
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(joinLines(text.split("\n"))) })
    .showHelpAfterError("(try --help)")
    .addHelpText(
      "after",
      "\nExit status: 0 done; 1 a gate that was asked for is not met; 2 wrong usage or unreadable input.",
    );

  top.hook("preAction", async (command) => {
    const size: string | undefined = command.optsWithGlobals()["maxMemory"];
    if (size !== undefined) (await import("../input/limits.ts")).setMaxMemory(size);
  });
  top
    .command("diff <pre> <post>")
    .description("compare objects, archives or whole trees compiled before a patch with those compiled after it")
    .addOption(output())
    .addOption(new Option("--format <format>", "what to print").choices(["json", "text"]).default("json"))
    .option("--id <id>", "name of the update (default: from the hashes of the inputs)")
    .option("--target <name>", "what is patched: vmlinux or a module; PATTERN=NAME for what PATTERN fits", collect)
    .option("--only-targets <names>", "only what belongs to these targets; names separated by commas", collect)
    .option("--include <glob>", "only files of a tree, or members, that this fits", collect)
    .option("--exclude <glob>", "no files of a tree, or members, that this fits", collect)
    .option("--suppress <file>", "leave alone what the rules in this file name, each with its reason")
    .option("--no-instructions", "with --format text: leave out the differing instructions")
    .option(
      "--hashes",
      "also hash the objects that are the same on both sides, so that check can compare their contents",
    )
    .option("--contents", "include the bytes of the code, in base64")
    .addOption(new Option("--old-code <which>", "old code to keep").choices(["needed", "all"]).default("needed"))
    .option("--exit-code", "status 1 if the running system would have to change")
    .addOption(required())
    .option("--statement", "wrap the description as an in-toto Statement v1, for tools that sign")
    .option("--explain", "tell of each rung whether it can carry the patch, why, and what is left to do")
    .option("--jobs <count>", "threads that compare, at most (default: one for each processor)")
    .option("--cache <folder>", "keep results by content, and take those of earlier runs from there")
    .option("--shard <share>", "compare the i-th of n shares, i/n, and write a part for elfsplice merge")
    .option("--progress", "tell how far it is, also where there is no terminal")
    .option("-q, --quiet", "no summary and no progress on standard error")
    .addHelpText(
      "after",
      `
Examples:
  $ elfsplice diff pre/fs/readdir.o post/fs/readdir.o > update.json
  $ elfsplice diff pre.o post.o --format text --quiet | less
  $ elfsplice diff pre.o post.o -o update.json --require splice || echo "cannot be spliced"
  $ elfsplice diff pre/loop.o post/loop.o --target loop --explain > update.json
  $ elfsplice diff linux-pre linux-post -o update.json --exclude 'drivers/gpu/**' --cache ~/.cache/elfsplice
  $ elfsplice diff lib-pre.a lib-post.a --target '*(crc32.o)=crc32' --suppress known.txt
  $ elfsplice diff linux-pre linux-post --shard 2/8 -o part-2.json`,
    )
    .action(async (pre: string, post: string, options: DiffOptions) => {
      const { runDiff } = await import("./commands/diff.ts");
      done(await runDiff(pre, post, options));
    });

  top
    .command("merge <parts...>")
    .description("join the parts of one run of diff --shard into the description that one machine would have made")
    .addOption(output())
    .addOption(new Option("--format <format>", "what to print").choices(["json", "text"]).default("json"))
    .option("--no-instructions", "with --format text: leave out the differing instructions")
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
      const { runMerge } = await import("./commands/merge.ts");
      done(await runMerge(parts, options));
    });

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
      const { runInspect } = await import("./commands/inspect.ts");
      done(await runInspect(object, options));
    });

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
      const { runMatch } = await import("./commands/match.ts");
      done(await runMatch(inputs, options));
    });

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
      const { runModule } = await import("./commands/module.ts");
      done(await runModule(update, options));
    });

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
      const { runApply } = await import("./commands/apply.ts");
      done(await runApply(update, options));
    });

  top
    .command("check <update>")
    .description("check that an update description is sound, fits its objects, and meets the gates asked for")
    .option("--root <folder>", "hold the objects below this folder against their sizes and hashes")
    .addOption(required())
    .option("--fail-on <finding>", "status 1 if there is such a finding: a code, or a severity or worse", collect)
    .option("--max-functions <count>", "status 1 if more functions are changed, new or deleted")
    .option("--allow-targets <names>", "status 1 if anything else is changed; names separated by commas", collect)
    .addOption(output())
    .addOption(new Option("--format <format>", "what to print").choices(["json", "text"]).default("text"))
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
      const { runCheck } = await import("./commands/check.ts");
      done(await runCheck(update, options));
    });

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
      const { runCompare } = await import("./commands/compare.ts");
      done(await runCompare(older, newer, options));
    });

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
      const { runKexec } = await import("./commands/kexec.ts");
      done(await runKexec(kernel, options));
    });

  top
    .command("schema")
    .description("print the JSON Schema of the update description")
    .addOption(output())
    .addOption(new Option("--of <document>", "whose schema").choices(DOCUMENT_NAMES).default("update"))
    .addHelpText("after", "\nExample:\n  $ elfsplice schema > update.schema.json")
    .action(async (options: SchemaOptions) => {
      const { runSchema } = await import("./commands/schema.ts");
      done(await runSchema(options));
    });
  return top;
}

/** The message for a person; anything unforeseen is our fault and says so. */
function explain(error: unknown): string {
  if (error instanceof FormatError || error instanceof UnsupportedError || error instanceof UsageError) {
    return escapeLine(error.message);
  }
  const what = error instanceof Error ? (process.env["ELFSPLICE_DEBUG"] ? error.stack : error.message) : String(error);
  return `internal error, please report it: ${what}`;
}

async function main(): Promise<void> {
  let status: number = EXIT.done;
  try {
    await program((value) => {
      status = value;
    }).parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) {
      status = error.exitCode === 0 ? EXIT.done : EXIT.failed;
    } else {
      process.stderr.write(`elfsplice: ${explain(error)}\n`);
      status = EXIT.failed;
    }
  }
  process.exitCode = status;
}

process.stderr.on("error", () => {});
await main();
