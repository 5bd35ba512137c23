import { describe, expect, test } from "vitest";
import type { Arch, Howto } from "../../src/arch/arch.ts";
import { archFor, howtoOf, type Target } from "../../src/arch/registry.ts";
import { EM } from "../../src/elf/constants.ts";

const target = (machine: number, elfClass: 32 | 64, data: "lsb" | "msb", flags = 0): Target => ({
  machine,
  class: elfClass,
  data,
  flags,
});

const TARGETS: readonly [string, Target][] = [
  ["x86_64", target(EM.X86_64, 64, "lsb")],
  ["x32", target(EM.X86_64, 32, "lsb")],
  ["i386", target(EM["386"], 32, "lsb")],
  ["aarch64", target(EM.AARCH64, 64, "lsb")],
  ["aarch64_be", target(EM.AARCH64, 64, "msb")],
  ["arm", target(EM.ARM, 32, "lsb", 0x5000000)],
  ["armeb", target(EM.ARM, 32, "msb", 0x5000000)],
  ["ppc64le", target(EM.PPC64, 64, "lsb", 2)],
  ["ppc64", target(EM.PPC64, 64, "msb", 1)],
  ["s390x", target(EM.S390, 64, "msb")],
  ["s390", target(EM.S390, 32, "msb")],
  ["riscv64", target(EM.RISCV, 64, "lsb")],
  ["riscv32", target(EM.RISCV, 32, "lsb")],
  ["loongarch64", target(EM.LOONGARCH, 64, "lsb")],
  ["mips", target(EM.MIPS, 32, "msb")],
  ["mipsel", target(EM.MIPS, 32, "lsb")],
  ["mips64", target(EM.MIPS, 64, "msb")],
  ["mips64el", target(EM.MIPS, 64, "lsb")],
];

const arches = new Map<string, Arch>(TARGETS.map(([name, object]) => [name, archFor(object)]));
const arch = (name: string): Arch => arches.get(name) as Arch;
const howto = (name: string, relocation: string): Howto =>
  [...arch(name).howtos.values()].find((row) => row.name === relocation) as Howto;

describe.each(TARGETS)("%s", (name, object) => {
  const { howtos } = arch(name);

  test("is chosen by machine, class and byte order, once", () => {
    expect(archFor({ ...object })).toBe(arch(name));
    expect(arch(name)).toMatchObject({ name, machine: object.machine, class: object.class, data: object.data });
  });

  test("gives each type one name", () => {
    expect(new Set([...howtos.values()].map((row) => row.name)).size).toBe(howtos.size);
    for (const [type, row] of howtos) expect(row.type).toBe(type);
  });

  test("keeps masks inside their fields", () => {
    for (const row of howtos.values()) {
      expect(row.mask >> BigInt(8 * row.size), row.name).toBe(0n);
      expect(row.size > 0, row.name).toBe(row.mask !== 0n);
    }
  });

  test("gives hints no field, and what has a target one", () => {
    for (const row of howtos.values()) {
      const hasField = !["hint", "none", "other", "difference"].includes(row.role);
      if (hasField) expect(row.size, row.name).toBeGreaterThan(0);
      if (row.role === "hint" || row.role === "none") expect(row.size, row.name).toBe(0);
    }
  });

  test("names a family after a type of its own", () => {
    const names = new Set([...howtos.values()].map((row) => row.name));
    for (const row of howtos.values()) expect(names.has(row.family), row.name).toBe(true);
  });

  test("has a trampoline", () => {
    expect(arch(name).trampoline.size).toBeGreaterThan(0);
    expect(arch(name).trampoline.reach).toBeGreaterThan(0n);
  });
});

describe("families", () => {
  test.each([
    ["x86_64", "R_X86_64_PLT32", "R_X86_64_PC32", true],
    ["x86_64", "R_X86_64_REX_GOTPCRELX", "R_X86_64_GOTPCRELX", true],
    ["x86_64", "R_X86_64_32", "R_X86_64_32S", false],
    ["x86_64", "R_X86_64_GOTPCREL", "R_X86_64_PC32", false],
    ["i386", "R_386_PLT32", "R_386_PC32", true],
    ["aarch64", "R_AARCH64_CALL26", "R_AARCH64_JUMP26", false],
    ["arm", "R_ARM_PLT32", "R_ARM_CALL", true],
    ["arm", "R_ARM_JUMP24", "R_ARM_CALL", false],
    ["ppc64le", "R_PPC64_REL24", "R_PPC64_REL24_NOTOC", false],
    ["s390x", "R_390_PLT32DBL", "R_390_PC32DBL", true],
    ["riscv64", "R_RISCV_CALL_PLT", "R_RISCV_CALL", true],
    ["loongarch64", "R_LARCH_B26", "R_LARCH_CALL36", false],
  ])("%s: %s and %s: %s", (name, one, other, same) => {
    expect(howto(name, one).family === howto(name, other).family).toBe(same);
  });
});

