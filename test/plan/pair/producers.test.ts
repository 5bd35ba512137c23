import { describe, expect, it } from "vitest";
import { diffObjects } from "../../../src/index.ts";
import { updateOf } from "../../support/built-pair.ts";
import { objectOf, type Part, section, text } from "../../support/elf-parts.ts";

const hex = (words: string): string => Buffer.from(`\0${words.replaceAll("|", "\0")}\0`).toString("hex");
const comment = (words: string): Part => section(".comment", hex(words));

/** Debug information of one unit, DWARF 4, whose DW_AT_producer lies in it (DW_FORM_string) or in `.debug_str` (DW_FORM_strp). */
function unit(producer: string, form: "string" | "strp" = "string"): Part[] {
  const text = `${Buffer.from(producer).toString("hex")}00`;
  const body = `0400${"00000000"}0801${form === "string" ? text : "01000000"}`;
  const length = Buffer.alloc(4);
  length.writeUInt32LE(body.length / 2);
  const plain = { flags: "" } as const;
  return [
    section(".debug_info", length.toString("hex") + body, plain),
    section(".debug_abbrev", `011100${form === "string" ? "2508" : "250e"}000000`, plain),
    ...(form === "strp" ? [section(".debug_str", `00${text}`, plain)] : []),
  ];
}
const commands = (words: string): Part => section(".GCC.command.line", hex(words));
const code = text("f", "31c0c3");

async function found(pre: readonly Part[], post: readonly Part[]): Promise<string[]> {
  const sides = [objectOf([code, ...pre], {}, "pre/x.o"), objectOf([code, ...post], {}, "post/x.o")] as const;
  const update = await diffObjects(...sides);
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
      unit(gcc),
      unit("GNU C11 13.1.0 -O2"),
      "GNU C11 12.2.0 becomes GNU C11 13.1.0",
    ],
    ["another level", unit(gcc, "strp"), unit(gcc.replace("O2", "O3"), "strp"), "-O2 becomes -O3"],
    ["an option more", unit(gcc), unit(`${gcc} -fno-inline`), "nothing becomes -fno-inline"],
    [
      "the last one of two counts",
      unit(`${gcc} -O3`),
      unit("GNU C11 12.2.0 -mtune=generic -O3 -O2"),
      "the same options in another order",
    ],
    ["a path that is mapped", unit(`${gcc} -fdebug-prefix-map=/a=.`), unit(`${gcc} -ffile-prefix-map=/b=.`), undefined],
    ["warnings and debug information", unit(`${gcc} -g -Wall`), unit(`${gcc} -gdwarf-4 -Werror`), undefined],
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
    [
      "a name that only looks like a compiler's",
      [section(".debug_str", hex("GNU C library 1"))],
      [section(".debug_str", hex("GNU C runtime 2"))],
      undefined,
    ],
    [
      "a section of code that a user called .comment",
      [section(".comment", "4743433a203100", { flags: "AX" })],
      [section(".comment", "4743433a203100", { flags: "AX" })],
      undefined,
    ],
    ["what moves a cursor", [comment("GCC: 1\x1b[2J")], [comment("GCC: 2\x1b[2J")], "GCC: 1?[2J becomes GCC: 2?[2J"],
  ];
  it.each(cases)("%s", async (_what, pre, post, expected) => {
    expect(await found(pre, post)).toEqual(expected === undefined ? [] : [expect.stringContaining(`: ${expected}; `)]);
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
