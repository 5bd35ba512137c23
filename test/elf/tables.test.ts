import { describe, expect, it } from "vitest";
import { SHN, STB, STT, STV } from "../../src/elf/constants.ts";
import { type ElfObject, type Relocation, readObject } from "../../src/elf/object.ts";
import { buildElf, type ElfDescription, type MachineName } from "../support/elf-builder.ts";

function read(description: ElfDescription): ElfObject {
  return readObject(buildElf(description), "dir/x.o");
}

function indexOf(object: ElfObject, name: string): number {
  return object.sections.findIndex((section) => section.name === name);
}

function relocationsOf(object: ElfObject, name: string): readonly Relocation[] {
  return object.relocationsOf(indexOf(object, name));
}

describe("symbols", () => {
  const symbols: ElfDescription["symbols"] = [
    { name: "weak", section: ".data", value: 2, size: 2, type: "object", bind: "weak", visibility: "hidden" },
    { name: "f", section: ".text", value: 1, size: 1, type: "func", bind: "global", other: 0x60 },
    { name: "local", section: ".text", type: "notype" },
    { name: "absolute", section: "*ABS*", value: 0x8000_0000, bind: "global" },
    { name: "common", section: "*COM*", value: 16, size: 64, type: "object" },
    { name: "undefined" },
    { name: "reserved", section: SHN.LIVEPATCH, bind: "global" },
    { name: "unique", section: ".data", type: "gnu_ifunc", bind: "gnu_unique" },
  ];
  const sections: ElfDescription["sections"] = [
    { name: ".text", code: "90c3" },
    { name: ".data", content: "01020304" },
  ];

  it.each(["x86_64", "i386", "ppc", "s390x"] as MachineName[])("%s: every field", (machine) => {
    const object = read({ machine, sections, symbols });
    const byName = new Map(object.symbols.map((symbol) => [symbol.name, symbol]));
    expect(object.symbols.map((symbol) => symbol.index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(object.symbols[0]).toEqual({
      index: 0,
      name: "",
      value: 0n,
      size: 0,
      bind: STB.LOCAL,
      type: STT.NOTYPE,
      other: 0,
      shndx: 0,
      section: undefined,
    });
    expect(byName.get("weak")).toEqual({
      index: 2,
      name: "weak",
      value: 2n,
      size: 2,
      bind: STB.WEAK,
      type: STT.OBJECT,
      other: STV.HIDDEN,
      shndx: 2,
      section: 2,
    });
    expect(byName.get("f")).toMatchObject({
      value: 1n,
      size: 1,
      type: STT.FUNC,
      bind: STB.GLOBAL,
      other: 0x60,
      section: 1,
    });
    expect(byName.get("local")).toMatchObject({ index: 1, bind: STB.LOCAL, type: STT.NOTYPE, section: 1 });
    expect(byName.get("absolute")).toMatchObject({ value: 0x8000_0000n, shndx: SHN.ABS, section: undefined });
    expect(byName.get("common")).toMatchObject({ value: 16n, size: 64, shndx: SHN.COMMON, section: undefined });
    expect(byName.get("undefined")).toMatchObject({ bind: STB.GLOBAL, shndx: SHN.UNDEF, section: undefined });
    expect(byName.get("reserved")).toMatchObject({ shndx: SHN.LIVEPATCH, section: undefined });
    expect(byName.get("unique")).toMatchObject({ bind: STB.GNU_UNIQUE, type: STT.GNU_IFUNC });
  });

  it.each(["x86_64", "s390x"] as MachineName[])("%s: values have 64 bits, sizes may pass 2^32", (machine) => {
    const values = [0xffff_ffff_8100_0123n, 0x8000_0000n, 0xffff_ffffn, 0x1_0000_0000n, 4095n, 4096n];
    const object = read({
      machine,
      symbols: values.map((value) => ({ name: `s${value}`, section: "*ABS*", value, size: 2n ** 33n })),
    });
    expect(object.symbols.slice(1).map((symbol) => symbol.value)).toEqual(values);
    expect(object.symbols[1]?.size).toBe(2 ** 33);
  });

  it.each(["x86_64", "ppc"] as MachineName[])("%s: SHN_XINDEX is resolved by SHT_SYMTAB_SHNDX", (machine) => {
    const object = read({ machine, numbering: "extended", sections, symbols });
    expect(object.symbols.find((symbol) => symbol.name === "f")).toMatchObject({ shndx: SHN.XINDEX, section: 1 });
    expect(object.symbols.find((symbol) => symbol.name === "absolute")).toMatchObject({
      shndx: SHN.ABS,
      section: undefined,
    });
  });

  it("there are none in a stripped file", () => {
    expect(read({ sections, symbolTable: "none" }).symbols).toEqual([]);
  });

  it("names that are not UTF-8 stay different", () => {
    const object = read({
      symbols: [{ name: Uint8Array.of(0xff), id: "a" }, { name: Uint8Array.of(0xfe), id: "b" }, { name: "naïve" }],
    });
    expect(object.symbols.map((symbol) => symbol.name)).toEqual(["", "\\xff", "\\xfe", "naïve"]);
  });
});

describe("relocations", () => {
  const symbols: ElfDescription["symbols"] = Array.from({ length: 300 }, (_, index) => ({ name: `s${index + 1}` }));

  it.each([
    ["x86_64", 0x1234_5678, "rela"],
    ["aarch64", 0x0000_011b, "rela"],
    ["s390x", 0x8000_0013, "rela"],
    ["ppc", 0xfa, "rela"],
    ["i386", 0x02, "rel"],
    ["mips", 0x1a, "rel"],
    ["mips64", 0x0005_1807, "rela"],
    ["mips64le", 0x0105_1807, "rela"],
  ] as [MachineName, number, "rel" | "rela"][])("%s: symbol and type %d from r_info", (machine, type, format) => {
    const addend = (value: number): { addend?: number } => (format === "rela" ? { addend: value } : {});
    const object = read({
      machine,
      symbols,
      sections: [
        {
          name: ".text",
          code: "00".repeat(16),
          relocations: [
            { offset: 0, type, symbol: "s300", ...addend(-4) },
            { offset: 12, type, symbol: "s1", ...addend(0x7fff_ffff) },
            { offset: 4, type, ...addend(-0x8000_0000) },
          ],
        },
      ],
    });
    const rela = format === "rela";
    expect(relocationsOf(object, ".text")).toEqual([
      { offset: 0, type, symbol: 300, addend: rela ? -4n : 0n, rela },
      { offset: 12, type, symbol: 1, addend: rela ? 0x7fff_ffffn : 0n, rela },
      { offset: 4, type, symbol: 0, addend: rela ? -0x8000_0000n : 0n, rela },
    ]);
  });

  it("MIPS64 stores the symbol in data order and the types after it one by one", () => {
    // SGI's specification: r_sym (4 bytes), r_ssym, r_type3, r_type2, r_type.
    const record = { lsb: "0400000000000000 2c010000 00 05 18 07", msb: "0000000000000004 0000012c 00 05 18 07" };
    for (const [machine, data] of [
      ["mips64le", "lsb"],
      ["mips64", "msb"],
    ] as const) {
      const object = read({
        machine,
        symbols,
        sections: [{ name: ".text", code: "00".repeat(16), relocations: [{ offset: 0, type: 0 }] }],
        overrides: { ".rela.text": { content: `${record[data]} ${"00".repeat(8)}` } },
      });
      expect(relocationsOf(object, ".text")).toEqual([
        { offset: 4, type: 0x051807, symbol: 300, addend: 0n, rela: true },
      ]);
    }
  });

  it.each(["x86_64", "s390x"] as MachineName[])("%s: addends have 64 bits and a sign", (machine) => {
    const addends = [
      0n,
      -1n,
      -4097n,
      -4096n,
      4095n,
      4096n,
      2n ** 31n,
      -(2n ** 31n) - 1n,
      2n ** 63n - 1n,
      -(2n ** 63n),
      0xffff_ffffn,
    ];
    const object = read({
      machine,
      sections: [
        {
          name: ".data",
          content: "00".repeat(8),
          relocations: addends.map((addend) => ({ offset: 0, type: 1, addend })),
        },
      ],
    });
    expect(relocationsOf(object, ".data").map((relocation) => relocation.addend)).toEqual(addends);
  });

  it("several tables of one section follow one another in table order", () => {
    const object = read({
      symbols,
      sections: [
        { name: ".text", code: "00".repeat(8), relocations: [{ offset: 1, type: 1, symbol: "s1", addend: 1 }] },
        { name: ".other", code: "00".repeat(8), relocations: [{ offset: 2, type: 2, symbol: "s2", addend: 2 }] },
      ],
      overrides: { ".rela.other": { info: 1 } },
    });
    expect(relocationsOf(object, ".text").map((relocation) => relocation.offset)).toEqual([1, 2]);
    expect(object.relocationSectionsOf(1)).toEqual([3, 4]);
    expect(relocationsOf(object, ".other")).toEqual([]);
    expect(object.relocationSectionsOf(2)).toEqual([]);
  });

  it("are the same however often they are asked for", () => {
    const object = read({ sections: [{ name: ".text", code: "00", relocations: [{ offset: 0, type: 1 }] }] });
    expect(object.relocationsOf(1)).toHaveLength(1);
    expect(object.relocationsOf(1)).toEqual(object.relocationsOf(1));
    expect(object.relocationsOf(999)).toEqual([]);
  });

  it("a section symbol stands for the section", () => {
    const object = read({
      sections: [
        { name: ".text", code: "00".repeat(8), relocations: [{ offset: 0, type: 2, symbol: ".rodata", addend: 8 }] },
        { name: ".rodata", content: "00" },
      ],
    });
    const [relocation] = relocationsOf(object, ".text");
    expect(object.symbols[relocation?.symbol ?? 0]).toMatchObject({ name: "", type: STT.SECTION, section: 2 });
  });

  it("R_*_NONE may stand at the end of its section", () => {
    const object = read({ sections: [{ name: ".text", code: "90c3", relocations: [{ offset: 2, type: 0 }] }] });
    expect(relocationsOf(object, ".text")).toHaveLength(1);
  });

  it("of a compressed section count in what it expands to", () => {
    const header = { lsb: "01000000 00000000 0001000000000000 0100000000000000", msb: "00000001 00000100 00000001" };
    const relocations = [{ offset: 0x100, type: 1 }];
    const wide = read({ sections: [{ name: ".debug_info", flags: "C", content: header.lsb, relocations }] });
    expect(relocationsOf(wide, ".debug_info").map((relocation) => relocation.offset)).toEqual([0x100]);
    const narrow = read({
      machine: "ppc",
      sections: [{ name: ".debug_info", flags: "C", content: header.msb, relocations }],
    });
    expect(relocationsOf(narrow, ".debug_info").map((relocation) => relocation.offset)).toEqual([0x100]);
    const old = read({ sections: [{ name: ".zdebug_info", content: "5a4c4942 0000000000000100 789c", relocations }] });
    expect(relocationsOf(old, ".zdebug_info").map((relocation) => relocation.offset)).toEqual([0x100]);
  });

  it("that a linker kept in an image count from the section, not from address 0", () => {
    const addr = 0xffff_ffff_8100_0000n;
    const object = read({
      type: "exec",
      symbols: [{ name: "f", section: ".text", value: addr }],
      sections: [
        {
          name: ".text",
          code: "00".repeat(16),
          addr,
          relocations: [{ offset: addr + 8n, type: 2, symbol: "f", addend: -4 }],
        },
      ],
    });
    expect(relocationsOf(object, ".text")).toEqual([{ offset: 8, type: 2, symbol: 1, addend: -4n, rela: true }]);
  });

  it("that the kernel's sorttable has blanked are gone", () => {
    const object = read({
      type: "exec",
      sections: [
        {
          name: "__ex_table",
          content: "00".repeat(16),
          flags: "A",
          addr: 0x1000,
          relocations: [
            { offset: 0, type: 0 },
            { offset: 0x1004, type: 2 },
          ],
        },
      ],
    });
    expect(relocationsOf(object, "__ex_table")).toEqual([{ offset: 4, type: 2, symbol: 0, addend: 0n, rela: true }]);
  });

  it("for the dynamic linker are left to it", () => {
    const object = read({
      type: "dyn",
      sections: [
        { name: ".dynsym", type: "dynsym" },
        { name: ".rela.dyn", type: "rela", link: ".dynsym", content: "00".repeat(24), entsize: 24 },
      ],
    });
    expect(object.sections.flatMap((section) => object.relocationsOf(section.index))).toEqual([]);
  });
});

describe("groups", () => {
  const group = { signature: "f", members: [".text.f"] };
  const sections: ElfDescription["sections"] = [
    { name: ".text.f", code: "00".repeat(8), flags: "AXG", relocations: [{ offset: 0, type: 1, symbol: "f" }] },
    { name: ".text.g", code: "c3" },
  ];
  const f = { name: "f", section: ".text.f", bind: "weak" } as const;

  it.each(["x86_64", "i386", "s390x"] as MachineName[])("%s: signature, flag and members in file order", (machine) => {
    const object = read({ machine, sections, symbols: [f], groups: [group] });
    const table = machine === "i386" ? ".rel.text.f" : ".rela.text.f";
    expect(object.groups).toEqual([
      { section: 1, signature: "f", comdat: true, members: [indexOf(object, ".text.f"), indexOf(object, table)] },
    ]);
  });

  it("a group need not be COMDAT", () => {
    expect(read({ sections, symbols: [f], groups: [{ ...group, kind: "plain" }] }).groups[0]?.comdat).toBe(false);
  });

  it("may be called like the section whose symbol has no name", () => {
    const symbol = { name: "", id: "sym", section: ".text.g", type: "section" } as const;
    const object = read({ sections, symbols: [f, symbol], groups: [{ ...group, signature: "sym" }] });
    expect(object.groups[0]?.signature).toBe(".text.g");
  });
});
