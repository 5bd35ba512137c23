import { cpSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { describe, expect, it } from "vitest";
import { useProgram } from "../cli/program.ts";
import { blocks, DOCUMENTS, documentText } from "../support/documents.ts";
import { FIXTURES, join } from "../support/paths.ts";

const { run, folder } = useProgram();

/** What the names in the examples stand for here: two trees, a driver, a kernel. A later line lies over an earlier one. */
const STAND_INS: readonly (readonly [name: string, fixture: string])[] = [
  ...["linux", "project", "."].flatMap((name) =>
    (["pre", "post"] as const).map((side) => [name === "." ? side : `${name}-${side}`, `trees/moved/${side}`] as const),
  ),
  [".kpatch/tmp/orig", "trees/moved/pre"],
  [".kpatch/tmp/patched", "trees/moved/post"],
  ["klp-tmp/1-orig", "trees/moved/pre"],
  ["klp-post", "trees/moved/post"],
  ["pre/fs/readdir.o", "loop-driver/ioctl/pre.o"],
  ["post/fs/readdir.o", "loop-driver/ioctl/post.o"],
  ["loop-pre.o", "loop-driver/ioctl/pre.o"],
  ["loop-post.o", "loop-driver/ioctl/post.o"],
  ["loop.ko", "loop-driver/ioctl/pre.o"],
  ["pre.o", "live-update/series-subsystem/pre.o"],
  ["post.o", "live-update/series-subsystem/post.o"],
  ["vmlinux", "kexec/odd-segments/vmlinux"],
];

/** Every call of the program in the shell's blocks of a page, as the words after its name; those for many machines have a test of their own. */
function callsIn(text: string): string[] {
  return blocks(text, "sh")
    .filter((block) => !block.includes("parallel "))
    .flatMap((block) => block.split(/\n| && /))
    .map((line) => line.trim())
    .filter((line) => line.startsWith("elfsplice "));
}

/** The words of a line as a shell gives them to a program: quotes removed, `$HOME` replaced. */
function wordsOf(line: string, home: string): string[] {
  return (line.match(/(?:"[^"]*"|\S)+/g) ?? []).map((word) => word.replaceAll('"', "").replaceAll("$HOME", home));
}

const pages = DOCUMENTS.map((path) => ({ path, calls: callsIn(documentText(path)) })).filter(
  ({ calls }) => calls.length > 0,
);

describe("the examples for the shell", () => {
  it("are on several pages", () => {
    expect(pages.map(({ path }) => path)).toEqual(
      expect.arrayContaining(["README.md", "docs/builds.md", "docs/live-updates.md"]),
    );
  });

  it.each(pages)("$path: each runs as it stands, one after the other", ({ calls }) => {
    const cwd = folder();
    for (const [name, fixture] of STAND_INS) {
      mkdirSync(dirname(join(cwd, name)), { recursive: true });
      cpSync(join(FIXTURES, fixture), join(cwd, name), { recursive: true });
    }
    for (const call of calls) {
      const { status, stdout, stderr } = run(wordsOf(call, cwd).slice(1), { cwd });
      expect(status, `${call}\n${stdout}\n${stderr}`).toBe(0);
    }
  });
});
