import { describe, expect, it } from "vitest";
import { type ElfExtra, type Part, section, spansOf, symbol, text } from "../support/elf-parts.ts";

function exports(parts: readonly Part[], extra: ElfExtra = {}): string[] {
  return spansOf(parts, extra).exports.map(({ name, licence, namespace, crc, target, size }) =>
    [
      name,
      licence,
      namespace ?? "-",
      crc === undefined ? "-" : `0x${crc.toString(16)}`,
      target?.name ?? "-",
      size,
    ].join(" "),
  );
}

const f = text("f", "c3", { bind: "global" });
const g = text("g", "c3", { bind: "global" });
const names = section("__ksymtab_strings", "6600 6700 4e5300 00");
const marked = (name: string, value = 0): { name: string; value: number }[] => [{ name: `__ksymtab_${name}`, value }];

describe("readExports", () => {
  const cases: [string, readonly Part[], string[]][] = [
    [
      "absolute, 16 bytes (before 4.19)",
      [f, names, section("___ksymtab+f", "{64 f}{64 __ksymtab_strings}", {}, marked("f"))],
      ["f any - - f 16"],
    ],
    [
      "absolute with namespace, 24 bytes",
      [f, names, section("___ksymtab_gpl+f", "{64 f}{64 __ksymtab_strings}{64 __ksymtab_strings+4}", {}, marked("f"))],
      ["f gpl NS - f 24"],
    ],
    [
      "relative, 8 bytes (4.19 to 5.3)",
      [f, names, section("___ksymtab+f", "{PC32 f}{PC32 __ksymtab_strings}", {}, marked("f"))],
      ["f any - - f 8"],
    ],
    [
      "relative with namespace, 12 bytes",
      [
        f,
        names,
        section("___ksymtab+f", "{PC32 f}{PC32 __ksymtab_strings}{PC32 __ksymtab_strings+4}", {}, marked("f")),
      ],
      ["f any NS - f 12"],
    ],
    [
      "an empty namespace is none",
      [
        f,
        names,
        section("___ksymtab+f", "{PC32 f}{PC32 __ksymtab_strings}{PC32 __ksymtab_strings+7}", {}, marked("f")),
      ],
      ["f any - - f 12"],
    ],
    [
      "relative, no namespace field set",
      [f, names, section("___ksymtab_gpl+f", "{PC32 f}{PC32 __ksymtab_strings}00000000", {}, marked("f"))],
      ["f gpl - - f 12"],
    ],
    [
      "several in one section by their marks",
      [
        f,
        g,
        names,
        section("__ksymtab", "{PC32 f}{PC32 __ksymtab_strings}{PC32 g}{PC32 __ksymtab_strings+2}", {}, [
          ...marked("g", 8),
          ...marked("f"),
        ]),
      ],
      ["f any - - f 8", "g any - - g 8"],
    ],
    [
      "without marks: absolute, by the names they point to",
      [f, g, names, section("__ksymtab", "{64 f}{64 __ksymtab_strings}{64 g}{64 __ksymtab_strings+2}")],
      ["f any - - f 16", "g any - - g 16"],
    ],
    [
      "without marks: relative, two fields",
      [f, g, names, section("__ksymtab_gpl", "{PC32 f}{PC32 __ksymtab_strings}{PC32 g}{PC32 __ksymtab_strings+2}")],
      ["f gpl - - f 8", "g gpl - - g 8"],
    ],
    [
      "without marks: relative, three fields",
      [f, names, section("__ksymtab", "{PC32 f}{PC32 __ksymtab_strings}{PC32 __ksymtab_strings+4}")],
      ["f any NS - f 12"],
    ],
    [
      "without marks: three entries of two fields are six relocations, not two entries of three",
      [
        f,
        g,
        text("h", "c3"),
        section("__ksymtab_strings", "6600 6700 6800"),
        section(
          "__ksymtab",
          "{PC32 f}{PC32 __ksymtab_strings}{PC32 g}{PC32 __ksymtab_strings+2}{PC32 h}{PC32 __ksymtab_strings+4}",
        ),
      ],
      ["f any - - f 8", "g any - - g 8", "h any - - h 8"],
    ],
    [
      ".export_symbol (6.4): licence, namespace, address",
      [f, section(".export_symbol", "47504c00 4e5300 00 {64 f}", {}, [{ name: "__export_symbol_f" }])],
      ["f gpl NS - f 16"],
    ],
    [
      ".export_symbol without licence and namespace",
      [f, section(".export_symbol", "0000 000000000000 {64 f}", {}, [{ name: "__export_symbol_f" }])],
      ["f any - - f 16"],
    ],
    [
      ".export_symbol, two of them",
      [
        f,
        g,
        section(".export_symbol", "47504c00 00 000000 {64 f} 00 00 000000000000 {64 g}", {}, [
          { name: "__export_symbol_f" },
          { name: "__export_symbol_g", value: 16 },
        ]),
      ],
      ["f gpl - - f 16", "g any - - g 16"],
    ],
    [
      "a checksum as absolute symbol",
      [
        f,
        names,
        section("___ksymtab+f", "{PC32 f}{PC32 __ksymtab_strings}", {}, marked("f")),
        symbol("__crc_f", { section: "*ABS*", value: 0x1234abcd }),
      ],
      ["f any - 0x1234abcd f 8"],
    ],
    [
      "a checksum in its section",
      [
        f,
        names,
        section("___ksymtab+f", "{PC32 f}{PC32 __ksymtab_strings}", {}, marked("f")),
        section("___kcrctab+f", "cdab3412", {}, [{ name: "__crc_f" }]),
      ],
      ["f any - 0x1234abcd f 8"],
    ],
    [
      "a checksum of which only the reference is here",
      [f, names, section("___ksymtab+f", "{PC32 f}{PC32 __ksymtab_strings}", {}, marked("f")), symbol("__crc_f")],
      ["f any - - f 8"],
    ],
    [
      "what another object defines (assembly exports of C)",
      [names, section("___ksymtab+f", "{PC32 f}{PC32 __ksymtab_strings}", {}, marked("f"))],
      ["f any - - - 8"],
    ],
    [
      "data too",
      [
        section(".data.v", "01", {}, [{ name: "v", type: "object", size: 1, bind: "global" }]),
        section("__ksymtab_strings", "7600"),
        section("___ksymtab+v", "{PC32 v}{PC32 __ksymtab_strings}", {}, marked("v")),
      ],
      ["v any - - v 8"],
    ],
    ["no exports", [f], []],
  ];
  it.each(cases)("%s", (_what, parts, expected) => expect(exports(parts)).toEqual(expected));

  it("most significant byte first", () => {
    const parts = [
      text("f", "07fe", { bind: "global" }),
      names,
      section("___ksymtab+f", "{PC32 f}{PC32 __ksymtab_strings}", {}, marked("f")),
      section("___kcrctab+f", "1234abcd", {}, [{ name: "__crc_f" }]),
    ];
    expect(exports(parts, { machine: "s390x" })).toEqual(["f any - 0x1234abcd f 8"]);
  });

  it("32 bits: a word is 4 bytes, and the record has no addend", () => {
    const parts = [f, names, section("___ksymtab+f", "{32 f}{32 __ksymtab_strings}", {}, marked("f"))];
    expect(exports(parts, { machine: "i386" })).toEqual(["f any - - f 8"]);
  });
});
