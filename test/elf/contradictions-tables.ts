import { SHT } from "../../src/elf/constants.ts";
import { base, type Contradiction, extended, grouped, over } from "./contradiction.ts";

/** Bytes of one symbol table whose only symbol but the null one is this. */
function symbol(fields: { name?: number; info?: number; shndx?: number; value?: bigint; size?: bigint }): string {
  const bytes = Buffer.alloc(48);
  bytes.writeUInt32LE(fields.name ?? 0, 24);
  bytes.writeUInt8(fields.info ?? 0x10, 28);
  bytes.writeUInt16LE(fields.shndx ?? 0, 30);
  bytes.writeBigUInt64LE(fields.value ?? 0n, 32);
  bytes.writeBigUInt64LE(fields.size ?? 0n, 40);
  return bytes.toString("hex");
}

function rela(offset: bigint, symbolIndex: number): string {
  const bytes = Buffer.alloc(24);
  bytes.writeBigUInt64LE(offset, 0);
  bytes.writeUInt32LE(4, 8);
  bytes.writeUInt32LE(symbolIndex, 12);
  return bytes.toString("hex");
}

/** Contradictions in symbol tables, relocations and section groups. */
export const TABLE_CONTRADICTIONS: readonly Contradiction[] = [
  // The symbol table.
  {
    what: "symbols of 23 bytes",
    elf: over(".symtab", { entsize: 23 }),
    section: ".symtab",
    problem: /sh_entsize is not the 24 bytes of a record/,
    value: 23,
  },
  {
    what: "symbols of no bytes",
    elf: over(".symtab", { entsize: 0 }),
    section: ".symtab",
    problem: /sh_entsize is not the 24 bytes/,
    value: 0,
  },
  {
    what: "half a symbol at the end",
    elf: over(".symtab", { size: 60 }),
    section: ".symtab",
    problem: /sh_size is not a multiple of the 24 bytes/,
    value: 60,
  },
  {
    what: "symbol names in no section",
    elf: over(".symtab", { link: 99 }),
    section: ".symtab",
    problem: /sh_link names no string table/,
    value: 99,
  },
  {
    what: "symbol names in a section of code",
    elf: over(".symtab", { link: 1 }),
    section: ".symtab",
    problem: /sh_link names no string table/,
    value: 1,
  },
  {
    what: "more locals than symbols",
    elf: over(".symtab", { info: 4 }),
    section: ".symtab",
    problem: /sh_info counts more local symbols than there are symbols/,
    value: 4,
  },
  {
    what: "a second symbol table",
    elf: over(".data", { type: SHT.SYMTAB }),
    section: ".symtab",
    problem: /second symbol table in one file/,
    value: 4,
  },
  {
    what: "st_name outside the string table",
    elf: over(".symtab", { content: symbol({ name: 0xffff }) }, { symbols: [{ name: "x" }] }),
    section: ".symtab",
    offset: 24,
    problem: /st_name: name lies outside the string table/,
    value: 0xffff,
  },
  {
    what: "st_name that is not terminated",
    elf: { symbols: [{ name: "x" }], overrides: { ".strtab": { content: "0078" } } },
    section: ".symtab",
    offset: 24,
    problem: /st_name: name is not terminated/,
    value: 1,
  },
  {
    what: "st_shndx of a section that does not exist",
    elf: over(".symtab", { content: symbol({ shndx: 0xfeff }) }, { symbols: [{ name: "x" }] }),
    section: ".symtab",
    offset: 24,
    problem: /symbol 1 is defined in a section that does not exist: there are 4/,
    value: 0xfeff,
  },
  {
    what: "st_size 2^64-1",
    elf: over(".symtab", { content: symbol({ size: 2n ** 64n - 1n }) }, { symbols: [{ name: "x" }] }),
    section: ".symtab",
    offset: 24,
    problem: /st_size of symbol 1 is larger than any file/,
    value: 2n ** 64n - 1n,
  },
  // SHT_SYMTAB_SHNDX.
  {
    what: "SHN_XINDEX without a table",
    elf: over(".symtab", { content: symbol({ shndx: 0xffff }) }, { symbols: [{ name: "x" }] }),
    section: ".symtab",
    offset: 24,
    problem: /st_shndx is SHN_XINDEX but there is no SHT_SYMTAB_SHNDX section/,
    value: 1,
  },
  {
    what: "SHN_XINDEX that names no section",
    elf: over(".symtab_shndx", { content: "00000000 ffffffff 00000000" }, extended),
    section: ".symtab",
    offset: 24,
    problem: /defined in a section that does not exist/,
    value: 0xffffffff,
  },
  {
    what: "SHN_XINDEX that names section 0",
    elf: over(".symtab_shndx", { content: "00".repeat(12) }, extended),
    section: ".symtab",
    offset: 24,
    problem: /defined in a section that does not exist/,
    value: 0,
  },
  {
    what: "fewer extended indices than symbols",
    elf: over(".symtab_shndx", { content: "00000000" }, extended),
    section: ".symtab_shndx",
    problem: /has not one index for each of 3 symbols/,
    value: 1,
  },
  {
    what: "two tables of extended indices",
    elf: over(".data", { type: SHT.SYMTAB_SHNDX, link: 4 }, extended),
    section: ".symtab_shndx",
    problem: /second SHT_SYMTAB_SHNDX section for one symbol table/,
    value: 5,
  },
  // Relocations.
  {
    what: "relocations of 25 bytes",
    elf: over(".rela.text", { entsize: 25 }),
    section: ".rela.text",
    problem: /sh_entsize is not the 24 bytes/,
    value: 25,
  },
  {
    what: "RELA that says it is REL",
    elf: over(".rela.text", { type: SHT.REL }),
    section: ".rela.text",
    problem: /sh_entsize is not the 16 bytes/,
    value: 24,
  },
  {
    what: "half a relocation at the end",
    elf: over(".rela.text", { size: 12 }),
    section: ".rela.text",
    problem: /sh_size is not a multiple of the 24 bytes/,
    value: 12,
  },
  {
    what: "relocations of no section",
    elf: over(".rela.text", { info: 0 }),
    section: ".rela.text",
    problem: /sh_info names no section that can be relocated/,
    value: 0,
  },
  {
    what: "relocations of a section that does not exist",
    elf: over(".rela.text", { info: 1000 }),
    section: ".rela.text",
    problem: /sh_info names no section that can be relocated/,
    value: 1000,
  },
  {
    what: "relocations of themselves",
    elf: over(".rela.text", { info: 3 }),
    section: ".rela.text",
    problem: /sh_info names no section that can be relocated/,
    value: 3,
  },
  {
    what: "relocations of the symbol table",
    elf: over(".rela.text", { info: 4 }),
    section: ".rela.text",
    problem: /sh_info names no section that can be relocated/,
    value: 4,
  },
  {
    what: "symbols of relocations in a string table",
    elf: over(".rela.text", { link: 5 }),
    section: ".rela.text",
    problem: /sh_link names no symbol table/,
    value: 5,
  },
  {
    what: "symbols of relocations in no section",
    elf: over(".rela.text", { link: 1000 }),
    section: ".rela.text",
    problem: /sh_link names no symbol table/,
    value: 1000,
  },
  {
    what: "a relocation's symbol that does not exist",
    elf: over(".rela.text", { content: rela(1n, 3) }),
    section: ".rela.text",
    offset: 0,
    problem: /relocation names a symbol that does not exist: there are 3/,
    value: 3,
  },
  {
    what: "a relocation's symbol where there is no symbol table",
    elf: { ...base, symbolTable: "none" },
    section: ".rela.text",
    offset: 0,
    problem: /relocation names a symbol that does not exist: there are 0/,
    value: 2,
  },
  {
    what: "r_offset one past the end",
    elf: over(".rela.text", { content: rela(0n, 1) + rela(7n, 1) }),
    section: ".rela.text",
    offset: 24,
    problem: /r_offset lies outside section \.text \(6 bytes\)/,
    value: 7,
  },
  {
    what: "r_offset 2^64-1",
    elf: over(".rela.text", { content: rela(2n ** 64n - 1n, 1) }),
    section: ".rela.text",
    offset: 0,
    problem: /r_offset lies outside section \.text/,
  },
  {
    what: "r_offset before the section of an image",
    elf: { ...base, type: "exec", overrides: { ".text": { addr: 0x1000 } } },
    section: ".rela.text",
    offset: 0,
    problem: /r_offset lies outside section \.text/,
    value: 1 - 0x1000,
  },
  {
    what: "a compressed section without its header",
    elf: { sections: [{ name: ".debug_info", flags: "C", content: "01", relocations: [{ offset: 0, type: 1 }] }] },
    section: ".debug_info",
    problem: /compression header is truncated/,
    value: 1,
  },
  // Groups.
  {
    what: "a group without flag word",
    elf: over(".group:f", { content: "" }, grouped),
    section: ".group",
    problem: /section group has no flag word/,
    value: 0,
  },
  {
    what: "a group of 7 bytes",
    elf: over(".group:f", { content: "01000000010000" }, grouped),
    section: ".group",
    problem: /sh_size is not a multiple of the 4 bytes/,
    value: 7,
  },
  {
    what: "a group's member that does not exist",
    elf: over(".group:f", { content: "01000000 02000000 ffffffff" }, grouped),
    section: ".group",
    offset: 8,
    problem: /section group has a member that does not exist: there are 8 sections/,
    value: 0xffffffff,
  },
  {
    what: "section 0 as a group's member",
    elf: over(".group:f", { content: "01000000 00000000" }, grouped),
    section: ".group",
    offset: 4,
    problem: /section group has a member that does not exist/,
    value: 0,
  },
  {
    what: "a group's signature that does not exist",
    elf: over(".group:f", { info: 3 }, grouped),
    section: ".group",
    problem: /sh_info names no symbol: there are 3/,
    value: 3,
  },
  {
    what: "a group's symbols in a section of code",
    elf: over(".group:f", { link: 2 }, grouped),
    section: ".group",
    problem: /sh_link names no symbol table/,
    value: 2,
  },
];
