import { SHT } from "../../src/elf/constants.ts";
import { base, type Contradiction, extended, narrow, over } from "./contradiction.ts";

/** Contradictions in the ELF header and in section headers. */
export const HEADER_CONTRADICTIONS: readonly Contradiction[] = [
  // The ELF header.
  { what: "e_version 0", elf: { ...base, header: { version: 0 } }, problem: /unknown ELF version/, value: 0 },
  {
    what: "e_shentsize 0",
    elf: { ...base, header: { shentsize: 0 } },
    problem: /e_shentsize is not the 64 bytes/,
    value: 0,
  },
  {
    what: "e_shentsize of the other class",
    elf: { ...narrow, header: { shentsize: 64 } },
    problem: /e_shentsize is not the 40 bytes/,
    value: 64,
  },
  {
    what: "section table past the end of the file",
    elf: { ...base, header: { shoff: 1 << 30 } },
    problem: /section table lies past the end of the file \(\d+ bytes\): is the file truncated\?/,
    offset: 40,
    value: 1 << 30,
  },
  {
    what: "section table at the last 64-bit offset",
    elf: { ...base, header: { shoff: 2n ** 64n - 1n } },
    problem: /section table lies past the end/,
    value: 2 ** 64,
  },
  {
    what: "section table at the last 32-bit offset",
    elf: { ...narrow, header: { shoff: 0xffffffff } },
    problem: /section table lies past the end/,
    value: 0xffffffff,
  },
  {
    what: "more sections than the file holds",
    elf: { ...base, header: { shnum: 9 } },
    problem: /section table of 9 entries ends past the end of the file/,
    value: 9,
  },
  {
    what: "2^64-1 sections",
    elf: over("", { size: 2n ** 64n - 1n }, extended),
    problem: /section table of 18446744073709552000 entries ends past/,
  },
  {
    what: "2^58 sections: their bytes would overflow 64 bits",
    elf: over("", { size: 2n ** 58n }, extended),
    problem: /section table of \d+ entries ends past/,
    value: 2 ** 58,
  },
  {
    what: "2^32-1 sections in ELF32",
    elf: { ...narrow, numbering: "extended", overrides: { "": { size: 0xffffffff } } },
    problem: /section table of 4294967295 entries ends past/,
  },
  {
    what: "names in a section that does not exist",
    elf: { ...base, header: { shstrndx: 77 } },
    problem: /e_shstrndx names no section: there are 7/,
    value: 77,
  },
  {
    what: "names in a section that does not exist, extended",
    elf: over("", { link: 0x10000 }, extended),
    problem: /e_shstrndx names no section: there are 8/,
    value: 0x10000,
  },
  {
    what: "names in a section of code",
    elf: { ...base, header: { shstrndx: 1 } },
    section: 1,
    problem: /e_shstrndx names a section that is not a string table/,
    value: SHT.PROGBITS,
  },
  // Section headers.
  {
    what: "sh_name outside the string table",
    elf: over(".data", { name: 0xffff }),
    section: 2,
    problem: /sh_name: name lies outside the string table/,
    value: 0xffff,
  },
  {
    what: "sh_offset 2^64-1",
    elf: over(".data", { offset: 2n ** 64n - 1n }),
    section: ".data",
    problem: /end past the end of the file/,
    value: 8,
  },
  {
    what: "sh_size 2^64-1",
    elf: over(".data", { size: 2n ** 64n - 1n }),
    section: ".data",
    problem: /sh_size is larger than any file/,
    value: 2n ** 64n - 1n,
  },
  {
    what: "sh_size 2^53, which doubles cannot count",
    elf: over(".data", { size: 2n ** 53n }),
    section: ".data",
    problem: /sh_size is larger than any file/,
    value: 2n ** 53n,
  },
  {
    what: "sh_size 2^64-1 of a section without contents",
    elf: { sections: [{ name: ".bss" }], overrides: { ".bss": { size: 2n ** 64n - 1n } } },
    section: ".bss",
    problem: /sh_size is larger than any file/,
  },
  {
    what: "sh_size one byte too long",
    elf: over(".data", { size: 0xffffffff }, narrow),
    section: ".data",
    problem: /contents \(4294967295 bytes from \d+\) end past the end of the file/,
    value: 0xffffffff,
  },
  {
    what: "sh_addralign 3",
    elf: over(".data", { addralign: 3 }),
    section: ".data",
    problem: /sh_addralign is not a power of two/,
    value: 3,
  },
  {
    what: "sh_addralign 2^52+1, which looks like a power of two to log2",
    elf: over(".data", { addralign: 2n ** 52n + 1n }),
    section: ".data",
    problem: /sh_addralign is not a power of two/,
  },
  {
    what: "sh_addralign 2^63",
    elf: over(".data", { addralign: 2n ** 63n }),
    section: ".data",
    problem: /sh_addralign is not a power of two/,
  },
  {
    what: "sh_entsize 2^64-1",
    elf: over(".data", { entsize: 2n ** 64n - 1n }),
    section: ".data",
    problem: /sh_entsize is larger than any file/,
    value: 2n ** 64n - 1n,
  },
];
