import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readCompactRelocations } from "../../src/elf/crel.ts";
import { readDynamicRelocations } from "../../src/elf/dynamic.ts";
import { type Relocation, readObject } from "../../src/elf/object.ts";
import { FormatError, UnsupportedError } from "../../src/errors.ts";
import { buildElf, type SectionDescription } from "../support/elf-builder.ts";
import type { MachineName } from "../support/elf-description.ts";

type Plain = Omit<Relocation, "rela">;

function uleb(value: bigint): number[] {
  const low = Number(value & 0x7fn);
  return value < 0x80n ? [low] : [low | 0x80, ...uleb(value >> 7n)];
}

function sleb(value: bigint): number[] {
  const low = Number(value & 0x7fn);
  const rest = value >> 7n;
  const isLast = (rest === 0n && low < 0x40) || (rest === -1n && low >= 0x40);
  return isLast ? [low] : [low | 0x80, ...sleb(rest)];
}

/** Writes records as an assembler does: each as its differences from the one before. */
function compact(records: readonly Plain[], rela: boolean, bits: 32 | 64, shift = 0n): Uint8Array {
  let last = { offset: 0n, symbol: 0n, type: 0n, addend: 0n };
  const bytes = uleb((BigInt(records.length) << 3n) | (rela ? 4n : 0n) | shift);
  for (const { offset, symbol, type, addend } of records) {
    const now = { offset: BigInt(offset) >> shift, symbol: BigInt(symbol), type: BigInt(type), addend };
    const flags =
      (now.symbol === last.symbol ? 0n : 1n) |
      (now.type === last.type ? 0n : 2n) |
      (rela && now.addend !== last.addend ? 4n : 0n);
    const moved = BigInt.asUintN(bits, now.offset - last.offset);
    bytes.push(...uleb((moved << (rela ? 3n : 2n)) | flags));
    if ((flags & 1n) !== 0n) bytes.push(...sleb(now.symbol - last.symbol));
    if ((flags & 2n) !== 0n) bytes.push(...sleb(now.type - last.type));
    if ((flags & 4n) !== 0n) bytes.push(...sleb(BigInt.asIntN(bits, now.addend - last.addend)));
    last = now;
  }
  return Uint8Array.from(bytes);
}

const fail = (problem: string, offset: number): never => {
  throw new FormatError({ offset }, problem);
};

describe("compact relocations", () => {
  const record = fc.record({
    offset: fc.nat(0x7fff_fff0).map((value) => value - (value % 8)),
    symbol: fc.nat(0xff_ffff),
    type: fc.nat(0xffff),
    addend: fc.bigInt(-(1n << 31n), (1n << 31n) - 1n),
  });
  it("are read as they were written: any order of offsets, both classes, with addends and without, shifted and not", () => {
    const shape = fc.record({
      rela: fc.boolean(),
      bits: fc.constantFrom(32 as const, 64 as const),
      shift: fc.bigInt(0n, 3n),
    });
    fc.assert(
      fc.property(fc.array(record), shape, (records, { rela, bits, shift }) => {
        const read = readCompactRelocations(compact(records, rela, bits, shift), bits, fail);
        expect(read).toEqual(records.map((one) => ({ ...one, addend: rela ? one.addend : 0n, rela })));
      }),
    );
  });

  it.each([
    ["nothing", [], /ends in the middle/],
    ["more records than bytes", [0x7c, 0x00], /counts more records/],
    ["a record cut short", [0x0c, 0x01], /ends in the middle/],
    ["bytes that belong to no record", [0x04, 0x00], /behind its last record/],
    ["a number without an end", [0x0c, 0xff, 0xff], /ends in the middle/],
  ])("%s is refused", (_what, bytes, problem) => {
    expect(() => readCompactRelocations(Uint8Array.from(bytes), 64, fail)).toThrow(problem);
  });
});

const code = { name: ".text", code: "e800000000c3", type: "progbits" } as const;
const symbols = [{ name: "f", section: ".text", type: "func", size: 6 }, { name: "ext" }] as const;
const records: readonly Plain[] = [{ offset: 1, symbol: 2, type: 4, addend: -4n }];

function objectWith(
  table: Partial<SectionDescription>,
  machine: MachineName = "x86_64",
  content: Uint8Array = new Uint8Array(8),
) {
  const carrier = { name: ".crel.text", link: ".symtab", info: ".text", content, ...table };
  return () => readObject(buildElf({ machine, sections: [code, carrier], symbols }), "x.o");
}

describe("relocations by the type of their section", () => {
  it.each<MachineName>(["x86_64", "i386", "aarch64", "s390x", "mips", "mips64", "ppc64", "arm"])(
    "compact ones, on %s",
    (machine) => {
      const bits = /^(i386|mips|arm)$/.test(machine) ? 32 : 64;
      for (const rela of [true, false]) {
        const object = objectWith({ type: 0x4000_0014 }, machine, compact(records, rela, bits))();
        expect(object.relocationsOf(1)).toEqual(records.map((one) => ({ ...one, addend: rela ? -4n : 0n, rela })));
      }
    },
  );

  it.each([
    [
      "an offset behind the section",
      { ...records[0], offset: 99 } as Plain,
      /r_offset of record 0 lies outside section \.text/,
    ],
    [
      "a symbol that does not exist",
      { ...records[0], symbol: 9 } as Plain,
      /record 0 names a symbol that does not exist/,
    ],
  ])("%s is refused", (_what, record, problem) => {
    const object = objectWith({ type: 0x4000_0014 }, "x86_64", compact([record], true, 64))();
    expect(() => object.relocationsOf(1)).toThrow(problem);
  });

  it.each([
    ["Android's packed REL", 0x6000_0001, /SHT_ANDROID_REL\b/],
    ["Android's packed RELA", 0x6000_0002, /SHT_ANDROID_RELA\b/],
    ["a type that is not in the tables", 0x6fff_1234, /SHT_0x6fff1234/],
    ["the number first proposed for compact ones", 20, /SHT_0x14/],
    ["a processor's own", 0x7000_0099, /SHT_0x70000099/],
  ])("%s is refused by name", (_what, type, problem) => {
    expect(objectWith({ type })).toThrow(UnsupportedError);
    expect(objectWith({ type })).toThrow(problem);
  });

  it.each([
    ["that relates to nothing loaded", { type: 0x6fff_1234, info: ".crel.text" }],
    ["that relates to no symbols", { type: 0x6fff_1234, link: ".text" }],
    ["that lists symbols (SHT_LLVM_ADDRSIG)", { type: 0x6fff_4c03, info: 0 }],
  ])("a type %s is not one", (_what, table) => expect(objectWith(table)).not.toThrow());

  it("relative ones of a linked image (SHT_RELR): addresses and bitmaps, what is added lies in the field", () => {
    // 0x2000 itself, then bit 1 and bit 3 of the words that follow it.
    const content = "0020000000000000" + "0b00000000000000";
    const data = Array.from({ length: 5 }, (_, index) => `${index + 1}`.padStart(2, "0") + "00".repeat(7)).join("");
    const sections = [
      { name: ".relr.dyn", type: 19, flags: "A", addr: 0x1000, content },
      { name: ".data", addr: 0x2000, content: data },
    ];
    const image = readObject(buildElf({ type: "dyn", sections }), "x.so");
    expect(readDynamicRelocations(image).map(({ address, type, addend }) => [address, type, addend])).toEqual([
      [0x2000n, 8, 1n],
      [0x2008n, 8, 2n],
      [0x2018n, 8, 4n],
    ]);
  });
});
