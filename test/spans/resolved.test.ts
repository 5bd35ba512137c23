import { describe, expect, it } from "vitest";
import type { MachineName } from "../support/elf-description.ts";
import { type Part, section, spansOf } from "../support/elf-parts.ts";

/** Two functions in one section: the first ends at `cut`. Without relocations; what each refers to is decoded. */
function references(machine: MachineName, asm: string, cut: number): string[] {
  const size = asm.replaceAll(/\s/g, "").length / 2;
  const parts: Part[] = [
    section(".text", asm, {}, [
      { name: "f", type: "func", size: cut },
      { name: "g", type: "func", value: cut, size: size - cut },
    ]),
  ];
  return spansOf(parts, { machine }).spans.flatMap((span) =>
    span.relocations.map(
      ({ offset, target, targetOffset, howto, symbol }) =>
        `${span.name}+${offset} ${howto.name} ${target?.name}+${targetOffset}${symbol === undefined ? "" : " named"}`,
    ),
  );
}

describe("branches between functions of one section get their relocations back", () => {
  const cases: [string, MachineName, string, number, string[]][] = [
    ["x86 call", "x86_64", "e801000000 c3 c3", 6, ["f+1 R_X86_64_PC32 g+0"]],
    ["x86 call back", "x86_64", "c3 e8faffffff c3", 1, ["g+1 R_X86_64_PC32 f+0"]],
    ["x86 short jump", "x86_64", "eb01 c3 c3", 3, ["f+1 R_X86_64_PC8 g+0"]],
    ["x86 conditional jump", "x86_64", "0f8401000000 c3 c3", 7, ["f+2 R_X86_64_PC32 g+0"]],
    ["x86 short conditional jump", "x86_64", "7401 c3 c3", 3, ["f+1 R_X86_64_PC8 g+0"]],
    ["x86 lea of a neighbour's address", "x86_64", "488d0501000000 c3 c3", 8, ["f+3 R_X86_64_PC32 g+0"]],
    ["x86 into the middle", "x86_64", "e902000000 c3 90 c3", 6, ["f+1 R_X86_64_PC32 g+1"]],
    ["x86 branch inside the function is its own", "x86_64", "eb00 c3 c3", 3, []],
    ["x86 branch out of the section refers to nothing", "x86_64", "e800100000 c3 c3", 6, []],
    ["i386 call", "i386", "e801000000 c3 c3", 6, ["f+1 R_386_PC32 g+0"]],
    ["AArch64 bl", "aarch64", "02000094 c0035fd6 c0035fd6", 8, ["f+0 R_AARCH64_CALL26 g+0"]],
    ["AArch64 b", "aarch64", "02000014 c0035fd6 c0035fd6", 8, ["f+0 R_AARCH64_JUMP26 g+0"]],
    ["AArch64 cbz", "aarch64", "40000034 c0035fd6 c0035fd6", 8, ["f+0 R_AARCH64_CONDBR19 g+0"]],
    ["AArch64 b back", "aarch64", "c0035fd6 ffffff17", 4, ["g+0 R_AARCH64_JUMP26 f+0"]],
    ["AArch64 adr", "aarch64", "40000010 c0035fd6 c0035fd6", 8, ["f+0 R_AARCH64_ADR_PREL_LO21 g+0"]],
    ["Arm bl: the counter is eight bytes ahead", "arm", "000000eb 1eff2fe1 1eff2fe1", 8, ["f+0 R_ARM_CALL g+0"]],
    ["Power bl", "ppc64le", "09000048 2000804e 2000804e", 8, ["f+0 R_PPC64_REL24 g+0"]],
    ["Power branch to a condition", "ppc64le", "08008241 2000804e 2000804e", 8, ["f+0 R_PPC64_REL14 g+0"]],
    ["s390x brasl", "s390x", "c0e500000004 07fe 07fe", 8, ["f+2 R_390_PC32DBL g+0"]],
    ["s390x brc", "s390x", "a7f40003 07fe 07fe", 6, ["f+2 R_390_PC16DBL g+0"]],
    ["RISC-V jal", "riscv64", "ef008000 67800000 67800000", 8, ["f+0 R_RISCV_JAL g+0"]],
    ["RISC-V beqz", "riscv64", "63040500 67800000 67800000", 8, ["f+0 R_RISCV_BRANCH g+0"]],
    ["RISC-V c.j", "riscv64", "11a0 8280 8280", 4, ["f+0 R_RISCV_RVC_JUMP g+0"]],
    ["LoongArch bl", "loongarch64", "00080054 2000004c 2000004c", 8, ["f+0 R_LARCH_B26 g+0"]],
    [
      "MIPS beqz: counts from the delay slot",
      "mips",
      "10800003 00000000 03e00008 00000000 03e00008 00000000",
      16,
      ["f+0 R_MIPS_PC16 g+0"],
    ],
  ];
  it.each(cases)("%s", (_what, machine, asm, cut, expected) => expect(references(machine, asm, cut)).toEqual(expected));

  it("a relocation that is there stays, and nothing is added beside it", () => {
    const parts = [
      section(".text", "e8{PC32 g-4} c3 c3", {}, [
        { name: "f", type: "func", size: 6 },
        { name: "g", type: "func", value: 6, size: 1 },
      ]),
    ];
    expect(spansOf(parts).spans[0]?.relocations.map(({ symbol, target }) => [symbol?.name, target?.name])).toEqual([
      ["g", "g"],
    ]);
  });

  it("code of one function has no neighbours", () => {
    expect(
      spansOf([section(".text", "e8f0ffffff c3", {}, [{ name: "f", type: "func", size: 6 }])]).spans[0]?.relocations,
    ).toEqual([]);
  });
});
