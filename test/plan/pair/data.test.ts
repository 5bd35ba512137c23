import { describe, expect, it } from "vitest";
import { summaryOf, updateOf } from "../../support/built-pair.ts";
import { bss, data, type Part, rodata, section, strings, symbol, text } from "../../support/elf-parts.ts";

type Parts = readonly Part[];
const global = { bind: "global" } as const;
const percpu = { in: ".data..percpu" };
const tls = { in: ".tdata", type: "tls", extra: { flags: "WAT" } } as const;
const init = { in: ".init.data" };
const common = (size: number): Part => symbol("v", { section: "*COM*", value: 8, size, type: "object" });
const reader = text("f", "8b05{PC32 v-4}c3");
const unknown = (asm: string): Part =>
  section(".vendor", asm, { flags: "A", type: 0x60000009 }, [{ name: "v", type: "object", size: 1 }]);

const absolute = (name: string, value: number, bind: "global" | "local" = "global"): Part =>
  symbol(name, { section: "*ABS*", value, bind });
/** A variable, and bytes behind it that no symbol covers. */
const tail = (name: string, flags: string, named: string, rest: string): Part =>
  section(name, named + rest, { flags }, [{ name: "v", type: "object", size: named.length / 2 }]);
const note = (asm: string): Part => section(".note.vendor", asm, { flags: "A", type: "note" });
const buildId = (asm: string): Part => section(".note.gnu.build-id", asm, { flags: "A", type: "note" });

