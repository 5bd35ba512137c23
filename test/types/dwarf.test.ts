import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readObject } from "../../src/elf/object.ts";
import { keyOf, layoutsNamed } from "../../src/types/structs.ts";
import { readLayouts } from "../../src/types/types.ts";
import { describeLayoutPair, layoutFixture, layoutsOfFixture, memberWords } from "../support/layouts.ts";

/** The same source, read through every way to write debug information: the layout is one. */
const IN_64_BITS = [
  "0 16 list struct list_head",
  "16 6 addr unsigned char[6]",
  "24 4 flags unsigned int",
  "32 16 ps_lock spinlock_t",
  "48 24 ps_queue struct queue",
  "72 8 deliver void (*)(struct sta_info *, int)",
];
const IN_32_BITS = [
  "0 8 list struct list_head",
  "8 6 addr unsigned char[6]",
  "16 4 flags unsigned int",
  "20 12 ps_lock spinlock_t",
  "32 12 ps_queue struct queue",
  "44 4 deliver void (*)(struct sta_info *, int)",
];

describe("struct sta_info after the patch", () => {
  it.each([
    ["DWARF 5 of GCC", "dwarf5"],
    ["DWARF 4", "dwarf4"],
    ["DWARF 3: offsets are expressions", "dwarf3"],
    ["DWARF 2: offsets are blocks", "dwarf2"],
    ["64-bit DWARF", "dwarf64"],
    ["SHF_COMPRESSED", "compressed"],
    [".zdebug_*", "compressed-gnu"],
    ["SHF_COMPRESSED with zstd, which clang 19 writes", "compressed-zstd"],
    [".debug_types of GCC", "types4"],
    ["type units of GCC in .debug_info", "types5"],
    [".debug_types of clang, each in a group", "clang4-types"],
    ["type units of clang, indexed strings", "clang5-types"],
    ["clang 19", "clang5"],
    ["BTF", "btf"],
    ["most significant byte first", "s390x"],
    ["AArch64", "aarch64"],
    ["ppc64le", "ppc64le"],
    ["ADD and SUB relocations of RISC-V", "riscv64"],
    ["LoongArch", "loongarch64"],
    ["a machine without a table of relocations: words of known width", "sparc64"],
  ])("%s", async (_what, variant) => {
    const [layout] = layoutsNamed(await layoutsOfFixture(`sta-lock/${variant}`), "sta_info");
    expect(layout?.size).toBe(80);
    expect(memberWords(layout?.members ?? [])).toEqual(IN_64_BITS);
  });

  it.each([
    ["REL: addends in the fields", "i386"],
    ["REL of Arm", "arm"],
    ["REL, most significant byte first", "mips"],
  ])("%s", async (_what, variant) => {
    const [layout] = layoutsNamed(await layoutsOfFixture(`sta-lock/${variant}`), "struct sta_info");
    expect(layout?.size).toBe(48);
    expect(memberWords(layout?.members ?? [])).toEqual(IN_32_BITS);
  });
});

describe("what an architecture or a language has of its own", () => {
  it("a machine without a table of relocations, whose alignment stops at two bytes", async () => {
    const [layout] = layoutsNamed(await layoutsOfFixture("sta-lock/m68k"), "sta_info");
    expect(layout?.size).toBe(46);
    expect(memberWords(layout?.members ?? [])[3]).toBe("18 12 ps_lock spinlock_t");
  });

  it.each(["dwarf5", "dwarf4"])(
    "bounds count from the one that is stated or the language's own, strings have a length: %s",
    async (variant) => {
      const [layout] = layoutsNamed(await layoutsOfFixture(`fortran-bounds/${variant}`, "pre"), "station");
      expect(memberWords(layout?.members ?? []).slice(0, 5)).toEqual([
        "0 24 heights real(kind=4)[6]",
        "24 20 offsets integer(kind=4)[5]",
        "44 192 hours integer(kind=4)[24][2]",
        "236 7 name character(len=7)",
        "248 8 remark character(len=*) *",
      ]);
    },
  );

  it.each(["types5", "types4"])(
    "a stub without DW_AT_declaration stands for the type of its signature: %s",
    async (variant) => {
      const { findings } = await describeLayoutPair(`type-stub/${variant}`);
      expect(findings.map(({ code, severity }) => `${severity} ${code}`)).toContain("error struct-layout-changed");
    },
  );

  it("types whose relocations cannot be applied are refused, not read as zeros", async () => {
    // R_SPARC_UA32 as a type of which nothing tells the width: it is used for code as well.
    const bytes = Uint8Array.from(readFileSync(layoutFixture("sta-lock/sparc64", "post")));
    const object = readObject(bytes, "x.o");
    const [table] = object.sections.filter(({ name }) => name === ".rela.debug_info");
    const view = new DataView(bytes.buffer, bytes.byteOffset + (table?.offset ?? 0), table?.size ?? 0);
    for (let at = 0; at < view.byteLength; at += 24) view.setUint8(at + 15, 0x17);
    expect((await readLayouts(readObject(bytes, "x.o")))?.byKey.size).toBe(0);
  });
});

