import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addendOf } from "../../src/arch/addend.ts";
import type { Arch, Howto } from "../../src/arch/arch.ts";
import { fieldMaskBytes, fieldOrder, readField, writeField } from "../../src/arch/field.ts";
import { archFor, howtoOf } from "../../src/arch/registry.ts";
import { readObject } from "../../src/elf/object.ts";
import { buildElf, type MachineName } from "../support/elf-builder.ts";

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
const hex = (field: Uint8Array) => Buffer.from(field).toString("hex");

const MACHINES: readonly MachineName[] = [
  ...(["x86_64", "i386", "aarch64", "arm", "armeb", "ppc64", "ppc64le", "s390x"] as const),
  ...(["riscv64", "loongarch64", "mips", "mips64", "mips64le"] as const),
];
const archOf = (machine: MachineName): Arch => archFor(readObject(buildElf({ machine }), "x.o"));
const howtoNamed = (arch: Arch, name: string): Howto =>
  [...arch.howtos.values()].find((row) => row.name === name) as Howto;

describe("masks by byte", () => {
  test.each<[MachineName, string, string]>([
    ["x86_64", "R_X86_64_PC32", "ffffffff"],
    ["aarch64", "R_AARCH64_CALL26", "ffffff03"],
    ["aarch64", "R_AARCH64_ADR_PREL_PG_HI21", "e0ffff60"],
    ["aarch64", "R_AARCH64_LDST64_ABS_LO12_NC", "00fc0700"],
    ["aarch64", "R_AARCH64_ADD_ABS_LO12_NC", "00fc3f00"],
    ["aarch64", "R_AARCH64_TSTBR14", "e0ff0700"],
    ["aarch64", "R_AARCH64_MOVW_UABS_G1", "e0ff1f00"],
    ["aarch64", "R_AARCH64_MOVW_SABS_G1", "e0ff1f40"],
    ["arm", "R_ARM_CALL", "ffffff00"],
    ["armeb", "R_ARM_CALL", "00ffffff"],
    ["arm", "R_ARM_MOVW_ABS_NC", "ff0f0f00"],
    ["arm", "R_ARM_PREL31", "ffffff7f"],
    ["arm", "R_ARM_THM_CALL", "ff07ff2f"],
    ["armeb", "R_ARM_THM_CALL", "07ff2fff"],
    ["arm", "R_ARM_THM_MOVW_ABS_NC", "0f04ff70"],
    ["ppc64le", "R_PPC64_REL24", "fcffff03"],
    ["ppc64", "R_PPC64_REL24", "03fffffc"],
    ["ppc64le", "R_PPC64_TOC16_LO_DS", "fcff"],
    ["ppc64", "R_PPC64_TOC16_LO_DS", "fffc"],
    ["ppc64le", "R_PPC64_PCREL34", "ffff0300ffff0000"],
    ["ppc64", "R_PPC64_PCREL34", "0003ffff0000ffff"],
    ["s390x", "R_390_20", "0fffff00"],
    ["s390x", "R_390_PC12DBL", "0fff"],
    ["s390x", "R_390_PC24DBL", "ffffff"],
    ["riscv64", "R_RISCV_CALL_PLT", "00f0ffff0000f0ff"],
    ["riscv64", "R_RISCV_BRANCH", "800f00fe"],
    ["riscv64", "R_RISCV_JAL", "00f0ffff"],
    ["riscv64", "R_RISCV_LO12_S", "800f00fe"],
    ["riscv64", "R_RISCV_RVC_BRANCH", "7c1c"],
    ["riscv64", "R_RISCV_RVC_JUMP", "fc1f"],
    ["riscv64", "R_RISCV_SUB6", "3f"],
    ["loongarch64", "R_LARCH_B26", "ffffff03"],
    ["loongarch64", "R_LARCH_B21", "1ffcff03"],
    ["loongarch64", "R_LARCH_PCALA_HI20", "e0ffff01"],
    ["loongarch64", "R_LARCH_CALL36", "e0ffff0100fcff03"],
    ["mips", "R_MIPS_HI16", "0000ffff"],
    ["mips64le", "R_MIPS_HI16", "ffff0000"],
    ["mips", "R_MIPS_26", "03ffffff"],
    ["mips", "R_MICROMIPS_HI16", "0000ffff"],
    ["mips64le", "R_MICROMIPS_HI16", "0000ffff"],
    ["x86_64", "R_X86_64_TLSDESC_CALL", ""],
  ])("%s %s: %s", (machine, name, expected) => {
    const arch = archOf(machine);
    const howto = howtoNamed(arch, name);
    const masks = fieldMaskBytes(howto, fieldOrder(arch, howto));
    expect(hex(masks)).toBe(expected);
    expect(fieldMaskBytes(howto, fieldOrder(arch, howto))).toBe(masks);
  });
});

