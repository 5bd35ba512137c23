import { describe, expect, it } from "vitest";
import { requireMachineCode } from "../../src/elf/machine-code.ts";
import { UnsupportedError } from "../../src/errors.ts";
import { bss, data, type ElfExtra, objectOf, type Part, section, symbol, text } from "../support/elf-parts.ts";

const f = text("f", "c3");
const nobits = (name: string, size: number, flags: string, symbols: Parameters<typeof section>[3] = []): Part =>
  section(name, "", { type: "nobits", size, flags }, symbols);
/** GCC's lto_section: major and minor version, whether it is slim, flags. */
const ltoHeader = (slim: string): Part => section(".gnu.lto_.lto.9d5a3", `0c000000${slim}0001`, { flags: "E" });
const body = section(".gnu.lto_f.1.9d5a3", "0102", { flags: "E" });
const func = { name: "f", type: "func", size: 1 } as const;

describe("files that look like objects and hold no code to compare", () => {
  const refused: [string, readonly Part[], RegExp, ElfExtra?][] = [
    [
      "slim LTO: GCC's common symbol says so",
      [symbol("__gnu_lto_slim", { section: "*COM*", size: 1 })],
      /intermediate code/,
    ],
    ["slim LTO: its header says so", [ltoHeader("01"), body], /section \.gnu\.lto_\.lto\.9d5a3: intermediate code/],
    [
      "slim and ordinary objects joined by ld -r",
      [f, ltoHeader("00"), section(".gnu.lto_.lto.7", "0c00000001", { flags: "" })],
      /intermediate/,
    ],
    ["LTO of before the header, with nothing loaded", [body], /intermediate code/],
    [
      "only debug information: code without contents",
      [nobits(".text.f", 9, "AX", [func])],
      /section \.text\.f: has no contents/,
    ],
    ["the same for code of one byte", [nobits(".text.f", 1, "AX", [func])], /has no contents/],
    ["the same where only constants are left", [nobits(".rodata", 4, "A")], /section \.rodata: has no contents/],
    ["the same where only variables are left", [nobits(".data.v", 4, "WA")], /section \.data\.v: has no contents/],
    ["the same for a linked image", [nobits(".text", 64, "AX", [func])], /has no contents/, { type: "dyn" }],
    ["stripped of symbols", [section(".text", "c3")], /without a symbol table/, { symbolTable: "none" }],
    [
      "stripped of relocations: it refers to nothing",
      [f, symbol("ext", { bind: "global" })],
      /relocations were taken out/,
    ],
    [
      "stripped of relocations: frames of no function",
      [f, section(".eh_frame", "14000000")],
      /section \.eh_frame: .*relocations/,
    ],
  ];
  it.each(refused)("%s", (_teaches, parts, problem, extra) => {
    const object = objectOf(parts, extra);
    expect(() => requireMachineCode(object)).toThrow(UnsupportedError);
    expect(() => requireMachineCode(object)).toThrow(problem);
  });
});

describe("files that hold all there is to compare", () => {
  const whole: [string, readonly Part[], ElfExtra?][] = [
    ["fat LTO", [f, ltoHeader("00"), body]],
    ["fat LTO of nothing", [ltoHeader("00"), body]],
    ["machine code beside LLVM bitcode", [f, section(".llvm.lto", "4243c0de", { flags: "E" })]],
    ["only variables that begin with zeros", [bss("v", 4)]],
    ["shared per-CPU variables that begin with zeros", [nobits(".data..percpu", 4, "WA")]],
    ["the room that a kernel module keeps for its branches", [f, nobits(".plt", 1, "AX")]],
    ["a table of branches that is filled in at start", [nobits(".plt", 64, "WAX"), data("v", "01")], { type: "exec" }],
    ["code that refers to nothing", [f]],
    ["the end of frame descriptions", [f, section(".eh_frame", "00000000")]],
    ["code that refers to something", [text("g", "e8{PLT32 ext-4}c3")]],
    ["nothing at all", [], { symbolTable: "none" }],
  ];
  it.each(whole)("%s", (_teaches, parts, extra) =>
    expect(() => requireMachineCode(objectOf(parts, extra))).not.toThrow(),
  );
});
