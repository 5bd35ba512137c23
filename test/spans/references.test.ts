import { describe, expect, it } from "vitest";
import type { SpanRelocation } from "../../src/spans/span.ts";
import {
  data,
  type ElfExtra,
  type Part,
  rodata,
  section,
  spansOf,
  strings,
  symbol,
  text,
} from "../support/elf-parts.ts";

function shown({ target, targetOffset, symbol: named, targetAddend, insnAddend }: SpanRelocation): string {
  const insn = insnAddend === 0n ? "" : ` insn ${insnAddend}`;
  if (target === undefined) return `${named?.name ?? "nothing"} ${targetAddend}${insn}`;
  const text =
    target.kind === "string" ? ` ${JSON.stringify(Buffer.from(target.bytes.subarray(0, -1)).toString())}` : "";
  return `${target.name}${text} at ${target.offset} ${targetOffset < 0 ? "" : "+"}${targetOffset}${insn}`;
}

/** What the first span refers to, one line a relocation. */
function references(parts: readonly Part[], extra: ElfExtra = {}): string[] {
  return (spansOf(parts, extra).spans[0]?.relocations ?? []).map(shown);
}

const texts = strings("a", "bc", "def");
const two = section(".data", "01020304 05060708", {}, [
  { name: "v", type: "object", size: 4 },
  { name: "w", type: "object", value: 4, size: 4 },
]);

describe("a section symbol and an addend name the thing that lies there", () => {
  const cases: [string, readonly Part[], string[]][] = [
    ["an absolute address", [data("p", "{64 .rodata.str1.1+2}"), texts], ['.rodata.str1.1 "bc" at 2 +0']],
    [
      "the middle of a string (a shared tail)",
      [data("p", "{64 .rodata.str1.1+3}"), texts],
      ['.rodata.str1.1 "bc" at 2 +1'],
    ],
    [
      "a call: four bytes belong to the instruction",
      [text("f", "e8{PLT32 .text.g:g-4}c3"), text("g", "c3")],
      ["g at 0 +0 insn -4"],
    ],
    ["an operand before one byte of immediate", [text("f", "833d{PC32 .data-1}07c3"), two], ["w at 4 +0 insn -5"]],
    [
      "an operand before four bytes of immediate",
      [text("f", "c705{PC32 .data-4}07000000c3"), two],
      ["w at 4 +0 insn -8"],
    ],
    ["an operand at the end of the instruction", [text("f", "8b05{PC32 .data}c3"), two], ["w at 4 +0 insn -4"]],
    ["one past the end belongs to the last thing", [data("p", "{64 .data+8}"), two], ["w at 4 +4"]],
    ["before the start belongs to the first", [data("p", "{64 .data-8}"), two], ["v at 0 -8"]],
    ["far outside", [data("p", "{64 .data+4096}"), two], ["w at 4 +4092"]],
    [
      "a place in padding belongs to what stands before it",
      [
        data("p", "{64 .rodata+5}"),
        section(".rodata", "0100000000000000 02", {}, [
          { name: "a", type: "object", size: 1 },
          { name: "b", value: 8, type: "object", size: 1 },
        ]),
      ],
      ["a at 0 +5"],
    ],
  ];
  it.each(cases)("%s", (_what, parts, expected) => expect(references(parts)).toEqual(expected));
});

