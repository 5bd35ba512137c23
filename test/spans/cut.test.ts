import { describe, expect, it } from "vitest";
import type { SymbolDescription } from "../support/elf-builder.ts";
import { type ElfExtra, type Part, type SectionExtra, section, spansOf, text } from "../support/elf-parts.ts";

/** What a section was cut into: `0+6 f g@4` is a span of six bytes with symbols at 0 and 4. */
function pieces(parts: readonly Part[], extra: ElfExtra = {}, name?: string): string[] {
  const table = spansOf(parts, extra);
  return table.spans
    .filter((span) => name === undefined || span.section.name === name)
    .map(({ offset, size, symbols }) =>
      [
        `${offset}+${size}`,
        ...symbols.map(({ symbol, offset: at }) => (at === 0 ? symbol.name : `${symbol.name}@${at}`)),
      ].join(" "),
    );
}

function func(name: string, value: number, size: number, extra: Partial<SymbolDescription> = {}): SymbolDescription {
  return { name, value, size, type: "func", bind: "global", ...extra };
}

function label(name: string, value: number, extra: Partial<SymbolDescription> = {}): SymbolDescription {
  return { name, value, ...extra };
}

function code(asm: string, ...symbols: readonly SymbolDescription[]): Part[] {
  return [section(".text", asm, {}, symbols)];
}

const RET = "c3";
const NOPS = "66900f1f4000";
/** Six bytes of code that are no filler. */
const SIX = "b801000000c3";

