import { describe, expect, it } from "vitest";
import { readObject } from "../../src/elf/object.ts";
import { UsageError } from "../../src/errors.ts";
import { moduleNameOf, moduleNameOfPath, readTargetRules } from "../../src/input/target.ts";
import { buildElf } from "../support/elf-builder.ts";

const hex = (text: string): string => Buffer.from(text).toString("hex");

describe("an object says which module it is of", () => {
  const info = { name: ".modinfo", code: hex("license=GPL\0name=foo_bar\0alias=name=x\0") };
  const struct = { name: ".gnu.linkonce.this_module", code: "00" };
  it.each([
    ["by name= in .modinfo, whatever the file is called", [info, struct], "x/renamed.o", "foo_bar"],
    ["by a struct module of its own and its file's name", [struct], "x/snd-hda.ko", "snd_hda"],
    ["and a compressed file's", [struct], "x/snd-hda.ko.zst", "snd_hda"],
    ["and a .mod.o file's", [struct], "x/snd-hda.mod.o", "snd_hda"],
    ["and any other file's", [struct], "x/snd-hda.o", "snd_hda"],
    ["not by other .modinfo", [{ name: ".modinfo", code: hex("license=GPL\0") }], "x/foo.ko", undefined],
    ["or is of none", [], "x/foo.o", undefined],
  ])("%s", (_teaches, sections, file, expected) => {
    expect(moduleNameOf(readObject(buildElf({ machine: "x86_64", sections }), file))).toBe(expected);
  });

  it("in an archive by its member's name", () => {
    const object = readObject(buildElf({ machine: "x86_64", sections: [struct] }), "lib.a", "x-y.ko");
    expect(moduleNameOf(object)).toBe("x_y");
  });
});

it.each([
  ["fs/xfs/xfs.ko", "xfs"],
  ["a-b_c.ko.gz", "a_b_c"],
  ["a.ko.xz", "a"],
  ["a-b.mod.o", "a_b"],
  ["a.mod.ko", "a.mod"],
  ["a.o", undefined],
  ["a.ko/b.o", undefined],
  [".ko", undefined],
])("the path %s is of the module %s", (path, expected) => {
  expect(moduleNameOfPath(path)).toBe(expected);
});

describe("--target", () => {
  it("is PATTERN=NAME or, for everything, NAME", () => {
    const [rule, plain] = readTargetRules(["drivers/{a=b,c}/**=my-target", "vmlinux"]);
    expect([rule?.name, rule?.matches("drivers/a=b/x.o"), rule?.matches("fs/x.o")]).toEqual(["my-target", true, false]);
    expect([plain?.name, plain?.matches("fs/x.o")]).toEqual(["vmlinux", true]);
  });

  it.each(["", "=x", "a="])("is not %j", (text) => {
    expect(() => readTargetRules([text])).toThrow(UsageError);
  });
});
