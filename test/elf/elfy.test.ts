/*
 * elfy's faults, each with what elfy itself makes of the file and what we make of it. The first half of a row is there to
 * notice an elfy that has been mended; the second half is what the product depends on.
 */
import elfy from "elfy";
import { describe, expect, it } from "vitest";
import { EM, ET, SHF } from "../../src/elf/constants.ts";
import { type ElfObject, readObject } from "../../src/elf/object.ts";
import { buildElf, type ElfDescription } from "../support/elf-builder.ts";

/** What elfy returns, as far as these tests look. */
interface ElfySection {
  readonly name: string;
  readonly flags: Readonly<Record<string, true>>;
  readonly addr: number;
  readonly addralign: number;
  readonly entsize: number;
  readonly data: Uint8Array;
}
interface ElfyFile {
  readonly type: string | undefined;
  readonly machine: string | undefined;
  readonly osabi: string;
  readonly entry: number;
  readonly body: { readonly sections: readonly ElfySection[] };
}

interface Fault {
  readonly teaches: string;
  readonly elf: ElfDescription;
  readonly elfy: (file: ElfyFile) => unknown;
  readonly wrong: unknown;
  readonly ours: (object: ElfObject) => unknown;
  readonly right: unknown;
}

const first = (file: ElfyFile): ElfySection => file.body.sections[1] as ElfySection;

const WRONG_VALUES: readonly Fault[] = [
  {
    teaches: "sh_addralign of ELF64 is read two bytes early",
    elf: { sections: [{ name: ".data", content: "00", addralign: 16 }] },
    elfy: (file) => first(file).addralign,
    wrong: 16 * 0x10000,
    ours: (object) => object.sections[1]?.addralign,
    right: 16,
  },
  {
    teaches: "sh_entsize of ELF64 too",
    elf: { sections: [{ name: ".rodata.cst8", content: "00".repeat(8), flags: "AM", entsize: 8, addralign: 0 }] },
    elfy: (file) => first(file).entsize,
    wrong: 8 * 0x10000,
    ours: (object) => object.sections[1]?.entsize,
    right: 8,
  },
  {
    teaches: "osabi comes from the version's byte",
    elf: { osabi: 3 },
    elfy: (file) => file.osabi,
    wrong: "hpux",
    ours: (object) => object.osabi,
    right: 3,
  },
  {
    teaches: "addresses are doubles",
    elf: { sections: [{ name: ".text", code: "c3", addr: 0xffffffff81000123n }] },
    elfy: (file) => BigInt(first(file).addr),
    wrong: 0xffffffff81000000n,
    ours: (object) => object.sections[1]?.addr,
    right: 0xffffffff81000123n,
  },
  {
    teaches: "the entry point is a double",
    elf: { type: "exec", entry: 0xffffffff81000123n },
    elfy: (file) => BigInt(file.entry),
    wrong: 0xffffffff81000000n,
    ours: (object) => object.entry,
    right: 0xffffffff81000123n,
  },
  {
    teaches: "flags above bit 31 are dropped",
    elf: { sections: [{ name: ".data", content: "00", flags: SHF.ALLOC | (1n << 40n) }] },
    elfy: (file) => Object.keys(first(file).flags),
    wrong: ["alloc"],
    ours: (object) => object.sections[1]?.flags,
    right: 0x100_0000_0002n,
  },
  {
    teaches: "flags without a name become decimal keys",
    elf: { sections: [{ name: ".data", content: "00", flags: SHF.ALLOC | SHF.GNU_RETAIN }] },
    elfy: (file) => Object.keys(first(file).flags).sort(),
    wrong: ["2097152", "alloc"],
    ours: (object) => object.sections[1]?.flags,
    right: 0x20_0002n,
  },
  {
    teaches: "machines that it does not know are lost: RISC-V",
    elf: { machine: "riscv64" },
    elfy: (file) => file.machine,
    wrong: undefined,
    ours: (object) => object.machine,
    right: EM.RISCV,
  },
  {
    teaches: "machines that it does not know are lost: LoongArch",
    elf: { machine: "loongarch64" },
    elfy: (file) => file.machine,
    wrong: undefined,
    ours: (object) => object.machine,
    right: EM.LOONGARCH,
  },
  {
    teaches: "file types that it does not know are lost",
    elf: { type: 0xfe00 },
    elfy: (file) => file.type,
    wrong: undefined,
    ours: (object) => object.type,
    right: 0xfe00,
  },
  {
    teaches: "NOBITS sections get the bytes of whatever follows in the file",
    elf: {
      sections: [
        { name: ".bss", size: 4 },
        { name: ".data", content: "01020304", addralign: 1 },
      ],
    },
    elfy: (file) => first(file).data.length,
    wrong: 4,
    ours: (object) => [object.sections[1]?.size, object.sections[1]?.bytes.length],
    right: [4, 0],
  },
  {
    teaches: "different names collide: bytes that are not UTF-8 all become U+FFFD",
    elf: {
      sections: [
        { name: Uint8Array.of(0x2e, 0xff), id: "a" },
        { name: Uint8Array.of(0x2e, 0xfe), id: "b" },
      ],
    },
    elfy: (file) => file.body.sections[1]?.name === file.body.sections[2]?.name,
    wrong: true,
    ours: (object) => object.sections.slice(1, 3).map((section) => section.name),
    right: [".\\xff", ".\\xfe"],
  },
];

