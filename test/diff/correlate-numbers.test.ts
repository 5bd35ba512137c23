import { describe, expect, it } from "vitest";
import { diffOf, pairsOf, updateOf } from "../support/built-pair.ts";
import { bss, data, type Part, section, text } from "../support/elf-parts.ts";

type Parts = readonly Part[];

/** A call, and a load from memory. */
const call = (name: string): string => `e8{PLT32 ${name}-4}`;
const load = (name: string): string => `8b05{PC32 ${name}-4}`;

describe("numbers that the compiler hands out make no difference by themselves", () => {
  const reader = (of: string): Part => text("f", `${load(of)}c3`);
  const cases: [string, Parts, Parts][] = [
    ["static locals", [reader("n.1"), bss("n.1", 4)], [reader("n.2"), bss("n.2", 4)]],
    [
      "clones",
      [text("f.isra.0", "c3"), text("g", `${call("f.isra.0")}c3`)],
      [text("f.isra.5", "c3"), text("g", `${call("f.isra.5")}c3`)],
    ],
    [
      "unique ids",
      [reader("__UNIQUE_ID_x1"), bss("__UNIQUE_ID_x1", 4)],
      [reader("__UNIQUE_ID_x22"), bss("__UNIQUE_ID_x22", 4)],
    ],
    [
      "unique ids of names with digits",
      [reader("__UNIQUE_ID_crc32_x100"), bss("__UNIQUE_ID_crc32_x100", 4)],
      [reader("__UNIQUE_ID_crc32_x101"), bss("__UNIQUE_ID_crc32_x101", 4)],
    ],
    [
      "ThinLTO hashes",
      [reader("v.llvm.123"), data("v.llvm.123", "01", { bind: "global" })],
      [reader("v.llvm.987"), data("v.llvm.987", "01", { bind: "global" })],
    ],
    [
      "link-time suffixes of data",
      [reader("v.lto_priv.0"), data("v.lto_priv.0", "01")],
      [reader("v.lto_priv.3"), data("v.lto_priv.3", "01")],
    ],
    [
      "sanitizer data",
      [reader(".Lubsan_data1"), section(".data", "0102", {}, [{ name: ".Lubsan_data1", type: "object", size: 2 }])],
      [reader(".Lubsan_data8"), section(".data", "0102", {}, [{ name: ".Lubsan_data8", type: "object", size: 2 }])],
    ],
    [
      "string labels",
      [reader(".LC0"), section(".rodata.str1.1", "6100", { flags: "AMS", entsize: 1 }, [{ name: ".LC0" }])],
      [
        reader(".LC4"),
        section(".rodata.str1.1", "6200 6100", { flags: "AMS", entsize: 1 }, [
          { name: ".LC3" },
          { name: ".LC4", value: 2 },
        ]),
      ],
    ],
  ];
  it.each(cases)("%s", (_what, pre, post) => {
    const { functions, changes, verdict } = updateOf(pre, post);
    expect({
      functions: functions.map(({ name, status }) => `${name} ${status}`),
      changes,
      recommended: verdict.recommended,
    }).toEqual({ functions: [], changes: [], recommended: "none" });
  });
});

describe("more than 65,279 sections", () => {
  it("SHN_XINDEX numbers pair like any others", () => {
    const pre = [text("f", "c3", { bind: "global" }), text("g", "31c0c3")];
    const post = [text("g", "31d2c3"), text("f", "c3", { bind: "global" })];
    expect(pairsOf(diffOf(pre, post, { numbering: "extended" }))).toEqual(["f → f global-name", "g → g local-name"]);
  });
});
