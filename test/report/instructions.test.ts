import { describe, expect, it } from "vitest";
import { disassemblerFor } from "../../src/disasm/disassembler.ts";
import { planPair } from "../../src/plan/pair/pair.ts";
import { type InstructionStyle, renderInstructions } from "../../src/report/instructions.ts";
import { diffOf } from "../disasm/listing.ts";
import { type ElfExtra, type Part, strings, text } from "../support/elf-parts.ts";

const rest = [strings(`${"long ".repeat(20)}\n`), text("g", "c3 90 90 90", { bind: "global" })];

/** The lines for `f`. */
function lines(
  pre: string,
  post: string,
  style?: InstructionStyle,
  extra: ElfExtra = {},
): readonly string[] | undefined {
  const part = (asm: string): Part[] => [text("f", asm), ...rest];
  const diff = diffOf(part(pre), part(post), extra);
  const { preLabels } = planPair(diff, 0, "x.o", "vmlinux");
  return renderInstructions(diff, preLabels, disassemblerFor(diff.pre.table.arch), style).get("f<x.o>");
}

describe("instructions side by side", () => {
  it("shows what differs with two instructions before and after it", () => {
    const pre = "55 53 48 83 ec 18 83 ff 05 74 06 e8 {PLT32 g-4} 90 48 83 c4 18 5b c3";
    const post = "55 53 48 83 ec 18 83 ff 04 74 0b e8 {PLT32 g-4} e8 {PLT32 h-4} 90 48 83 c4 18 5b c3";
    expect(lines(pre, post)?.join("\n")).toBe(
      [
        "        +0x1   push   %rbx       │ +0x1   push   %rbx",
        "        +0x2   sub    $0x18,%rsp │ +0x2   sub    $0x18,%rsp",
        "      ~ +0x6   cmp    $0x5,%edi  │ +0x6   cmp    $0x4,%edi",
        "        +0x9   je     +0x11      │ +0x9   je     +0x16",
        "        +0xb   call   g          │ +0xb   call   g",
        "      +                          │ +0x10  call   h",
        "        +0x10  nop               │ +0x15  nop",
        "        +0x11  add    $0x18,%rsp │ +0x16  add    $0x18,%rsp",
      ].join("\n"),
    );
  });

  it("marks what is only on one side, and leaves a gap out", () => {
    const nops = (count: number): string => "55 5d ".repeat(count);
    expect(lines(`31 c0 ${nops(4)} 31 d2 c3`, `${nops(4)} c3`)).toEqual([
      "      - +0x0   xor    %eax,%eax │",
      "        +0x2   push   %rbp      │ +0x0   push   %rbp",
      "        +0x3   pop    %rbp      │ +0x1   pop    %rbp",
      "        ⋮",
      "        +0x8   push   %rbp      │ +0x6   push   %rbp",
      "        +0x9   pop    %rbp      │ +0x7   pop    %rbp",
      "      - +0xa   xor    %edx,%edx │",
      "        +0xc   ret              │ +0x8   ret",
    ]);
  });

  it("sets the same operation with other operands side by side", () => {
    expect(lines("53 89 f7 31 c0 c3", "53 89 d7 83 c8 ff 31 d2 c3")).toEqual([
      "        +0x0   push   %rbx      │ +0x0   push   %rbx",
      "      ~ +0x1   mov    %esi,%edi │ +0x1   mov    %edx,%edi",
      "      +                         │ +0x3   or     $0xffffffff,%eax",
      "      ~ +0x3   xor    %eax,%eax │ +0x6   xor    %edx,%edx",
      "        +0x5   ret              │ +0x8   ret",
    ]);
  });

  it("shows twelve differing rows and counts the rest", () => {
    const body = (value: string): string => `b8 ${value} 00 00 00 `.repeat(20);
    const shown = lines(body("01"), body("02")) ?? [];
    expect(shown.filter((line) => line.startsWith("      ~"))).toHaveLength(12);
    expect(shown.at(-1)).toBe("        … 8 more differing rows");
    expect(lines("b8 01 00 00 00 ".repeat(13), "b8 02 00 00 00 ".repeat(13))?.at(-1)).toBe(
      "        … 1 more differing row",
    );
  });

  it("fits the width", () => {
    const f = (value: string): string => `48 c7 c7 {32S .rodata.str1.1+0} b8 ${value} 00 00 00 c3`;
    for (const width of [60, 80, 120]) {
      const shown = lines(f("01"), f("02"), { width, colour: false }) ?? [];
      expect(Math.max(...shown.map((line) => line.length))).toBeLessThanOrEqual(width);
      expect(shown[0]).toContain("…");
    }
  });

  it("gives one column what the other does not need", () => {
    const shown = lines("53 c3", "53 48 c7 c7 {32S .rodata.str1.1+75} c3", { width: 80, colour: false });
    expect(shown?.[1]).toBe('      +                    │ +0x1   mov    $"long long long long long \\n",%rdi');
  });

  it("colours whole rows when asked to", () => {
    const shown = lines("53 31 c0 c3", "53 31 d2 c3", { width: 80, colour: true });
    const starts = shown?.map((line) => line.slice(1, 9));
    expect(starts).toEqual(["[2m     ", "[33m    ", "[2m     "]);
    expect(shown?.every((line) => line.endsWith("\x1b[0m"))).toBe(true);
  });

  it("shows names that would steer a terminal as numbers", () => {
    expect(lines("53 e8 {PLT32 a\x1b[2J-4} c3", "53 e8 {PLT32 b-4} c3")?.[1]).toContain("a\\x1b[2J");
  });

  it("is nothing for a function whose own instructions are the same", () => {
    expect(lines("53 c3", "53 c3")).toBeUndefined();
  });

  it("shows words where there is no disassembler", () => {
    const shown = lines("{CALL26 g|00000094} c0035fd6", "{CALL26 h|00000094} c0035fd6", undefined, {
      machine: "aarch64",
    });
    expect(shown?.[0]).toBe("      ~ +0x0   94000000 CALL26 g │ +0x0   94000000 CALL26 h");
  });
});