describe("code cut at symbols", () => {
  const cases: [string, readonly Part[], string[]][] = [
    ["one function is one span", code(SIX, func("f", 0, 6)), ["0+6 f"]],
    ["two functions side by side", code(SIX + SIX, func("f", 0, 6), func("g", 6, 6)), ["0+6 f", "6+6 g"]],
    [
      "filler between functions belongs to none of them",
      code(`${SIX}${NOPS}${SIX}`, func("f", 0, 6), func("g", 12, 6)),
      ["0+6 f", "12+6 g"],
    ],
    [
      "int3 between functions is filler too",
      code(`${SIX}cccccccc${SIX}`, func("f", 0, 6), func("g", 10, 6)),
      ["0+6 f", "10+6 g"],
    ],
    [
      "other bytes between functions are a span of their own",
      code(`${SIX}0fa2c3${SIX}`, func("f", 0, 6), func("g", 9, 6)),
      ["0+6 f", "6+3", "9+6 g"],
    ],
    [
      "a relocation makes filler contents",
      code(`${SIX}{64 v}${SIX}`, func("f", 0, 6), func("g", 14, 6)),
      ["0+6 f", "6+8", "14+6 g"],
    ],
    [
      "aliases share a span; the global one gives the name, whatever the order",
      code(SIX, func("a", 0, 6, { bind: "local" }), func("b", 0, 6, { bind: "weak" }), func("c", 0, 6)),
      ["0+6 c b a"],
    ],
    [
      "a typed symbol comes before a bare label of the same binding",
      code(SIX, label("a", 0), func("b", 0, 6, { bind: "local" })),
      ["0+6 b a"],
    ],
    ["table order decides between equals", code(SIX, func("b", 0, 6), func("a", 0, 6)), ["0+6 b a"]],
    [
      "an alias of another size: the longer one counts",
      code(SIX + SIX, func("f", 0, 6), func("g", 0, 12)),
      ["0+12 f g"],
    ],
    ["a function inside another one belongs to it", code(SIX + SIX, func("f", 0, 12), func("g", 6, 6)), ["0+12 f g@6"]],
    ["functions that overlap are one span", code(SIX + SIX, func("f", 0, 8), func("g", 6, 6)), ["0+12 f g@6"]],
    [
      "three that overlap in a chain",
      code(SIX + SIX + SIX, func("f", 0, 8), func("g", 6, 7), func("h", 12, 6)),
      ["0+18 f g@6 h@12"],
    ],
    [
      "assembly functions without size reach to the next one",
      code(SIX + SIX, func("f", 0, 0), func("g", 6, 0)),
      ["0+6 f", "6+6 g"],
    ],
    [
      "global labels without type are functions of assembly",
      code(SIX + SIX, label("f", 0, { bind: "global" }), label("g", 6, { bind: "global" })),
      ["0+6 f", "6+6 g"],
    ],
    [
      "local labels without type are places inside",
      code(SIX + SIX, label("f", 0, { bind: "global" }), label("again", 6)),
      ["0+12 f again@6"],
    ],
    [
      "a function without size ends where a sized one begins",
      code(SIX + SIX, func("f", 0, 0), func("g", 6, 6)),
      ["0+6 f", "6+6 g"],
    ],
    [
      "a function without size behind a sized one reaches to the end",
      code(SIX + SIX, func("f", 0, 6), func("g", 6, 0)),
      ["0+6 f", "6+6 g"],
    ],
    [
      "a label inside a sized function does not cut it",
      code(SIX + SIX, func("f", 0, 12), label("in", 6, { bind: "global" })),
      ["0+12 f in@6"],
    ],
    [
      "a label at the very end belongs to the last function",
      code(SIX, func("f", 0, 6), label("end", 6, { bind: "global" })),
      ["0+6 f end@6"],
    ],
    ["a size past the section's end is cut there", code(SIX, func("f", 0, 600)), ["0+6 f"]],
    ["a label behind the last byte names the end", code(SIX, func("f", 0, 6), label("end", 6)), ["0+6 f end@6"]],
    ["labels of the assembler are no symbols", code(SIX, func("f", 0, 6), label(".L3", 3)), ["0+6 f"]],
    ["code without any symbol is one span", code(SIX), ["0+6"]],
    ["even if it is only filler: the source put it there", code(NOPS), ["0+6"]],
    ["an empty section has no span", code(""), []],
    [
      "the only function owns what follows it (replacement code, literals)",
      code(`${SIX}0fa2c3`, func("f", 0, 6)),
      ["0+9 f"],
    ],
    ["but not filler", code(`${SIX}${NOPS}`, func("f", 0, 6)), ["0+6 f"]],
    ["the only function owns what precedes it", code(`0fa2c3${SIX}`, func("f", 3, 6)), ["0+9 f@3"]],
    [
      "room for a tracer before the entry is the function's, filler though it is",
      code(`9090${SIX}`, func("f", 2, 6)),
      ["0+8 f@2"],
    ],
    ["a relocated word after the only function is a literal", code(`${SIX}{64 v}`, func("f", 0, 6)), ["0+14 f"]],
  ];
  it.each(cases)("%s", (_what, parts, expected) => expect(pieces(parts)).toEqual(expected));
});

describe("prefixes belong to their function", () => {
  const pfx = (gap: string, prefix: string, other = "f"): Part[] =>
    code(
      `b878563412${gap}${SIX}${SIX}`,
      func(prefix, 0, 5, { bind: "local" }),
      func(other, 5 + gap.length / 2, 6),
      func("g", 11 + gap.length / 2, 6),
    );
  it.each<[string, Part[], string[]]>([
    ["kCFI: the type hash stands before the function", pfx("", "__cfi_f"), ["0+11 __cfi_f f@5", "11+6 g"]],
    ["padding may stand between", pfx("90".repeat(11), "__cfi_f"), ["0+22 __cfi_f f@16", "22+6 g"]],
    ["objtool's prefix symbols", pfx("", "__pfx_f"), ["0+11 __pfx_f f@5", "11+6 g"]],
    ["only its own function", pfx("", "__pfx_h"), ["0+5 __pfx_h", "5+6 f", "11+6 g"]],
    [
      "across any gap: -fpatchable-function-entry=27,27",
      pfx("90".repeat(27), "__cfi_f"),
      ["0+38 __cfi_f f@32", "38+6 g"],
    ],
  ])("%s", (_what, parts, expected) => expect(pieces(parts)).toEqual(expected));

  it("the function gives the name, and the entry is behind the prefix", () => {
    const [span] = spansOf(pfx("", "__cfi_f")).spans;
    expect({ name: span?.name, entry: span?.entry }).toEqual({ name: "f", entry: 5 });
  });
});

