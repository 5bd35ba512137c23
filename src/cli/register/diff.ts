import { type Command, Option } from "commander";
import type { DiffOptions } from "../diff-options.ts";
import { collect, color, formats, output, required } from "./options.ts";

export function register(top: Command, done: (status: number) => void): void {
  top
    .command("diff <pre> <post>")
    .description("compare objects, archives or whole trees compiled before a patch with those compiled after it")
    .addOption(output())
    .addOption(formats())
    .option("--id <id>", "name of the update (default: from the hashes of the inputs)")
    .option("--target <name>", "what is patched: vmlinux or a module; PATTERN=NAME for what PATTERN fits", collect)
    .option("--only-targets <names>", "only what belongs to these targets; names separated by commas", collect)
    .option("--include <glob>", "only files of a tree, or members, that this fits", collect)
    .option("--exclude <glob>", "no files of a tree, or members, that this fits", collect)
    .option("--suppress <file>", "leave alone what the rules in this file name, each with its reason")
    .option("--instructions", "with --format json: include the differing instructions in words")
    .option("--no-instructions", "with --format text or html: leave out the differing instructions")
    .option("-v, --verbose", "with --format text: every detail, however many functions differ")
    .addOption(color())
    .option(
      "--hashes",
      "also hash the objects that are the same on both sides, so that check can compare their contents",
    )
    .option("--source-root <prefix>", "take this off paths of source files; PREFIX=NAME puts NAME there", collect)
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
      const { runDiff } = await import("../commands/diff.ts");
      done(await runDiff(pre, post, options));
    });
}
