import { describe, expect, it } from "vitest";
import { diffOf, linesOf, outcomesOf } from "../support/built-pair.ts";
import type { MachineName } from "../support/elf-description.ts";
import { data, type Part, rodata, section, strings, text } from "../support/elf-parts.ts";

/** How an architecture loads a file's name and a number, and other instructions with a number in them. */
interface Machine {
  readonly machine: MachineName;
  /** Loads the address of the text at STR. */
  readonly name: string;
  /** Loads line 5, and line 7. */
  readonly line: readonly [string, string];
  /** Pairs of instructions that differ in something else: what it is, pre, post. */
  readonly others: readonly (readonly [string, string, string])[];
  /** Calls TO, which gets both. */
  readonly call: string;
  readonly ret: string;
}

const machines: readonly Machine[] = [
  {
    machine: "x86_64",
    name: "48c7c7{32S STR}",
    line: ["be05000000", "be07000000"],
    others: [
      ["the register", "be05000000", "bf05000000"],
      ["a number that is added", "83c605", "83c607"],
      ["a number that is stored", "c703 05000000", "c703 07000000"],
      ["a number stored at an offset that looks like push", "c74368 05000000", "c74368 07000000"],
      ["a number stored at an offset that looks like mov", "c745b8 05000000", "c745b8 07000000"],
      ["a number that is compared", "81fe 05000000", "81fe 07000000"],
    ],
    call: "e8{PLT32 TO-4}",
    ret: "c3",
  },
  {
    machine: "i386",
    name: "b8{32 STR}",
    line: ["ba05000000", "ba07000000"],
    others: [
      ["the register", "ba05000000", "b905000000"],
      ["a number stored at an offset that looks like push", "c74368 05000000", "c74368 07000000"],
    ],
    call: "e8{PC32 TO-4}",
    ret: "c3",
  },
  {
    machine: "aarch64",
    name: "{ADR_PREL_PG_HI21 STR|00000090}{ADD_ABS_LO12_NC STR|00000091}",
    line: ["a1008052", "e1008052"],
    others: [
      ["the register", "a1008052", "a2008052"],
      ["the width of the register", "a1008052", "a10080d2"],
      ["a number that is added", "21140011", "211c0011"],
    ],
    call: "{CALL26 TO|00000094}",
    ret: "c0035fd6",
  },
  {
    machine: "arm",
    name: "{MOVW_ABS_NC STR|000000e3}{MOVT_ABS STR|000040e3}",
    line: ["051000e3", "071000e3"],
    others: [
      ["the register", "051000e3", "052000e3"],
      ["the condition", "05100003", "05100013"],
      ["a number that is added", "051081e2", "071081e2"],
    ],
    call: "{CALL TO|feffffeb}",
    ret: "1eff2fe1",
  },
  {
    machine: "ppc64le",
    name: "{TOC16_HA STR|0000623c}{TOC16_LO STR|00006338}",
    line: ["05008038", "07008038"],
    others: [
      ["the register", "05008038", "0500a038"],
      ["a number that is added", "05008438", "07008438"],
      ["flags that are set", "0500a560", "0700a560"],
    ],
    call: "{REL24 TO|01000048}",
    ret: "2000804e",
  },
  {
    machine: "s390x",
    name: "c020{PC32DBL STR+2}",
    line: ["a7380005", "a7380007"],
    others: [
      ["the register", "a7380005", "a7480005"],
      ["a number that is added", "a73a0005", "a73a0007"],
    ],
    call: "c0e5{PLT32DBL TO+2}",
    ret: "07fe",
  },
  {
    machine: "riscv64",
    name: "{HI20 STR|37050000}{LO12_I STR|13050500}",
    line: ["93055000", "93057000"],
    others: [
      ["the register", "93055000", "13065000"],
      ["a number that is added", "93855500", "93857500"],
      ["a number added to another register", "93055500", "93057500"],
    ],
    call: "{CALL_PLT TO|97000000}e7800000",
    ret: "67800000",
  },
  {
    machine: "loongarch64",
    name: "{PCALA_HI20 STR|0400001a}{PCALA_LO12 STR|8400c002}",
    line: ["05148003", "051c8003"],
    others: [
      ["the register", "05148003", "06148003"],
      ["flags that are set", "a5148003", "a51c8003"],
      ["a number that is added", "a5148002", "a51c8002"],
    ],
    call: "{B26 TO|00000054}",
    ret: "2000004c",
  },
  {
    machine: "mips",
    name: "{HI16 STR|3c040000}{LO16 STR|24840000}",
    line: ["24050005", "24050007"],
    others: [
      ["the register", "24050005", "24060005"],
      ["a number that is added", "24a50005", "24a50007"],
      ["flags that are set", "34a50005", "34a50007"],
    ],
    call: "{26 TO|0c000000}00000000",
    ret: "03e00008 00000000",
  },
];

