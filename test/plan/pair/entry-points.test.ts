import { describe, expect, it } from "vitest";
import { summaryOf, updateOf } from "../../support/built-pair.ts";
import type { SymbolDescription } from "../../support/elf-builder.ts";
import { type ElfExtra, type Part, section, text } from "../../support/elf-parts.ts";

type Parts = readonly Part[];

/** A function whose only difference is its last number. */
const f = (before: string, x: string, extra = {}): Part => text("f", `${before} b8${x}000000 c3`, extra);
const entry = (pre: Parts, post: Parts, extra: ElfExtra = {}): string => {
  const change = updateOf(pre, post, extra).functions.find(({ name }) => name === "f");
  return `${change?.entry.kind} ${change?.entry.offset}`;
};
const at = (name: string, value: number, size: number, extra: Partial<SymbolDescription> = {}): SymbolDescription => ({
  name,
  value,
  size,
  type: "func",
  bind: "global",
  ...extra,
});
const block = (asm: string, ...symbols: SymbolDescription[]): Part[] => [section(".text.f", asm, {}, symbols)];

/** Trampolines: from where to where, or what stands in the way. */
function patches(pre: Parts, post: Parts, extra: ElfExtra = {}): string[] {
  const update = updateOf(pre, post, extra);
  return update.changes
    .flatMap((change) => change.patches)
    .filter(({ type }) => type === "text")
    .map(
      ({ oldLabel, oldOffset, replacement, replacementOffset, size }) =>
        `${oldLabel}+${oldOffset} → ${replacement === null ? "trap" : `${replacement}+${replacementOffset}`} ${size}`,
    );
}
const findings = (pre: Parts, post: Parts): readonly unknown[] => summaryOf(updateOf(pre, post))["findings"] ?? [];

describe("how livepatch can redirect a function", () => {
  const cases: [string, (x: string) => Parts, string, ElfExtra?][] = [
    ["no site", (x) => [f("", x)], "none 0"],
    ["fentry", (x) => [f("e8{PLT32 __fentry__-4}", x)], "fentry 1"],
    ["fentry after endbr", (x) => [f("f30f1efa e8{PLT32 __fentry__-4}", x)], "fentry 5"],
    ["mcount after a frame", (x) => [f("55 4889e5 e8{PLT32 mcount-4}", x)], "mcount 5"],
    [
      "_mcount of other architectures",
      (x) => [text("f", `{CALL26 _mcount|00000094} ${x}008052 c0035fd6`)],
      "mcount 0",
      { machine: "aarch64" },
    ],
    [
      "a call to it far inside is not at the entry",
      (x) => [f(`${"90".repeat(40)} e8{PLT32 __fentry__-4}`, x)],
      "none 0",
    ],
    ["recorded by a table of sites", (x) => [f("0f1f440000", x), section("__mcount_loc", "{64 f}")], "mcount 0"],
    [
      "patchable, at the entry",
      (x) => [f("9090909090", x), section("__patchable_function_entries", "{64 f}")],
      "patchable 0",
    ],
    [
      "patchable, in front of the entry",
      (x) => [
        ...block(`${"90".repeat(16)}b8${x}000000c3`, at("f", 16, 6)),
        section("__patchable_function_entries", "{64 .text.f}"),
      ],
      "patchable -16",
    ],
    [
      "behind a type hash",
      (x) => [
        ...block(`b878563412 0f1f440000 b8${x}000000c3`, at("__cfi_f", 0, 5, { bind: "local" }), at("f", 5, 11)),
        section("__mcount_loc", "{64 f}"),
      ],
      "mcount 0",
    ],
  ];
  it.each(cases)("%s", (_what, of, expected, extra) => expect(entry(of("01"), of("02"), extra)).toBe(expected));
});

