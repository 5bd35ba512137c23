import { describe, expect, it } from "vitest";
import { endsFlow } from "../../src/arch/flow.ts";
import { archFor } from "../../src/arch/registry.ts";
import { MACHINES, type MachineName } from "../support/elf-description.ts";

function ends(machine: MachineName, code: string): boolean {
  const { machine: number, class: bits, data } = MACHINES[machine];
  const arch = archFor({ machine: number, class: bits, data, flags: 0 });
  const bytes = Buffer.from(code.replaceAll(" ", ""), "hex");
  return endsFlow(arch, bytes, 0, bytes.length);
}

describe("whether execution can run past the end of some code", () => {
  const cases: [MachineName, string, string, boolean][] = [
    ["x86_64", "ret", "90 c3", true],
    ["x86_64", "rep ret", "f3 c3", true],
    ["x86_64", "jmp", "e9 00 00 00 00", true],
    ["x86_64", "jmp *%rax without tracking", "3e ff e0", true],
    ["x86_64", "ud2", "0f 0b", true],
    ["x86_64", "jne: it may not be taken", "75 00", false],
    ["x86_64", "call", "e8 00 00 00 00", false],
    ["x86_64", "an immediate that ends in c3 is not a return", "b8 00 00 00 c3", false],
    ["x86_64", "half an instruction", "b8 00", false],
    ["x86_64", "no code at all", "", false],
    ["i386", "ret $4", "c2 04 00", true],
    ["aarch64", "ret", "c0035fd6", true],
    ["aarch64", "retaa", "ff0b5fd6", true],
    ["aarch64", "b", "00000014", true],
    ["aarch64", "br x2", "40001fd6", true],
    ["aarch64", "bl", "00000094", false],
    ["aarch64", "blr x2", "40003fd6", false],
    ["aarch64", "b.eq", "40000054", false],
    ["aarch64", "brk", "000020d4", true],
    ["arm", "bx lr", "1eff2fe1", true],
    ["arm", "bxeq lr", "1eff2f01", false],
    ["arm", "pop {r4, pc}", "1080bde8", true],
    ["arm", "pop {r4, lr}", "1040bde8", false],
    ["ppc64le", "blr", "2000804e", true],
    ["ppc64le", "beqlr", "2000824d", false],
    ["ppc64le", "b", "00000048", true],
    ["ppc64le", "bl", "01000048", false],
    ["s390x", "br %r14", "07fe", true],
    ["s390x", "ber %r14", "078e", false],
    ["s390x", "jg", "c0f400000000", true],
    ["riscv64", "ret", "67800000", true],
    ["riscv64", "c.jr ra", "8280", true],
    ["riscv64", "c.jalr a5", "8297", false],
    ["riscv64", "j", "6f000000", true],
    ["riscv64", "jal", "ef000000", false],
    ["loongarch64", "ret", "2000004c", true],
    ["loongarch64", "bl", "00000054", false],
    ["mips", "jr ra and its delay slot", "03e00008 00000000", true],
    ["mips", "jalr and its delay slot", "0320f809 00000000", false],
  ];
  it.each(cases)("%s: %s", (machine, _what, code, expected) => expect(ends(machine, code)).toBe(expected));
});