/** A function that calls another one with what was loaded; `CALL` in the code does so earlier. */
function parts({ name, call, ret }: Machine, code: string, named = "a.c", callee = "__might_sleep"): Part[] {
  const asm = `${code}CALL${ret}`
    .replaceAll("CALL", call.replace("TO", callee))
    .replaceAll("NAME", name)
    .replaceAll("STR", ".rodata.str1.1");
  return [text("f", asm), strings(named)];
}

function verdict(of: Machine, pre: string, post: string, named?: string, callee?: string): Verdict {
  const diff = diffOf(parts(of, pre, named, callee), parts(of, post, named, callee), { machine: of.machine });
  return { outcomes: outcomesOf(diff), lines: linesOf(diff).map((line) => line.replace(/\+\d+/, "+x")) };
}

interface Verdict {
  readonly outcomes: string[];
  readonly lines: string[];
}

const LINE: Verdict = { outcomes: [], lines: ["f line-number +x: 5 → 7"] };
const CHANGED: Verdict = { outcomes: ["f replaced"], lines: [] };

describe.each(machines.map((one) => [one.machine, one] as const))("%s", (_name, one) => {
  const [five, seven] = one.line;
  it("a number beside the name of a file is a line for a callee that takes one", () => {
    expect(verdict(one, `NAME${five}`, `NAME${seven}`)).toEqual(LINE);
  });
  it("also before it", () => expect(verdict(one, `${five}NAME`, `${seven}NAME`)).toEqual(LINE));
  it("for any other callee it is a number: a timeout, flags, a mode", () => {
    expect(verdict(one, `NAME${five}`, `NAME${seven}`, "a.c", "wait_for")).toEqual(CHANGED);
  });
  it("without a name it is a number", () => expect(verdict(one, five, seven)).toEqual(CHANGED));
  it("the name of anything else does not make it a line", () => {
    expect(verdict(one, `NAME${five}`, `NAME${seven}`, "eth%d")).toEqual(CHANGED);
  });
  it("a name before another call is that call's", () => {
    expect(verdict(one, `NAMECALL${five}`, `NAMECALL${seven}`)).toEqual(CHANGED);
  });
  it.each(one.others)("%s is not a line number, even beside a name", (_what, pre, post) => {
    expect(verdict(one, `NAME${pre}`, `NAME${post}`)).toEqual(CHANGED);
  });
  it("a line and something else is a change", () => {
    const [, pre, post] = one.others[0] as (typeof one.others)[number];
    expect(verdict(one, `NAME${five}${pre}`, `NAME${seven}${post}`).outcomes).toEqual(["f replaced"]);
  });
});

