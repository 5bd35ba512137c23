import { describe, expect, it } from "vitest";
import { type ElfExtra, type Part, section, spansOf, strings, text } from "../support/elf-parts.ts";

/** Who owns what: `f: __bug_table+0 at 2 → "a.c"`. */
function entries(parts: readonly Part[], extra: ElfExtra = {}): string[] {
  return spansOf(parts, extra).spans.flatMap((span) =>
    span.entries.map(({ section: table, offset, ownerOffset, relocations, ownerField }) => {
      const others = relocations
        .filter((relocation) => relocation.offset !== ownerField)
        .map(({ target, targetOffset, symbol }) =>
          target === undefined
            ? String(symbol?.name)
            : target.kind === "string"
              ? JSON.stringify(Buffer.from(target.bytes.subarray(targetOffset, -1)).toString())
              : `${target.name}+${targetOffset}`,
        );
      return [`${span.name}: ${table.name}+${offset} at ${ownerOffset}`, ...others].join(" → ");
    }),
  );
}

function warnings(parts: readonly Part[], extra: ElfExtra = {}): string[] {
  return spansOf(parts, extra).warnings.map(({ code, section: name, offset }) => `${code} ${name}+${offset}`);
}

const f = text("f", "31c0 0f0b 0f0b 90 90 90 c3");
const g = text("g", "31d2 0f0b 90 90 90 90 90 c3");
const of = (name: string): string => `.text.${name}:${name}`;
const fixup = section(".fixup", "31c0 e9{PC32 .text.f:f+4} 31d2 e9{PC32 .text.g:g+4}", { flags: "AX" });
const replacement = section(".altinstr_replacement", "0f01ca 0f01cb", { flags: "AX" });

describe("entries belong to the code that their first address lies in", () => {
  const cases: [string, readonly Part[], string[]][] = [
    [
      "each to its function, in the order of the places",
      [
        f,
        g,
        section(
          "__bug_table",
          `{PC32 ${of("g")}+2} 00000000 0100 0000 {PC32 ${of("f")}+4} 00000000 0200 0000 {PC32 ${of("f")}+2} 00000000 0300 0000`,
        ),
      ],
      ["f: __bug_table+24 at 2 → undefined", "f: __bug_table+12 at 4", "g: __bug_table+0 at 2"],
    ],
    [
      "tables of one function by their names",
      [
        f,
        section("__ex_table", `{PC32 ${of("f")}+2} {PC32 ${of("f")}+9} 00000000`),
        section("__bug_table", `{PC32 ${of("f")}+4} 00000000 0100 0000`),
      ],
      ["f: __bug_table+0 at 4", "f: __ex_table+0 at 2 → f+9"],
    ],
    [
      "an exception with its fixup",
      [
        f,
        g,
        fixup,
        section(
          "__ex_table",
          `{PC32 ${of("f")}+2} {PC32 .fixup} 00000000 {PC32 ${of("g")}+2} {PC32 .fixup+7} 00000000`,
        ),
      ],
      ["f: __ex_table+0 at 2 → .fixup+0", "g: __ex_table+12 at 2 → .fixup+0"],
    ],
    [
      "exceptions of two words, three of them, in a kernel that has .fixup: code in .fixup is not an owner",
      [
        f,
        g,
        fixup,
        section(
          "__ex_table",
          `{PC32 ${of("f")}+2} {PC32 .fixup} {PC32 ${of("g")}+2} {PC32 .fixup+7} {PC32 ${of("g")}+4} {PC32 .fixup+7}`,
        ),
      ],
      ["f: __ex_table+0 at 2 → .fixup+0", "g: __ex_table+8 at 2 → .fixup+0", "g: __ex_table+16 at 4 → .fixup+0"],
    ],
    [
      "the code that an empty replacement would replace stands for it",
      [
        f,
        g,
        replacement,
        section(
          ".altinstructions",
          `{PC32 ${of("f")}+2} {PC32 .altinstr_replacement} 00000000 03 00 {PC32 ${of("g")}+4} {PC32 .altinstr_replacement} 00000000 03 03`,
        ),
      ],
      ["f: .altinstructions+0 at 2 → f+2", "g: .altinstructions+14 at 4 → .altinstr_replacement+0"],
    ],
    [
      "a jump label names target and key",
      [f, section("__jump_table", `{PC32 ${of("f")}+2} {PC32 ${of("f")}+9} {PC64 key}`)],
      ["f: __jump_table+0 at 2 → f+9 → key"],
    ],
    [
      "a jump label that leads to itself is what a tool left behind",
      [
        f,
        section(
          "__jump_table",
          `{PC32 ${of("f")}} {PC32 ${of("f")}} {PC64 key} {PC32 ${of("f")}+2} {PC32 ${of("f")}+9} {PC64 key}`,
        ),
      ],
      ["f: __jump_table+16 at 2 → f+9 → key"],
    ],
    [
      "texts named from their own field (5.1)",
      [f, strings("a.c", "b.c"), section("__bug_table", `{PC32 ${of("f")}+2} {PC32 .rodata.str1.1+4} 0100 0000`)],
      ['f: __bug_table+0 at 2 → "b.c"'],
    ],
    [
      "texts named from the entry's start (before)",
      [
        f,
        strings("ab.c", "b.c"),
        section(
          "__bug_table",
          `{PC32 ${of("f")}+2} {PC32 .rodata.str1.1+9} 0100 0000 {PC32 ${of("f")}+4} {PC32 .rodata.str1.1+4} 0100 0000`,
        ),
      ],
      ['f: __bug_table+0 at 2 → "b.c"', 'f: __bug_table+12 at 4 → "ab.c"'],
    ],
    [
      "the last entry may lack its padding",
      [f, section(".parainstructions", `{64 ${of("f")}+2} 01 02 0000 00000000 {64 ${of("f")}+4} 01 02 0000`)],
      ["f: .parainstructions+0 at 2", "f: .parainstructions+16 at 4"],
    ],
    [
      "a tracer site in front of a function belongs to it",
      [
        section(".text", "c3 90 90 90 31c0c3", {}, [
          { name: "a", size: 1, type: "func" },
          { name: "b", value: 4, size: 3, type: "func" },
        ]),
        section("__patchable_function_entries", "{64 .text+2}"),
      ],
      ["b: __patchable_function_entries+0 at 0"],
    ],
  ];
  it.each(cases)("%s", (_what, parts, expected) =>
    expect(entries(parts)).toEqual(expected.map((line) => line.replace(" → undefined", ""))),
  );

  it("i386, kernels 4.6 to 5.15: three addresses an entry, the handler is another object's and no owner", () => {
    const table = section(
      "__ex_table",
      `{PC32 ${of("f")}+2} {PC32 ${of("f")}+9} {PC32 ex_handler} {PC32 ${of("g")}+2} {PC32 ${of("g")}+9} {PC32 ex_handler}`,
    );
    expect(entries([f, g, table], { machine: "i386" })).toEqual([
      "f: __ex_table+0 at 2 → f+9 → ex_handler",
      "g: __ex_table+12 at 2 → g+9 → ex_handler",
    ]);
  });

  it("the third address of a feature entry is the owner, counted from the entry's start", () => {
    const code = text("f", "00000060 00000060 2000804e", { in: ".text.f" });
    const alternative = section("__ftr_alt_97", "01000060", { flags: "AX" });
    const table = section(
      "__ftr_fixup",
      `${"00".repeat(16)}{REL64 ${of("f")}+20} {REL64 ${of("f")}+32} {REL64 __ftr_alt_97+32} {REL64 __ftr_alt_97+44}`,
    );
    expect(entries([code, alternative, table], { machine: "ppc64le" })).toEqual([
      "f: __ftr_fixup+0 at 4 → f+8 → __ftr_alt_97+0 → __ftr_alt_97+4",
    ]);
  });
});

