import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeName, nameReader } from "../../src/elf/names.ts";
import { runs } from "../support/sample.ts";

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "latin1"));
}

function reader(table: string | Uint8Array): (offset: number) => string {
  return nameReader(typeof table === "string" ? bytesOf(table) : table, (problem, offset) => {
    throw new Error(`${offset}: ${problem}`);
  });
}

describe("decodeName", () => {
  it.each([
    ["ASCII stays", "printk", "printk"],
    ["UTF-8 is decoded", "\xc3\xa9t\xc3\xa9", "été"],
    ["four-byte characters are decoded", "\xf0\x9f\xa6\x80", "🦀"],
    ["a byte order mark is part of the name", "\xef\xbb\xbfx", "\ufeffx"],
    ["a lone byte above 0x7f is escaped", "a\xffb", "a\\xffb"],
    ["a truncated character is escaped byte by byte", "\xe2\x82", "\\xe2\\x82"],
    ["a truncated character does not swallow what follows", "\xe2\x82A", "\\xe2\\x82A"],
    ["an overlong form is not UTF-8", "\xc0\xaf", "\\xc0\\xaf"],
    ["an overlong three-byte form neither", "\xe0\x80\xaf", "\\xe0\\x80\\xaf"],
    ["a surrogate neither", "\xed\xa0\x80", "\\xed\\xa0\\x80"],
    ["a number past U+10FFFF neither", "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"],
    ["U+FFFD in the name is itself", "\xef\xbf\xbd", "\ufffd"],
    ["a backslash stays where it cannot be mistaken", "a\\b\\xg", "a\\b\\xg"],
    ["a backslash that looks like an escape is escaped", "a\\xff", "a\\x5cxff"],
  ])("%s", (_teaches, bytes, text) => {
    expect(decodeName(bytesOf(bytes))).toBe(text);
  });

  it("never gives two names the same text", () => {
    // The escapes alone lead back to the bytes, so no two byte strings can share a text.
    const encode = (text: string): Buffer =>
      Buffer.concat(
        text
          .split(/(\\x[0-9a-f]{2})/)
          .map((part, index) => (index % 2 === 1 ? Buffer.from(part.slice(2), "hex") : Buffer.from(part))),
      );
    const interesting = fc.constantFrom(
      0x5c,
      0x78,
      0x66,
      0x35,
      0x63,
      0xc3,
      0xa9,
      0xe2,
      0x82,
      0xac,
      0xf0,
      0x9f,
      0xff,
      0x80,
      0xed,
      0xa0,
    );
    fc.assert(
      fc.property(
        fc.array(fc.oneof({ weight: 4, arbitrary: interesting }, fc.integer({ min: 1, max: 255 }))),
        (bytes) => {
          expect([...encode(decodeName(Uint8Array.from(bytes)))]).toEqual(bytes);
        },
      ),
      { numRuns: runs(3000) },
    );
  });

  it("may be long and wrong from end to end", () => {
    expect(decodeName(new Uint8Array(1 << 20).fill(0xff)).length).toBe(4 << 20);
  });
});

describe("nameReader", () => {
  it.each([
    ["a name starts at its offset", "\0alpha\0beta\0", 7, "beta"],
    ["a name may be the tail of another", "\0alpha\0", 3, "pha"],
    ["offset 0 is the empty name", "\0alpha\0", 0, ""],
    ["the last terminator is an empty name too", "\0alpha\0", 6, ""],
    ["an empty table holds the empty name", "", 0, ""],
    ["a table of other names does not disturb a plain one", "\0plain\0\xff\0", 1, "plain"],
    ["names that are not ASCII are decoded", "\0plain\0\xc3\xa9\xff\0", 7, "é\\xff"],
  ])("%s", (_teaches, table, offset, name) => {
    expect(reader(table)(offset)).toBe(name);
  });

  it.each([
    ["an offset at the end", "\0alpha\0", 7, /^7: name lies outside the string table$/],
    ["an offset far outside", "\0alpha\0", 0xffffffff, /^4294967295: name lies outside the string table$/],
    ["any name but the empty one in an empty table", "", 1, /^1: name lies outside the string table$/],
    ["a name that the end of the table cuts off", "\0alpha", 1, /^1: name is not terminated in its string table$/],
    ["a name in a table without any terminator", "alpha", 0, /^0: name is not terminated in its string table$/],
  ])("refuses %s", (_what, table, offset, message) => {
    expect(() => reader(table)(offset)).toThrow(message);
  });

  it("reads one long name that many records share", () => {
    const table = new Uint8Array(1 << 20).fill(0x61);
    table[table.length - 1] = 0;
    const nameAt = reader(table);
    let length = 0;
    for (let use = 0; use < 100_000; use++) length += nameAt(0).length;
    expect(length).toBe(100_000 * ((1 << 20) - 1));
  });

  it("refuses many long names that overlap: reading them would take quadratic memory", () => {
    const table = new Uint8Array(1 << 20).fill(0x61);
    table[table.length - 1] = 0;
    const nameAt = reader(table);
    const readAll = (): void => {
      for (let offset = 0; offset < 20_000; offset++) nameAt(offset);
    };
    expect(readAll).toThrow(/names overlap so much/);
  });

  it("reads names that overlap as linkers make them", () => {
    // Every suffix of a name of 4 KiB: 8 MiB of text in all.
    const table = new Uint8Array(4097).fill(0x61);
    table[4096] = 0;
    const nameAt = reader(table);
    for (let offset = 0; offset <= 4096; offset++) expect(nameAt(offset).length).toBe(4096 - offset);
  });
});