describe("values of instructions as a disassembler shows them", () => {
  test.each<[MachineName, string, string, bigint]>([
    ["aarch64", "R_AARCH64_CALL26", "ffffff97", -4n],
    ["aarch64", "R_AARCH64_ADR_PREL_PG_HI21", "00000090", 0n],
    ["aarch64", "R_AARCH64_ADR_PREL_PG_HI21", "e0ffffd0", -0x2000n],
    ["aarch64", "R_AARCH64_ADR_PREL_LO21", "20000030", 5n],
    ["aarch64", "R_AARCH64_LDST64_ABS_LO12_NC", "000440f9", 8n],
    ["aarch64", "R_AARCH64_MOVW_SABS_G0", "80008092", -5n],
    ["aarch64", "R_AARCH64_MOVW_SABS_G0", "800080d2", 4n],
    ["arm", "R_ARM_CALL", "feffffeb", -8n],
    ["arm", "R_ARM_LDR_PC_G0", "04001fe5", -4n],
    ["arm", "R_ARM_LDR_PC_G0", "04009fe5", 4n],
    ["arm", "R_ARM_ALU_PC_G0", "010a8fe2", 0x1000n],
    ["arm", "R_ARM_ALU_PC_G0", "010a4fe2", -0x1000n],
    ["arm", "R_ARM_THM_CALL", "fff7feff", -4n],
    ["armeb", "R_ARM_THM_CALL", "f7fffffe", -4n],
    ["arm", "R_ARM_THM_JUMP19", "3ff4feaf", -4n],
    ["arm", "R_ARM_THM_MOVW_ABS_NC", "41f23423", 0x1234n],
    ["arm", "R_ARM_THM_JUMP6", "38b1", 14n],
    ["ppc64le", "R_PPC64_REL24", "fdffff4b", -4n],
    ["ppc64le", "R_PPC64_PCREL34", "000010060800e438", 8n],
    ["s390x", "R_390_PC32DBL", "fffffffd", -6n],
    ["s390x", "R_390_20", "0fffff58", -1n],
    ["s390x", "R_390_20", "01230458", 0x4123n],
    ["riscv64", "R_RISCV_CALL", "97000000 e7800080", -0x800n],
    ["riscv64", "R_RISCV_CALL", "97100000 e7800080", 0x800n],
    ["riscv64", "R_RISCV_JAL", "eff0dfff", -4n],
    ["riscv64", "R_RISCV_BRANCH", "e30eb5fe", -4n],
    ["riscv64", "R_RISCV_RVC_JUMP", "f5bf", -4n],
    ["loongarch64", "R_LARCH_B26", "ffffff57", -4n],
    ["loongarch64", "R_LARCH_CALL36", "0100001e 21fcff4f", -4n],
    ["mips", "R_MIPS_PC16", "1000ffff", -4n],
  ])("%s %s in %s", (machine, name, field, expected) => {
    const arch = archOf(machine);
    const howto = howtoNamed(arch, name);
    expect(readField(bytes(field), 0, howto, fieldOrder(arch, howto))).toBe(expected);
  });
});

