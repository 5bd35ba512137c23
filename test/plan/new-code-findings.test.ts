import { describe, expect, it } from "vitest";
import { summaryOf, updateOf } from "../support/built-pair.ts";
import { rungStatus } from "../support/describe-pair.ts";
import { data, type Part, rodata, section, symbol, text } from "../support/elf-parts.ts";

const body = (x: string): string => `b8${x}000000c3`;
const global = { bind: "global" } as const;
const jump = (to: string): string => `e9{PC32 ${to}-4}`;

/** Findings with these codes, as `code name`. */
function told(pre: readonly Part[], post: readonly Part[], ...codes: readonly string[]): string[] {
  return updateOf(pre, post)
    .findings.filter(({ code }) => codes.includes(code))
    .map(({ code, where }) => `${code} ${where.name}`);
}

describe("code that has run", () => {
  const table = (name: string, to = "f"): Part => section(name, `{64 ${to}}`, { flags: "AW", id: `${name}:t` });
  const both = (...parts: ((x: string) => Part)[]): [Part[], Part[]] => [
    parts.map((part) => part("01")),
    parts.map((part) => part("02")),
  ];
  const f = (x: string): Part => text("f", body(x));
  const cases: [string, [Part[], Part[]], string[]][] = [
    ["a constructor", both(f, () => table(".init_array")), ["f"]],
    ["one with a priority", both(f, () => table(".init_array.00101")), ["f"]],
    ["in an old table", both(f, () => table(".ctors.65434")), ["f"]],
    ["a kernel's initcall outside of .init.text", both(f, () => table(".initcall6.init")), ["f"]],
    ["a destructor has not run", both(f, () => table(".fini_array")), []],
    [
      "who else is called by name has use still",
      both(
        f,
        () => table(".init_array"),
        () => text("g", jump("f"), global),
      ),
      [],
    ],
    ["a table of functions that is used later", both(f, () => data("ops", "{64 f}", global)), []],
    [
      "what only a constructor calls",
      both(
        (x) => text("h", body(x)),
        () => text("f", jump("h")),
        () => table(".init_array"),
      ),
      ["h"],
    ],
    [
      "what a constructor hands to others is called later",
      both(
        (x) => text("h", body(x)),
        () => text("f", "488d3d{PC32 h-4} e8{PLT32 register-4} c3"),
        () => table(".init_array"),
      ),
      [],
    ],
    [
      "what others may call too",
      both(
        (x) => text("h", body(x), global),
        () => text("f", jump("h")),
        () => table(".init_array"),
      ),
      [],
    ],
    ["an IFUNC's resolver", both((x) => text("f", body(x), { ...global, type: "gnu_ifunc" })), ["f"]],
  ];
  it.each(cases)("%s", (_what, [pre, post], names) => {
    expect(told(pre, post, "code-has-run")).toEqual(names.map((name) => `code-has-run ${name}`));
    expect(rungStatus(updateOf(pre, post), "splice")).toBe(names.length > 0 ? "needs-work" : "applicable");
  });

  it("an IFUNC is imported as one", () => {
    const sum = text("sum", body("01"), { ...global, type: "gnu_ifunc" });
    const g = (x: string): Part => text("g", `b8${x}000000${jump("sum")}`, global);
    const { newCode } = updateOf([sum, g("01")], [sum, g("02")]).changes[0] ?? {};
    expect(newCode?.symbols.find(({ name }) => name === "sum")).toMatchObject({ section: null, type: "gnu-ifunc" });
  });
});

describe("addresses of what has two copies", () => {
  const tick = (x: string): Part => text("tick", body(x), global);
  const start = (x: string, taken: string): Part => text("start", `b8${x}000000${taken}c3`, global);
  const address = "488d3d{PC32 tick-4}";
  const cases: [string, Part[], Part[], string[]][] = [
    [
      "new code takes that of a replaced function",
      [tick("01"), start("01", address)],
      [tick("02"), start("02", address)],
      ["address-of-replaced start"],
    ],
    [
      "a call takes none",
      [tick("01"), start("01", "e8{PC32 tick-4}")],
      [tick("02"), start("02", "e8{PC32 tick-4}")],
      [],
    ],
    [
      "nor does a call by the GOT",
      [tick("01"), start("01", "ff15{GOTPCRELX tick-4}")],
      [tick("02"), start("02", "ff15{GOTPCRELX tick-4}")],
      [],
    ],
    [
      "an address from the GOT is one",
      [tick("01"), start("01", "488b3d{REX_GOTPCRELX tick-4}")],
      [tick("02"), start("02", "488b3d{REX_GOTPCRELX tick-4}")],
      ["address-of-replaced start"],
    ],
    [
      "a function that stays as it is has one copy",
      [tick("01"), start("01", address)],
      [tick("01"), start("02", address)],
      [],
    ],
    [
      "old code that takes it gets the old entry",
      [tick("01"), start("01", address)],
      [tick("02"), start("01", address)],
      [],
    ],
    [
      "a constant that grows and refers to others",
      [rodata("key", "{64 a}"), text("own", "488d3d{PC32 key-4}c3", global)],
      [rodata("key", "{64 a}{64 b}"), text("own", "488d3d{PC32 key-4}c3", global)],
      ["constant-copied key"],
    ],
    [
      "numbers are read",
      [rodata("sizes", "01"), text("own", "488d3d{PC32 sizes-4}c3", global)],
      [rodata("sizes", "0102"), text("own", "488d3d{PC32 sizes-4}c3", global)],
      [],
    ],
    [
      "one that the compiler made up is known to no source",
      [rodata("CSWTCH.1", "{64 a}"), text("own", "488d3d{PC32 CSWTCH.1-4}c3", global)],
      [rodata("CSWTCH.1", "{64 a}{64 b}"), text("own", "488d3d{PC32 CSWTCH.1-4}c3", global)],
      [],
    ],
  ];
  it.each(cases)("%s", (_what, pre, post, expected) =>
    expect(told(pre, post, "address-of-replaced", "constant-copied")).toEqual(expected),
  );
});