describe("Thumb: the low bit of a function's value is not part of its address", () => {
  it("cuts at the even place, and only functions have the bit", () => {
    const parts = code("00bf704700bf7047", func("f", 1, 4), func("g", 5, 4));
    expect(pieces(parts, { machine: "arm" })).toEqual(["0+4 f", "4+4 g"]);
  });
  it("mapping symbols mark nothing that can be named", () => {
    const parts = code("00bf704700bf7047", func("f", 1, 8), label("$t", 0), label("$d.1", 4));
    expect(pieces(parts, { machine: "arm" })).toEqual(["0+8 f"]);
  });
});

describe("data cut at symbols", () => {
  const object = (name: string, value: number, size: number): SymbolDescription => ({
    name,
    value,
    size,
    type: "object",
  });
  const cases: [string, Part, string[]][] = [
    [
      "zeros that align the next variable belong to none",
      section(".data", "01000000 00000000 0200000000000000", {}, [object("a", 0, 4), object("b", 8, 8)]),
      ["0+4 a", "8+8 b"],
    ],
    [
      "contents between variables are a span",
      section(".data", "01000000 07000000 0200000000000000", {}, [object("a", 0, 4), object("b", 8, 8)]),
      ["0+4 a", "4+4", "8+8 b"],
    ],
    [
      "a long run of zeros is an object without a name",
      section(".data", `01${"00".repeat(127)}02`, {}, [object("a", 0, 1), object("b", 128, 1)]),
      ["0+1 a", "1+127", "128+1 b"],
    ],
    [
      "zeros with a relocation are a pointer",
      section(".data", "01000000 00000000{64 f}02", {}, [object("a", 0, 8), object("b", 16, 1)]),
      ["0+8 a", "8+8", "16+1 b"],
    ],
    [
      "gaps in .bss are alignment",
      section(".bss", "", { size: 32 }, [object("a", 0, 4), object("b", 16, 16)]),
      ["0+4 a", "16+16 b"],
    ],
    ["data without symbols is one span", section(".data", "0102"), ["0+2"]],
    [
      "the tail of a section is filler when it is zeros",
      section(".data", "0100000000000000", {}, [object("a", 0, 4)]),
      ["0+4 a"],
    ],
  ];
  it.each(cases)("%s", (_what, part, expected) => expect(pieces([part])).toEqual(expected));
});

describe("strings and constants", () => {
  const merged = (asm: string, extra: SectionExtra): Part[] => [section(".rodata.merged", asm, extra)];
  const cases: [string, readonly Part[], string[]][] = [
    [
      "one span per string, its zero included",
      merged("6100 626300 00", { flags: "AMS", entsize: 1, addralign: 1 }),
      ["0+2", "2+3", "5+1"],
    ],
    [
      "zeros up to where an aligned string begins are filler, and the empty string is one of its own",
      merged("6162630000000000 0000000000000000 640000", { flags: "AMS", entsize: 1, addralign: 8 }),
      ["0+4", "8+1", "16+2"],
    ],
    ["a tail without terminator is a span", merged("6100 6263", { flags: "AMS", entsize: 1 }), ["0+2", "2+2"]],
    ["only an unterminated string", merged("6162", { flags: "AMS", entsize: 1 }), ["0+2"]],
    [
      "two-byte characters: one zero byte ends nothing",
      merged("6100 6200 0000 6300 0000", { flags: "AMS", entsize: 2 }),
      ["0+6", "6+4"],
    ],
    ["and zeros count only in step", merged("6100 0062 0000", { flags: "AMS", entsize: 2 }), ["0+6"]],
    [
      "four-byte characters",
      merged("61000000 00000000 62000000 00000000", { flags: "AMS", entsize: 4 }),
      ["0+8", "8+8"],
    ],
    ["half a wide character is a tail", merged("6100 0000 62", { flags: "AMS", entsize: 2 }), ["0+4", "4+1"]],
    ["one span per constant", merged("0102030405060708 1112131415161718", { flags: "AM", entsize: 8 }), ["0+8", "8+8"]],
    ["the last constant may be short", merged("0102030405060708 1112", { flags: "AM", entsize: 8 }), ["0+8", "8+2"]],
  ];
  it.each(cases)("%s", (_what, parts, expected) => expect(pieces(parts)).toEqual(expected));

  it("names of exported symbols go by their labels", () => {
    const parts = [
      section("__ksymtab_strings", "666f6f00 00", {}, [label("__kstrtab_foo", 0), label("__kstrtabns_foo", 4)]),
    ];
    expect(pieces(parts)).toEqual(["0+4 __kstrtab_foo", "4+1 __kstrtabns_foo"]);
  });
});

