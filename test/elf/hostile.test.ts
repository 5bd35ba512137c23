/* Files that contradict the gABI or themselves: each is refused with an error that says where and what. */
import { describe, expect, it } from "vitest";
import { readObject } from "../../src/elf/object.ts";
import { FormatError } from "../../src/errors.ts";
import { buildElf, type ElfDescription } from "../support/elf-builder.ts";
import { base, extended, grouped, narrow } from "./contradiction.ts";
import { HEADER_CONTRADICTIONS } from "./contradictions-headers.ts";
import { TABLE_CONTRADICTIONS } from "./contradictions-tables.ts";

function refusal(bytes: Uint8Array): FormatError {
  try {
    const object = readObject(bytes, "lib.a", "x.o");
    for (const section of object.sections) object.relocationsOf(section.index);
  } catch (error) {
    if (error instanceof FormatError) return error;
    throw error;
  }
  throw new Error("the file was read");
}

describe("identification", () => {
  it.each([
    ["a file of length zero", "", "lib.a(x.o): offset 0x0: file is empty"],
    ["one byte", "7f", 'lib.a(x.o): offset 0x0: not an ELF file: it does not start with 7f 45 4c 46 (value "7f")'],
    [
      "text",
      Buffer.from("hello, world").toString("hex"),
      'lib.a(x.o): offset 0x0: not an ELF file: it does not start with 7f 45 4c 46 (value "68 65 6c 6c")',
    ],
    [
      "the magic and nothing else",
      "7f454c46",
      "lib.a(x.o): offset 0x4: ELF header is truncated: the file has only 4 bytes",
    ],
    [
      "an ELF header that ends early",
      `7f454c46020101${"00".repeat(9)}0100`,
      "lib.a(x.o): offset 0x12: ELF header is truncated: 64 bytes are needed, the file has only 18",
    ],
    [
      "a 32-bit header is shorter, but may end early too",
      `7f454c46010101${"00".repeat(44)}`,
      "lib.a(x.o): offset 0x33: ELF header is truncated: 52 bytes are needed, the file has only 51",
    ],
    [
      "class 0",
      `7f454c46000101${"00".repeat(64)}`,
      "lib.a(x.o): offset 0x4: unknown ELF class: neither 32-bit (1) nor 64-bit (2) (value 0)",
    ],
    [
      "class 3",
      `7f454c46030101${"00".repeat(64)}`,
      "lib.a(x.o): offset 0x4: unknown ELF class: neither 32-bit (1) nor 64-bit (2) (value 3)",
    ],
    [
      "byte order 0",
      `7f454c46020001${"00".repeat(64)}`,
      "lib.a(x.o): offset 0x5: unknown byte order: neither least (1) nor most (2) significant byte first (value 0)",
    ],
    ["version 2", `7f454c46020102${"00".repeat(64)}`, "lib.a(x.o): offset 0x6: unknown ELF version: not 1 (value 2)"],
  ])("%s", (_what, hex, message) => {
    expect(refusal(Buffer.from(hex, "hex")).message).toBe(message);
  });
});

describe("a contradiction is refused with its place and its value", () => {
  it.each([...HEADER_CONTRADICTIONS, ...TABLE_CONTRADICTIONS].map((row) => [row.what, row] as const))(
    "%s",
    (_what, row) => {
      const error = refusal(buildElf(row.elf));
      expect(error.problem).toMatch(row.problem);
      expect(error.message.startsWith("lib.a(x.o): ")).toBe(true);
      if ("section" in row) expect(error.place.section).toBe(row.section);
      if ("offset" in row) expect(error.place.offset).toBe(row.offset);
      if ("value" in row) expect(error.value).toBe(row.value);
    },
  );

  it("the same file without the contradiction is read", () => {
    for (const elf of [base, grouped, extended, narrow]) {
      const object = readObject(buildElf(elf), "x.o");
      const text = object.sections.find((section) => section.name === ".text");
      expect(object.relocationsOf(text?.index ?? 0)).toHaveLength(1);
    }
  });
});

describe("a truncated file", () => {
  it.each([
    ["x86_64", base],
    ["ppc", narrow],
    ["extended", extended],
  ] as const)("%s: is refused wherever it ends", (_name, elf) => {
    const bytes = buildElf(elf);
    for (let length = 0; length < bytes.length; length++) {
      expect(refusal(bytes.subarray(0, length)).message).toMatch(/truncated|empty|not an ELF file/);
    }
  });
});

describe("a small file that asks for much", () => {
  const expectRefused = (elf: ElfDescription, problem: RegExp): void => {
    expect(refusal(buildElf(elf)).problem).toMatch(problem);
  };
  const longName = (last: string): string => `${"61".repeat(1 << 20)}${last}`;
  const many = Array.from({ length: 20_000 }, (_, index) => index);

  it("20,000 sections share a name of a megabyte that is not terminated", () => {
    const overrides = { ".shstrtab": { content: longName("61") } };
    expectRefused({ sections: many.map((index) => ({ name: "", id: `${index}` })), overrides }, /not terminated/);
  });

  it("20,000 sections start each one byte further into a name of a megabyte", () => {
    const overrides = {
      ...Object.fromEntries(many.map((index) => [`${index}`, { name: index }])),
      ".shstrtab": { content: longName("00") },
    };
    expectRefused({ sections: many.map((index) => ({ name: "", id: `${index}` })), overrides }, /overlap so much/);
  });

  it("20,000 symbols start each one byte further into a name of a megabyte", () => {
    const symbols = Buffer.alloc(24 * 20_000);
    for (const index of many) symbols.writeUInt32LE(index, index * 24);
    expectRefused(
      { overrides: { ".symtab": { content: symbols }, ".strtab": { content: longName("00") } } },
      /overlap so much/,
    );
  });

  it.each([
    ["with names", {}],
    ["without names", { header: { shstrndx: 0 } }],
  ] as [string, ElfDescription][])("10,000 relocation tables are all the same megabyte, %s", (_which, some) => {
    const size = 24 * 40_000;
    const relocations = { name: "", type: "rela", entsize: 24, link: ".symtab", info: ".text" } as const;
    const tables = many.slice(0, 10_000).map((index) => ({ ...relocations, id: `${index}` }));
    const overrides = Object.fromEntries(tables.map((table) => [table.id, { offset: 64, size }]));
    const shared = { name: ".table", content: new Uint8Array(size), addralign: 1 };
    const sections = [shared, ...tables, { name: ".text", code: "c3" }];
    expectRefused({ ...some, sections, overrides }, /sections overlap: together they are far larger than the file/);
  });
});
