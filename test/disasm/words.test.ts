import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { MachineName } from "../support/elf-description.ts";
import { type SymbolExtra, text } from "../support/elf-parts.ts";
import { texts, wordsOf } from "./listing.ts";

type Case = readonly [what: string, machine: MachineName, asm: string, words: readonly string[], symbol: SymbolExtra];

const cases: readonly Case[] = [
  ["a call", "aarch64", "{CALL26 kfree|00000094} c0035fd6", ["94000000 CALL26 kfree", "d65f03c0"], {}],
  [
    "the parts of an address",
    "aarch64",
    "{ADR_PREL_PG_HI21 v+8|00000090} {LDST64_ABS_LO12_NC v+8|000040f9}",
    ["90000000 ADR_PREL_PG_HI21 v+0x8", "f9400000 LDST64_ABS_LO12_NC v+0x8"],
    {},
  ],
  ["a branch in the function", "aarch64", "40000054 1f2003d5 c0035fd6", ["54000040 +0x8", "d503201f", "d65f03c0"], {}],
  [
    "lengths of two, four and six bytes",
    "s390x",
    "b904002b c0e5 {PLT32DBL kfree+2} 07fe",
    ["b904002b", "c0e500000000 PLT32DBL kfree", "07fe"],
    {},
  ],
  [
    "lengths of two and four bytes; a branch left to the linker",
    "riscv64",
    "4111 {BRANCH .text.f:f+6|63940700} 8280",
    ["1141", "00079463 BRANCH +0x6", "8082"],
    {},
  ],
  ["marks that only the linker reads", "riscv64", "{HI20 v|b7070000}{RELAX} 8280", ["000007b7 HI20 v", "8082"], {}],
  ["big-endian words", "mips", "{26 g|0c000000} 00000000", ["0c000000 26 g", "00000000"], {}],
  ["little-endian words", "ppc64le", "{REL24 g|01000048} 00000060", ["48000001 REL24 g", "60000000"], {}],
  [
    "a branch counted from two ahead",
    "arm",
    "010000ea 00f020e3 00f020e3 1eff2fe1",
    ["ea000001 +0xc", "e320f000", "e320f000", "e12fff1e"],
    {},
  ],
  [
    "Thumb, which the symbol tells",
    "arm",
    "08b5 {THM_CALL g|fff7feff} 08bd",
    ["b508", "f7ff fffe THM_CALL g", "bd08"],
    { value: 1 },
  ],
  [
    "x86, by the lengths of its instructions",
    "x86_64",
    "74 05 e8 {PLT32 g-4} c3",
    ["7405 +0x7", "e800000000 PLT32 g", "c3"],
    {},
  ],
  ["a machine without a table", "sparc64", "01000000 81c3e008", ["01000000", "81c3e008"], {}],
  ["what is left at the end", "aarch64", "c0035fd6 0102", ["d65f03c0", "0201"], {}],
];

describe("instructions as words", () => {
  it.each(cases)("%s: %s", (_what, machine, asm, words, symbol) => {
    expect(texts(wordsOf([text("f", asm, symbol)], "f", { machine }))).toEqual(words);
  });

  it.each([
    ["a call's addend in its field", "i386", "e8 {PC32 g|fcffffff}", "e8 {PC32 g|fcffffff}", true],
    ["another callee", "aarch64", "{CALL26 g|00000094}", "{CALL26 h|00000094}", false],
    ["another register", "aarch64", "{LDST64_ABS_LO12_NC v|000040f9}", "{LDST64_ABS_LO12_NC v|010040f9}", false],
    ["another distance", "aarch64", "40000054 1f2003d5 c0035fd6", "20000054 1f2003d5 c0035fd6", true],
    ["another condition", "aarch64", "40000054 1f2003d5 c0035fd6", "41000054 1f2003d5 c0035fd6", false],
    ["a short and a long jump", "x86_64", "eb 01 55 c3", "e9 01 00 00 00 55 c3", true],
    ["a short and a long conditional jump", "x86_64", "74 00 c3", "0f 84 00 00 00 00 c3", true],
    ["opposite conditions", "x86_64", "74 00 c3", "75 00 c3", false],
    ["no-ops of different length", "x86_64", "66 90", "0f 1f 00", true],
  ] as const)("compare %s (%s)", (_what, machine, pre, post, isSame) => {
    const first = (asm: string): unknown => wordsOf([text("f", asm)], "f", { machine })[0]?.normalised;
    expect(first(pre) === first(post)).toBe(isSame);
  });

  it("hold every byte, in order, whatever the bytes are", () => {
    const machines = fc.constantFrom<MachineName>(
      "x86_64",
      "i386",
      "aarch64",
      "arm",
      "s390x",
      "riscv64",
      "ppc64",
      "mips",
    );
    fc.assert(
      fc.property(machines, fc.uint8Array({ minLength: 1, maxLength: 50 }), (machine, bytes) => {
        const listing = wordsOf([text("f", Buffer.from(bytes).toString("hex"))], "f", { machine });
        expect(Buffer.concat(listing.map((line) => line.bytes))).toEqual(Buffer.from(bytes));
        expect(listing.map(({ offset }) => offset)).toEqual(
          listing.map((_, i) => listing.slice(0, i).reduce((sum, { size }) => sum + size, 0)),
        );
      }),
    );
  });

  it("end where no real function is that long", () => {
    const listing = wordsOf([text("f", "90".repeat(300_000))], "f");
    expect(listing).toHaveLength(262_144);
  });
});
