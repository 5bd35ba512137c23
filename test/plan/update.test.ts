import { join, sep } from "node:path";
import { describe, expect, it } from "vitest";
import type { ElfObject } from "../../src/elf/object.ts";
import { readObject } from "../../src/elf/object.ts";
import { objectName } from "../../src/input/object-name.ts";
import { diffObjects } from "../../src/plan/update.ts";
import { renderJson } from "../../src/report/json.ts";
import { updateOf } from "../support/built-pair.ts";
import { buildElf } from "../support/elf-builder.ts";
import { bss, elf, objectOf, type Part, rodata, section, strings, symbol, text } from "../support/elf-parts.ts";
import { schemaErrors } from "../support/schema.ts";

type Parts = readonly Part[];
const f = (x: string): Part => text("f", `b8${x}000000c3`);

describe("the head of a description", () => {
  const update = updateOf([f("01")], [f("02")]);

  it("the name comes from the inputs, and from nothing else", () => {
    expect(update.id).toMatch(/^[0-9a-f]{12}$/);
    expect(update.name).toBe(`ksplice_${update.id}`);
    expect(updateOf([f("01")], [f("02")]).id).toBe(update.id);
    expect(updateOf([f("01")], [f("03")]).id).not.toBe(update.id);
    expect(updateOf([f("02")], [f("01")]).id).not.toBe(update.id);
  });

  it("unless it is given", () => {
    const { id, name, changes } = updateOf([f("01")], [f("02")], {}, { id: "fix", target: "loop" });
    expect([id, name, changes[0]?.name, changes[0]?.oldCode.name, changes[0]?.newCode.name]).toEqual([
      "fix",
      "ksplice_fix",
      "ksplice_fix_loop",
      "ksplice_fix_loop_old",
      "ksplice_fix_loop_new",
    ]);
  });

  it("the target is vmlinux, or a module", () => {
    expect(update.changes[0]?.target).toBe("vmlinux");
    const one = updateOf([f("01")], [f("02")], {}, { target: "loop" });
    expect([one.objects[0]?.target, one.functions[0]?.target, one.changes[0]?.target]).toEqual([
      "loop",
      "loop",
      "loop",
    ]);
  });

  it("architecture and files", () => {
    expect(update.arch).toEqual({ name: "x86_64", machine: 62, class: 64, data: "lsb" });
    const [pair] = update.objects;
    expect([pair?.pre?.path, pair?.post?.path]).toEqual(["pre/x.o", "post/x.o"]);
    expect(pair?.pre?.size).toBe(buildElf(elf([f("01")])).length);
  });

  it("the source file and the compiler, where the object tells", () => {
    const more = [
      symbol("f.c", { section: "*ABS*", type: "file", bind: "local" }),
      section(".comment", `00${Buffer.from("GCC: (x) 12\0").toString("hex")}`),
    ];
    const [pair] = updateOf([...more, f("01")], [...more, f("02")]).objects;
    expect([pair?.source, pair?.compiler]).toEqual(["f.c", "GCC: (x) 12"]);
  });
});

describe("status of the object", () => {
  const cases: [string, Parts, Parts, string][] = [
    ["the same bytes", [f("01")], [f("01")], "identical"],
    ["other bytes, same code", [f("01")], [f("01"), section(".comment", "61")], "equivalent"],
    ["a rename asks for nothing", [f("01")], [text("g", "b801000000c3")], "equivalent"],
    ["a change", [f("01")], [f("02")], "changed"],
    ["an error is a change that cannot be carried", [bss("v", 4)], [bss("v", 8)], "changed"],
    ["only a new function", [f("01")], [f("01"), text("g", "31c0c3")], "changed"],
    [
      "flags of a bug ask for a patch",
      [f("01"), section("__bug_table", "{PC32 f}{PC32 a}0100 0000")],
      [f("01"), section("__bug_table", "{PC32 f}{PC32 a}0100 0900")],
      "changed",
    ],
  ];
  it.each(cases)("%s: %s", (_what, pre, post, status) => expect(updateOf(pre, post).objects[0]?.status).toBe(status));
});

describe("determinism", () => {
  const pre = [f("01"), text("g", "e8{PLT32 f-4}c3"), rodata("v", "01"), strings("a")];
  const post = [
    f("02"),
    text("h", "31f6c3"),
    rodata("v", "02"),
    strings("b"),
    text("g", "48c7c7{32S .rodata.str1.1}c3"),
  ];
  it("the same inputs give the same text", () => {
    expect(renderJson(updateOf(pre, post))).toBe(renderJson(updateOf(pre, post)));
  });
  it("whatever was described before: no state is left behind", () => {
    const first = renderJson(updateOf(pre, post));
    updateOf(post, pre);
    updateOf([text("z", "c3".repeat(10000))], [text("z", "90".repeat(10000))]);
    expect(renderJson(updateOf(pre, post))).toBe(first);
  });
  it("a path is written with the system's separators as slashes; elsewhere a backslash belongs to a name", async () => {
    const bytes = buildElf(elf([f("01")]));
    const path = join("fs", "x\\y.o");
    const update = await diffObjects(readObject(bytes, path), readObject(bytes, path));
    expect(update.objects[0]?.pre?.path).toBe(sep === "\\" ? "fs/x/y.o" : "fs/x\\y.o");
  });
  it("is valid by the schema", () => expect(schemaErrors(updateOf(pre, post))).toEqual([]));
});

describe("objects that hold next to nothing", () => {
  it.each<[string, Parts]>([
    ["no sections", []],
    ["only an empty section", [section(".text", "")]],
    ["only symbols", [symbol("a"), symbol("b", { section: "*ABS*", value: 1 })]],
  ])("%s", (_what, parts) => {
    const update = updateOf(parts, parts);
    expect([update.objects[0]?.status, update.verdict.recommended, update.changes, schemaErrors(update)]).toEqual([
      "identical",
      "none",
      [],
      [],
    ]);
  });
  it("no symbol table, and nothing that is loaded", async () => {
    const [pre, post] = ["61", "62"].map((asm) => objectOf([section(".comment", asm)], { symbolTable: "none" }));
    const update = await diffObjects(pre as ElfObject, post as ElfObject);
    expect(schemaErrors(update)).toEqual([]);
    expect(update.objects[0]?.status).toBe("equivalent");
  });
});

describe("objectName: what labels call the object", () => {
  it.each([
    ["build.pre/fs/x.o", "build.post/fs/x.o", "fs/x.o"],
    ["a/x.o", "b/x.o", "x.o"],
    ["x.o", "x.o", "x.o"],
    ["pre.o", "post.o", "pre.o"],
    ["a/pre.o", "b/post.o", "pre.o"],
    ["/x.o", "/x.o", "x.o"],
    ["/a/fs/x.o", "/b/fs/x.o", "fs/x.o"],
    ["fs/x.o", "/b/fs/x.o", "fs/x.o"],
  ])("%s and %s: %s", (pre, post, name) => expect(objectName(pre, post)).toBe(name));
});
