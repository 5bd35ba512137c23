import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { archFor, howtoOf } from "../../../src/arch/registry.ts";
import { decodeX86, type X86Mode } from "../../../src/arch/x86/decode.ts";
import { trailingBytes } from "../../../src/arch/x86/trailing.ts";
import { SHF } from "../../../src/elf/constants.ts";
import { readObject, type Section } from "../../../src/elf/object.ts";
import { IS_FULL, sampled } from "../../support/sample.ts";
import { needPrograms } from "../../support/tools.ts";
import { compile, corpusObjects, needCorpus, outputOf } from "../toolchain.ts";

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));

describe("bytes after the field", () => {
  // `[` marks the field.
  test.each([
    ["call", "e8[00000000", 0],
    ["jne", "0f85[00000000", 0],
    ["mov v(%rip),%eax", "8b05[00000000", 0],
    ["mov v(%rip),%rax", "488b05[00000000", 0],
    ["cmpb $5,v(%rip)", "803d[0000000005", 1],
    ["cmpl $5,v(%rip)", "833d[0000000005", 1],
    ["cmpl $500,v(%rip)", "813d[00000000f4010000", 4],
    ["cmpw $500,v(%rip)", "66813d[00000000f401", 2],
    ["cmpq $500,v(%rip)", "48813d[00000000f4010000", 4],
    ["movl $5,%gs:v(%rip)", "65c705[0000000005000000", 4],
    ["testb $1,v(%rip)", "f605[0000000001", 1],
    ["notb v(%rip)", "f615[00000000", 0],
    ["testl $1,v(%rip)", "f705[0000000001000000", 4],
    ["lock xadd %eax,v(%rip)", "f00fc105[00000000", 0],
    ["and $15,%eax; shll $5,v(%rip)", "83e00f c125[0000000005", 1],
    ["and $15,%eax; xadd %esp,v(%rip)", "83e00f 0fc125[00000000", 0],
    ["and $15,%eax; cmpl $5,v(%rip)", "83e00f 833d[0000000005", 1],
    ["movb $'f',v; movl $5,v", "c6050000000066 c705[0000000005000000", 4],
    ["movb $5,v; movw $5,v", "c6050000000005 66c705[000000000500", 2],
    ["pshufd $3,v(%rip),%xmm0", "660f7005[0000000003", 1],
    ["palignr $3,v(%rip),%xmm0", "660f3a0f05[0000000003", 1],
    ["pshufb v(%rip),%xmm0", "660f380005[00000000", 0],
    ["vpshufd $3,v(%rip),%ymm0", "c5fd7005[0000000003", 1],
    ["vpermq $3,v(%rip),%ymm0", "c4e3fd0005[0000000003", 1],
    ["vpternlogd $3,v(%rip),%zmm0,%zmm1", "62f37d48250d[0000000003", 1],
    ["cmpl $5,v(%rip) with REX2", "d500833d[0000000005", 1],
    ["a field at the very start", "[00000000", 0],
  ])("%s", (_, marked, expected) => {
    const hex = marked.replaceAll(" ", "");
    expect(trailingBytes(bytes(hex.replace("[", "")), hex.indexOf("[") / 2, 4, 64)).toBe(expected);
  });

  test("no displacement counts from the end in 32-bit code but those of jumps", () => {
    expect(trailingBytes(bytes("833d0000000005"), 2, 4, 32)).toBe(0);
  });
});

describe("decoder", () => {
  test.each<[string, X86Mode, number | undefined]>([
    ["90", 64, 1],
    ["48b80102030405060708", 64, 10],
    ["66b80102", 64, 4],
    ["a10102030405060708", 64, 9],
    ["a101020304", 32, 5],
    ["67a10102", 32, 4],
    ["678b07", 32, 3],
    ["678b060000", 32, 5],
    ["9a010203040506", 32, 7],
    ["9a010203040506", 64, undefined],
    ["8b0425 00000000", 64, 7],
    ["8b04 24", 64, 3],
    ["0f2087", 64, 3],
    ["c80f000f", 64, 4],
    ["c408", 32, 2],
    ["62f37d48250d0000000003", 64, 11],
    ["6667", 64, undefined],
    ["66666666666666666666666666666666", 64, undefined],
    ["81", 64, undefined],
    ["8104", 64, undefined],
    ["", 64, undefined],
  ])("%s in %i-bit code", (hex, mode, length) => {
    expect(decodeX86(bytes(hex), 0, mode)?.length).toBe(length);
  });
});