describe("values that elfy gets wrong", () => {
  it.each(WRONG_VALUES.map((fault) => [fault.teaches, fault] as const))("%s", (_teaches, fault) => {
    const bytes = buildElf(fault.elf);
    expect(fault.elfy(new elfy.Parser().execute(Buffer.from(bytes)) as unknown as ElfyFile)).toEqual(fault.wrong);
    expect(fault.ours(readObject(bytes, "x.o"))).toEqual(fault.right);
  });
});

const text = [{ name: ".text", code: "c3" }];

describe("files that elfy cannot read and we can", () => {
  it.each([
    ["e_shnum 0: the count is in section 0", { numbering: "extended", sections: text }, 5 + 1],
    ["no section table at all", { header: { shoff: 0, shentsize: 0, shnum: 0, shstrndx: 0 } }, 0],
    ["a section table without names", { sections: text, header: { shstrndx: 0 } }, 5],
    ["program headers that lie outside the file", { type: "core", header: { phoff: 1 << 30, phnum: 3 } }, 4],
    ["program headers that are counted elsewhere (PN_XNUM)", { type: "core", header: { phoff: 64, phnum: 0xffff } }, 4],
  ] as [string, ElfDescription, number][])("%s", (_teaches, elf, sections) => {
    const bytes = buildElf(elf);
    expect(() => new elfy.Parser().execute(Buffer.from(bytes))).toThrow();
    const object = readObject(bytes, "x");
    expect(object.sections).toHaveLength(sections);
    expect(object.type).toBe(elf.type === "core" ? ET.CORE : ET.REL);
  });
});

describe("files that elfy accepts and we refuse", () => {
  it.each([
    [
      "a section past the end of the file is clamped",
      { sections: text, overrides: { ".text": { offset: 1 << 20 } } },
      /section \.text: contents \(1 bytes from 1048576\) end past the end of the file/,
    ],
    [
      "a section that starts inside and ends outside is cut",
      { sections: text, overrides: { ".text": { size: 1 << 20 } } },
      /section \.text: contents \(1048576 bytes from \d+\) end past the end/,
    ],
    [
      "a name that is not terminated is cut",
      { sections: text, overrides: { ".shstrtab": { content: "2e74657874" } } },
      /section \[0\]: sh_name: name is not terminated in its string table/,
    ],
  ] as [string, ElfDescription, RegExp][])("%s", (_teaches, elf, message) => {
    const bytes = buildElf(elf);
    expect(() => new elfy.Parser().execute(Buffer.from(bytes))).not.toThrow();
    expect(() => readObject(bytes, "x.o")).toThrow(message);
  });

  it("sections of the wrong e_shentsize are read at the wrong places", () => {
    const bytes = buildElf({ sections: text, header: { shentsize: 63 } });
    expect(() => readObject(bytes, "x.o")).toThrow("x.o: offset 0x3a: ");
    expect(() => readObject(bytes, "x.o")).toThrow("e_shentsize is not the 64 bytes of a section header (value 63)");
  });
});