describe("unwinding through new code", () => {
  /** One frame description: its function, and the place of its exception data. */
  const frames = (lsda: boolean): Part =>
    section(".eh_frame", `{PC32 .text.f:f} 00000000 ${lsda ? "{PC32 .gcc_except_table}" : ""}`, { flags: "A" });
  const table = section(".gcc_except_table", "ff9b1501 0c000000 00000000 00000000", { flags: "A" });
  const call = "e8{PLT32 other-4}c3";
  const cases: [string, Part[], Part[], string[]][] = [
    [
      "code that catches",
      [text("f", body("01")), frames(true), table],
      [text("f", body("02")), frames(true), table],
      ["f"],
    ],
    [
      "code that calls, where exceptions are in use",
      [text("f", body("01")), frames(false), symbol("__gxx_personality_v0")],
      [text("f", call), frames(false), symbol("__gxx_personality_v0")],
      ["f"],
    ],
    [
      "code that calls nothing",
      [text("f", body("01")), frames(false), symbol("__gxx_personality_v0")],
      [text("f", body("02")), frames(false), symbol("__gxx_personality_v0")],
      [],
    ],
    ["a language without exceptions", [text("f", body("01")), frames(false)], [text("f", call), frames(false)], []],
  ];
  it.each(cases)("%s", (_what, pre, post, names) =>
    expect(told(pre, post, "unwind-not-registered")).toEqual(names.map((name) => `unwind-not-registered ${name}`)),
  );

  it("splice is not applicable as it is", () => {
    const update = updateOf([text("f", body("01")), frames(true), table], [text("f", body("02")), frames(true), table]);
    expect(summaryOf(update)).toMatchObject({ changed: ["f"], findings: ["unwind-not-registered"] });
    expect(rungStatus(update, "splice")).toBe("needs-work");
  });
});

describe("the compiler's own instrumentation", () => {
  const counters = (size: number): Part =>
    section(".bss.__gcov0.f", "", { size }, [{ name: "__gcov0.f", type: "object", size }]);
  const count = (x: string): Part => text("f", `48830d{PC32 __gcov0.f-5}01 b8${x}000000c3`, global);
  const starter = (x: string, callee = "__asan_register_globals"): Part =>
    text("_sub_I_00099_1", `be${x}000000 e8{PLT32 ${callee}-4} c3`);

  it("counters of more branches come with the code that counts, and are no changed variable", () => {
    const update = updateOf([count("01"), counters(8)], [count("02"), counters(16)]);
    expect(rungStatus(update, "splice")).toBe("applicable");
    expect(update.changes[0]?.newCode.sections.map(({ label }) => label)).toEqual(["__gcov0.f<x.o>", "f"]);
    expect(update.noise.map(({ class: kind }) => kind)).toEqual(["instrumentation"]);
  });

  it("counters of equal size go on counting", () => {
    const update = updateOf([count("01"), counters(8)], [count("02"), counters(8)]);
    expect(update.changes[0]?.newCode.sections.map(({ label }) => label)).toEqual(["f"]);
  });

  it("a constructor that only calls the runtime is not code of the program", () => {
    const update = updateOf([starter("01")], [starter("02")]);
    expect({ ...summaryOf(update), none: rungStatus(update, "none") }).toEqual({ none: "applicable" });
    expect(update.noise.map(({ class: kind }) => kind)).toEqual(["instrumentation"]);
  });

  it("one that calls anything else is", () => {
    expect(summaryOf(updateOf([starter("01", "setup")], [starter("02", "setup")]))).toMatchObject({
      changed: ["_sub_I_00099_1"],
    });
  });

  it("a variable of the program is not, whatever its size", () => {
    const v = (size: number): Part => section(".bss.v", "", { size }, [{ name: "v", type: "object", size }]);
    const f = (x: string): Part => text("f", `48830d{PC32 v-5}01 b8${x}000000c3`, global);
    const update = updateOf([f("01"), v(8)], [f("02"), v(16)]);
    expect(summaryOf(update).findings).toContain("writable-data-resized");
  });
});