describe("a named symbol decides by itself, whatever the addend", () => {
  const cases: [string, readonly Part[], string[]][] = [
    ["one past the end of a variable is not the next one", [data("p", "{64 v+4}"), two], ["v at 0 +4"]],
    ["array[-1] is not the previous one", [data("p", "{64 w-4}"), two], ["w at 4 -4"]],
    ["an undefined symbol", [text("f", "e8{PLT32 ext-4}c3")], ["ext 0 insn -4"]],
    ["an absolute symbol", [data("p", "{64 limit+1}"), symbol("limit", { section: "*ABS*", value: 5 })], ["limit 1"]],
    [
      "a common symbol",
      [data("p", "{64 shared}"), symbol("shared", { section: "*COM*", value: 8, size: 8, type: "object" })],
      ["shared 0"],
    ],
    [
      "a weak symbol that is defined here",
      [text("f", "e8{PLT32 w-4}c3"), text("w", "c3", { bind: "weak" })],
      ["w at 0 +0 insn -4"],
    ],
    ["no symbol at all", [data("p", "{64 +7}")], ["nothing 7"]],
    [
      "a label of the assembler stands only for a place",
      [
        data("p", "{64 .L0+2}"),
        section(".rodata.str1.1", "6100 626300", { flags: "AMS", entsize: 1 }, [{ name: ".L0" }]),
      ],
      ['.rodata.str1.1 "bc" at 2 +0'],
    ],
    [
      "clang's sized labels are things",
      [
        data("p", "{64 .L__unnamed_1+8}"),
        section(".rodata", "0102030405060708 1112", {}, [{ name: ".L__unnamed_1", type: "object", size: 8 }]),
      ],
      [".rodata at 0 +8"],
    ],
    [
      "a symbol in a section without spans (debug information)",
      [data("p", "{64 here}"), section(".debug_str", "6100", { flags: "" }, [{ name: "here" }])],
      ["here 0"],
    ],
    ["itself", [data("head", "{64 head}{64 head}")], ["head at 0 +0", "head at 0 +0"]],
    [
      "a prefix: the function's entry is behind it",
      [
        data("p", "{64 f}"),
        section(".text", "b878563412 c3", {}, [
          { name: "__cfi_f", type: "func", size: 5 },
          { name: "f", type: "func", value: 5, size: 1, bind: "global" },
        ]),
      ],
      ["f at 0 +5"],
    ],
    [
      "several relocations by their places",
      [data("p", "{64 b}{64 a}"), rodata("a", "01"), rodata("b", "02")],
      ["b at 0 +0", "a at 0 +0"],
    ],
  ];
  it.each(cases)("%s", (_what, parts, expected) => expect(references(parts)).toEqual(expected));
});

describe("REL objects keep the addend in the field", () => {
  const cases: [string, readonly Part[], ElfExtra, string[]][] = [
    ["i386 call", [text("f", "e8{PC32 g-4}c3"), text("g", "c3")], { machine: "i386" }, ["g at 0 +0 insn -4"]],
    [
      "i386 address in a section",
      [data("p", "{32 .rodata.str1.1+2}"), texts],
      { machine: "i386" },
      ['.rodata.str1.1 "bc" at 2 +0'],
    ],
    ["i386 negative addend", [data("p", "{32 w-4}"), two], { machine: "i386" }, ["w at 4 -4"]],
    ["Arm address", [data("p", "{ABS32 .data+4}"), two], { machine: "arm" }, ["w at 4 +0"]],
    [
      "Arm movw and movt: the whole addend is in each",
      [text("f", "{MOVW_ABS_NC .data+4|000000e3}{MOVT_ABS .data|040040e3}"), two],
      { machine: "arm" },
      ["w at 4 +0", "w at 4 +0"],
    ],
    [
      "MIPS high and low half: the lower has its share in the upper",
      [text("f", "{HI16 .data+0|0000023c}{LO16 .data+4|00004224}"), two],
      { machine: "mips" },
      ["w at 4 +0", "w at 4 +0"],
    ],
  ];
  it.each(cases)("%s", (_what, parts, extra, expected) => expect(references(parts, extra)).toEqual(expected));
});

describe("RELA on machines that count from the instruction", () => {
  const cases: [string, readonly Part[], ElfExtra, string[]][] = [
    ["AArch64 call", [text("f", "{CALL26 g|00000094}"), text("g", "c0035fd6")], { machine: "aarch64" }, ["g at 0 +0"]],
    [
      "AArch64 page and low part",
      [text("f", "{ADR_PREL_PG_HI21 .data+4|00000090}{ADD_ABS_LO12_NC .data+4|00000091}"), two],
      { machine: "aarch64" },
      ["w at 4 +0", "w at 4 +0"],
    ],
    [
      "RISC-V pair: the low part names the instruction with the high one",
      [text("f", "{PCREL_HI20 .data+4|17050000}13050500"), two],
      { machine: "riscv64" },
      ["w at 4 +0"],
    ],
    [
      "s390x counts from the instruction two bytes before the field",
      [text("f", "c0e5{PLT32DBL g+2}07fe"), text("g", "07fe")],
      { machine: "s390x" },
      ["g at 0 +0 insn 2"],
    ],
  ];
  it.each(cases)("%s", (_what, parts, extra, expected) => expect(references(parts, extra)).toEqual(expected));
});
