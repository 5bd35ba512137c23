import { describe, expect, it } from "vitest";
import { archFor } from "../../src/arch/registry.ts";
import type { ElfClass, ElfData } from "../../src/elf/object.ts";
import { readObject } from "../../src/elf/object.ts";
import { buildElf } from "../support/elf-builder.ts";

/** The parts of one instruction, given in hexadecimal as it lies in memory. */
function parts(machine: number, bits: ElfClass, data: ElfData, hex: string) {
  const object = readObject(buildElf({ class: bits, data, machine, sections: [] }), "a.o");
  const code = Buffer.from(hex, "hex");
  const { operands } = archFor(object).code;
  const found = operands?.(code, 0, code.length);
  return found && { ...found, immediate: found.immediate?.toString() };
}

const X86 = [62, 64, "lsb"] as const;
const A64 = [183, 64, "lsb"] as const;
const RISCV = [243, 64, "lsb"] as const;
const POWER = [21, 64, "lsb"] as const;
const S390 = [22, 64, "msb"] as const;
const MIPS = [8, 32, "msb"] as const;
const ARM = [40, 32, "lsb"] as const;
const LOONGARCH = [258, 64, "lsb"] as const;

describe("the parts of an instruction", () => {
  it.each([
    ["cmp $4,%eax", X86, "83f804", { immediate: "4", displacement: undefined, onStack: false }],
    ["sub $0x10,%rsp", X86, "4883ec10", { immediate: "16", onStack: true }],
    ["mov 0x8(%rdx),%rax", X86, "488b4208", { immediate: undefined, displacement: 8, onStack: false }],
    ["mov %eax,0x1c(%rsp)", X86, "8944241c", { displacement: 28, onStack: true }],
    ["movl $0xfffffff4,0x1c(%rsp)", X86, "c744241cf4ffffff", { immediate: "-12", displacement: 28 }],
    ["movabs $0x1122334455667788,%rax", X86, "48b88877665544332211", { immediate: "1234605616436508552" }],
    ["cmp w0, #0x800", A64, "1f002071", { immediate: "2048", onStack: false }],
    ["cmp w0, #0x1, lsl #12", A64, "1f044071", { immediate: "4096" }],
    ["and x0, x1, #0xff", A64, "201c4092", { immediate: "255" }],
    ["and w0, w1, #0xf0f0f0f0", A64, "20cc0412", { immediate: "4042322160" }],
    ["sub sp, sp, #0x20", A64, "ff8300d1", { immediate: "32", onStack: true }],
    ["ldr x0, [x1, #24]", A64, "200c40f9", { displacement: 24 }],
    ["stp x29, x30, [sp, #-32]!", A64, "fd7bbea9", { displacement: -32, onStack: true }],
    ["addi a0,a1,-5", RISCV, "1385b5ff", { immediate: "-5" }],
    ["ld a0,16(a1)", RISCV, "03b50501", { displacement: 16 }],
    ["sd a0,-8(sp)", RISCV, "233ca1fe", { displacement: -8, onStack: true }],
    ["c.li a0,-3", RISCV, "7555", { immediate: "-3" }],
    ["addi r3,r4,-1", POWER, "ffff6438", { immediate: "-1", onStack: false }],
    ["ld r3,16(r4)", POWER, "100064e8", { displacement: 16 }],
    ["stw r3,24(r1)", POWER, "18006190", { displacement: 24, onStack: true }],
    ["lghi %r2,-22", S390, "a729ffea", { immediate: "-22" }],
    ["lg %r1,16(%r2)", S390, "e31020100004", { displacement: 16 }],
    ["st %r1,164(%r15)", S390, "5010f0a4", { displacement: 164, onStack: true }],
    ["addiu a0,a1,-4", MIPS, "24a4fffc", { immediate: "-4" }],
    ["lw v0,8(a0)", MIPS, "8c820008", { displacement: 8 }],
    ["mov r0, #1024", ARM, "010ba0e3", { immediate: "1024" }],
    ["ldr r0, [r1, #4]", ARM, "040091e5", { displacement: 4 }],
    ["movw r0, #4660", ARM, "340201e3", { immediate: "4660" }],
    ["addi.w a0,a1,-1", LOONGARCH, "a4fcbf02", { immediate: "-1" }],
    ["ld.d a0,a1,16", LOONGARCH, "a440c028", { displacement: 16 }],
  ] as const)("%s", (_text, [machine, bits, data], hex, expected) => {
    expect(parts(machine, bits, data, hex)).toMatchObject(expected);
  });

  it.each([
    ["another register is the same operation", X86, "488b4208", "488b4108", true],
    ["a short and a long immediate are one form", X86, "83f804", "81f800010000", true],
    ["cmp and sub are two operations", X86, "83f804", "83e804", false],
    ["add and sub are two operations", A64, "20040011", "20040051", false],
  ] as const)("%s", (_title, [machine, bits, data], a, b, isSame) => {
    const [one, other] = [parts(machine, bits, data, a), parts(machine, bits, data, b)];
    expect(one?.operation === other?.operation).toBe(isSame);
  });
});