/** Instructions with a pc-relative field, of every kind of opcode map and immediate. */
const RELOCATED = `mov v(%rip),%eax; movl $5,v(%rip); movb $5,v(%rip); movw $5,v(%rip); movq $5,v(%rip); cmpl $5,v(%rip)
  cmpl $500,v(%rip); cmpw $500,v(%rip); cmpw $5,v(%rip); cmpb $5,v(%rip); cmpq $500,v(%rip); testb $1,v(%rip)
  testl $1,v(%rip); testw $1,v(%rip); testq $1,v(%rip); notl v(%rip); negb v(%rip); mulq v(%rip); imul $5,v(%rip),%eax
  imul $500,v(%rip),%eax; imul $500,v(%rip),%ax; imul $5,v(%rip),%r9; imul v(%rip),%eax; shll $5,v(%rip); shll v(%rip)
  shlb $5,v(%rip); sarq $5,v(%rip); roll %cl,v(%rip); addl $1,v(%rip); addl %eax,v(%rip); lock addl $1,v(%rip)
  lock xaddl %eax,v(%rip); lock xaddq %rax,v(%rip); xaddl %eax,v(%rip); xaddb %al,v(%rip); xaddl %esp,v(%rip)
  lock cmpxchg %ecx,v(%rip); cmpxchg8b v(%rip); cmpxchg16b v(%rip); lock btsl $3,v(%rip); bts %eax,v(%rip)
  shld $3,%eax,v(%rip); shrd $3,%rax,v(%rip); shld %cl,%eax,v(%rip); pshufd $3,v(%rip),%xmm0; pshufw $3,v(%rip),%mm0
  shufps $3,v(%rip),%xmm1; cmpsd $3,v(%rip),%xmm1; pinsrw $3,v(%rip),%xmm1; punpckhwd v(%rip),%mm0
  punpckhwd v(%rip),%xmm0; packssdw v(%rip),%mm0; psadbw v(%rip),%mm0; psadbw v(%rip),%xmm0; palignr $3,v(%rip),%mm0
  palignr $3,v(%rip),%xmm0; pshufb v(%rip),%mm0; pextrd $1,%xmm0,v(%rip); roundsd $1,v(%rip),%xmm0; crc32l v(%rip),%eax
  movbe v(%rip),%eax; adcx v(%rip),%eax; adox v(%rip),%eax; rorx $3,v(%rip),%eax; shlx %eax,v(%rip),%ecx
  vmovdqa v(%rip),%ymm0; vpshufd $3,v(%rip),%ymm0; vpermq $3,v(%rip),%ymm0; vblendvps %ymm1,v(%rip),%ymm2,%ymm3
  vmovdqa64 v(%rip),%zmm0; vpsrlw $3,v(%rip),%zmm0; vpternlogd $3,v(%rip),%zmm0,%zmm1; vaddph v(%rip),%zmm0,%zmm1
  vprotb $3,v(%rip),%xmm0; bextr $0x0102,v(%rip),%eax; lea v(%rip),%rax; call *v(%rip); jmp *v(%rip); push v(%rip)
  incl %gs:v(%rip); addl $1,%gs:v(%rip); addq $-128,%gs:v(%rip); movl $1,%fs:v(%rip); xaddl %eax,%gs:v(%rip); call v
  jmp v; jne v; jo v; jb v; jae v; xbegin v; fldl v(%rip); fnstcw v(%rip); lgdt v(%rip); prefetchw v(%rip)
  fxsave v(%rip)
  ldmxcsr v(%rip); sete v(%rip); cmovne v(%rip),%eax; movzbl v(%rip),%eax; movslq v(%rip),%rax; popcnt v(%rip),%eax
  xchg %eax,v(%rip); invpcid v(%rip),%rax; pfadd v(%rip),%mm0; mov v(%rip),%ds; cvtsi2sdq v(%rip),%xmm0; nopw v(%rip)
  data16 lea v(%rip),%rdi; adcl $1,v(%rip); orw $0x0f0f,v(%rip); cmpw $0x660f,v(%rip)`;