describe("data and what is found about it", () => {
  const cases: [string, Parts, Parts, Record<string, readonly string[]>][] = [
    [
      "a new initialiser of live data",
      [data("v", "01")],
      [data("v", "02")],
      { dataChanged: ["v"], findings: ["writable-data-changed"] },
    ],
    [
      "another target of a live pointer",
      [data("v", "{64 a}")],
      [data("v", "{64 b}")],
      { dataChanged: ["v"], findings: ["writable-data-changed"] },
    ],
    [
      "live data that grows",
      [data("v", "01")],
      [data("v", "0100")],
      { dataChanged: ["v"], findings: ["writable-data-resized"] },
    ],
    [
      "live data that shrinks",
      [bss("v", 8)],
      [bss("v", 4)],
      { dataChanged: ["v"], findings: ["writable-data-resized"] },
    ],
    [
      "zeroed data gets an initial value",
      [bss("v", 1)],
      [data("v", "02")],
      { dataChanged: ["v"], findings: ["writable-data-changed"] },
    ],
    ["it moves between sections", [bss("v", 1)], [data("v", "00")], {}],
    [
      "per-CPU data",
      [data("v", "01", percpu)],
      [data("v", "02", percpu)],
      { dataChanged: ["v"], findings: ["percpu-data-changed"] },
    ],
    [
      "per-CPU data that grows",
      [data("v", "01", percpu)],
      [data("v", "0102", percpu)],
      { dataChanged: ["v"], findings: ["percpu-data-changed"] },
    ],
    ["new per-CPU data", [], [data("v", "01", percpu)], { dataNew: ["v"], findings: ["percpu-data-new"] }],
    [
      "thread-local data",
      [data("v", "01", tls)],
      [data("v", "02", tls)],
      { dataChanged: ["v"], findings: ["tls-data-changed"] },
    ],
    ["new thread-local data", [], [data("v", "01", tls)], { dataNew: ["v"], findings: ["tls-data-new"] }],
    [
      "init data",
      [data("v", "01", init)],
      [data("v", "02", init)],
      { dataChanged: ["v"], findings: ["init-data-changed"] },
    ],
    ["new init data", [], [data("v", "01", init)], { dataNew: ["v"], findings: ["init-data-changed"] }],
    ["deleted init data", [data("v", "01", init)], [], { dataDeleted: ["v"], findings: ["init-data-changed"] }],
    ["a constant of the same size", [rodata("v", "01")], [rodata("v", "02")], { inPlace: ["v"] }],
    [
      "a constant that grows",
      [rodata("v", "01"), reader],
      [rodata("v", "0102"), reader],
      { changed: ["f"], dataNew: ["v"] },
    ],
    [
      "a global constant that grows: others go on with the old one",
      [rodata("v", "01", global)],
      [rodata("v", "0102", global)],
      { dataNew: ["v"], findings: ["global-rodata-resized"] },
    ],
    ["a new variable", [], [data("v", "01")], { dataNew: ["v"], findings: ["new-writable-data"] }],
    ["a new constant", [], [rodata("v", "01")], { dataNew: ["v"] }],
    ["a deleted static variable", [data("v", "01")], [], { dataDeleted: ["v"], findings: ["data-deleted"] }],
    ["a deleted constant", [rodata("v", "01")], [], { dataDeleted: ["v"] }],
    [
      "a deleted global variable",
      [data("v", "01", global)],
      [],
      { dataDeleted: ["v"], findings: ["global-data-deleted"] },
    ],
    [
      "a deleted global constant",
      [rodata("v", "01", global)],
      [],
      { dataDeleted: ["v"], findings: ["global-data-deleted"] },
    ],
    [
      "a common symbol that grows",
      [common(4)],
      [common(8)],
      { dataChanged: ["v"], findings: ["common-symbol-changed"] },
    ],
    [
      "a common symbol that is aligned otherwise",
      [symbol("v", { section: "*COM*", value: 8, size: 4, type: "object" })],
      [symbol("v", { section: "*COM*", value: 64, size: 4, type: "object" })],
      { findings: ["common-symbol-changed"] },
    ],
    [
      "a number that other objects may use",
      [absolute("v", 64)],
      [absolute("v", 32)],
      { findings: ["absolute-symbol-changed"] },
    ],
    ["such a number that is gone", [absolute("v", 64)], [], { findings: ["absolute-symbol-changed"] }],
    ["such a number that stays", [absolute("w", 1)], [absolute("w", 1)], {}],
    [
      "such a number that is new",
      [absolute("w", 1)],
      [absolute("v", 2), absolute("w", 1)],
      { findings: ["file-fact-noted"] },
    ],
    ["a number of the file's own that nothing uses", [absolute("v", 1, "local")], [absolute("v", 2, "local")], {}],
    ["a checksum of an export is told by the export", [absolute("__crc_v", 1)], [absolute("__crc_v", 2)], {}],
    [
      "live bytes behind a variable whose symbol is too short",
      [tail(".data", "WA", "01000000", "04000000")],
      [tail(".data", "WA", "01000000", "03000000")],
      { dataChanged: [".data"], findings: ["writable-data-changed"] },
    ],
    [
      "such bytes of a constant",
      [tail(".rodata", "A", "01000000", "04000000")],
      [tail(".rodata", "A", "01000000", "03000000")],
      { inPlace: [".rodata"] },
    ],
    [
      "such bytes, for each thread its own",
      [tail(".tdata", "WAT", "01000000", "04000000")],
      [tail(".tdata", "WAT", "01000000", "03000000")],
      { dataChanged: [".tdata"], findings: ["tls-data-changed"] },
    ],
    [
      "such bytes in front of a variable, which moves",
      [section(".data", "0400000001000000", {}, [{ name: "v", type: "object", value: 4, size: 4 }])],
      [section(".data", "050000000600000001000000", {}, [{ name: "v", type: "object", value: 8, size: 4 }])],
      { dataChanged: [".data"], findings: ["writable-data-resized"] },
    ],
    [
      "such bytes that are new",
      [tail(".data", "WA", "01000000", "")],
      [tail(".data", "WA", "01000000", "03000000")],
      { dataNew: [".data"], findings: ["new-writable-data", "unnamed-data-changed"] },
    ],
    [
      "such bytes that are gone",
      [tail(".data", "WA", "01000000", "03000000")],
      [tail(".data", "WA", "01000000", "")],
      { dataDeleted: [".data"], findings: ["unnamed-data-changed"] },
    ],
    ["such bytes that stay", [tail(".data", "WA", "01", "04")], [tail(".data", "WA", "01", "04")], {}],
    ["a common symbol that stays", [common(4)], [common(4)], {}],
    [
      "a section of a kind that is not in the table",
      [unknown("01")],
      [unknown("02")],
      { dataChanged: ["v"], findings: ["section-unknown"] },
    ],
    [
      "an ELF note that is loaded",
      [note("01")],
      [note("02")],
      { dataChanged: [".note.vendor"], findings: ["note-changed"] },
    ],
    ["an ELF note that is gone", [note("01")], [], { dataDeleted: [".note.vendor"], findings: ["note-changed"] }],
    ["an ELF note that is new", [], [note("01")], { dataNew: [".note.vendor"], findings: ["note-changed"] }],
    [
      "an ELF note that code reads",
      [note("01"), text("f", "8b05{PC32 .note.vendor-4}c3")],
      [note("02"), text("f", "8b05{PC32 .note.vendor-4}c3")],
      { dataChanged: [".note.vendor"], findings: ["section-unknown"] },
    ],
    ["the number of the build, which each build makes anew", [buildId("01")], [buildId("02")], {}],
    [
      "what the kernel reads at boot",
      [section("__param", "{64 a}", { flags: "A" }, [{ name: "v", type: "object", size: 8 }])],
      [section("__param", "{64 b}", { flags: "A" }, [{ name: "v", type: "object", size: 8 }])],
      { dataChanged: ["v"], findings: ["registry-changed"] },
    ],
    [
      "a static variable renamed in place",
      [data("v", "01020304"), reader],
      [data("w", "01020304"), text("f", "8b05{PC32 w-4}c3")],
      { dataRenamed: ["v"] },
    ],
    [
      "a line in what only messages refer to",
      [rodata("v", "{64 .rodata.str1.1}01000000"), section(".printk_index", "{64 v}"), strings("a.c")],
      [rodata("v", "{64 .rodata.str1.1}02000000"), section(".printk_index", "{64 v}"), strings("a.c")],
      { dataLineOnly: ["v"] },
    ],
    ["strings come and go with who uses them", [strings("a")], [strings("b")], {}],
  ];
  it.each(cases)("%s", (_what, pre, post, expected) => expect(summaryOf(updateOf(pre, post))).toEqual(expected));

  it("live data is never patched nor loaded a second time", () => {
    const { changes } = updateOf([data("v", "01"), reader], [data("v", "02"), text("f", "8b05{PC32 v-4}90c3")]);
    expect(changes[0]?.newCode.sections.map(({ label }) => label)).toEqual(["f<x.o>"]);
    expect(changes[0]?.patches.map(({ oldLabel }) => oldLabel)).not.toContain("v<x.o>");
  });

  it("a constant is rewritten whole, from its new contents", () => {
    const { changes } = updateOf([rodata("v", "01020304")], [rodata("v", "01020305")]);
    expect(changes[0]?.patches).toEqual([
      { type: "data", oldLabel: "v<x.o>", oldOffset: 0, replacement: "v<x.o>", replacementOffset: 0, size: 4 },
    ]);
  });

  it("a string tells its text, whatever its encoding", () => {
    const texts = (parts: Parts): (string | undefined)[] => updateOf([], parts).data.map(({ text: shown }) => shown);
    expect(texts([strings("é\n")])).toEqual(["é\n"]);
    expect(texts([section(".rodata.str2.2", "61000000", { flags: "AMS", entsize: 2 })])).toEqual(["61000000"]);
  });
});
