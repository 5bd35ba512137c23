import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { addendOf } from "../../src/arch/addend.ts";
import { archFor, howtoOf } from "../../src/arch/registry.ts";
import { SHF } from "../../src/elf/constants.ts";
import { type ElfObject, readObject } from "../../src/elf/object.ts";
import { needPrograms } from "../support/tools.ts";
import { compile, corpusObjects, needCorpus } from "./toolchain.ts";

/** Addends in code that are left after the instruction's share is taken, by relocation type. */
function remainders(object: ElfObject, isWanted: (name: string) => boolean): Map<string, bigint[]> {
  const arch = archFor(object);
  const left = new Map<string, bigint[]>();
  for (const { index, flags, bytes } of object.sections) {
    if (!(flags & SHF.EXECINSTR)) continue;
    const records = object.relocationsOf(index);
    records.forEach((record, position) => {
      const howto = howtoOf(arch, record.type);
      if (!isWanted(object.symbols[record.symbol]?.name ?? "")) return;
      const rest = addendOf(arch, records, position, bytes) - arch.insnAddend(howto, bytes, record.offset);
      left.set(howto.name, [...(left.get(howto.name) ?? []), rest]);
    });
  }
  return left;
}

describe("nothing is left of the addend of an instruction that names a symbol alone", () => {
  test.for<[string, string[], string]>([
    ["as", ["--64"], "call v; jmp v; jne v; mov v(%rip),%eax; cmpl $5,v(%rip); mov v@GOTPCREL(%rip),%rax; .quad v"],
    [
      "as",
      ["--64"],
      `movabs $v,%rax; mov $v,%eax; lea v@gottpoff(%rip),%rax; call v@PLT; jecxz v; loop v
       .byte 0xeb; .reloc .,R_X86_64_PC8,v-1; .byte 0`,
    ],
    ["as", ["--32"], "call v; jmp v; jne v; mov v,%eax; cmpl $5,v; call v@PLT; mov v@GOT(%ebx),%eax; .code16; call v"],
    ["as", ["--32"], "addl $v,%ebx; add $_GLOBAL_OFFSET_TABLE_,%ebx; addl $_GLOBAL_OFFSET_TABLE_,%eax"],
    ["aarch64-linux-gnu-as", [], "bl v; adrp x0,v; add x0,x0,:lo12:v; b.ne v; ldr x0,v; tbz x0,#1,v"],
    ["arm-linux-gnueabihf-as", ["-march=armv7-a"], "bl v; b v; blne v; blx v; ldr r0,[pc,#:pc_g0:(v-8)]"],
    ["arm-linux-gnueabihf-as", ["-march=armv7-a"], "movw r0,#:lower16:v; movt r0,#:upper16:v; movw r0,#:lower16:(v-.)"],
    [
      "arm-linux-gnueabihf-as",
      ["-march=armv7-a", "-mthumb"],
      ".syntax unified; bl v; b.w v; bne.w v; blx v; b.n v; beq.n v",
    ],
    [
      "powerpc64le-linux-gnu-as",
      ["-mpower10"],
      "bl v; b v; bne v; pld 3,v@pcrel(0),1; addis 3,2,v@toc@ha; ld 3,v@toc@l(3)",
    ],
    [
      "s390x-linux-gnu-as",
      ["-march=z13"],
      "larl %r1,v; brasl %r14,v@PLT; jg v; cij %r1,3,8,v; bprp 5,v,v; lgrl %r1,v@GOTENT; ly %r1,v",
    ],
    ["riscv64-linux-gnu-as", [], "call v; j v; beq a0,a1,v; lui a0,%hi(v); addi a0,a0,%lo(v)"],
    [
      "mips-linux-gnu-as",
      ["-non_shared"],
      ".set noreorder; jal v; lui $4,%hi(v); addiu $4,$4,%lo(v); lw $4,%lo(v)($5)",
    ],
    [
      "mips64-linux-gnuabi64-as",
      [],
      ".set noreorder; lui $4,%highest(v); ld $4,%got_disp(v)($28); lui $28,%hi(%neg(%gp_rel(v)))",
    ],
  ])("%s %s %s", ([assembler, flags, source], { skip }) => {
    needPrograms(skip, assembler);
    const object = readObject(compile(assembler, flags, `.text\n${source}\n`), "x.o");
    const left = remainders(object, () => true);
    expect([...left.values()].flat().length).toBeGreaterThan(2);
    for (const [name, rest] of left) expect(rest, name).toEqual(rest.map(() => 0n));
  });
});

describe("functions of the corpus are called at their first instruction", () => {
  test.for(["aarch64", "loongarch64", "ppc64le", "s390x", "x86_64"])("%s", (folder, { skip }) => {
    needCorpus(skip);
    let count = 0;
    for (const path of corpusObjects(`kpatch-objs/${folder}`)) {
      const object = readObject(readFileSync(path), path);
      const undefinedNames = new Set(
        object.symbols.filter(({ section, shndx }) => section === undefined && shndx === 0).map(({ name }) => name),
      );
      undefinedNames.delete("");
      for (const [name, rest] of remainders(object, (symbol) => undefinedNames.has(symbol))) {
        if (!BRANCHES.test(name)) continue;
        count += rest.length;
        expect(rest, `${path} ${name}`).toEqual(rest.map(() => 0n));
      }
    }
    expect(count).toBeGreaterThan(100);
  });
});

const BRANCHES = /PLT32|CALL26|JUMP26|REL24|PLT32DBL|R_LARCH_B26/;