describe("what cannot be placed is said", () => {
  const cases: [string, readonly Part[], string[]][] = [
    [
      "an entry for code of another object",
      [f, section("__bug_table", "{PC32 elsewhere} 00000000 0100 0000")],
      ["entry-without-owner __bug_table+0"],
    ],
    [
      "a table without addresses",
      [f, section("__bug_table", "00".repeat(24))],
      ["special-section-opaque __bug_table+0"],
    ],
    [
      "a table of unknown name that points into functions",
      [f, section(".vendor_sites", `{64 ${of("f")}+2} 0000000000000000 {64 ${of("f")}+4} 0000000000000000`)],
      ["special-section-unknown .vendor_sites+0"],
    ],
    [
      "the same with a single entry: it is compared too",
      [f, section(".vendor_sites", `{64 ${of("f")}+2} 0000000000000000`)],
      ["special-section-unknown .vendor_sites+0"],
    ],
    [
      "pointers to the beginnings of functions are an ordinary table",
      [f, section(".vendor_ops", `{64 ${of("f")}}`)],
      [],
    ],
    ["a known table that is understood", [f, section("__bug_table", `{PC32 ${of("f")}+2} 00000000 0100 0000`)], []],
    [
      "relocations of a type that no table knows, once per section",
      [
        section(".data.v", "00".repeat(16), {
          relocations: [
            { offset: 0, type: 200 },
            { offset: 8, type: 201 },
          ],
        } as object),
      ],
      ["relocation-unknown .data.v+0"],
    ],
  ];
  it.each(cases)("%s", (_what, parts, expected) => expect(warnings(parts)).toEqual(expected));
});

describe("fragments belong to the function whose entry or code leads to them", () => {
  it("one piece per entry, each with its owner", () => {
    const parts = [
      f,
      g,
      fixup,
      section("__ex_table", `{PC32 ${of("f")}+2} {PC32 .fixup} 00000000 {PC32 ${of("g")}+2} {PC32 .fixup+7} 00000000`),
    ];
    const owners = spansOf(parts)
      .spans.filter((span) => span.kind === "fragment")
      .map(({ offset, size, owner }) => `${offset}+${size} ${owner?.name}`);
    expect(owners).toEqual(["0+7 f", "7+7 g"]);
  });
});
