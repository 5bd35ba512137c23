import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { readObject } from "../../src/elf/object.ts";
import { buildElf, type ElfDescription } from "./elf-builder.ts";
import { hasReadelf } from "./readelf.ts";

const described: ElfDescription = {
  sections: [
    {
      name: ".text.f",
      code: "e8 00000000 c3",
      flags: "AXG",
      relocations: [{ offset: 1, type: 4, symbol: "ext", addend: -4 }],
    },
    { name: ".data", content: Uint8Array.of(1, 2, 3), size: 8 },
    { name: ".bss", size: 32 },
    { name: ".rodata.str1.1", strings: ["a", "bc"] },
  ],
  symbols: [
    { name: "f", section: ".text.f", type: "func", bind: "global", size: 6 },
    { name: "ext" },
    { name: "here", section: ".data" },
  ],
  groups: [{ signature: "f", members: [".text.f"] }],
};

describe("buildElf", () => {
  it("gives what an assembler would give", () => {
    const object = readObject(buildElf(described), "x.o");
    expect(
      object.sections.map((section) => `${section.name} ${section.type} ${section.flags} ${section.size}`),
    ).toEqual([
      " 0 0 0",
      ".group 17 0 12",
      ".text.f 1 518 6",
      ".data 1 3 8",
      ".bss 8 3 32",
      ".rodata.str1.1 1 50 5",
      ".rela.text.f 4 64 24",
      ".symtab 2 0 96",
      ".strtab 3 0 12",
      ".shstrtab 3 0 81",
    ]);
    // Locals stand before globals.
    expect(object.symbols.map((symbol) => symbol.name)).toEqual(["", "here", "f", "ext"]);
    expect(object.sections[3]?.bytes).toEqual(Uint8Array.of(1, 2, 3, 0, 0, 0, 0, 0));
    expect(object.sections[5]?.bytes).toEqual(Uint8Array.from(Buffer.from("a\0bc\0")));
  });

  it("writes the same bytes for the same description", () => {
    expect(buildElf(described)).toEqual(buildElf(described));
  });

  it("writes over the finished file what it is told to", () => {
    const bytes = buildElf({ ...described, patches: [{ at: 16, bytes: "0300" }] });
    expect(readObject(bytes, "x.o").type).toBe(3);
  });

  it.each([
    ["a section that is not described", { sections: [{ name: ".a", link: ".b" }] }, 'no section ".b"'],
    [
      "a symbol that is not described",
      { sections: [{ name: ".a", content: "00", relocations: [{ offset: 0, type: 1, symbol: "g" }] }] },
      'no symbol "g"',
    ],
    [
      "one name for two sections",
      { sections: [{ name: ".a" }, { name: ".a" }, { name: ".b", link: ".a" }] },
      'several sections ".a": give them an id',
    ],
    [
      "an addend where the format has none",
      { machine: "i386", sections: [{ name: ".a", content: "00", relocations: [{ offset: 0, type: 1, addend: 1 }] }] },
      "a REL record has no addend",
    ],
    ["half a byte", { sections: [{ name: ".a", content: "0" }] }, 'not hexadecimal bytes: "0"'],
    ["a flag that there is not", { sections: [{ name: ".a", flags: "AQ" }] }, 'unknown section flag "Q"'],
  ] as [string, ElfDescription, string][])("refuses %s: the test is wrong", (_what, elf, message) => {
    expect(() => buildElf(elf)).toThrow(message);
  });

  it.skipIf(!hasReadelf).each([
    ["an object", described],
    ["extended numbering", { ...described, numbering: "extended" }],
    ["32 bits, most significant byte first", { ...described, machine: "ppc" }],
    [
      "an image with segments",
      { ...described, type: "exec", groups: [], entry: 0x1000, segments: [{ section: ".text.f", vaddr: 0x1000 }] },
    ],
    ["no symbols", { sections: [{ name: ".data", content: "00" }], symbolTable: "none" }],
  ] as [string, ElfDescription][])("readelf warns of nothing in %s (skipped without readelf)", (_what, elf) => {
    const folder = mkdtempSync(path.join(tmpdir(), "elfsplice-builder-"));
    const file = path.join(folder, "x.o");
    writeFileSync(file, buildElf(elf));
    const { stderr, status } = spawnSync("readelf", ["-aW", file], { encoding: "utf8" });
    rmSync(folder, { recursive: true });
    expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
  });
});
