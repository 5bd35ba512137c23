import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { describePair, findingCodes, rungStatus } from "../support/describe-pair.ts";
import { join } from "../support/paths.ts";

/** One side: its files, the program that builds `out` of them, and its arguments. */
export interface SideBuild {
  readonly files: Readonly<Record<string, string>>;
  readonly program: string;
  readonly args: readonly string[];
}

/** Builds both sides, each in a folder of its own under equal names, and says what the comparison tells. */
export async function compareBuilds(pre: SideBuild, post: SideBuild) {
  const folder = mkdtempSync(join(tmpdir(), "elfsplice-facts-"));
  try {
    for (const [side, { files, program, args }] of Object.entries({ pre, post })) {
      const cwd = join(folder, side);
      mkdirSync(cwd);
      for (const [name, text] of Object.entries(files)) writeFileSync(join(cwd, name), text);
      execFileSync(program, [...args, "-o", "out"], { cwd, stdio: "pipe" });
    }
    const update = await describePair(join(folder, "pre", "out"), join(folder, "post", "out"));
    return {
      none: rungStatus(update, "none") === "applicable",
      codes: findingCodes(update),
      messages: update.findings.map(({ message }) => message),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
