import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ByteView, byteView, readInteger } from "../src/bytes.ts";

class Refused extends Error {}

function viewOf(bytes: readonly number[], order: "lsb" | "msb" = "lsb"): ByteView {
  return byteView(Uint8Array.from(bytes), order, (problem, offset) => {
    throw new Refused(`${offset}: ${problem}`);
  });
}

describe("numbers", () => {
  const bytes = [0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88];
  it.each([
    ["u8 has no order", "lsb", (view: ByteView) => view.u8(1), 0x82],
    ["u16, least significant byte first", "lsb", (view: ByteView) => view.u16(0), 0x8281],
    ["u16, most significant byte first", "msb", (view: ByteView) => view.u16(0), 0x8182],
    ["u32 is never negative", "lsb", (view: ByteView) => view.u32(4), 0x88878685],
    ["u32, most significant byte first", "msb", (view: ByteView) => view.u32(0), 0x81828384],
    ["i32 is signed", "lsb", (view: ByteView) => view.i32(0), 0x84838281 - 2 ** 32],
    ["u64 keeps all its bits", "lsb", (view: ByteView) => view.u64(0), 0x8887868584838281n],
    ["u64, most significant byte first", "msb", (view: ByteView) => view.u64(0), 0x8182838485868788n],
    ["i64 is signed", "msb", (view: ByteView) => view.i64(0), 0x8182838485868788n - (1n << 64n)],
    ["unaligned offsets are fine", "lsb", (view: ByteView) => view.u32(3), 0x87868584],
  ] as const)("%s", (_teaches, order, read, expected) => {
    expect(read(viewOf(bytes, order))).toBe(expected);
  });

  it("reads a view into a larger buffer from the view's own start", () => {
    const part = Uint8Array.from([9, 9, 1, 2, 9]).subarray(2, 4);
    const view = byteView(part, "lsb", () => {
      throw new Refused();
    });
    expect(view.u16(0)).toBe(0x0201);
    expect(() => view.u8(2)).toThrow(Refused);
  });
});

describe("bounds", () => {
  it.each([
    ["the last byte can be read", (view: ByteView) => view.u8(3), 4],
    ["a number can end at the end", (view: ByteView) => view.u32(0), 0x04030201],
    ["an empty slice can lie at the end", (view: ByteView) => view.slice(4, 0).length, 0],
  ])("%s", (_teaches, read, expected) => {
    expect(read(viewOf([1, 2, 3, 4]))).toBe(expected);
  });

  it.each([
    ["one byte past the end", (view: ByteView) => view.u8(4), /^4: needs 1 bytes of 4$/],
    ["a number that starts inside and ends outside", (view: ByteView) => view.u32(1), /^1: needs 4 bytes of 4$/],
    ["a 64-bit number in fewer bytes", (view: ByteView) => view.u64(0), /^0: needs 8 bytes/],
    ["a negative offset", (view: ByteView) => view.u16(-1), /^-1: needs 2 bytes/],
    ["an offset that is not a number", (view: ByteView) => view.u16(Number.NaN), /^NaN: needs 2 bytes/],
    ["an offset far outside", (view: ByteView) => view.i64(2 ** 53), /needs 8 bytes/],
    ["a slice past the end", (view: ByteView) => view.slice(2, 3), /^2: needs 3 bytes of 4$/],
    ["a slice of negative size", (view: ByteView) => view.slice(2, -1), /^2: cannot take -1 bytes$/],
    ["a string without terminator", (view: ByteView) => view.cstring(1), /^1: string has no terminator$/],
    ["a string past the end", (view: ByteView) => view.cstring(4), /^4: needs 1 bytes/],
    ["a LEB128 that goes on past the end", (view: ByteView) => viewOf([0x80]).uleb128(0) ?? view, /^1: needs 1 bytes/],
  ])("refuses %s", (_what, read, message) => {
    expect(() => read(viewOf([1, 2, 3, 4]))).toThrow(Refused);
    expect(() => read(viewOf([1, 2, 3, 4]))).toThrow(message);
  });
});

describe("strings", () => {
  it("gives the bytes before the terminator and where the next string starts", () => {
    const view = viewOf([0x61, 0x62, 0, 0, 0x63, 0]);
    expect(view.cstring(0)).toEqual({ bytes: Uint8Array.from([0x61, 0x62]), next: 3 });
    expect(view.cstring(3)).toEqual({ bytes: Uint8Array.from([]), next: 4 });
  });

  it("does not copy", () => {
    const view = viewOf([0x61, 0]);
    expect(view.cstring(0).bytes.buffer).toBe(view.bytes.buffer);
    expect(view.slice(0, 1).buffer).toBe(view.bytes.buffer);
  });
});

describe("LEB128", () => {
  // The first rows are the examples of DWARF 5, figures C.1 and C.2.
  it.each([
    ["uleb128", [2], 2n],
    ["uleb128", [127], 127n],
    ["uleb128", [0x80, 1], 128n],
    ["uleb128", [0x81, 1], 129n],
    ["uleb128", [57 + 0x80, 100], 12857n],
    ["sleb128", [2], 2n],
    ["sleb128", [0x7e], -2n],
    ["sleb128", [127 + 0x80, 0], 127n],
    ["sleb128", [1 + 0x80, 0x7f], -127n],
    ["sleb128", [0x80, 1], 128n],
    ["sleb128", [0x80, 0x7f], -128n],
    ["uleb128", [0x81, 0x80, 0x00], 1n],
    ["uleb128", [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], 2n ** 64n - 1n],
    ["sleb128", [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f], -(2n ** 63n)],
  ] as const)("%s of %j is %s", (kind, bytes, value) => {
    expect(viewOf(bytes)[kind](0)).toEqual({ value, next: bytes.length });
  });

  it.each([
    ["uleb128", "a 65th bit", [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02]],
    ["uleb128", "an eleventh byte", [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00]],
    ["sleb128", "a number past 2^63", [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]],
  ] as const)("%s refuses %s", (kind, _what, bytes) => {
    expect(() => viewOf(bytes)[kind](0)).toThrow(/^0: LEB128 number is longer than 64 bits$/);
  });

  it("reads back every 64-bit number", () => {
    const encode = (value: bigint, done: (rest: bigint, byte: number) => boolean): number[] => {
      const byte = Number(value & 0x7fn);
      const rest = value >> 7n;
      return done(rest, byte) ? [byte] : [byte | 0x80, ...encode(rest, done)];
    };
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
        const bytes = encode(value, (rest) => rest === 0n);
        expect(viewOf(bytes).uleb128(0)).toEqual({ value, next: bytes.length });
      }),
    );
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        const bytes = encode(value, (rest, byte) => rest === ((byte & 0x40) === 0 ? 0n : -1n));
        expect(viewOf(bytes).sleb128(0)).toEqual({ value, next: bytes.length });
      }),
    );
  });
});

describe("readInteger", () => {
  it.each([
    [1, "lsb", 0x02],
    [2, "lsb", 0x0302],
    [3, "msb", 0x020304],
    [4, "lsb", 0x85040302],
    [4, "msb", 0x02030485],
    [6, "msb", 0x020304850607],
  ] as const)("of %i bytes, %s", (size, order, expected) => {
    expect(readInteger(Uint8Array.from([1, 2, 3, 4, 0x85, 6, 7]), 1, size, order)).toBe(expected);
  });
});
