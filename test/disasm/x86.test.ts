import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { targetText } from "../../src/diff/difference.ts";
import { disassemblerFor } from "../../src/disasm/disassembler.ts";
import { readObject } from "../../src/elf/object.ts";
import { isCode } from "../../src/spans/section-kind.ts";
import { buildSpans } from "../../src/spans/spans.ts";
import { bss, data, rodata, strings, text } from "../support/elf-parts.ts";
import { FIXTURES, join, objectsBelow } from "../support/paths.ts";
import { isInstalled } from "../support/tools.ts";
import { listingOf, texts } from "./listing.ts";

describe("x86-64 instructions, as objdump would print them, relocated fields in words", () => {
  it.each([
    ["a call to another object", "e8 {PLT32 kfree-4}", "call kfree"],
    ["a tail call", "e9 {PLT32 kfree-4}", "jmp kfree"],
    ["a call to an address in it", "e8 {PLT32 kfree+4}", "call kfree+0x8"],
    ["a variable relative to %rip", "48 8b 05 {PC32 jiffies-4}", "mov jiffies(%rip),%rax"],
    ["with an immediate behind it", "83 3d {PC32 debug-5} 05", "cmpl $0x5,debug(%rip)"],
    ["with a 32-bit immediate behind it", "c7 05 {PC32 limit-8} 10 27 00 00", "movl $0x2710,limit(%rip)"],
    ["a variable in this object", "8b 05 {PC32 count+4}", "mov count+0x8(%rip),%eax"],
    ["an absolute address as an immediate", "48 c7 c7 {32S name+0}", "mov $name,%rdi"],
    ["a table with an index", "48 8b 04 c5 {32S table+16}", "mov table+0x10(,%rax,8),%rax"],
    ["a 64-bit immediate", "48 b8 {64 table+0}", "movabs $table,%rax"],
    ["two fields in one instruction", "48 c7 05 {PC32 hook-8} {32S kfree+0}", "movq $kfree,hook(%rip)"],
    ["a per-CPU variable", "65 48 8b 05 {PC32 current_task-4}", "mov %gs:current_task(%rip),%rax"],
    ["an entry of the GOT", "48 8b 05 {REX_GOTPCRELX errno-4}", "mov errno@GOTPCREL(%rip),%rax"],
    ["a string", "48 c7 c7 {32S .rodata.str1.1+0}", 'mov $"lost %d packets\\n",%rdi'],
    ["part of a string", "48 c7 c7 {32S .rodata.str1.1+5}", 'mov $"%d packets\\n",%rdi'],
    ["a name with a pattern's letters", "e8 {PLT32 $&$1-4}", "call $&$1"],
    ["no relocation", "48 83 ec 18", "sub $0x18,%rsp"],
    ["a scale of one", "0f 1f 44 00 00", "nopl 0x0(%rax,%rax,1)"],
    ["a stack slot", "ff 74 24 10", "push 0x10(%rsp)"],
    ["an indirect call", "ff 50 18", "call *0x18(%rax)"],
    ["a lock prefix", "f0 48 0f b1 0f", "lock cmpxchg %rcx,(%rdi)"],
    ["bytes that are not an instruction", "06", ".byte 0x6"],
    ["an instruction cut off", "48", ".byte 0x48"],
  ])("%s", (_what, asm, expected) => {
    const parts = [
      text("f", asm),
      bss("count", 16),
      data("table", "00".repeat(32)),
      rodata("name", "66 6f 6f 00"),
      strings("lost %d packets\n"),
    ];
    expect(texts(listingOf(parts, "f"))).toEqual([expected]);
  });

  it("names places in the function from its symbol, and a call of the function itself by its name", () => {
    const parts = [text("f", "74 03 eb fb 90 e8 {PLT32 f-4} eb {PC8 .text.f:f+4} c3")];
    expect(listingOf(parts, "f").map(({ text: line, inner }) => [line.replace(/ +/g, " "), inner])).toEqual([
      ["je +0x5", 5],
      ["jmp -0x1", undefined],
      ["nop", undefined],
      ["call f", undefined],
      ["jmp +0x5", 5],
      ["ret", undefined],
    ]);
  });

  it("compares references by what they mean, branches without their distance, and filler without its length", () => {
    const f = (filler: string, distance: string): string => `74 ${distance} ${filler} e8 {PLT32 g-4} c3`;
    const normalised = (asm: string): string[] => listingOf([text("f", asm)], "f").map((line) => line.normalised);
    expect(normalised(f("66 90", "02"))).toEqual(normalised(f("0f 1f 00", "03")));
    expect(normalised("e8 {PLT32 g-4}")).not.toEqual(normalised("e8 {PLT32 h-4}"));
    expect(normalised("74 00 c3")).not.toEqual(normalised("75 00 c3"));
    expect(normalised("74 01 90 c3")[0]).toBe(normalised("0f 84 01 00 00 00 90 c3")[0]);
  });
});

