/* Whatever happens to a file on its way, reading it ends in a model within the file's bounds or in an error of ours. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readCompiler, sourceFileOf } from "../../src/elf/notes.ts";
import { type ElfObject, readObject } from "../../src/elf/object.ts";
import { FormatError, UnsupportedError } from "../../src/errors.ts";
import { buildElf, type ElfDescription } from "../support/elf-builder.ts";
import { runs, sampled } from "../support/sample.ts";

function seed(some: ElfDescription): Uint8Array {
  return buildElf({
    sections: [
      {
        name: ".text.f",
        code: "e8 00000000 c3",
        flags: "AXG",
        relocations: [
          { offset: 1, type: 4, symbol: "ext" },
          { offset: 0, type: 1, symbol: ".data" },
        ],
      },
      { name: ".data", content: "00".repeat(16), relocations: [{ offset: 8, type: 1, symbol: "f" }] },
      { name: ".bss", size: 64 },
      { name: ".comment", strings: ["", "GCC"] },
    ],
    symbols: [
      { name: "x.c", type: "file", section: "*ABS*" },
      { name: "f", section: ".text.f", type: "func", bind: "weak", size: 6 },
      { name: "ext" },
      { name: Uint8Array.of(0xff, 0x5c, 0x78), id: "odd", section: ".bss" },
    ],
    groups: [{ signature: "f", members: [".text.f"] }],
    ...some,
  });
}

const SEEDS: readonly (readonly [string, Uint8Array])[] = [
  ["x86_64", seed({})],
  ["extended numbering", seed({ numbering: "extended" })],
  ["32 bits, most significant byte first, REL", seed({ machine: "mips" })],
  ["MIPS64, least significant byte first", seed({ machine: "mips64le" })],
  ["a linked image", seed({ type: "exec", segments: [{ section: ".text.f", vaddr: 0x1000 }] })],
];

/** What in the model is larger than the file can pay for, or points at nothing. */
function excesses(object: ElfObject): readonly string[] {
  const { bytes, sections, symbols, groups } = object;
  const relocations = sections.flatMap((section) => object.relocationsOf(section.index));
  const contents = sections.reduce((total, section) => total + section.bytes.length, 0);
  const checks: readonly (readonly [string, boolean])[] = [
    ["sections", sections.length * 40 <= bytes.length],
    ["symbols", symbols.length * 16 <= bytes.length],
    ["contents", contents <= 2 * bytes.length],
    ["relocations", relocations.length * 8 <= contents],
    ["names", symbols.every(({ name }) => name.length <= 4 * bytes.length)],
    ["symbols of relocations", relocations.every(({ symbol }) => symbol === 0 || symbols[symbol] !== undefined)],
    ["sections of symbols", symbols.every(({ section }) => section === undefined || sections[section] !== undefined)],
    ["members of groups", groups.every(({ members }) => members.every((member) => sections[member] !== undefined))],
  ];
  return checks.filter(([, holds]) => !holds).map(([what]) => what);
}

/** Reads everything there is to read; any error but ours fails the test. */
function readWhole(bytes: Uint8Array): "read" | "refused" {
  try {
    const object = readObject(bytes, "fuzz.o");
    const wrong = excesses(object);
    if (wrong.length > 0) throw new Error(`out of bounds: ${wrong.join(", ")}`);
    readCompiler(object);
    sourceFileOf(object);
    return "read";
  } catch (error) {
    if (!(error instanceof FormatError || error instanceof UnsupportedError)) throw error;
    if (!error.message.startsWith("fuzz.o: ")) throw new Error(`names no file: ${error.message}`);
    return "refused";
  }
}

/** Numbers at the edges of what fields can hold and of what doubles can count. */
const EDGES = [
  0n,
  1n,
  2n,
  3n,
  0x7fn,
  0xffn,
  0xff00n,
  0xffffn,
  0x10000n,
  0x7fff_ffffn,
  0xffff_ffffn,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];

const mutation = fc.record({
  at: fc.nat(),
  size: fc.constantFrom(1, 2, 4, 8),
  value: fc.oneof(
    fc.constantFrom(...EDGES),
    fc.bigInt({ min: 0n, max: 255n }),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  ),
});

function mutate(
  bytes: Uint8Array,
  mutations: readonly { readonly at: number; readonly size: number; readonly value: bigint }[],
): Uint8Array {
  const copy = bytes.slice();
  for (const { at, size, value } of mutations) {
    const from = at % bytes.length;
    const field = Buffer.alloc(8);
    field.writeBigUInt64LE(value);
    copy.set(field.subarray(0, Math.min(size, bytes.length - from)), from);
  }
  return copy;
}

describe.each(SEEDS)("%s", (_name, bytes) => {
  it("is read as it is", () => {
    expect(readWhole(bytes)).toBe("read");
  });

  it("with some numbers changed", () => {
    let refused = 0;
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
        if (readWhole(mutate(bytes, mutations)) === "refused") refused++;
      }),
      { numRuns: runs(3000) },
    );
    // Most bytes matter, so a reader that checks nothing would show here.
    expect(refused).toBeGreaterThan(runs(300));
  });

  it("with any one byte replaced by the edges of a byte", () => {
    const outcomes = new Set<string>();
    for (const at of sampled([...bytes.keys()], 3)) {
      for (const value of [0n, 1n, 0x7fn, 0x80n, 0xffn])
        outcomes.add(readWhole(mutate(bytes, [{ at, size: 1, value }])));
    }
    expect(outcomes).toEqual(new Set(["read", "refused"]));
  });

  it("with any one word replaced by the edges of a word", () => {
    const words = [...bytes.keys()].filter((at) => at % 4 === 0);
    const outcomes = new Set<string>();
    for (const at of sampled(words, 4)) {
      for (const value of EDGES) {
        outcomes.add(readWhole(mutate(bytes, [{ at, size: 4, value: BigInt.asUintN(32, value) }])));
        outcomes.add(readWhole(mutate(bytes, [{ at, size: 8, value }])));
      }
    }
    expect(outcomes).toEqual(new Set(["read", "refused"]));
  });

  it("cut off and changed", () => {
    fc.assert(
      fc.property(fc.array(mutation, { maxLength: 3 }), fc.nat(bytes.length - 1), (mutations, length) => {
        readWhole(mutate(bytes, mutations).subarray(0, length));
      }),
      { numRuns: runs(1000) },
    );
  });
});

describe("bytes of chance", () => {
  it("after a right beginning", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(1, 2),
        fc.constantFrom(1, 2),
        fc.uint8Array({ minLength: 60, maxLength: 512 }),
        (class_, data, rest) => {
          readWhole(Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, class_, data, 1, ...rest));
        },
      ),
      { numRuns: runs(1000) },
    );
  });
});
