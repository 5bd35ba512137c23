import { describe, expect, it } from "vitest";
import { diffOf, pairsOf, updateOf } from "../support/built-pair.ts";
import { bss, data, type Part, rodata, section, strings, symbol, text } from "../support/elf-parts.ts";

type Parts = readonly Part[];

/** A call, and a load from memory. */
const call = (name: string): string => `e8{PLT32 ${name}-4}`;
const load = (name: string): string => `8b05{PC32 ${name}-4}`;
const file = (name: string): Part => symbol(name, { section: "*ABS*", type: "file", bind: "local" });

describe("functions: what pairs them", () => {
  const cases: [string, Parts, Parts, string[]][] = [
    [
      "a global name",
      [text("f", "c3", { bind: "global" })],
      [text("f", "90c3", { bind: "global" })],
      ["f → f global-name"],
    ],
    [
      "a weak name that became strong",
      [text("f", "c3", { bind: "weak" })],
      [text("f", "c3", { bind: "global" })],
      ["f → f global-name"],
    ],
    ["a local name", [text("f", "c3")], [text("f", "90c3")], ["f → f local-name"]],
    ["global becomes local", [text("f", "c3", { bind: "global" })], [text("f", "c3")], ["f → f local-name"]],
    ["local becomes global", [text("f", "c3")], [text("f", "c3", { bind: "global" })], ["f → f local-name"]],
    [
      "a global and a local of one name are two functions, told by their files",
      [file("a.c"), text("f", "c3"), text("f", "90c3", { bind: "global", in: ".text", id: "g" })],
      [file("a.c"), text("f", "31c0c3"), text("f", "6690c3", { bind: "global", in: ".text", id: "g" })],
      ["f → f global-name", "f → f local-name"],
    ],
    [
      "moved from hot to unlikely",
      [text("f", "c3", { in: ".text.hot.f" })],
      [text("f", "c3", { in: ".text.unlikely.f" })],
      ["f → f local-name"],
    ],
    ["moved into .exit.text", [text("f", "c3")], [text("f", "c3", { in: ".exit.text" })], ["f → f local-name"]],
    [
      "moved into .init.text: it is freed after boot, and another thing",
      [text("f", "c3")],
      [text("f", "c3", { in: ".init.text" })],
      ["f → nothing", "nothing → f"],
    ],
    [
      "an alias more on one side, which is the canonical one there",
      [text("f", "c3", { bind: "global" })],
      [
        section(".text.f", "c3", {}, [
          { name: "a", type: "func", size: 1, bind: "global" },
          { name: "f", type: "func", size: 1, bind: "global" },
        ]),
      ],
      ["f → a global-name"],
    ],
    [
      "another clone number",
      [text("f.isra.0", "c3")],
      [text("f.isra.2", "c3")],
      ["f.isra.0 → f.isra.2 compiler-suffix"],
    ],
    [
      "another constprop number",
      [text("f.constprop.0", "c3")],
      [text("f.constprop.7", "90c3")],
      ["f.constprop.0 → f.constprop.7 compiler-suffix"],
    ],
    [
      "a cold part that lost its number",
      [text("f.cold.4", "c3")],
      [text("f.cold", "c3")],
      ["f.cold.4 → f.cold compiler-suffix"],
    ],
    [
      "two clones swap numbers: contents tell",
      [text("f.isra.0", "c3"), text("f.isra.1", "90c3")],
      [text("f.isra.3", "90c3"), text("f.isra.4", "c3")],
      ["f.isra.0 → f.isra.4 compiler-suffix", "f.isra.1 → f.isra.3 compiler-suffix"],
    ],
    [
      "link-time suffixes",
      [text("f.lto_priv.0", "c3")],
      [text("f.lto_priv.3", "c3")],
      ["f.lto_priv.0 → f.lto_priv.3 compiler-suffix"],
    ],
    [
      "a link-time suffix appears",
      [text("f", "c3")],
      [text("f.lto_priv.0", "c3")],
      ["f → f.lto_priv.0 compiler-suffix"],
    ],
    [
      "ThinLTO hashes",
      [text("f.llvm.123", "c3")],
      [text("f.llvm.987", "90c3")],
      ["f.llvm.123 → f.llvm.987 compiler-suffix"],
    ],
    [
      "isra and constprop are different clones",
      [text("f.isra.0", "c3")],
      [text("f.constprop.0", "90c3")],
      ["f.isra.0 → nothing", "nothing → f.constprop.0"],
    ],
    [
      "a clone appears: the original is gone",
      [text("f", "31c0c3")],
      [text("f.constprop.0", "c3")],
      ["f → nothing", "nothing → f.constprop.0"],
    ],
    ["a rename with the same code", [text("f", "31c0c3")], [text("g", "31c0c3")], ["f → g rename"]],
    ["a rename with other code is none", [text("f", "31c0c3")], [text("g", "31d2c3")], ["f → nothing", "nothing → g"]],
    [
      "two equal functions: which was renamed cannot be told",
      [text("f", "c3"), text("g", "c3")],
      [text("h", "c3"), text("i", "c3")],
      ["f → nothing", "g → nothing", "nothing → h", "nothing → i"],
    ],
    [
      "told by what they call",
      [text("f", `${call("a")}c3`), text("g", `${call("b")}c3`)],
      [text("h", `${call("b")}c3`), text("i", `${call("a")}c3`)],
      ["f → i rename", "g → h rename"],
    ],
    [
      "locals of one name in two files of a linked object",
      [file("a.c"), text("f", "31c0c3", { in: ".text.a" }), file("b.c"), text("f", "31d2c3", { in: ".text.b" })],
      [file("b.c"), text("f", "31d2c3", { in: ".text.b" }), file("a.c"), text("f", "31c0c3", { in: ".text.a" })],
      ["f → f local-name", "f → f local-name"],
    ],
  ];
  it.each(cases)("%s", (_what, pre, post, expected) => expect(pairsOf(diffOf(pre, post))).toEqual(expected));

  it("locals of one name go by their file, not by the order of the table", () => {
    const a = (asm: string): Parts => [file("a.c"), text("f", asm, { in: ".text.a" })];
    const b = (asm: string): Parts => [file("b.c"), text("f", asm, { in: ".text.b" })];
    const update = updateOf([...a("31c0c3"), ...b("31d2c3")], [...b("6690c3"), ...a("31c0c3")]);
    expect(update.functions.map(({ pre, post }) => `${pre?.section} ${post?.section}`)).toEqual([".text.b .text.b"]);
  });

  it("mutual recursion under new names is a rename of both", () => {
    const two = (f: string, g: string): Parts => [text(f, `31c0${call(g)}c3`), text(g, `31d2${call(f)}c3`)];
    expect(pairsOf(diffOf(two("f", "g"), two("x", "y")))).toEqual(["f → x rename", "g → y rename"]);
  });

  it("a function that calls itself is renamed with its call", () => {
    const one = (f: string): Parts => [text(f, `31c0${call(f)}c3`)];
    expect(pairsOf(diffOf(one("f"), one("g")))).toEqual(["f → g rename"]);
  });
});

