import { describe, expect, it } from "vitest";
import { diffOf, fatesOf, linesOf } from "../support/built-pair.ts";
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
  /** One instruction that does nothing. */
  readonly nop: string;
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
    nop: "90",
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
    nop: "90",
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
    nop: "1f2003d5",
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
    nop: "00f020e3",
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
    nop: "00000060",
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
    nop: "0707",
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
    nop: "13000000",
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
    nop: "00004003",
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
    nop: "00000000",
    ret: "03e00008 00000000",
  },
];

function parts({ name, ret }: Machine, code: string, named = "a.c"): Part[] {
  const asm = `${code.replaceAll("NAME", name).replaceAll("STR", ".rodata.str1.1")}${ret}`;
  return [text("f", asm), strings(named)];
}

function verdict(of: Machine, pre: string, post: string, named?: string): { fates: string[]; lines: string[] } {
  const diff = diffOf(parts(of, pre, named), parts(of, post, named), { machine: of.machine });
  return { fates: fatesOf(diff), lines: linesOf(diff).map((line) => line.replace(/\+\d+/, "+x")) };
}

const LINE = { fates: [], lines: ["f line-number +x: 5 → 7"] };
const CHANGED = { fates: ["f patched"], lines: [] };

describe.each(machines.map((one) => [one.machine, one] as const))("%s", (_name, one) => {
  const [five, seven] = one.line;
  it("a number loaded beside the name of a file is a line", () => {
    expect(verdict(one, `NAME${five}`, `NAME${seven}`)).toEqual(LINE);
  });
  it("also before it", () => expect(verdict(one, `${five}NAME`, `${seven}NAME`)).toEqual(LINE));
  it("without a name it is a number", () => expect(verdict(one, five, seven)).toEqual(CHANGED));
  it("the name of anything else does not make it a line", () => {
    expect(verdict(one, `NAME${five}`, `NAME${seven}`, "eth%d")).toEqual(CHANGED);
  });
  it("a name far away is another call's", () => {
    const far = one.nop.repeat(64);
    expect(verdict(one, `NAME${far}${five}`, `NAME${far}${seven}`)).toEqual(CHANGED);
  });
  it.each(one.others)("%s is no line, even beside a name", (_what, pre, post) => {
    expect(verdict(one, `NAME${pre}`, `NAME${post}`)).toEqual(CHANGED);
  });
  it("a line and something else is a change", () => {
    const [, pre, post] = one.others[0] as (typeof one.others)[number];
    expect(verdict(one, `NAME${five}${pre}`, `NAME${seven}${post}`).fates).toEqual(["f patched"]);
  });
});

describe("what counts as evidence (x86-64)", () => {
  const x86 = machines[0] as Machine;
  const call = "e8{PLT32 ext-4}";
  it.each<[string, string, string, { fates: string[]; lines: string[] }]>([
    [
      "two lines of two calls",
      `NAMEbe05000000${call}NAMEbe05000000${call}`,
      `NAMEbe07000000${call}NAMEbe07000000${call}`,
      { fates: [], lines: [...LINE.lines, ...LINE.lines] },
    ],
    ["zero is no line", "NAMEbe00000000", "NAMEbe07000000", CHANGED],
    ["a number no file has lines for", "NAMEbe05000070", "NAMEbe07000070", CHANGED],
    ["another size is a change", "NAMEbe05000000", "NAMEbe0700000090", CHANGED],
    [
      "a number for a call that stands between",
      `bf05000000${call}NAMEbe09000000${call}`,
      `bf07000000${call}NAMEbe09000000${call}`,
      CHANGED,
    ],
  ])("%s", (_what, pre, post, expected) => expect(verdict(x86, pre, post)).toEqual(expected));

  it.each(["a.c", "include/linux/x.h", "arch/x86/entry.S", "a.cc", "a.cpp", "lib.rs"])("%s names a file", (name) =>
    expect(verdict(x86, "NAMEbe05000000", "NAMEbe07000000", name)).toEqual(LINE),
  );
  it.each(["a.co", ".config", "c", "see a.c:"])("%s does not", (name) =>
    expect(verdict(x86, "NAMEbe05000000", "NAMEbe07000000", name)).toEqual(CHANGED),
  );

  it("__func__ is the name of a place", () => {
    const one = (line: string): Part[] => [
      text("f", `48c7c7{32S __func__.0}be${line}000000c3`),
      rodata("__func__.0", "6600"),
    ];
    expect(fatesOf(diffOf(one("05"), one("07")))).toEqual([]);
  });
});

describe("data that only messages refer to", () => {
  const registry = (target: string): Part => section("__dyndbg", `{64 ${target}}`, { flags: "WA" });
  it("any number in it is one of its lines", () => {
    const one = (line: string): Part[] => [
      rodata("_entry.1", `${line}000000`),
      section(".printk_index", "{64 _entry.1}", { flags: "A" }),
    ];
    const diff = diffOf(one("05"), one("07"));
    expect({ fates: fatesOf(diff), lines: linesOf(diff) }).toEqual({
      fates: [],
      lines: ["_entry.1 line-number +0: 05 → 07"],
    });
  });
  it("a registry's own numbers too", () => {
    const one = (line: string): Part[] => [section("__dyndbg", `${line}000000`, { flags: "WA" })];
    expect(fatesOf(diffOf(one("05"), one("07")))).toEqual([]);
  });
  it("but not when code reads it", () => {
    const one = (line: string): Part[] => [rodata("v", `${line}000000`), registry("v"), text("f", "8b05{PC32 v-4}c3")];
    expect(fatesOf(diffOf(one("05"), one("07")))).toEqual(["v in-place"]);
  });
  it("nor when it is writable state", () => {
    const one = (line: string): Part[] => [data("v", `${line}000000`), registry("v")];
    expect(fatesOf(diffOf(one("05"), one("07")))).toEqual(["v state"]);
  });
  it("a registry of parameters holds no lines: permissions are what they are", () => {
    const one = (mode: string): Part[] => [section("__param", `{64 name}${mode}0000 00000000`, { flags: "A" })];
    expect(fatesOf(diffOf(one("a401"), one("8001")))).toEqual(["__param state"]);
  });
  it("a table of file names and numbers is no message, though nobody gave it a name", () => {
    const one = (x: string): Part[] => [
      text("f", "48c7c6{32S .data.rel.ro}e8{PLT32 memcpy-4}c3"),
      section(".data.rel.ro", `{64 .rodata.str1.1}${x}00000000000000`, { flags: "WA" }),
      strings("a.c"),
    ];
    expect(fatesOf(diffOf(one("05"), one("07")))).toEqual([".data.rel.ro in-place"]);
  });
  it("what a sanitizer is told of a place is", () => {
    const one = (line: string): Part[] => [
      text("f", "48c7c7{32S .Lubsan_data0}e8{PLT32 __ubsan_handle_shift_out_of_bounds-4}c3"),
      section(".data", `{64 .rodata.str1.1}${line}000000 09000000`, {}, [
        { name: ".Lubsan_data0", type: "object", size: 16 },
      ]),
      strings("a.c"),
    ];
    expect(fatesOf(diffOf(one("05"), one("07")))).toEqual([]);
  });
});