describe("trampolines", () => {
  const cases: [string, Parts, Parts, string[]][] = [
    ["one entry", [f("", "01")], [f("", "02")], ["f<x.o>+0 → f<x.o>+0 5"]],
    [
      "the entry is behind the type hash",
      block("b878563412 b801000000c3", at("__cfi_f", 0, 5, { bind: "local" }), at("f", 5, 6)),
      block("b878563412 b802000000c3", at("__cfi_f", 0, 5, { bind: "local" }), at("f", 5, 6)),
      ["f+0 → f+0 5"],
    ],
    [
      "two entries, each to its own",
      block("b801000000b801000000c3", at("f", 0, 11), at("in", 5, 6)),
      block("b802000000b801000000c3", at("f", 0, 11), at("in", 5, 6)),
      ["f+0 → f+0 5", "f+5 → f+5 5"],
    ],
    [
      "the second one moved along",
      block("b801000000b801000000c3", at("f", 0, 11), at("in", 5, 6)),
      block("b80100000090b801000000c3", at("f", 0, 12), at("in", 6, 6)),
      ["f+0 → f+0 5", "f+5 → f+6 5"],
    ],
    [
      "the second one is gone: a trap",
      block("b801000000b801000000c3", at("f", 0, 11), at("in", 5, 6)),
      block("b802000000b801000000c3", at("f", 0, 11)),
      ["f+0 → f+0 5", "f+5 → trap 5"],
    ],
    [
      "a local label inside is not an entry",
      block("b801000000b801000000c3", at("f", 0, 11), at("in", 5, 0, { type: "notype", bind: "local" })),
      block("b802000000b801000000c3", at("f", 0, 11), at("in", 5, 0, { type: "notype", bind: "local" })),
      ["f+0 → f+0 5"],
    ],
    ["a deleted function traps", [f("", "01", { bind: "global" })], [text("g", "31c031d231f6c3")], ["f+0 → trap 5"]],
    ["but not when it has no room", [text("f", "c3", { bind: "global" })], [text("g", "31c031d231f6c3")], []],
    [
      "a cold part without room: no code enters it from outside",
      [text("f", "0f84{PC32 f.cold-4}b801000000c3"), text("f.cold", "0f0b")],
      [text("f", "0f84{PC32 f.cold-4}b801000000c3"), text("f.cold", "0f0a")],
      ["f<x.o>+0 → f<x.o>+0 5"],
    ],
  ];
  it.each(cases)("%s", (_what, pre, post, expected) => expect(patches(pre, post)).toEqual(expected));

  it.each<[string, string, number]>([
    ["x86_64", "c3", 5],
    ["aarch64", "c0035fd6", 4],
    ["s390x", "07fe", 6],
  ])("%s writes %i bytes", (machine, ret, size) => {
    const one = (x: string): Parts => [text("f", `${x.repeat(8)}${ret}`)];
    const update = updateOf(one("01000000"), one("02000000"), { machine: machine as "x86_64" });
    expect(update.changes[0]?.patches.map((patch) => patch.size)).toEqual([size]);
  });
});

describe("what stands in a trampoline's way", () => {
  const cases: [string, Parts, Parts, string[]][] = [
    ["too short", [text("f", "31c0c3")], [text("f", "31d231c031d2c3")], ["trampoline-no-room"]],
    ["just enough", [text("f", "31c031c0c3")], [text("f", "31d231c0c3")], []],
    ["the next one would be too short", [text("f", "31c031c0c3")], [text("f", "c3")], ["trampoline-no-room-next"]],
    [
      "entries too close",
      block("31c031c031c031c0c3", at("f", 0, 9), at("in", 4, 5)),
      block("31d231c031c031c0c3", at("f", 0, 9), at("in", 4, 5)),
      ["trampolines-overlap"],
    ],
    [
      "the last entry has no room",
      block("31c031c031c031c0c3", at("f", 0, 9), at("in", 6, 3)),
      block("31d231c031c031c0c3", at("f", 0, 9), at("in", 6, 3)),
      ["trampoline-no-room"],
    ],
    [
      "aliases that part",
      block("31c031c031c031c0c3", at("f", 0, 9), at("a", 0, 9)),
      block("31d231c031c031c0c3", at("f", 0, 9), at("a", 4, 5)),
      ["entry-point-moved"],
    ],
    [
      "aliases that part into sections of their own",
      block("31c031c031c031c0c3", at("f", 0, 9), at("a", 0, 9)),
      [text("f", "31d231c031c031c0c3", { bind: "global" }), text("a", "31c031c031c031c0c3", { bind: "global" })],
      ["entry-point-moved"],
    ],
  ];
  it.each(cases)("%s", (_what, pre, post, expected) => expect(findings(pre, post)).toEqual(expected));
});