describe("what counts as evidence (x86-64)", () => {
  const x86 = machines[0] as Machine;
  const five = "NAMEbe05000000";
  const seven = "NAMEbe07000000";
  /** One call with its line, 16 bits, and what stands before the call. */
  const at = (line: number, other = ""): string => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(line);
    return `NAME${other}be${bytes.toString("hex")}`;
  };
  it.each<[string, string, string, Verdict]>([
    [
      "two lines of two calls",
      `${five}CALLNAMEbe09000000`,
      `${seven}CALLNAMEbe0b000000`,
      {
        outcomes: [],
        lines: [...LINE.lines, "f line-number +x: 9 → 11"],
      },
    ],
    ["lines that cross are no shift", `${five}CALLNAMEbe09000000`, `${seven}CALLNAMEbe06000000`, CHANGED],
    ["one line does not become two", `${five}CALL${five}`, `${seven}CALLNAMEbe08000000`, CHANGED],
    ["zero is not a line number", "NAMEbe00000000", "NAMEbe07000000", CHANGED],
    ["a number no file has lines for", "NAMEbe05000070", "NAMEbe07000070", CHANGED],
    ["another size is a change", five, `${seven}90`, CHANGED],
    [
      "a number for a call that stands between",
      "bf05000000CALLNAMEbe09000000",
      "bf07000000CALLNAMEbe09000000",
      CHANGED,
    ],
    ["a number that something overwrites before the call", `${five}31f6`, `${seven}31f6`, CHANGED],
    ["a number that a jump takes elsewhere", `${five}eb00`, `${seven}eb00`, CHANGED],
    ["the argument behind the line", "NAMEbe09000000ba05000000", "NAMEbe09000000ba07000000", CHANGED],
  ])("%s", (_what, pre, post, expected) => expect(verdict(x86, pre, post)).toEqual(expected));

  it.each([23, 24, 25, 200])(
    "%i lines and another constant are a change: nothing is cut before the question",
    (count) => {
      const code = (step: number, last: string): string =>
        [...Array.from({ length: count }, (_, i) => at(10 + 2 * i + step)), at(1000 + step, last)].join("CALL");
      expect(verdict(x86, code(0, "ba01000000"), code(1, "ba02000000")).outcomes).toEqual(["f replaced"]);
      expect(verdict(x86, code(0, "ba01000000"), code(1, "ba01000000")).lines).toHaveLength(count + 1);
    },
  );

  it.each(["a.c", "include/linux/x.h", "arch/x86/entry.S", "a.cc", "a.cpp", "lib.rs"])("%s names a file", (name) =>
    expect(verdict(x86, five, seven, name)).toEqual(LINE),
  );
  it.each(["a.co", ".config", "c", "see a.c:"])("%s does not", (name) =>
    expect(verdict(x86, five, seven, name)).toEqual(CHANGED),
  );

  const inFunction = (line: string, callee = "__btrfs_abort_transaction"): Part[] => [
    text("f", `48c7c6{32S __func__.0}ba${line}000000e8{PLT32 ${callee}-4}c3`),
    rodata("__func__.0", "6600"),
  ];
  it("__func__ is the name of a place", () => {
    expect(outcomesOf(diffOf(inFunction("05"), inFunction("07")))).toEqual([]);
  });
  it("though not every callee that gets it gets a line too", () => {
    expect(outcomesOf(diffOf(inFunction("05", "dev_cmd"), inFunction("07", "dev_cmd")))).toEqual(["f replaced"]);
  });

  /** printk(format, name, line) */
  const printed = (format: string, line: string): Part[] => [
    text(
      "f",
      `48c7c7{32S .rodata.str1.1}48c7c6{32S .rodata.str1.1+${format.length + 1}}ba${line}000000e8{PLT32 _printk-4}c3`,
    ),
    strings(format, "a.c"),
  ];
  it.each<[string, string[]]>([
    ["%s:%d", []],
    ["at %s (%d)", []],
    ["%s, line %u", []],
    ["%s %d", ["f replaced"]],
    ["%s timeout: %d", ["f replaced"]],
    ["%d: %d", ["f replaced"]],
  ])("a format says which of its values is a line: %j", (format, outcomes) => {
    expect(outcomesOf(diffOf(printed(format, "05"), printed(format, "07")))).toEqual(outcomes);
  });

  it("the evidence tells the callee, the place, both lines, and the field", () => {
    const { pre, result } = diffOf(parts(x86, five), parts(x86, seven));
    const f = pre.table.spans.find((span) => span.name === "f");
    expect(result.lines[f?.id ?? -1]?.[0]?.line).toMatchObject({
      by: "callee",
      callee: "__might_sleep",
      place: "a.c",
      pre: 5,
      post: 7,
      field: { pre: { offset: 8 }, post: { offset: 8 }, size: 4 },
    });
  });
});

