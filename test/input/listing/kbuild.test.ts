import { describe, expect, it } from "vitest";
import { type ModFile, readKbuild } from "../../../src/input/listing/kbuild.ts";

/** Paths that are covered, and those that are in modules, with their modules. */
function read(paths: readonly string[], mods: readonly ModFile[] = []) {
  const { covered, modules } = readKbuild(new Set(paths), mods);
  return { covered: [...covered.keys()].sort(), modules: Object.fromEntries(modules) };
}

const PARTS = ["d/a.o", "d/sub/b.o"];
const TREE = [...PARTS, "d/foo-x.o", "d/foo-x.ko", "d/foo-x.mod.o"];
const LISTED = { covered: ["d/foo-x.ko", "d/foo-x.o"], parts: ["foo_x"] };

describe("a module is analysed by its parts, as its .mod file lists them", () => {
  it.each([
    ["one per line, as newer kernels do", "d/a.o\nd/sub/b.o\n", "d/foo-x.mod"],
    [
      "in one line, as older kernels do, before symbols that are not defined",
      "d/a.o d/sub/b.o\nprintk kfree\n",
      "d/foo-x.mod",
    ],
    ["after the module's own name, as the oldest do", "d/foo-x.ko\nd/a.o d/sub/b.o\n", ".tmp_versions/foo-x.mod"],
    ["with the path of the build, of which the tree is a folder", "drivers/d/a.o\ndrivers/d/sub/b.o\n", "d/foo-x.mod"],
    ["with absolute paths", "/build/linux/d/a.o\n/build/linux/d/sub/b.o\n", "d/foo-x.mod"],
  ])("%s", (_teaches, text, path) => {
    const { covered, modules } = read(TREE, [{ path, text }]);
    expect(covered).toEqual(LISTED.covered);
    expect(PARTS.map((part) => modules[part])).toEqual([LISTED.parts, LISTED.parts]);
  });
});

describe("what is analysed instead", () => {
  const mod = { path: "d/foo.mod", text: "d/a.o\nd/b.o\n" };
  it.each<[string, string[], ModFile[], string[]]>([
    [
      "a module of one part is that part",
      ["d/foo.o", "d/foo.ko"],
      [{ path: "d/foo.mod", text: "d/foo.o\n" }],
      ["d/foo.ko"],
    ],
    ["a module without .mod is its object", ["d/foo.o", "d/foo.ko"], [], ["d/foo.ko"]],
    ["a module that was shipped alone is itself", ["d/foo.ko", "vmlinux"], [mod], []],
    ["an object whose parts are not there is itself", ["d/foo.o", "d/foo.ko"], [mod], ["d/foo.ko"]],
    ["so it is when one part is not there", ["d/a.o", "d/foo.o", "d/foo.ko"], [mod], ["d/a.o", "d/foo.ko"]],
    ["and the module, when there is no object", ["d/a.o", "d/foo.ko", "d/foo.mod.o"], [mod], ["d/a.o", "d/foo.mod.o"]],
    ["parts without any whole are themselves", ["d/a.o"], [mod], []],
    [
      "a part of two modules is needed by the one that has all its parts",
      ["d/a.o", "d/x.o", "d/foo.o", "d/bar.o"],
      [mod, { path: "d/bar.mod", text: "d/a.o\nd/x.o\n" }],
      ["d/bar.o"],
    ],
    [
      "the kernel is its objects",
      ["vmlinux", "vmlinux.o", "vmlinux.a", ".tmp_vmlinux1", "fs/built-in.a", "fs/inode.o"],
      [],
      [".tmp_vmlinux1", "fs/built-in.a", "vmlinux", "vmlinux.a", "vmlinux.o"],
    ],
    [
      "the kernel beside modules only is itself",
      ["vmlinux", "d/foo.o", "d/foo.ko"],
      [{ path: "d/foo.mod", text: "d/foo.o" }],
      ["d/foo.ko"],
    ],
    ["an archive of a folder without objects is itself", ["fs/built-in.a", "mm/a.o"], [], []],
  ])("%s", (_teaches, paths, mods, expected) => {
    expect(read(paths, mods).covered).toEqual(expected);
  });

  it("an object that is linked into two modules is of both", () => {
    const mods = ["b", "a"].map((name) => ({ path: `${name}.mod`, text: `x.o\n${name}1.o` }));
    expect(read(["x.o", "a1.o", "b1.o"], mods).modules["x.o"]).toEqual(["a", "b"]);
  });
});
