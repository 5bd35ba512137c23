import { describe, expect, it } from "vitest";
import { EM, ET, SHF, SHT } from "../../src/elf/constants.ts";
import { type ElfObject, readObject } from "../../src/elf/object.ts";
import { FormatError } from "../../src/errors.ts";
import { buildElf, type ElfDescription, type MachineName } from "../support/elf-builder.ts";

function read(description: ElfDescription): ElfObject {
  return readObject(buildElf(description), "dir/x.o");
}

describe("header", () => {
  it.each([
    ["x86_64", 64, "lsb", EM.X86_64],
    ["i386", 32, "lsb", EM["386"]],
    ["ppc", 32, "msb", EM.PPC],
    ["s390x", 64, "msb", EM.S390],
  ] as [MachineName, number, string, number][])(
    "%s: class, byte order and number of the machine",
    (machine, class_, data, number) => {
      const object = read({ machine, flags: 0x8000_0001, osabi: 3, type: "exec", entry: 0x8000_1000 });
      expect(object).toMatchObject({
        class: class_,
        data,
        machine: number,
        type: ET.EXEC,
        flags: 0x8000_0001,
        osabi: 3,
        entry: 0x8000_1000n,
      });
    },
  );

  it("keeps what it was told of the file, for errors", () => {
    const object = readObject(buildElf({}), "lib.a", "x.o");
    expect(object).toMatchObject({ file: "lib.a", member: "x.o" });
    const error = object.error("is odd", { section: ".text", offset: 18 }, 7n);
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toBe("lib.a(x.o): section .text: offset 0x12: is odd (value 7)");
  });

  it("gives plain arrays whatever it was given: a Buffer's slice() would not copy", () => {
    const object = readObject(Buffer.from(buildElf({ sections: [{ name: ".text", code: "90c3" }] })), "x.o");
    expect(Buffer.isBuffer(object.bytes)).toBe(false);
    expect(Buffer.isBuffer(object.sections[1]?.bytes)).toBe(false);
    expect(object.sections[1]?.bytes).toEqual(Uint8Array.of(0x90, 0xc3));
    expect(object.sections[1]?.bytes.buffer).toBe(object.bytes.buffer);
  });
});

describe("sections", () => {
  it.each(["x86_64", "i386", "ppc", "s390x"] as MachineName[])("%s: every field", (machine) => {
    const object = read({
      machine,
      sections: [
        { name: ".text", code: "90 c3", addr: 0x1000, addralign: 32 },
        {
          name: ".odd",
          type: 0x7000_0003,
          flags: 0x8000_0082n,
          content: "0102",
          addralign: 4,
          entsize: 2,
          link: ".text",
          info: 9,
        },
        { name: ".bss", size: 0x1234, addralign: 64 },
      ],
    });
    expect(object.sections[0]).toMatchObject({ index: 0, name: "", type: SHT.NULL, size: 0, bytes: new Uint8Array() });
    expect(object.sections[1]).toMatchObject({
      index: 1,
      name: ".text",
      type: SHT.PROGBITS,
      flags: SHF.ALLOC | SHF.EXECINSTR,
      addr: 0x1000n,
      size: 2,
      addralign: 32,
      bytes: Uint8Array.of(0x90, 0xc3),
    });
    expect(object.sections[2]).toMatchObject({
      index: 2,
      name: ".odd",
      type: 0x7000_0003,
      flags: 0x8000_0082n,
      link: 1,
      info: 9,
      addralign: 4,
      entsize: 2,
      size: 2,
      bytes: Uint8Array.of(1, 2),
    });
    expect(object.sections[3]).toMatchObject({
      index: 3,
      type: SHT.NOBITS,
      size: 0x1234,
      addralign: 64,
      bytes: new Uint8Array(),
    });
    for (const section of object.sections) {
      if (section.bytes.length > 0)
        expect(section.bytes).toEqual(object.bytes.slice(section.offset, section.offset + section.size));
    }
  });

  it("types that we do not decode are carried along", () => {
    const types = [SHT.RELR, SHT.ANDROID_RELR, SHT.LLVM_ADDRSIG, 0xffff_ffff];
    const object = read({
      sections: types.map((type, index) => ({ name: `.s${index}`, type, content: "07", link: 1, info: 99 })),
    });
    expect(object.sections.slice(1, 1 + types.length).map((section) => section.type)).toEqual(types);
    expect(object.sections.flatMap((section) => object.relocationsOf(section.index))).toEqual([]);
  });

  it("compressed sections stay as they are", () => {
    const content = `01000000 00000000 0001000000000000 0100000000000000 789c`;
    const object = read({ sections: [{ name: ".debug_info", flags: "C", content }] });
    expect(object.sections[1]?.bytes).toHaveLength(26);
  });

  it("may share bytes, as long as they do not multiply the file", () => {
    const object = read({
      sections: [
        { name: ".a", content: "11223344" },
        { name: ".b", content: "55667788" },
      ],
      overrides: { ".b": { offset: 64 } },
    });
    expect(object.sections[2]?.bytes).toEqual(object.sections[1]?.bytes);
  });
});
