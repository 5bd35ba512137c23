import { describe, expect, it } from "vitest";
import { diffOf, linesOf, outcomesOf, reasonsOf } from "../support/built-pair.ts";
import { type Part, rodata, section, strings, symbol, text } from "../support/elf-parts.ts";

/** Outcomes, and lines, of a pair in which one thing differs. */
function verdict(make: (version: 0 | 1) => Part[]): { outcomes: string[]; lines: string[] } {
  const diff = diffOf(make(0), make(1));
  return { outcomes: outcomesOf(diff), lines: linesOf(diff) };
}

const hex = (value: number): string => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes.toString("hex");
};

describe("places that Rust's panics are told", () => {
  const BOUNDS = "_ZN4core9panicking18panic_bounds_check17h0123456789abcdefE";
  interface Location {
    readonly length?: number;
    readonly line?: number;
    readonly column?: number;
    readonly callee?: string;
    readonly file?: string;
    readonly load?: string;
    readonly tail?: string;
  }
  const location = ({
    length = 4,
    line = 5,
    column = 9,
    callee = BOUNDS,
    file = "a.rs",
    load = "488d15{PC32 .data.rel.ro..Lanon.1-4}",
    tail = "",
  }: Location): Part[] => [
    text("f", `${load}be04000000ff15{GOTPCREL ${callee}-4}`),
    section(".data.rel.ro..Lanon.1", `{64 .rodata.str1.1}${hex(length)}00000000${hex(line)}${hex(column)}${tail}`, {
      flags: "WA",
    }),
    strings(file),
  ];
  const CHANGED = [".data.rel.ro..Lanon.1 rewritten"];
  const cases: [string, Location, Location, string[]][] = [
    ["line and column are noise", {}, { line: 7, column: 11 }, []],
    ["a line alone too", {}, { line: 7 }, []],
    [
      "and in the mangling of newer compilers",
      { callee: "_RNvNtCs1_4core9panicking5panic" },
      { line: 7, callee: "_RNvNtCs1_4core9panicking5panic" },
      [],
    ],
    ["the length may count a terminator", { length: 5 }, { length: 5, line: 7 }, []],
    ["a length that is not the name's is not a place", { length: 3 }, { length: 3, line: 7 }, CHANGED],
    ["nor is the length a line", {}, { length: 5 }, CHANGED],
    ["for any other callee it is a table", { callee: "take" }, { callee: "take", line: 7 }, CHANGED],
    ["a name that is not a source file's is not a place", { file: "abcd" }, { file: "abcd", line: 7 }, CHANGED],
    [
      "code that reads it acts on it",
      { load: "8b15{PC32 .data.rel.ro..Lanon.1+12}" },
      { load: "8b15{PC32 .data.rel.ro..Lanon.1+12}", line: 7 },
      CHANGED,
    ],
    ["more fields are another struct", { tail: "01000000" }, { tail: "01000000", line: 7 }, CHANGED],
  ];
  it.each(cases)("%s", (_what, pre, post, outcomes) => {
    expect(verdict((version) => location(version === 0 ? pre : post)).outcomes).toEqual(outcomes);
  });
  it("the line is told, with the column where that differs", () => {
    expect(verdict((version) => location({ line: 5 + version, column: 9 + version })).lines).toEqual([
      ".data.rel.ro..Lanon.1 line-number +16: 5:9 → 6:10",
    ]);
  });
});

describe("places in sanitizers' reports", () => {
  const report = (words: string, handler = "__ubsan_handle_shift_out_of_bounds"): Part[] => [
    text("f", `48c7c7{32S .Lubsan_data0}e8{PLT32 ${handler}-4}c3`),
    section(".data", `{64 .rodata.str1.1}${words}`, {}, [{ name: ".Lubsan_data0", type: "object", size: 24 }]),
    strings("a.c"),
  ];
  it.each<[string, string, string, string | undefined, string[]]>([
    ["line and column are noise", `${hex(5)}${hex(1)}${hex(3)}`, `${hex(7)}${hex(2)}${hex(3)}`, undefined, []],
    [
      "what comes behind them is not",
      `${hex(5)}${hex(1)}${hex(3)}`,
      `${hex(5)}${hex(1)}${hex(4)}`,
      undefined,
      [".data stateful"],
    ],
    ["nor are they for any other callee", `${hex(5)}${hex(1)}`, `${hex(7)}${hex(1)}`, "configure", [".data stateful"]],
  ])("%s", (_what, pre, post, handler, outcomes) => {
    expect(verdict((version) => report(version === 0 ? pre : post, handler)).outcomes).toEqual(outcomes);
  });
});

describe("a message that code reads", () => {
  const message = (line: number): Part[] => [
    rodata("_entry.1", `{64 fmt}{64 name}{64 .rodata.str1.1}${hex(line)}`),
    section(".printk_index", "{64 _entry.1}", { flags: "A" }),
    strings("a.c"),
  ];
  it("is noise before the patch, and none when new code would get the old line", () => {
    const reader = text("g", "8b05{PC32 _entry.1+20}c3");
    expect(outcomesOf(diffOf(message(5), message(7)))).toEqual([]);
    expect(outcomesOf(diffOf(message(5), [...message(7), reader]))).toEqual(["_entry.1 rewritten"]);
  });
});

describe("lines that Xen packs into its bug frames", () => {
  const at = (line: number): readonly [number, number] => [(line >> 7) * 2 ** 24, (line & 127) * 2 ** 24];
  const frame = (line: number, place = 2, file = 0): Part[] => {
    const [high, low] = at(line);
    return [
      text("f", "31c0 0f0b 0f0b c3"),
      section(".bug_frames.1", `{PC32 .text.f:f+${place + high}}{PC32 .rodata.str1.1+${4 + file + low}}`, {
        flags: "A",
      }),
      strings("a.c", "b.c"),
    ];
  };
  it.each<[string, Part[], Part[], string[], string[]]>([
    ["the low half", frame(5), frame(7), [], ["f bug-line +2: 5 → 7"]],
    ["both halves", frame(120), frame(300), [], ["f bug-line +2: 120 → 300"]],
    ["another place is a change", frame(5), frame(5, 4), ["f replaced"], []],
    ["another file is a change", frame(5), frame(5, 2, 4), ["f replaced"], []],
  ])("%s", (_what, pre, post, outcomes, lines) => {
    const diff = diffOf(pre, post);
    expect({ outcomes: outcomesOf(diff), lines: linesOf(diff) }).toEqual({ outcomes, lines });
  });
  it("a function to run, in another object, keeps its line beside it", () => {
    const run = (line: number, name = "dump"): Part[] => {
      const [high, low] = at(line);
      const frames = `{PC32 .text.f:f+${2 + high}}{PC32 ${name}+${4 + low}}`;
      return [text("f", "31c0 0f0b 0f0b c3"), section(".bug_frames.0", frames, { flags: "A" }), symbol(name)];
    };
    expect(outcomesOf(diffOf(run(5), run(300)))).toEqual([]);
    expect(reasonsOf(diffOf(run(5), run(5, "halt")))).not.toEqual([]);
  });
});
