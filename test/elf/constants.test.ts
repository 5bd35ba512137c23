import { describe, expect, it } from "vitest";
import { constantName, ELFOSABI, EM, ET, SHF, SHN, SHT, STB, STT, STV, visibilityOf } from "../../src/elf/constants.ts";

describe("constantName", () => {
  it.each([
    ["a known number has the standard's name", SHT, "SHT_", 1, "SHT_PROGBITS"],
    ["zero is a number like any other", SHT, "SHT_", 0, "SHT_NULL"],
    ["a name may start with a digit", EM, "EM_", 3, "EM_386"],
    ["flag bits are 64 bits wide", SHF, "SHF_", 0x800n, "SHF_COMPRESSED"],
    ["an unknown type keeps its number", SHT, "SHT_", 0x6fff4700, "SHT_0x6fff4700"],
    ["an unknown machine keeps its number", EM, "EM_", 0xfeed, "EM_0xfeed"],
    ["an unknown flag keeps its bits", SHF, "SHF_", 1n << 40n, "SHF_0x10000000000"],
    ["two names for one number: the first in the table is taken", SHF, "SHF_", 0x200000n, "SHF_RO_AFTER_INIT"],
  ] as const)("%s", (_teaches, table, prefix, value, expected) => {
    expect(constantName(table, prefix, value)).toBe(expected);
  });
});

// Numbers from the system's <elf.h> and the Linux kernel's include/uapi/linux/elf-em.h.
describe("numbers", () => {
  it.each([
    [
      "EM",
      EM,
      {
        "386": 3,
        MIPS: 8,
        PPC: 20,
        PPC64: 21,
        S390: 22,
        ARM: 40,
        SPARCV9: 43,
        X86_64: 62,
        AARCH64: 183,
        RISCV: 243,
        BPF: 247,
        LOONGARCH: 258,
      },
    ],
    ["ET", ET, { NONE: 0, REL: 1, EXEC: 2, DYN: 3, CORE: 4 }],
    ["ELFOSABI", ELFOSABI, { NONE: 0, GNU: 3, ARM: 97, STANDALONE: 255 }],
    ["SHT", SHT, { SYMTAB: 2, RELA: 4, NOBITS: 8, REL: 9, GROUP: 17, SYMTAB_SHNDX: 18, GNU_VERSYM: 0x6fffffff }],
    ["SHF", SHF, { WRITE: 1n, ALLOC: 2n, EXECINSTR: 4n, MERGE: 16n, STRINGS: 32n, EXCLUDE: 0x80000000n }],
    ["SHN", SHN, { UNDEF: 0, ABS: 0xfff1, COMMON: 0xfff2, XINDEX: 0xffff }],
    ["STB", STB, { LOCAL: 0, GLOBAL: 1, WEAK: 2, GNU_UNIQUE: 10 }],
    ["STT", STT, { NOTYPE: 0, OBJECT: 1, FUNC: 2, SECTION: 3, FILE: 4, COMMON: 5, TLS: 6, GNU_IFUNC: 10 }],
    ["STV", STV, { DEFAULT: 0, INTERNAL: 1, HIDDEN: 2, PROTECTED: 3 }],
  ])("of %s are the standard's", (_name, table, numbers) => {
    expect(table).toMatchObject(numbers);
  });

  it.each([
    ["EM", EM],
    ["ET", ET],
    ["SHT", SHT],
    ["STB", STB],
    ["STT", STT],
    ["STV", STV],
    ["ELFOSABI", ELFOSABI],
  ])("of %s are all different, so every name can be printed", (_name, table) => {
    const numbers = Object.values(table);
    expect(new Set(numbers).size).toBe(numbers.length);
  });

  it("visibility is the low two bits of st_other; the rest is the processor's", () => {
    expect(visibilityOf(0x62)).toBe(STV.HIDDEN);
  });
});