describe("roles", () => {
  test.each([
    ["riscv64", "R_RISCV_ADD32", "difference"],
    ["riscv64", "R_RISCV_SUB32", "difference"],
    ["riscv64", "R_RISCV_SET_ULEB128", "difference"],
    ["riscv64", "R_RISCV_RELAX", "hint"],
    ["riscv64", "R_RISCV_ALIGN", "hint"],
    ["loongarch64", "R_LARCH_SOP_PUSH_PCREL", "difference"],
    ["loongarch64", "R_LARCH_SOP_POP_32_S_0_10_10_16_S2", "difference"],
    ["loongarch64", "R_LARCH_RELAX", "hint"],
    ["mips", "R_MIPS_JALR", "hint"],
    ["mips", "R_MIPS_HI16", "page"],
    ["x86_64", "R_X86_64_GOTPCREL", "got"],
    ["x86_64", "R_X86_64_TPOFF32", "tls"],
    ["ppc64le", "R_PPC64_TOC16_HA", "page"],
    ["ppc64le", "R_PPC64_ENTRY", "hint"],
    ["s390x", "R_390_GOTENT", "got"],
  ])("%s: %s is %s", (name, relocation, role) => {
    expect(howto(name, relocation).role).toBe(role);
  });
});

describe("a type that no table knows", () => {
  test.each([
    ["x86_64", 0x7b, "R_X86_64_0x7b"],
    ["i386", 200_000, "R_386_0x30d40"],
    ["mips64", 0xff0000, "R_MIPS_0xff0000"],
  ])("%s %i is %s", (name, type, expected) => {
    const unknown = howtoOf(arch(name), type);
    expect(unknown).toMatchObject({ name: expected, type, size: 0, mask: 0n, role: "other", known: false });
    expect(howtoOf(arch(name), type)).toBe(unknown);
  });

  test("a type of a table has no such mark", () => {
    expect(howtoOf(arch("x86_64"), 2)).toBe(howto("x86_64", "R_X86_64_PC32"));
    expect(howtoOf(arch("x86_64"), 2).known).toBeUndefined();
  });
});

describe("a machine that no table knows", () => {
  test.each([
    [target(EM.SPARCV9, 64, "msb"), "sparcv9", "R_SPARCV9_0x1"],
    [target(64_321, 32, "lsb"), "machine-64321", "R_MACHINE_64321_0x1"],
  ])("%o", (object, name, relocation) => {
    const generic = archFor(object);
    expect(generic).toMatchObject({ name, machine: object.machine, class: object.class, data: object.data });
    expect(howtoOf(generic, 1)).toMatchObject({ name: relocation, known: false });
    expect(generic.insnAddend(howtoOf(generic, 1), new Uint8Array(4), 0)).toBe(0n);
    expect(generic.isPadding(new Uint8Array(3), 0, 3)).toBe(true);
    expect(generic.isPadding(Uint8Array.of(0, 1), 0, 2)).toBe(false);
  });
});

describe("MIPS64 records of several types", () => {
  const [gprel16, sub, hi16, rel32, abs64] = [7, 24, 5, 3, 18] as const;

  test("take field and shift of the last, and all names", () => {
    const composed = howtoOf(arch("mips64"), gprel16 | (sub << 8) | (hi16 << 16));
    expect(composed).toMatchObject({ name: "R_MIPS_GPREL16/R_MIPS_SUB/R_MIPS_HI16", mask: 0xffffn, rightshift: 16 });
    expect(composed.known).toBeUndefined();
    const two = howtoOf(arch("mips64el"), rel32 | (abs64 << 8));
    expect(two).toMatchObject({ name: "R_MIPS_REL32/R_MIPS_64", size: 8, role: "address" });
  });

  test("exist in no 32-bit object", () => {
    expect(howtoOf(arch("mips"), gprel16 | (sub << 8)).known).toBe(false);
  });
});

describe("marker symbols", () => {
  test.each([
    ["aarch64", "$x", true],
    ["aarch64", "$d.12", true],
    ["aarch64", "$a", false],
    ["aarch64", "$xyz", false],
    ["arm", "$t", true],
    ["arm", "$a.7", true],
    ["arm", "$x", false],
    ["riscv64", "$x", true],
    ["riscv64", "$xrv64i2p1_m2p0", true],
    ["riscv64", "$d", true],
    ["riscv64", "$xenon", false],
    ["loongarch64", ".L123", true],
    ["x86_64", ".LC0", true],
    ["x86_64", "$x", false],
    ["x86_64", "Lfoo", false],
    ["s390x", "filldir", false],
  ])("%s: %s: %s", (name, symbol, expected) => {
    expect(arch(name).isMarkerSymbol(symbol)).toBe(expected);
  });
});

describe("local entry", () => {
  test.each([
    [0x00, 0],
    [0x20, 0],
    [0x40, 4],
    [0x60, 8],
    [0x63, 8],
    [0x80, 16],
    [0xa0, 32],
    [0xc0, 64],
    [0xe0, 0],
  ])("st_other %i: %i bytes", (other, offset) => {
    expect(arch("ppc64le").localEntry(other)).toBe(offset);
    expect(arch("x86_64").localEntry(other)).toBe(0);
  });
});

test("trampolines", () => {
  const sizes = Object.fromEntries([...arches].map(([name, { trampoline }]) => [name, trampoline.size]));
  expect(sizes).toMatchObject({ x86_64: 5, i386: 5, aarch64: 4, arm: 4, ppc64le: 4, s390x: 6, riscv64: 8, mips: 16 });
  expect(arch("aarch64").trampoline.reach).toBe(128n << 20n);
  expect(arch("ppc64le").trampoline.reach).toBe(32n << 20n);
  expect(arch("loongarch64").trampoline.reach).toBe(128n << 30n);
});

test("only a BE8 image has instructions of the other byte order", () => {
  expect(arch("armeb").instructionData).toBe("msb");
  expect(archFor(target(EM.ARM, 32, "msb", 0x5800000)).instructionData).toBe("lsb");
  expect(arch("aarch64_be").instructionData).toBe("lsb");
});
