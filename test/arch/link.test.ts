/* The linker is the oracle of masks, shifts and encodings: what it makes of a section, writeField must make too. */
import { describe, expect, test } from "vitest";
import { addendOf } from "../../src/arch/addend.ts";
import type { Howto } from "../../src/arch/arch.ts";
import { fieldOrder, readField, writeField } from "../../src/arch/field.ts";
import { archFor, howtoOf } from "../../src/arch/registry.ts";
import { type ElfObject, readObject, type Section } from "../../src/elf/object.ts";
import { needPrograms } from "../support/tools.ts";
import { compile, link } from "./toolchain.ts";

interface Case {
  readonly name: string;
  readonly assembler: readonly [string, ...string[]];
  readonly linker: readonly [string, ...string[]];
  /** Address of the section. */
  readonly text: bigint;
  readonly symbols: Readonly<Record<string, bigint>>;
  readonly source: string;
  /** Further sections of the source, and their addresses. */
  readonly places?: Readonly<Record<string, bigint>>;
  /** The value that a linker stores, where it is not S + A − P or S + A. */
  readonly value?: (howto: Howto, target: bigint, place: bigint) => bigint | undefined;
}

const page = (address: bigint) => address & ~0xfffn;

const CASES: readonly Case[] = [
  {
    name: "x86_64",
    assembler: ["as", "--64"],
    linker: ["ld", "-m", "elf_x86_64"],
    text: 0x401000n,
    symbols: { far: 0x12345678n, near: 0x4010b0n, small: 0x21n },
    source: `mov far(%rip),%eax; movl $5,far(%rip); call far; jmp far@PLT; mov $far,%eax; mov $far,%rax
      movabs $far,%rax
      .long far, far - . ; .quad far - 4, far - . ; .short near - . ; .byte near - . ; .byte small; .short small`,
  },
  {
    name: "i386",
    assembler: ["as", "--32"],
    linker: ["ld", "-m", "elf_i386"],
    text: 0x401000n,
    symbols: { far: 0x12345678n, near: 0x401090n, small: 0x21n },
    source: `mov far,%eax; movl $5,far+8; call far; jmp far@PLT; mov $far-4,%eax; .long far, far - . ; .short near - .
      .byte near - . ; .byte small; .short small; call far+0x1000`,
  },
  {
    name: "aarch64",
    assembler: ["aarch64-linux-gnu-as"],
    linker: ["aarch64-linux-gnu-ld"],
    text: 0x1200000000n,
    symbols: {
      far: 0x1234567890n,
      near: 0x1200001234n,
      b26: 0x1205432100n,
      small: 0x1234n,
      minus: 2n ** 64n - 0x5432n,
    },
    source: `adrp x0,far; adr x1,near; ldr x2,near; add x0,x0,:lo12:far; ldrb w0,[x0,:lo12:far+1]
      ldrh w0,[x0,:lo12:far+2]
      ldr w0,[x0,:lo12:far+4]; ldr x0,[x0,:lo12:far+8]; ldr q0,[x0,:lo12:far]; tbz x0,#3,near; b.ne near; cbz x9,near
      b b26; bl b26+4; movz x0,#:abs_g0:small; movk x0,#:abs_g0_nc:far; movk x0,#:abs_g1_nc:far; movz x0,#:abs_g2:far
      movk x0,#:abs_g2_nc:far; movz x0,#:abs_g3:far; movn x0,#:abs_g0_s:small; movz x0,#:abs_g0_s:minus
      movz x0,#:prel_g0:near; movk x0,#:prel_g1_nc:far; movz x0,#:prel_g2:far; adrp x5,:pg_hi21_nc:far
      .xword far, far - . ; .word small, near - . ; .hword near - . `,
    value: (howto, target, place) =>
      howto.role === "page" && howto.rightshift === 12 ? page(target) - page(place) : undefined,
  },
  {
    name: "aarch64_be",
    assembler: ["aarch64-linux-gnu-as", "-EB"],
    linker: ["aarch64-linux-gnu-ld", "-EB"],
    text: 0x1200000000n,
    symbols: { far: 0x1234567890n, near: 0x1200001234n },
    source: `adrp x0,far; add x0,x0,:lo12:far; .xword far; .word near - . `,
    value: (howto, target, place) => (howto.role === "page" ? page(target) - page(place) : undefined),
  },
  {
    name: "arm",
    assembler: ["arm-linux-gnueabihf-as", "-march=armv7-a"],
    linker: ["arm-linux-gnueabihf-ld"],
    text: 0x1200000n,
    symbols: { far: 0x1345678n, near: 0x1200abcn, close: 0x12000e4n, round: 0x1201044n },
    source: `.arm; b far; bl far; blne far; b far+0x100; movw r3,#:lower16:far; movt r4,#:upper16:far
      movw r3,#:lower16:(far+0x1234); movt r4,#:upper16:(far-0x34); movw r3,#:lower16:(far-.); movt r5,#:upper16:(far-.)
      ldr r0,[pc,#:pc_g0:(near)]; ldr r0,[pc,#:pc_g0:(near-0xf00)]; ldrd r0,[pc,#:pc_g0:(close)]
      .word far, far - . , far+0x100
      .reloc .,R_ARM_PREL31,near; .word 0; add r0,pc,#:pc_g0:(round)`,
  },
  {
    name: "thumb",
    assembler: ["arm-linux-gnueabihf-as", "-march=armv7-a", "-mthumb"],
    linker: ["arm-linux-gnueabihf-ld"],
    text: 0x1200000n,
    symbols: { far: 0x1345679n, near: 0x1200101n },
    places: { ".far": 0x1345678n, ".near": 0x1200100n },
    source: `.section .far,"ax"; .globl far; .thumb_func; far: nop; .section .near,"ax"; .globl near; .thumb_func
      near: nop
      .text; .syntax unified; .thumb; bl far; b.w far; bne.w near; movw r3,#:lower16:far; movt r4,#:upper16:far
      movw r9,#:lower16:(far+0x1a34); movt r4,#:upper16:(far-0x34); movw r3,#:lower16:(far-.); movt r5,#:upper16:(far-.)
      b.w far+0x800; b.n near; beq.n near; .word far, far - . `,
  },
  {
    name: "ppc64le",
    assembler: ["powerpc64le-linux-gnu-as", "-mpower10"],
    linker: ["powerpc64le-linux-gnu-ld", "--no-power10-stubs"],
    text: 0x10000000n,
    symbols: { far: 0x1234_9abc_89ab_cde0n, low: 0x7654_cde8n, near: 0x10003458n, b24: 0x11234568n },
    source: `lis 3,low@h; lis 3,low@ha; lis 3,far@high; lis 3,far@higha; addi 3,3,far@l; lis 3,far@highest
      lis 3,far@highesta; ori 3,3,far@higher
      ori 3,3,far@highera; ld 3,far@l(4); std 3,far@l+8(4); bc 12,2,near; b b24; bl b24+8; .quad far, far - . 
      .long near - .
      addis 2,12,b24-.@ha; addi 2,2,b24-.@l; paddi 3,0,b24; pld 4,b24@pcrel(0),1; .long near; addpcis 5,b24-.@ha
      bdnz+ near; bdnz- near`,
  },
  {
    name: "s390x",
    assembler: ["s390x-linux-gnu-as", "-march=z13"],
    linker: ["s390x-linux-gnu-ld"],
    text: 0x1000000n,
    symbols: { far: 0x12345678n, near: 0x1000678n, small: 0xabcn, medium: 0x6789an },
    source: `larl %r1,far; brasl %r14,far@PLT; jg far+8; j near; cij %r1,3,8,near; bprp 5,near,near; ly %r1,medium
      l %r1,small; .quad far, far - . ; .long far, far - . ; brct %r1,near`,
  },
  {
    name: "riscv64",
    assembler: ["riscv64-linux-gnu-as", "-march=rv64gc", "-mno-relax"],
    linker: ["riscv64-linux-gnu-ld", "--no-relax"],
    text: 0x10000n,
    symbols: { far: 0x1234_5f78n, near: 0x10a74n, branch: 0x100b6n },
    source: `lui a0,%hi(far); addi a0,a0,%lo(far); sw a1,%lo(far)(a0); lw a1,%lo(far+4)(a0); call far; tail far+0x1234
      call far-0x800; j near; beq a0,a1,near; auipc a0,%pcrel_hi(far); .dword far; .word near
      .option rvc; c.j near; c.beqz a0,branch; c.bnez a1,branch; bne a0,a1,near+0x100`,
  },
  ...(["mips", "mipsel"] as const).map(
    (name): Case => ({
      name,
      assembler: [`${name}-linux-gnu-as`, "-mips32r6", "-non_shared"],
      linker: [`${name}-linux-gnu-ld`],
      text: 0x400000n,
      symbols: { far: 0x0234_9678n, near: 0x4029b8n },
      source: `.set noreorder; lui $4,%hi(far+0x18000); addiu $4,$4,%lo(far+0x18000); lui $5,%hi(far); lui $6,%hi(far)
        lw $5,%lo(far)($5); j far; jal far+0x100; beq $4,$5,near; .word far, far+4; beqzc $4,near; bc near
        auipc $4,%pcrel_hi(far); addiu $4,$4,%pcrel_lo(far+4)`,
      value: (howto, target, place) => (howto.role === "branch" && howto.pcrel ? target - place : undefined),
    }),
  ),
  {
    name: "micromips",
    assembler: ["mips-linux-gnu-as", "-mips32r2", "-mmicromips", "-non_shared"],
    linker: ["mips-linux-gnu-ld"],
    text: 0x400000n,
    symbols: { far: 0x0234_9679n, near: 0x400041n },
    places: { ".far": 0x0234_9678n, ".near": 0x400040n },
    source: `.set noreorder; .set micromips; .section .far,"ax"; .globl far; .type far,@function; far: nop
      .section .near,"ax"; .globl near; .type near,@function; near: nop; .text
      lui $4,%hi(far); addiu $4,$4,%lo(far); b near; nop; jal far; nop; bnez16 $4,near; nop`,
    value: (howto, target, place) => (howto.pcrel ? (target & ~1n) - place : undefined),
  },
  {
    name: "mips16",
    assembler: ["mips-linux-gnu-as", "-mips32r2", "-non_shared", "-mips16"],
    linker: ["mips-linux-gnu-ld"],
    text: 0x400000n,
    symbols: { far: 0x0234_9679n },
    places: { ".far": 0x0234_9678n },
    source: `.set noreorder; .set mips16; .section .far,"ax"; .globl far; .type far,@function; far: nop; nop; .text
      li $2,%hi(far); addiu $2,%lo(far); jal far; nop; lw $3,%lo(far+4)($2); li $2,%hi(far+0x18000)
      addiu $2,%lo(far+0x18000)`,
  },
  ...(["mips64", "mips64el"] as const).map(
    (name): Case => ({
      name,
      assembler: [`${name}-linux-gnuabi64-as`, "-non_shared", "-64"],
      linker: [`${name}-linux-gnuabi64-ld`],
      text: 0x12000_0000n,
      symbols: { far: 0x1_2349_9678n, high: 0x1234_8abc_9def_8678n },
      source: `.set noreorder; lui $4,%highest(high); daddiu $4,$4,%higher(high); lui $5,%hi(high)
      daddiu $5,$5,%lo(high)
        j far; nop; .dword high`,
    }),
  ),
];

