import { describe, expect, test } from "vitest";
import { archFor } from "../../src/arch/registry.ts";
import { SHF } from "../../src/elf/constants.ts";
import { readObject } from "../../src/elf/object.ts";
import { buildElf, type MachineName } from "../support/elf-builder.ts";
import { needPrograms } from "../support/tools.ts";
import { compile } from "./toolchain.ts";

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));

function isPadding(machine: MachineName, hex: string): boolean {
  const arch = archFor(readObject(buildElf({ machine }), "x.o"));
  const filler = bytes(hex);
  return arch.isPadding(filler, 0, filler.length);
}

describe("filler", () => {
  test.each<[MachineName, string]>([
    ["x86_64", ""],
    ["x86_64", "00000000"],
    ["x86_64", "cccccc"],
    ["x86_64", "90"],
    ["x86_64", "6690"],
    ["x86_64", "0f1f00"],
    ["x86_64", "0f1f4000"],
    ["x86_64", "0f1f440000"],
    ["x86_64", "660f1f440000"],
    ["x86_64", "0f1f8000000000"],
    ["x86_64", "0f1f840000000000"],
    ["x86_64", "660f1f840000000000"],
    ["x86_64", "662e0f1f840000000000"],
    ["x86_64", "6666666666662e0f1f840000000000"],
    ["x86_64", "666666 662e0f1f840000000000 6690 cc 00"],
    ["x86_64", "4889f6"],
    ["x86_64", "488d7600"],
    ["x86_64", "eb02 9090"],
    ["i386", "89f6"],
    ["i386", "8d7600"],
    ["i386", "8d742600"],
    ["i386", "3e8d742600"],
    ["i386", "8db600000000"],
    ["i386", "8db42600000000"],
    ["i386", "2e8db42600000000"],
    ["i386", "3e8db42600000000"],
    ["i386", "8dbc2700000000"],
    ["i386", "eb0d 90909090909090909090909090"],
    ["i386", "6690"],
    ["aarch64", "1f2003d5 1f2003d5"],
    ["aarch64", "00000000 1f2003d5"],
    ["arm", "00f020e3 0000a0e1 00bf c046 aff30080"],
    ["armeb", "e320f000 e1a00000 bf00 f3af8000"],
    ["ppc64le", "00000060 00004260"],
    ["ppc64", "60000000"],
    ["s390x", "0707 0700 47000000 c00400000000"],
    ["riscv64", "0100 13000000"],
    ["loongarch64", "00004003"],
    ["mips", "00000000"],
  ])("%s %s", (machine, hex) => {
    expect(isPadding(machine, hex)).toBe(true);
  });
});

describe("no filler", () => {
  test.each<[MachineName, string]>([
    ["x86_64", "c3"],
    ["x86_64", "0f0b"],
    ["x86_64", "f390"],
    ["x86_64", "0f1f"],
    ["x86_64", "66"],
    ["x86_64", "6666662e"],
    ["x86_64", "89f6"],
    ["x86_64", "8d7600"],
    ["x86_64", "f30f1efa"],
    ["x86_64", "eb02 90c3"],
    ["x86_64", "eb02 90"],
    ["i386", "89f7"],
    ["i386", "8d7601"],
    ["i386", "8d7700"],
    ["i386", "8d743600"],
    ["aarch64", "1f2003"],
    ["aarch64", "3f2003d5"],
    ["aarch64", "d503201f"],
    ["arm", "1eff2fe1"],
    ["ppc64le", "2000804e"],
    ["s390x", "07fe"],
    ["s390x", "c00400000001"],
    ["riscv64", "8280"],
    ["loongarch64", "20 00 00 4c"],
    ["mips", "03e00008"],
  ])("%s %s", (machine, hex) => {
    expect(isPadding(machine, hex)).toBe(false);
  });
});

/** A section of two returns with what the assembler puts between. */
const ALIGNED = ".text\n.p2align 6\nf: ret\n.p2align 6\ng: ret\n";

describe("what assemblers put between functions", () => {
  test.for<[string, string[], string]>([
    ...[...Array(16).keys()].map((n): [string, string[], string] => ["as", ["--64"], `.nops ${n + 1}`]),
    ...[...Array(16).keys()].map((n): [string, string[], string] => ["as", ["--32"], `.nops ${n + 1}`]),
    ["as", ["--64", "-mtune=generic64"], ALIGNED],
    ["as", ["--32", "-mtune=generic32"], ALIGNED],
    ["as", ["--32", "-mtune=i386"], ALIGNED],
    ["as", ["--32", "-mtune=i686"], ALIGNED],
    ["as", ["--32", "-march=i686", "-mtune=core2"], ALIGNED],
    ["aarch64-linux-gnu-as", [], ALIGNED],
    ["arm-linux-gnueabihf-as", ["-march=armv7-a"], ALIGNED.replaceAll("ret", "bx lr")],
    ["arm-linux-gnueabihf-as", ["-march=armv4t"], ALIGNED.replaceAll("ret", "bx lr")],
    ["arm-linux-gnueabihf-as", ["-march=armv7-a", "-mthumb"], ALIGNED.replaceAll("ret", "bx lr")],
    ["arm-linux-gnueabihf-as", ["-march=armv4t", "-mthumb"], ALIGNED.replaceAll("ret", "bx lr")],
    ["powerpc64le-linux-gnu-as", ["-mpower7"], ALIGNED.replaceAll("ret", "blr")],
    ["powerpc64le-linux-gnu-as", ["-mpower10"], ALIGNED.replaceAll("ret", "blr")],
    ["s390x-linux-gnu-as", [], ALIGNED.replaceAll("ret", "br %r14")],
    ["riscv64-linux-gnu-as", ["-march=rv64gc", "-mno-relax"], ALIGNED],
    ["riscv64-linux-gnu-as", ["-march=rv64g", "-mno-relax"], ALIGNED],
    ["mips-linux-gnu-as", [], ALIGNED.replaceAll("ret", ".set noreorder; jr $31; nop")],
    ["mips-linux-gnu-as", ["-mmicromips"], ALIGNED.replaceAll("ret", ".set noreorder; jr $31; nop")],
  ])("%s %s %s", ([assembler, flags, source], { skip }) => {
    needPrograms(skip, assembler);
    const object = readObject(
      compile(assembler, flags, source.startsWith(".nops") ? `.text\n${source}\n` : source),
      "x.o",
    );
    const text = object.sections.find(({ name, flags: bits }) => name === ".text" && bits & SHF.EXECINSTR);
    const filler = text?.bytes as Uint8Array;
    // The longest return of all these has 8 bytes, its delay slot included.
    const [from, to] = source.startsWith(".nops") ? [0, filler.length] : [8, 64];
    expect(archFor(object).isPadding(filler, from, to)).toBe(true);
    if (to === 64) expect(archFor(object).isPadding(filler, 0, 64)).toBe(false);
  });
});
