import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { listPairs } from "../../../src/input/listing/pairs.ts";
import { buildAr } from "../../support/ar-builder.ts";
import { FIXTURES, join } from "../../support/paths.ts";
import { type Files, useTrees } from "../../support/trees.ts";

const tree = useTrees();
const OBJECT = readFileSync(join(FIXTURES, "loop-driver/ioctl/pre.o"));
let count = 0;

/** A thin archive of files, by their paths from its own folder. */
function thin(...paths: string[]): Buffer {
  const names = paths.map((path) => `${path}/\n`).join("");
  const members = paths.map((_, i) => ({
    name: `/${paths.slice(0, i).reduce((sum, path) => sum + path.length + 2, 0)}`,
    size: OBJECT.length,
  }));
  return buildAr([{ name: "//", contents: names }, ...members], "!<thin>\n");
}

function keysAndOutside(files: Files): { keys: string[]; outside: string[] } {
  count++;
  const { tasks, skipped } = listPairs(tree(`${count}/pre`, files), tree(`${count}/post`, files));
  return {
    keys: tasks.map(({ key }) => key),
    outside: skipped.filter(({ kind }) => kind === "not-in-kernel").map(({ path, why }) => `${path}: ${why}`),
  };
}

const KERNEL = {
  "fs/stat.o": OBJECT,
  "lib/crc.o": OBJECT,
  "lib/lib.a": thin("crc.o"),
  "drivers/loop.o": OBJECT,
  "drivers/loop.mod": "drivers/loop.o\n",
  "drivers/loop.mod.o": OBJECT,
  "init/version-timestamp.o": OBJECT,
  ".vmlinux.export.o": OBJECT,
};
const KERNEL_KEYS = [
  ".vmlinux.export.o",
  "drivers/loop.mod.o",
  "drivers/loop.o",
  "fs/stat.o",
  "init/version-timestamp.o",
  "lib/crc.o",
];
const OTHERS = {
  "scripts/kallsyms.o": OBJECT,
  "tools/objtool/objtool-in.o": OBJECT,
  "tools/lib/subcmd.a": buildAr([{ name: "help.o/", contents: OBJECT }]),
  ".module-common.o": OBJECT,
};

describe("objects of a kernel's tree that are in neither the kernel nor a module", () => {
  it("are left out, when vmlinux.a tells what the kernel is made of", () => {
    expect(keysAndOutside({ ...KERNEL, ...OTHERS, "vmlinux.a": thin("fs/stat.o") })).toEqual({
      keys: KERNEL_KEYS,
      outside: [
        ".module-common.o: linked into every module",
        "scripts/kallsyms.o: of another program: neither in vmlinux.a nor in a module",
        "tools/lib/subcmd.a: of another program: neither in vmlinux.a nor in a module",
        "tools/objtool/objtool-in.o: of another program: neither in vmlinux.a nor in a module",
      ],
    });
  });

  it.each([
    ["nothing tells", {}],
    ["the list cannot be read", { "vmlinux.a": "!<thin>\nfs/stat.o" }],
    ["a member is not a file of the tree", { "vmlinux.a": buildAr([{ name: "stat.o/", contents: OBJECT }]) }],
  ])("are compared like all others, when %s", (_why, more) => {
    expect(keysAndOutside({ ...KERNEL, "scripts/kallsyms.o": OBJECT, ...more })).toMatchObject({
      keys: expect.arrayContaining(["scripts/kallsyms.o"]),
      outside: [],
    });
  });
});