/** Linker options that put sections, and symbols that the source does not define, where the case wants them. */
function addressesOf({ text, symbols, places }: Case): string[] {
  const sections = Object.entries({ ".text": text, ...places });
  const starts = sections.map(([name, address]) => `--section-start=${name}=0x${address.toString(16)}`);
  const outside = places ? [] : Object.entries(symbols);
  return [...starts, ...outside.map(([name, value]) => `--defsym=${name}=${value}`)];
}

const textOf = (object: ElfObject): Section => object.sections.find(({ name }) => name === ".text") as Section;

/** Contents of .text after we relocate it. */
function relocated(object: ElfObject, { text, symbols, value }: Case): Uint8Array {
  const arch = archFor(object);
  const section = textOf(object);
  const bytes = section.bytes.slice();
  const records = object.relocationsOf(section.index);
  records.forEach((record, index) => {
    const howto = howtoOf(arch, record.type);
    const name = object.symbols[record.symbol]?.name ?? "";
    const symbol = symbols[name] ?? text + (object.symbols[record.symbol]?.value ?? 0n);
    const target = symbol + addendOf(arch, records, index, section.bytes);
    const place = text + BigInt(record.offset);
    const stored = value?.(howto, target, place) ?? (howto.pcrel ? target - place : target);
    writeField(bytes, record.offset, howto, fieldOrder(arch, howto), stored);
  });
  return bytes;
}