describe("what there is besides members", () => {
  it("enumerators with their values, negative ones too; enums without a name go by their first", async () => {
    const layouts = await layoutsOfFixture("enum-growth/dwarf5", "pre");
    const values = layoutsNamed(layouts, "phase")[0]?.values.map(({ name, value }) => `${name} ${value}`);
    expect(values).toEqual(["PHASE_IDLE 0", "PHASE_SYNC 1", "PHASE_RUN 2", "PHASE_FAILED -5", "PHASE_LAST 40"]);
    expect([...layouts.byKey.keys()]).toContain("enum {DEPTH, …}");
  });

  it("anonymous structs and unions, with offsets from the outermost one", async () => {
    const [layout] = layoutsNamed(await layoutsOfFixture("union/dwarf5", "pre"), "address");
    expect(memberWords(layout?.members ?? [])).toEqual([
      "0 4 family int",
      "4 4  union {…}",
      "  4 4 v4 unsigned int",
      "  4 4  struct {…}",
      "    4 2 port short unsigned int",
      "    6 2 flow short unsigned int",
      "8 16 cache struct {…}[2]",
      "  8 4 bytes unsigned char[4]",
      "  12 4 valid int",
    ]);
  });

  it("a typedef of an anonymous struct has that struct's members", async () => {
    const [layout] = layoutsNamed(await layoutsOfFixture("sta-lock/dwarf5"), "spinlock_t");
    expect(layout).toMatchObject({ kind: "typedef", size: 16, target: "struct {…}" });
    expect(memberWords(layout?.members ?? [])).toEqual([
      "0 4 head unsigned int",
      "4 4 tail unsigned int",
      "8 8 owner void *",
    ]);
  });

  it("a struct declared in a function belongs to it", async () => {
    const [layout] = layoutsNamed(await layoutsOfFixture("unused/dwarf5"), "box");
    expect(layout === undefined ? "" : keyOf(layout)).toBe("struct box in area");
  });

  it("functions with the types of their parameters and where their code is", async () => {
    const { graph, text } = await layoutsOfFixture("sta-lock/dwarf5");
    const free = graph.functions.find(({ name }) => name === "sta_info_free");
    expect(free?.uses.map(({ how, name, type }) => `${how} ${name} ${text(type)}`)).toEqual([
      "parameter sta struct sta_info *",
    ]);
    expect(free?.code?.offset).toBe(0);
  });
});

describe("bit fields", () => {
  const fields = [
    "0:0 4 up:1 unsigned int",
    "0:1 4 speed:6 unsigned int",
    "0:7 4 duplex:2 unsigned int",
    "0:9 4 paused:1 unsigned int",
    "0:10 4 signed_level:5 int",
    "0:15 8 serial:40 long long unsigned int",
    "7 1 tail unsigned char",
  ];
  it.each([
    ["DW_AT_data_bit_offset", "dwarf5"],
    ["DW_AT_bit_offset, from the most significant bit of the storage", "dwarf2"],
    ["BTF", "btf"],
    ["most significant bit first", "s390x"],
    ["DW_AT_bit_offset where the most significant bit is first", "s390x-dwarf2"],
  ])("%s", async (_what, variant) => {
    const [layout] = layoutsNamed(await layoutsOfFixture(`bit-fields/${variant}`), "link_state");
    expect(memberWords(layout?.members ?? [])).toEqual(fields);
  });
});

describe("what is left out says so", () => {
  it("split DWARF: the types are in another file", async () => {
    const { graph, byKey } = await layoutsOfFixture("sta-lock/split");
    expect(byKey.size).toBe(0);
    expect(graph.warnings.map(({ detail }) => detail)).toEqual([
      expect.stringContaining("object.dwo, which is not read (split DWARF)"),
    ]);
  });
});