describe("i386 instructions", () => {
  it.each([
    ["a call", "e8 {PC32 kfree-4}", "call kfree"],
    ["an absolute address", "a1 {32 jiffies+0}", "mov jiffies,%eax"],
    ["an address with an index", "8b 04 85 {32 table+8}", "mov table+0x8(,%eax,4),%eax"],
    ["an address pushed", "68 {32 name+0}", "push $name"],
    ["inc, which is a prefix elsewhere", "40", "inc %eax"],
  ])("%s", (_what, asm, expected) => {
    expect(texts(listingOf([text("f", asm), data("table", "00 00 00 00")], "f", { machine: "i386" }))).toEqual([
      expected,
    ]);
  });
});

describe("any bytes", () => {
  it.each(["x86_64", "i386"] as const)("%s: instructions hold every byte, in order", (machine) => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 60 }), (bytes) => {
        const listing = listingOf([text("f", Buffer.from(bytes).toString("hex"))], "f", { machine });
        expect(Buffer.concat(listing.map((line) => line.bytes))).toEqual(Buffer.from(bytes));
        let end = 0;
        for (const { offset, size } of listing) {
          expect(offset).toBe(end);
          end += size;
        }
      }),
    );
  });
});

/** Instructions by section and offset; only sections whose name occurs once. */
function objdump(file: string): Map<string, string> {
  const { stdout } = spawnSync("objdump", ["-dw", "--no-show-raw-insn", file], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  const found = new Map<string, string>();
  for (const part of stdout.split("\nDisassembly of section ").slice(1)) {
    const section = part.slice(0, part.indexOf(":\n"));
    for (const [, offset = "", line = ""] of part.matchAll(/^ *([0-9a-f]+):\t(.*)$/gm)) {
      const key = `${section} ${Number.parseInt(offset, 16)}`;
      found.set(key, found.has(key) ? "" : line);
    }
  }
  return found;
}

/** Where iced-x86 and binutils put the same thing in other words. */
function inCommonWords(line: string): string {
  return line
    .replace(/ +(#|<).*$/, "")
    .replace(/^(sh[lr]|sa[lr]|ro[lr])( +)\$0x1,/, "$1$2")
    .replace(/^repn?([ez])? /, "rep ")
    .replace(/^(cs|ds|data16) (?=call|jmp|nop|xchg)/, "")
    .replace(/%[ed]s:(?=\()/g, "")
    .replace(/(%ds:)?(0x0\(%e..),%eiz,1\)/, "$2)")
    .replace(/ +/g, " ")
    .trim();
}

describe.skipIf(!isInstalled("objdump"))("objdump", () => {
  const files = ["text", "special", "i386", "statics", "clang"].flatMap((topic) => objectsBelow(join(FIXTURES, topic)));
  it.each(files.map((file) => [file.slice(FIXTURES.length + 1), file]))("says the same of %s", (_name, file) => {
    const { spans, arch } = buildSpans(readObject(readFileSync(file), file));
    const disassemble = disassemblerFor(arch);
    const theirs = objdump(file);
    for (const span of spans.filter(({ kind }) => isCode(kind))) {
      for (const { offset, text: ours, relocations, inner } of disassemble(span, targetText)) {
        const line = theirs.get(`${span.section.name} ${span.offset + offset}`);
        if (line === "") continue;
        const isWorded = relocations.length > 0 || inner !== undefined;
        const words = (full: string): string => (isWorded ? (full.split(" ", 1)[0] ?? "") : full);
        expect(words(inCommonWords(ours)), `${span.name}+${offset}`).toBe(words(inCommonWords(line ?? "nothing")));
      }
    }
  });
});
