import { describe, expect, it } from "vitest";
import { updateOf } from "../../support/built-pair.ts";
import { type Part, section, symbol, text } from "../../support/elf-parts.ts";

type Parts = readonly Part[];
const f = text("f", "b801000000c3", { bind: "global" });
const g = text("g", "b803000000c3", { bind: "global" });
const names = section("__ksymtab_strings", "6600 4e5300 00");
const table = (name: string, of = "f", namespace = ""): Part[] => [
  names,
  section(`${name}+f`, `{PC32 ${of}}{PC32 __ksymtab_strings}${namespace}`, {}, [{ name: "__ksymtab_f" }]),
];
const crc = (value: number): Part => symbol("__crc_f", { section: "*ABS*", value, bind: "global" });

describe("exports", () => {
  const cases: [string, Parts, Parts, string[], string[]][] = [
    ["none", [f], [f], [], []],
    ["the same", [f, ...table("___ksymtab")], [f, ...table("___ksymtab")], [], []],
    ["new", [f], [f, ...table("___ksymtab")], ["f new any"], ["export-added"]],
    ["deleted", [f, ...table("___ksymtab_gpl")], [f], ["f deleted gpl"], ["export-deleted"]],
    [
      "another licence",
      [f, ...table("___ksymtab")],
      [f, ...table("___ksymtab_gpl")],
      ["f changed gpl: licence any → gpl"],
      ["export-changed"],
    ],
    [
      "a namespace",
      [f, ...table("___ksymtab", "f", "{PC32 __ksymtab_strings+5}")],
      [f, ...table("___ksymtab", "f", "{PC32 __ksymtab_strings+2}")],
      ["f changed any: namespace  → NS"],
      ["export-changed"],
    ],
    [
      "another checksum: the types changed",
      [f, ...table("___ksymtab"), crc(1)],
      [f, ...table("___ksymtab"), crc(2)],
      ["f changed any: crc 0x1 → 0x2"],
      ["export-changed"],
    ],
    [
      "another function under that name",
      [f, g, ...table("___ksymtab")],
      [f, g, ...table("___ksymtab", "g")],
      ["f changed any: target f+0 → g+0"],
      ["export-changed"],
    ],
    [
      "a changed function keeps its export",
      [f, ...table("___ksymtab")],
      [text("f", "b802000000c3", { bind: "global" }), ...table("___ksymtab")],
      [],
      [],
    ],
  ];
  it.each(cases)("%s", (_what, pre, post, exports, findings) => {
    const update = updateOf(pre, post);
    const shown = update.exports.map(({ name, status, licence, reasons }) =>
      [
        `${name} ${status} ${licence}`,
        ...reasons.map((reason) => `${reason.kind} ${reason.pre} → ${reason.post}`),
      ].join(": "),
    );
    expect({ exports: shown, findings: update.findings.map(({ code }) => code) }).toEqual({ exports, findings });
  });

  it("the name in the kernel's table is what is patched: taken away, or put there", () => {
    const patches = (pre: Parts, post: Parts): unknown => updateOf(pre, post).changes[0]?.patches;
    const patch = { type: "export", oldLabel: "__ksymtab:f", oldOffset: 0, size: 8 };
    expect(patches([f, ...table("___ksymtab")], [f])).toEqual([{ ...patch, replacement: null }]);
    expect(patches([f], [f, ...table("___ksymtab")])).toEqual([{ ...patch, replacement: "f" }]);
  });

  it("a new export of a new function brings the function", () => {
    const update = updateOf([g], [g, f, ...table("___ksymtab")]);
    expect(update.changes[0]?.newCode.sections.map(({ label, because }) => `${label}: ${because}`)).toContain("f: new");
  });

  it("a new export of new data brings the data", () => {
    const data = section(".data.v", "01", {}, [{ name: "v", type: "object", size: 1, bind: "global" }]);
    const entry = section("___ksymtab+v", "{PC32 v}{PC32 __ksymtab_strings}", {}, [{ name: "__ksymtab_v" }]);
    const update = updateOf([g], [g, data, names, entry]);
    expect(update.changes[0]?.newCode.sections.map(({ label, because }) => `${label}: ${because}`)).toEqual([
      "v: export v",
    ]);
  });
});
