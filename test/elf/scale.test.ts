import { describe, expect, it } from "vitest";
import { SHN } from "../../src/elf/constants.ts";
import { readObject } from "../../src/elf/object.ts";
import { buildElf } from "../support/elf-builder.ts";

describe("70,000 sections: more than e_shnum and st_shndx can hold", () => {
  const names = Array.from({ length: 70_000 }, (_, index) => `.text.f${index}`);
  const bytes = buildElf({
    sections: names.map((name) => ({ name, code: "c3" })),
    symbols: names.map((name) => ({ name: name.slice(6), section: name, type: "func", bind: "global", size: 1 })),
  });
  const object = readObject(bytes, "many.o");

  it("are numbered by section 0 and SHT_SYMTAB_SHNDX", () => {
    expect(object.sections).toHaveLength(1 + 70_000 + 4);
    expect(object.sections[70_000]).toMatchObject({ index: 70_000, name: ".text.f69999", bytes: Uint8Array.of(0xc3) });
    expect(object.sections.at(-1)?.name).toBe(".shstrtab");
    const shndxOf = (name: string): unknown => object.symbols.find((symbol) => symbol.name === name);
    expect(shndxOf("f100")).toMatchObject({ shndx: 101, section: 101 });
    expect(shndxOf("f69999")).toMatchObject({ shndx: SHN.XINDEX, section: 70_000 });
    // The numbers that are reserved in st_shndx are sections like any other in the table.
    expect(shndxOf("f65520")).toMatchObject({ shndx: SHN.XINDEX, section: SHN.ABS });
  });
});

describe("400,000 relocations and 100,000 symbols", () => {
  const bytes = buildElf({
    symbols: Array.from({ length: 100_000 }, (_, index) => ({ name: `symbol_${index}` })),
    sections: [
      {
        name: ".text",
        code: new Uint8Array(1_600_000),
        relocations: Array.from({ length: 400_000 }, (_, index) => ({
          offset: index * 4,
          type: 4,
          symbol: `symbol_${index % 100_000}`,
          addend: index % 3 === 0 ? index * 7919 : -4,
        })),
      },
    ],
  });

  it("are all read", () => {
    const relocations = readObject(bytes, "big.o").relocationsOf(1);
    expect(relocations).toHaveLength(400_000);
    expect(relocations[399_999]).toEqual({
      offset: 1_599_996,
      type: 4,
      symbol: 100_000,
      addend: 399_999n * 7919n,
      rela: true,
    });
  });
});