describe("data that only messages refer to", () => {
  const registry = (target: string): Part => section("__dyndbg", `{64 ${target}}`, { flags: "WA" });
  const message = (line: string, level = "6b65"): Part[] => [
    rodata("_entry.1", `{64 fmt}{64 name}{64 .rodata.str1.1}${line}000000${level}0000`),
    section(".printk_index", "{64 _entry.1}", { flags: "A" }),
    strings("a.c"),
  ];
  it("the word behind the file's name is the line of a message", () => {
    const diff = diffOf(message("05"), message("07"));
    expect({ outcomes: outcomesOf(diff), lines: linesOf(diff) }).toEqual({
      outcomes: [],
      lines: ["_entry.1 line-number +24: 5 → 7"],
    });
  });
  it("any other number in it is not", () => {
    expect(outcomesOf(diffOf(message("05"), message("05", "6b66")))).toEqual(["_entry.1 rewritten"]);
  });
  const descriptor = (word: string): Part[] => [
    section("__dyndbg", `{64 mod}{64 name}{64 .rodata.str1.1}{64 fmt}${word} 00000000`, { flags: "WA" }),
    strings("a.c"),
  ];
  it.each<[string, string, string, string[]]>([
    ["18 bits behind its format are the line of a descriptor", "05000000", "07000100", []],
    ["its class is not", "05000000", "05000400", ["__dyndbg stateful"]],
    ["nor are its flags", "05000001", "07000002", ["__dyndbg stateful"]],
  ])("%s", (_what, pre, post, outcomes) =>
    expect(outcomesOf(diffOf(descriptor(pre), descriptor(post)))).toEqual(outcomes),
  );
  it("but not when code reads it", () => {
    const one = (line: string): Part[] => [rodata("v", `${line}000000`), registry("v"), text("f", "8b05{PC32 v-4}c3")];
    expect(outcomesOf(diffOf(one("05"), one("07")))).toEqual(["v rewritten"]);
  });
  it("nor when it is writable state", () => {
    const one = (line: string): Part[] => [data("v", `${line}000000`), registry("v")];
    expect(outcomesOf(diffOf(one("05"), one("07")))).toEqual(["v stateful"]);
  });
  it("a registry of parameters holds no lines: permissions are what they are", () => {
    const one = (mode: string): Part[] => [section("__param", `{64 name}${mode}0000 00000000`, { flags: "A" })];
    expect(outcomesOf(diffOf(one("a401"), one("8001")))).toEqual(["__param stateful"]);
  });
  it("a table of file names and numbers is not a message, even without a name", () => {
    const one = (x: string): Part[] => [
      text("f", "48c7c6{32S .data.rel.ro}e8{PLT32 memcpy-4}c3"),
      section(".data.rel.ro", `{64 .rodata.str1.1}${x}00000000000000`, { flags: "WA" }),
      strings("a.c"),
    ];
    expect(outcomesOf(diffOf(one("05"), one("07")))).toEqual([".data.rel.ro rewritten"]);
  });
  it("what a sanitizer is told of a place is", () => {
    const one = (line: string): Part[] => [
      text("f", "48c7c7{32S .Lubsan_data0}e8{PLT32 __ubsan_handle_shift_out_of_bounds-4}c3"),
      section(".data", `{64 .rodata.str1.1}${line}000000 09000000`, {}, [
        { name: ".Lubsan_data0", type: "object", size: 16 },
      ]),
      strings("a.c"),
    ];
    expect(outcomesOf(diffOf(one("05"), one("07")))).toEqual([]);
  });
});
