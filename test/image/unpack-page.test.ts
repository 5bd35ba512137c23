import zlib from "node:zlib";
import { describe, expect, it } from "vitest";
import { FormatError, UnsupportedError } from "../../src/errors.ts";
import { unpackPage } from "../../src/image/unpack-page.ts";
import { PACKINGS } from "../support/vmcore.ts";

const SIZE = 1024;
const FLAGS = { zlib: 1, lzo: 2, snappy: 4, zstd: 0x20 } as const;

/** Bytes with many repetitions at all distances, always the same. */
function page(): Uint8Array {
  const out: number[] = [];
  for (let x = 3; out.length < SIZE; ) {
    x = (Math.imul(x, 1103515245) + 12345) & 0x7fffffff;
    if (out.length > 8 && (x >> 8) % 4 !== 0) {
      const distance = 1 + ((x >> 4) % out.length);
      for (let count = 2 + ((x >> 12) % 40); count > 0; count--) out.push(out[out.length - distance] as number);
    } else {
      for (let i = 0, count = 1 + ((x >> 16) % 9); i < count; i++) out.push((x >> (i % 20)) & 255);
    }
  }
  return Uint8Array.from(out.slice(0, SIZE));
}

/** The page, compressed by liblzo2 2.10 (lzo1x_999) and by libsnappy 1.1.9. */
const PACKED = {
  lzo: "GoDA4HC43G43G+AAKDAAIAdkAAN1OgoFAoFNAnvAAUwAKtwANfQAAUQiEQjgAi6QAC4XAbBYLCADCAA8gAICTycTCYQ59QLlPVwD7BQx0AIxEAQv2AIgBxgDPpwANz8EEgkEAR5AOwwGNVIBmUw0vAI6TwYMBgMAGwGg0Gg0KIQAKvgAB1stFotFIvh8Pp+YLjWXADYbDbgILNAFBaRSKRSKxeLxIAEwAjusBDZUAT/IBS+EBQQOBwMBAIDA5AkCPB4PB4MgB1gLMwwDN4wJASgUCoU1sAQ7fAxRLASACSAGBgB9PrQKEQAA",
  snappy:
    "gAgggMDgcLjcbjcbEQEZDZ4aACR1OgoFAoHA4HB7DQkIAoHALlIACQFCWAAMRCIRCAkbBMDgCQgAGxUlAU8uRgAIsFgsjgMAFXY2uwANoRhPJxMJhBsbVh0ADOBwe+ViGgAJ2A2lALgJCDK1AAAbEWQ5BQEmMrQABBsbNhAAXtMAfigAQlkAEUkUEgkEAoFACawyPgEVAQC4ESsVNAkJBJlMCc4JDg0GETYxuTqUASAMBgOBQKDQaDQ5tg05BWUkWy0Wi0Ui+Hw+nyV3WiYACDYbDQlHVYElrBykUikUisXi8QlLAQZejQByVAFeVgAFUgWmDQY+cwE+EAAYWA4HAwEAgEECBaAQPB4PB4MJkzEeVVdC1wIVaQkxKS9xcAVPfTwQGygUCoVaLQENOwFHATM2IAMEJxMh/gjA4HCaAgAcfT4ssFgssFg=",
} as const;
const packedBy = (name: keyof typeof PACKED): Uint8Array => Uint8Array.from(Buffer.from(PACKED[name], "base64"));

const unpack = (packed: Uint8Array, how: keyof typeof FLAGS): Uint8Array =>
  unpackPage(packed, FLAGS[how], SIZE, "dump", 0x123);

describe("a compressed page", () => {
  it.each(["lzo", "snappy"] as const)("of %s is what the library compressed", (name) => {
    expect(unpack(packedBy(name), name)).toEqual(page());
  });

  it("of zlib is too, and one that is not compressed stays", () => {
    expect(Uint8Array.from(unpack(zlib.deflateSync(page()), "zlib"))).toEqual(page());
    expect(unpackPage(page(), 0, SIZE, "dump", 0)).toEqual(page());
  });

  it("of zstd is unpacked where Node.js can, else refused by name", () => {
    const packed = PACKINGS.zstd.pack(page());
    if ("zstdDecompressSync" in zlib) expect(Uint8Array.from(unpack(packed, "zstd"))).toEqual(page());
    else expect(() => unpack(packed, "zstd")).toThrow(UnsupportedError);
  });

  it.each(["lzo", "snappy"] as const)(
    "of %s that was cut off or changed gives a page or is refused in words",
    (name) => {
      const packed = packedBy(name);
      for (let at = 0; at < packed.length; at++) {
        expect(() => unpack(packed.subarray(0, at), name), `cut at ${at}`).toThrow(FormatError);
        for (const value of [0, 1, 0x11, 0x20, 0xff]) {
          const changed = Uint8Array.from(packed);
          changed[at] = value;
          try {
            expect(unpack(changed, name)).toHaveLength(SIZE);
          } catch (error) {
            expect(error).toBeInstanceOf(FormatError);
          }
        }
      }
    },
  );

  it("of another size is refused, with the place", () => {
    expect(() => unpack(zlib.deflateSync(new Uint8Array(SIZE + 1)), "zlib")).toThrow(/dump: offset 0x123/);
    expect(() => unpack(zlib.deflateSync(new Uint8Array(SIZE - 1)), "zlib")).toThrow(/1023 bytes instead of 1024/);
  });
});