describe("anonymous read-only data is cut where others refer to it", () => {
  const cases: [string, readonly Part[], string[]][] = [
    [
      "at every place that code names",
      [text("f", "{32S .rodata} {32S .rodata+8} c3"), section(".rodata", "01".repeat(16))],
      ["0+8", "8+8"],
    ],
    [
      "also where data names it",
      [section(".data.p", "{64 .rodata+4}"), section(".rodata", "01".repeat(8))],
      ["0+4", "4+4"],
    ],
    [
      "not where it names itself: a jump table may count from its middle",
      [section(".rodata", `{64 .rodata+8}${"01".repeat(8)}`)],
      ["0+16"],
    ],
    [
      "not inside what has a name",
      [
        text("f", "{32S .rodata+4} c3"),
        section(".rodata", "01".repeat(8), {}, [{ name: "v", type: "object", size: 8 }]),
      ],
      ["0+8 v"],
    ],
    [
      "only the part without a name",
      [
        text("f", "{32S .rodata+12} c3"),
        section(".rodata", "01".repeat(16), {}, [{ name: "v", type: "object", size: 8 }]),
      ],
      ["0+8 v", "8+4", "12+4"],
    ],
    [
      "twice the same place is one cut",
      [text("f", "{32S .rodata+8} {32S .rodata+8} c3"), section(".rodata", "01".repeat(16))],
      ["0+8", "8+8"],
    ],
    ["an end is not a cut", [text("f", "{32S .rodata+16} c3"), section(".rodata", "01".repeat(16))], ["0+16"]],
  ];
  it.each(cases)("%s", (_what, parts, expected) => expect(pieces(parts, {}, ".rodata")).toEqual(expected));

  it("writable data is not cut: an address in its middle may belong to what stands before it", () => {
    const parts = [text("f", "{32S .data+8} c3"), section(".data", "01".repeat(16))];
    expect(pieces(parts, {}, ".data")).toEqual(["0+16"]);
  });

  it("unless local names were left: then data without a name is the compiler's own", () => {
    const parts = [
      text("f", "{32S .data+8} {32S .data+16} c3"),
      section(".data", "01".repeat(24), {}, [{ name: "v", type: "object", bind: "local", size: 8 }]),
    ];
    expect(pieces(parts, {}, ".data")).toEqual(["0+8 v", "8+8", "16+8"]);
  });

  it("a pc-relative operand is a place without the four bytes that the instruction adds", () => {
    const parts = [text("f", `488b05{PC32 .rodata+4}${RET}`), section(".rodata", "01".repeat(16))];
    expect(pieces(parts, {}, ".rodata")).toEqual(["0+8", "8+8"]);
  });
});

