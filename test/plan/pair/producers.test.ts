import { describe, expect, it } from "vitest";
import { updateOf } from "../../support/built-pair.ts";
import { type Part, section, text } from "../../support/elf-parts.ts";

const hex = (words: string): string => Buffer.from(`\0${words.replaceAll("|", "\0")}\0`).toString("hex");
const comment = (words: string): Part => section(".comment", hex(words));
const strings = (words: string): Part => section(".debug_str", hex(words));
const commands = (words: string): Part => section(".GCC.command.line", hex(words));
const code = text("f", "31c0c3");

function found(pre: readonly Part[], post: readonly Part[]): string[] {
  const update = updateOf([code, ...pre], [code, ...post]);
  return update.findings
    .filter(({ code }) => /-differs?$/.test(code))
    .map(({ code, message }) => `${code}: ${message}`);
}

describe("objects that were made in two ways", () => {
  const gcc = "GNU C11 12.2.0 -mtune=generic -O2";
  const cases: [string, readonly Part[], readonly Part[], string | undefined][] = [
    ["the same compiler", [comment("GCC: 12.2.0")], [comment("GCC: 12.2.0")], undefined],
    ["another version", [comment("GCC: 12.2.0")], [comment("GCC: 13.1.0")], "GCC: 12.2.0 becomes GCC: 13.1.0"],
    [
      "another compiler",
      [comment("GCC: 12.2.0")],
      [comment("clang version 14")],
      "GCC: 12.2.0 becomes clang version 14",
    ],
    [
      "what a source writes there by #ident",
      [comment("GCC: 12.2.0|rules 1.2")],
      [comment("GCC: 12.2.0|rules 1.3")],
      undefined,
    ],
    ["a side that does not say", [comment("GCC: 12.2.0")], [], undefined],
    [
      "a version in the debug information",
      [strings(gcc)],
      [strings("GNU C11 13.1.0 -O2")],
      "GNU C11 12.2.0 becomes GNU C11 13.1.0",
    ],
    ["another level", [strings(`int|${gcc}|f`)], [strings(`int|${gcc.replace("O2", "O3")}|f`)], "-O2 becomes -O3"],
    ["an option more", [strings(gcc)], [strings(`${gcc} -fno-inline`)], "nothing becomes -fno-inline"],
    [
      "the last one of two counts",
      [strings(`${gcc} -O3`)],
      [strings("GNU C11 12.2.0 -mtune=generic -O3 -O2")],
      "the same options in another order",
    ],
    [
      "a path that is mapped",
      [strings(`${gcc} -fdebug-prefix-map=/a=.`)],
      [strings(`${gcc} -ffile-prefix-map=/b=.`)],
      undefined,
    ],
    ["warnings and debug information", [strings(`${gcc} -g -Wall`)], [strings(`${gcc} -gdwarf-4 -Werror`)], undefined],
    [
      "names of files on a command line",
      [commands("-I a -MMD a.d a.c -O2 -o a.o")],
      [commands("-I b -MMD b.d b.c -O2 -o b.o")],
      undefined,
    ],
    ["options that stand one by one", [commands("a.c|-O2|-o|a.o")], [commands("a.c|-O1|-o|b.o")], "-O2 becomes -O1"],
    [
      "values in a word of their own",
      [commands("--param max-inline-insns=1 -O2")],
      [commands("--param max-inline-insns=2 -O2")],
      "--param=max-inline-insns=1 becomes --param=max-inline-insns=2",
    ],
    ["a name that only looks like a compiler's", [strings("GNU C library")], [strings("GNU C runtime")], undefined],
  ];
  it.each(cases)("%s", (_what, pre, post, expected) => {
    expect(found(pre, post)).toEqual(expected === undefined ? [] : [expect.stringContaining(`: ${expected}; `)]);
  });

  it("both are recorded, and none stays applicable where the code is equal", () => {
    const update = updateOf([code, comment("GCC: 12.2.0")], [code, comment("GCC: 13.1.0")]);
    expect(update.objects[0]).toMatchObject({
      compiler: "GCC: 13.1.0",
      compilers: { pre: "GCC: 12.2.0", post: "GCC: 13.1.0" },
    });
    expect(update.findings).toMatchObject([{ code: "compiler-differs", severity: "warning" }]);
    expect(update.verdict.recommended).toBe("none");
  });
});