/** Reads back each field of the linked section. */
function checkReads(object: ElfObject, linked: Uint8Array): void {
  const arch = archFor(object);
  for (const { type, offset } of object.relocationsOf(textOf(object).index)) {
    const howto = howtoOf(arch, type);
    const again = linked.slice();
    const order = fieldOrder(arch, howto);
    // Adding the rounding twice would show; the value read has it inside already.
    writeField(again, offset, { ...howto, rounding: 0n }, order, readField(linked, offset, howto, order));
    expect(again).toEqual(linked);
  }
}

const hex = (bytes: Uint8Array) =>
  Buffer.from(bytes)
    .toString("hex")
    .replace(/(.{8})/g, "$1 ");

describe("relocated as the linker does", () => {
  for (const arch of CASES) {
    const [assembler, ...assemblerFlags] = arch.assembler;
    const [linker, ...linkerFlags] = arch.linker;
    test(arch.name, ({ skip }) => {
      needPrograms(skip, assembler, linker);
      const contents = compile(assembler, assemblerFlags, `.text\n.globl _start\n_start:\n${arch.source}\n`);
      const image = link(linker, [...linkerFlags, ...addressesOf(arch)], contents);
      const object = readObject(contents, "input.o");
      const linked = textOf(readObject(image, "output")).bytes;
      expect(object.relocationsOf(textOf(object).index).length).toBeGreaterThan(2);
      expect(hex(relocated(object, arch))).toBe(hex(linked.subarray(0, textOf(object).size)));
      checkReads(object, linked);
    });
  }
});
