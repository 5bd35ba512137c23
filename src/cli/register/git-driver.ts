import type { Command } from "commander";

export function register(top: Command, done: (status: number) => void): void {
  top
    .command("git-driver <path> [sides...]")
    .description("show how an object changed to git, which calls this as an external diff driver")
    .addHelpText(
      "after",
      `
Git gives seven words: the path, then file, hash and mode of the old side and of the new one.

Set up:
  $ git config diff.elfsplice.command "elfsplice git-driver"
  $ echo '*.o diff=elfsplice' >> .gitattributes`,
    )
    .action(async (path: string, sides: string[]) => {
      const { runGitDriver } = await import("../commands/git-driver.ts");
      done(await runGitDriver(path, sides));
    });
}