/** Instructions whose last bytes look like a prefix, an escape, or the beginning of an opcode. */
const MISLEADING = `nop; and $0xf,%eax; and $0x66,%eax; mov $0x0f,%al; mov $0x0f000000,%eax; mov $0x660f0000,%eax
  mov $0x0f660000,%eax; mov $0x66000000,%eax; mov $0x380f0000,%eax; mov $0x3a0f0000,%eax; movb $0x0f,w(%rip)
  movb $0x66,w(%rip); movb $0x40,w(%rip); movw $0x0f00,w(%rip); mov 0xf(%rax),%ecx; mov 0x66(%rax),%ecx; shl $0x0f,%eax
  mov $0x48000000,%eax; mov $0x62000000,%eax; mov $0xc4000000,%eax; mov $0xc5000000,%eax; mov $0x8f000000,%eax
  movabs $0x0f00000000000000,%rdx; push $0x66; enter $15,$15; ret $0x0f00; int $0x0f; je .+0x11; call w`;

const ORDINARY = `mov %rsp,%rbp; sub $0x18,%rsp; mov %rdi,%rbx; test %eax,%eax; call w; xor %eax,%eax
  mov 0x10(%rbx),%rax
  lea 0x8(%rsp),%rsi; cmp %rax,%rdx; add $0x18,%rsp; pop %rbx; mov $1,%edi`;

const lines = (source: string) => source.split(/;|\n/).map((line) => line.trim());

/** Every relocated instruction after every misleading one, ordinary ones between. */
function torture(): string {
  const between = lines(ORDINARY);
  const source = [".text"];
  for (const misleading of lines(MISLEADING)) {
    for (const relocated of lines(RELOCATED)) {
      for (let i = 0; i < 5; i++) source.push(between[(source.length * 5 + i) % between.length] as string);
      source.push(misleading, relocated);
    }
  }
  return `${source.join("\n")}\n`;
}

test("every instruction after every misleading one", ({ skip }) => {
  needPrograms(skip, "as");
  const object = readObject(compile("as", ["--64"], torture()), "torture.o");
  const arch = archFor(object);
  const text = object.sections.find(({ name }) => name === ".text") as Section;
  // The assembler's addends are the truth: no symbol has an offset.
  const wrong = object.relocationsOf(text.index).filter(({ type, offset, addend }) => {
    return arch.insnAddend(howtoOf(arch, type), text.bytes, offset) !== addend;
  });
  expect(object.relocationsOf(text.index).length).toBeGreaterThan(3000);
  expect(wrong).toEqual([]);
});

/** Ends of all instructions of each executable section, as objdump sees them. */
function instructionEnds(path: string): number[][] {
  const sections: number[][] = [];
  for (const line of outputOf("objdump", ["-dwz", path]).split("\n")) {
    if (line.startsWith("Disassembly of section")) sections.push([]);
    const insn = /^ *([0-9a-f]+):\t((?:[0-9a-f]{2} )+)/.exec(line);
    if (insn) sections.at(-1)?.push(Number.parseInt(insn[1] as string, 16) + (insn[2] as string).length / 3);
  }
  return sections;
}

/** Checks each pc-relative field in code against the end of its instruction, and returns how many there were. */
function agreeWithObjdump(path: string, contents: Uint8Array): number {
  const object = readObject(contents, path);
  const arch = archFor(object);
  const code = object.sections.filter(({ flags, size }) => flags & SHF.EXECINSTR && size > 0);
  const ends = instructionEnds(path);
  let count = 0;
  code.forEach((section, position) => {
    const own = ends[position] as number[];
    let at = 0;
    const records = [...object.relocationsOf(section.index)].sort((a, b) => a.offset - b.offset);
    for (const { type, offset } of records) {
      const howto = howtoOf(arch, type);
      if (!howto.pcrel || howto.size !== 4) continue;
      while ((own[at] as number) <= offset) at++;
      const expected = BigInt(offset - (own[at] as number));
      if (arch.insnAddend(howto, section.bytes, offset) !== expected) {
        expect.fail(`${path} ${section.name}+${offset}: objdump ends the instruction at ${own[at]}`);
      }
      count++;
    }
  });
  return count;
}

describe("objects of the corpus, against objdump", () => {
  test.for<[string, number]>([
    ["kernel-pairs", 20_000],
    ["kpatch-objs/x86_64", 10_000],
    ["ksplice-pairs", 50],
  ])("%s", { timeout: 120_000 }, ([folder, least], { skip }) => {
    needCorpus(skip);
    needPrograms(skip, "objdump");
    const counts = sampled(corpusObjects(folder), 8).map((path) => agreeWithObjdump(path, readFileSync(path)));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(IS_FULL ? least : least / 20);
  });
});