describe.each(MACHINES)("every field of %s", (machine) => {
  const arch = archOf(machine);
  const fields = [...arch.howtos.values()].filter(({ size }) => size > 0);

  test("reads what was written and leaves other bits alone", () => {
    const content = fc.uint8Array({ minLength: 24, maxLength: 24 });
    const value = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    fc.assert(
      fc.property(fc.constantFrom(...fields), content, value, fc.nat(8), (howto, before, wanted, offset) => {
        const order = fieldOrder(arch, howto);
        const after = before.slice();
        writeField(after, offset, howto, order, wanted);
        const masks = fieldMaskBytes(howto, order);
        for (let i = 0; i < before.length; i++) {
          const mask = masks[i - offset] ?? 0;
          expect(((after[i] as number) ^ (before[i] as number)) & ~mask & 0xff).toBe(0);
        }
        const again = after.slice();
        writeField(again, offset, { ...howto, rounding: 0n }, order, readField(after, offset, howto, order));
        if (howto.encoding !== "up-down" && howto.encoding !== "arm-immediate") expect(again).toEqual(after);
      }),
      { numRuns: 400 },
    );
  });

  test("bytes past the end count as zero", () => {
    for (const howto of fields) {
      const order = fieldOrder(arch, howto);
      expect(() => readField(new Uint8Array(0), 0, howto, order), howto.name).not.toThrow();
      expect(() => arch.implicitAddend(howto, new Uint8Array(1), 7), howto.name).not.toThrow();
    }
  });
});

describe("addends in fields", () => {
  test.each<[MachineName, string, string, bigint]>([
    ["i386", "R_386_PC32", "fcffffff", -4n],
    ["i386", "R_386_32", "fcffffff", -4n],
    ["i386", "R_386_8", "80", -128n],
    ["arm", "R_ARM_ABS32", "f8ffffff", -8n],
    ["arm", "R_ARM_CALL", "feffffeb", -8n],
    ["arm", "R_ARM_THM_CALL", "fff7feff", -4n],
    ["arm", "R_ARM_MOVW_ABS_NC", "340201e3", 0x1234n],
    ["arm", "R_ARM_MOVT_ABS", "340241e3", 0x1234n],
    ["arm", "R_ARM_MOVT_ABS", "cc0f4fe3", -0x34n],
    ["arm", "R_ARM_PREL31", "fcffff7f", -4n],
    ["mips", "R_MIPS_LO16", "2484fffc", -4n],
    ["mips", "R_MIPS_26", "0c000004", 16n],
    ["mips", "R_MIPS_32", "00000010", 16n],
  ])("%s %s in %s", (machine, name, field, expected) => {
    const arch = archOf(machine);
    expect(arch.implicitAddend(howtoNamed(arch, name), bytes(field), 0)).toBe(expected);
  });

  test("the upper half on MIPS takes the lower from the next LO16 of its symbol", () => {
    const object = readObject(
      buildElf({
        machine: "mips",
        sections: [
          {
            name: ".text",
            // lui 1; lui 2; addiu -4; addiu 8; lui 3
            code: "3c040001 3c050002 2484fffc 24a50008 3c060003",
            relocations: [
              { offset: 0, type: 5, symbol: "a" },
              { offset: 4, type: 5, symbol: "b" },
              { offset: 8, type: 6, symbol: "a" },
              { offset: 12, type: 6, symbol: "b" },
              { offset: 16, type: 5, symbol: "a" },
            ],
          },
        ],
        symbols: [{ name: "a" }, { name: "b" }],
      }),
      "x.o",
    );
    const arch = archFor(object);
    const text = object.sections.findIndex(({ name }) => name === ".text");
    const records = object.relocationsOf(text);
    const section = object.sections[text]?.bytes as Uint8Array;
    const addends = records.map((_, index) => addendOf(arch, records, index, section));
    expect(addends).toEqual([0xfffcn, 0x20008n, -4n, 8n, 0x30000n]);
  });

  test("a RELA record has its own", () => {
    const records = [{ offset: 0, type: 2, symbol: 0, addend: -4n, rela: true }];
    expect(addendOf(archOf("x86_64"), records, 0, new Uint8Array(4))).toBe(-4n);
  });
});

test("a field of an unknown type is empty", () => {
  const howto = howtoOf(archOf("x86_64"), 0x7b);
  expect(fieldMaskBytes(howto, "lsb")).toEqual(new Uint8Array(0));
  expect(readField(bytes("ff"), 0, howto, "lsb")).toBe(0n);
});