describe("data: what pairs it", () => {
  const reader = (of: string, name = "f"): Part => text(name, `${load(of)}c3`);
  const cases: [string, Parts, Parts, string[]][] = [
    [
      "a global name, whatever the section",
      [data("v", "01", { bind: "global" })],
      [data("v", "02", { bind: "global", in: ".data..read_mostly" })],
      ["v → v global-name"],
    ],
    [
      "a variable that got an initial value",
      [bss("v", 1, { bind: "global" })],
      [data("v", "02", { bind: "global" })],
      ["v → v global-name"],
    ],
    [
      "the prefix of the section changes: .data.rel.local",
      [data("v", "{64 v}")],
      [data("v", "{64 v}", { in: ".data.rel.local.v" })],
      ["v → v local-name"],
    ],
    [
      "a constant that became writable is another thing",
      [rodata("v", "01", { bind: "global" })],
      [data("v", "01", { bind: "global" })],
      ["nothing → v", "v → nothing"],
    ],
    [
      "one that needs relocation is still a constant",
      [rodata("v", "0100000000000000")],
      [rodata("v", "{64 v}", { in: ".data.rel.ro.v" })],
      ["v → v local-name"],
    ],
    [
      "a variable that became per-CPU is another thing",
      [data("v", "01")],
      [data("v", "01", { in: ".data..percpu" })],
      ["nothing → v", "v → nothing"],
    ],
    [
      "a static local, renumbered",
      [reader("n.1"), bss("n.1", 4)],
      [reader("n.9"), bss("n.9", 4)],
      ["f → f local-name", "n.1 → n.9 static-local"],
    ],
    [
      "two users swap theirs: users tell",
      [reader("n.1"), reader("n.2", "g"), bss("n.1", 4), bss("n.2", 4)],
      [reader("n.2"), reader("n.1", "g"), bss("n.1", 4), bss("n.2", 4)],
      ["f → f local-name", "g → g local-name", "n.1 → n.2 static-local", "n.2 → n.1 static-local"],
    ],
    [
      "several in one function: sizes tell",
      [text("f", `${load("n.1")}${load("n.2")}c3`), bss("n.1", 4), bss("n.2", 8)],
      [text("f", `${load("n.5")}${load("n.6")}c3`), bss("n.6", 4), bss("n.5", 8)],
      ["f → f local-name", "n.1 → n.6 static-local", "n.2 → n.5 static-local"],
    ],
    [
      "several in one function: contents tell",
      [text("f", `${load("n.1")}${load("n.2")}c3`), data("n.1", "01"), data("n.2", "02")],
      [text("f", `${load("n.5")}${load("n.6")}c3`), data("n.5", "02"), data("n.6", "01")],
      ["f → f local-name", "n.1 → n.6 static-local", "n.2 → n.5 static-local"],
    ],
    [
      "several in one function that are equal: order of first use",
      [text("f", `${load("n.1")}${load("n.2")}c3`), bss("n.1", 4), bss("n.2", 4)],
      [text("f", `${load("n.6")}${load("n.5")}c3`), bss("n.5", 4), bss("n.6", 4)],
      ["f → f local-name", "n.1 → n.6 static-local", "n.2 → n.5 static-local"],
    ],
    [
      "the last reference to it is removed",
      [reader("n.1"), reader("n.1", "g"), bss("n.1", 4)],
      [text("f", "c3"), reader("n.1", "g"), bss("n.1", 4)],
      ["f → f local-name", "g → g local-name", "n.1 → n.1 static-local"],
    ],
    [
      "one of two is removed",
      [text("f", `${load("n.1")}${load("n.2")}c3`), bss("n.1", 4), bss("n.2", 8)],
      [text("f", `${load("n.1")}c3`), bss("n.1", 8)],
      ["f → f local-name", "n.1 → nothing", "n.2 → n.1 static-local"],
    ],
    [
      "its function is renamed and edited: only one of that name is left",
      [reader("n.1"), bss("n.1", 4)],
      [text("g", `90${load("n.2")}c3`), bss("n.2", 4)],
      ["f → nothing", "n.1 → n.2 static-local", "nothing → g"],
    ],
    [
      "its function is renamed",
      [reader("n.1"), bss("n.1", 4)],
      [reader("n.2", "g"), bss("n.2", 4)],
      ["f → g rename", "n.1 → n.2 static-local"],
    ],
    [
      "its function became a clone",
      [reader("n.1"), bss("n.1", 4)],
      [reader("n.2", "f.isra.0"), bss("n.2", 4)],
      ["f → f.isra.0 rename", "n.1 → n.2 static-local"],
    ],
    [
      "__func__ of a function that is renamed and edited",
      [reader("__func__.0"), rodata("__func__.0", "6600")],
      [text("g", `90${load("__func__.3")}c3`), rodata("__func__.3", "6700")],
      ["__func__.0 → __func__.3 static-local", "f → nothing", "nothing → g"],
    ],
    [
      "static locals that point to each other",
      [text("f", `${load("d.1")}c3`), data("d.1", "{64 k.2}"), bss("k.2", 4)],
      [text("f", `${load("d.7")}c3`), data("d.7", "{64 k.9}"), bss("k.9", 4)],
      ["d.1 → d.7 static-local", "f → f local-name", "k.2 → k.9 static-local"],
    ],
    [
      "a unique id",
      [data("__UNIQUE_ID_x1", "01")],
      [data("__UNIQUE_ID_x2", "01")],
      ["__UNIQUE_ID_x1 → __UNIQUE_ID_x2 static-local"],
    ],
    [
      "a static variable renamed in place: same users, same places, same contents",
      [reader("v"), data("v", "01020304")],
      [reader("w"), data("w", "01020304")],
      ["f → f local-name", "v → w reference"],
    ],
    [
      "with other contents it is a new one",
      [reader("v"), data("v", "01020304")],
      [reader("w"), data("w", "05060708")],
      ["f → f local-name", "nothing → w", "v → nothing"],
    ],
    [
      "renamed, and one user more: not the same",
      [reader("v"), text("g", "c3"), data("v", "01020304")],
      [reader("w"), reader("w", "g"), data("w", "01020304")],
      ["f → f local-name", "g → g local-name", "nothing → w", "v → nothing"],
    ],
    [
      "a constant renamed",
      [reader("v"), rodata("v", "01020304")],
      [reader("w"), rodata("w", "01020304")],
      ["f → f local-name", "v → w reference"],
    ],
    [
      "strings by contents, wherever they lie",
      [strings("a", "bc")],
      [strings("new", "bc", "a")],
      [
        ".rodata.str1.1 → .rodata.str1.1 contents",
        ".rodata.str1.1 → .rodata.str1.1 contents",
        "nothing → .rodata.str1.1",
      ],
    ],
    [
      "strings of another alignment are the same strings",
      [strings("a")],
      [section(".rodata.str1.8", "6100", { flags: "AMS", entsize: 1 })],
      [".rodata.str1.1 → .rodata.str1.8 contents"],
    ],
    [
      "constants by contents",
      [section(".rodata.cst8", "0102030405060708", { flags: "AM", entsize: 8 })],
      [section(".rodata.cst8", "1112131415161718 0102030405060708", { flags: "AM", entsize: 8 })],
      [".rodata.cst8 → .rodata.cst8 contents", "nothing → .rodata.cst8"],
    ],
    [
      "a jump table by the place that refers to it",
      [text("f", "ff24c5{32S .rodata.f}c3"), section(".rodata.f", "{64 .text.f:f+7}{64 .text.f:f+8}")],
      [text("f", "ff24c5{32S .rodata.f}c3"), section(".rodata.f", "{64 .text.f:f+8}{64 .text.f:f+7}")],
      [".rodata.f → .rodata.f reference", "f → f local-name"],
    ],
    [
      "clang's unnamed constants",
      [
        text("f", `${load(".L__unnamed_1")}c3`),
        section(".rodata", "0102030405060708", {}, [{ name: ".L__unnamed_1", type: "object", size: 8 }]),
      ],
      [
        text("f", `${load(".L__unnamed_4")}c3`),
        section(".rodata", "0102030405060708", {}, [{ name: ".L__unnamed_4", type: "object", size: 8 }]),
      ],
      [".rodata → .rodata reference", "f → f local-name"],
    ],
    [
      "two jump tables of one function in their order",
      [
        text("f", "ff24c5{32S .rodata}ff24c5{32S .rodata+8}c3"),
        section(".rodata", "{64 .text.f:f+7}{64 .text.f:f+14}"),
      ],
      [
        text("f", "ff24c5{32S .rodata+8}ff24c5{32S .rodata}c3"),
        section(".rodata", "{64 .text.f:f+14}{64 .text.f:f+7}"),
      ],
      [".rodata → .rodata reference", ".rodata → .rodata reference", "f → f local-name"],
    ],
  ];
  it.each(cases)("%s", (_what, pre, post, expected) => expect(pairsOf(diffOf(pre, post))).toEqual(expected));
});