describe("what stands before an entry in a section of many functions", () => {
  const RET64 = "c0035fd6";
  const NOP64 = "1f2003d5";
  const HASH = "511bb95a";
  const sites = (...offsets: readonly number[]): Part =>
    section("__patchable_function_entries", offsets.map((offset) => `{ABS64 .text+${offset}}`).join(""), {
      flags: "AW",
    });
  const data = (value: number): SymbolDescription => label("$d", value, { bind: "local" });
  const insns = (value: number): SymbolDescription => label("$x", value, { bind: "local" });
  const two = (f: number, g: number): SymbolDescription[] => [func("f", f, 4), func("g", g, 4)];
  const cases: [string, readonly Part[], string[]][] = [
    [
      "a kCFI hash that mapping symbols call data belongs to the function behind it",
      code(HASH + RET64 + HASH + RET64, ...two(4, 12), data(0), insns(4), data(8), insns(12)),
      ["0+8 f@4", "8+8 g@4"],
    ],
    ["also without mapping symbols", code(HASH + RET64 + HASH + RET64, ...two(4, 12)), ["0+8 f@4", "8+8 g@4"]],
    [
      "an instruction there is code without a name",
      code(RET64 + RET64 + RET64, ...two(4, 8), insns(0)),
      ["0+4", "4+4 f", "8+4 g"],
    ],
    [
      "nops that a table of patchable entries leads to",
      [...code(RET64 + NOP64.repeat(3) + RET64, ...two(0, 16)), sites(8)],
      ["0+4 f", "8+12 g@8"],
    ],
    [
      "nops that no table leads to are filler",
      code(RET64 + NOP64.repeat(3) + RET64, ...two(0, 16)),
      ["0+4 f", "16+4 g"],
    ],
    [
      "a hash before such nops (CFI_CLANG with DYNAMIC_FTRACE_WITH_CALL_OPS)",
      [...code(RET64 + HASH + NOP64.repeat(2) + RET64, ...two(0, 16), insns(0), data(4), insns(8)), sites(8)],
      ["0+4 f", "4+16 g@12"],
    ],
    [
      "a hash before nops that are in no table",
      code(RET64 + HASH + NOP64.repeat(2) + RET64, ...two(0, 16), insns(0), data(4), insns(8)),
      ["0+4 f", "4+16 g@12"],
    ],
    [
      "filler before the hash belongs to no function",
      code(RET64 + NOP64 + HASH + RET64, ...two(0, 12), insns(0), data(8), insns(12)),
      ["0+4 f", "8+8 g@4"],
    ],
  ];
  it.each(cases)("%s", (_what, parts, expected) =>
    expect(pieces(parts, { machine: "aarch64" }, ".text")).toEqual(expected),
  );

  it("Power: the offset of a function's TOC", () => {
    const parts = code(`20 00 80 4e {REL64 .TOC.} 20 00 80 4e`, ...two(0, 12));
    expect(pieces(parts, { machine: "ppc64le" }, ".text")).toEqual(["0+4 f", "4+12 g@8"]);
  });

  it("x86: room that a table leads to, in front of a function without a prefix symbol", () => {
    const parts = [
      ...code(`${SIX}${"90".repeat(16)}${SIX}`, func("f", 0, 6), func("g", 22, 6)),
      section("__patchable_function_entries", "{64 .text+6}", { flags: "AW" }),
    ];
    expect(pieces(parts, {}, ".text")).toEqual(["0+6 f", "6+22 g@16"]);
  });
});

describe("code that a function runs on into is the rest of it", () => {
  const NOT_PADDING = "0fa2c3";
  it.each<[string, string, string[]]>([
    ["behind a return it is not", "b801000000c3", ["0+6 f", "6+3", "9+6 g"]],
    ["nor behind a jump", "89c0e900000000", ["0+7 f", "7+3", "10+6 g"]],
    ["nor behind a jump by a register", "89c0ffe0", ["0+4 f", "4+3", "7+6 g"]],
    ["nor behind a trap", "0f0b", ["0+2 f", "2+3", "5+6 g"]],
    ["behind a call that may return", "e800000000", ["0+8 f", "8+6 g"]],
    ["behind any other instruction", "89c0", ["0+5 f", "5+6 g"]],
  ])("%s", (_what, body, expected) => {
    const size = body.length / 2;
    const parts = code(body + NOT_PADDING + SIX, func("f", 0, size), func("g", size + 3, 6));
    expect(pieces(parts)).toEqual(expected);
  });
});
