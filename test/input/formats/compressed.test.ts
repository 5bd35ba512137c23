import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { FormatError, UnsupportedError, UsageError } from "../../../src/errors.ts";
import { type Compression, compressionOf, decompress } from "../../../src/input/formats/compressed.ts";
import { mostHeld, mostUnpacked, setMaxMemory } from "../../../src/input/limits.ts";
import { FIXTURES, join } from "../../support/paths.ts";
import { sampled } from "../../support/sample.ts";
import { needPrograms } from "../../support/tools.ts";

const TEXT = Buffer.from(`${"elfsplice reads objects. ".repeat(40)}the end\n`);
/** TEXT, packed by xz 5.4 and zstd 1.5. */
const LZMA2 = "4APvAC1dADKbCPemzvtNtNwAOQ5cRNNCkmwX51757ydRqljgAuBJZEfYIzE04XIehRUAAAAAAA";
const PACKED: Readonly<Record<string, string>> = {
  "xz, check none": `/Td6WFoAAAD/EtlBAgAhARYAAAB0L+Wj${LZMA2}AAAUHwBwAAAPBlstKoAAr8AgAAAAAAWVo=`,
  "xz, check crc32": `/Td6WFoAAAFpIt42AgAhARwAAAAQz1jM${LZMA2}B0FxVIAAFF8AcAAADmJyNJPjANiwIAAAAAAVla`,
  "xz, check crc64": `/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj${LZMA2}DVwm8MWj2j7wABSfAHAAAAnefhPrHEZ/sCAAAAAARZWg==`,
  "xz, check sha256": `/Td6WFoAAArh+wyhAgAhARYAAAB0L+Wj${LZMA2}DX2hNsbe5s/h3Hx+x0h/dJEfYd3lKdL+k4K67woRo5pAABYfAHAAAAxmAe1bbp3xwCAAAAAApZWg==`,
  "zstd, size and checksum": "KLUv/WTwAlUBABQCZWxmc3BsaWNlIHJlYWRzIG9iamVjdHMuIHRoZSBlbmQKAQAx52qOAVOWSEg=",
  "zstd, no size": "KLUv/QRoVQEAFAJlbGZzcGxpY2UgcmVhZHMgb2JqZWN0cy4gdGhlIGVuZAoBADHnao4BU5ZISA==",
  gzip: "H4sIAAAAAAACA0vNSSsuyMlMTlUoSk1MKVbIT8pKTS4p1lNIHZUYlRiVGC4SJRmpCql5KVwAdBcVSPADAAA=",
};
const XZ = packed("xz, check crc64");
const ZSTD = packed("zstd, size and checksum");
const GZIP = packed("gzip");
const all = Object.keys(PACKED).map((name) => [name, packed(name)] as const);

function packed(name: string): Buffer {
  return Buffer.from(PACKED[name] as string, "base64");
}

function unpack(bytes: Uint8Array, most?: number): Promise<Uint8Array> {
  return decompress(bytes, compressionOf(bytes) as Compression, { file: "a.ko" }, most);
}

/** What is thrown, or what was read. */
async function outcome(bytes: Uint8Array, compression: Compression): Promise<unknown> {
  return decompress(bytes, compression, { file: "a.ko" }).catch((error: unknown) => error);
}

/** The same bytes with one bit of one byte changed. */
function damaged(bytes: Uint8Array, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] as number) ^ (1 << (at % 8));
  return copy;
}

describe("what is packed", () => {
  it.each(all)("is told by its first bytes and unpacked: %s", async (_name, bytes) => {
    expect(Buffer.from(await unpack(bytes))).toEqual(TEXT);
  });

  it.each(all)("may come in several parts, one after the other: %s", async (_name, bytes) => {
    expect(Buffer.from(await unpack(Buffer.concat([bytes, bytes])))).toEqual(Buffer.concat([TEXT, TEXT]));
  });

  it("is nothing else", () => {
    expect(compressionOf(Buffer.from("7f454c460201", "hex"))).toBeUndefined();
    expect(compressionOf(Buffer.alloc(0))).toBeUndefined();
  });

  it("may hold nothing", async () => {
    const emptyZstd = Buffer.from("28b52ffd2000010000", "hex");
    expect((await unpack(emptyZstd)).length).toBe(0);
    expect((await unpack(gzipSync(""))).length).toBe(0);
  });

  it("may be padded: zeros after gzip and, in fours, after xz", async () => {
    expect(Buffer.from(await unpack(Buffer.concat([GZIP, Buffer.alloc(9)])))).toEqual(TEXT);
    expect(Buffer.from(await unpack(Buffer.concat([XZ, Buffer.alloc(8)])))).toEqual(TEXT);
  });

  it("may hold a zstd frame that is to be skipped", async () => {
    const skippable = Buffer.from("512a4d1803000000616263", "hex");
    expect(Buffer.from(await unpack(Buffer.concat([skippable, ZSTD, skippable])))).toEqual(TEXT);
  });
});

describe("damage", () => {
  it.each(all)("in any byte never gives other bytes, truncation never fewer: %s", async (name, bytes) => {
    const compression = compressionOf(bytes) as Compression;
    for (let at = 0; at < bytes.length; at++) {
      const cut = await outcome(bytes.subarray(0, at), compression);
      expect(cut, `cut at ${at}`).toBeInstanceOf(FormatError);
      const flipped = await outcome(damaged(bytes, at), compression);
      if (flipped instanceof FormatError || flipped instanceof UnsupportedError) {
        expect(flipped.message).not.toContain("\n");
        expect(flipped.message.startsWith("a.ko: ")).toBe(true);
        // Without a check, only the decoder's own rules can tell.
      } else if (name !== "xz, check none") expect(Buffer.from(flipped as Uint8Array), `bit at ${at}`).toEqual(TEXT);
    }
  });

  it.each<[string, Buffer, Compression, string]>([
    ["a truncated xz", XZ.subarray(0, 50), "xz", "a.ko: offset 0x32: LZMA2 data is truncated"],
    [
      "an xz check",
      damaged(XZ, 80),
      "xz",
      "a.ko: offset 0x50: corrupt xz data: the check of a block's contents is wrong",
    ],
    ["an xz index", damaged(XZ, XZ.length - 20), "xz", "a.ko: offset 0x5a: xz index and block differ"],
    ["a truncated zstd", ZSTD.subarray(0, 30), "zstd", "a.ko: offset 0x1e: zstd data is truncated"],
    ["a zstd checksum", damaged(ZSTD, ZSTD.length - 1), "zstd", "a.ko: offset 0x0: corrupt zstd data"],
    ["a truncated gzip", GZIP.subarray(0, 30), "gzip", "a.ko: gzip data is truncated"],
    ["a gzip check", damaged(GZIP, GZIP.length - 8), "gzip", "a.ko: corrupt gzip data: incorrect data check"],
    ["something after gzip", Buffer.concat([GZIP, TEXT]), "gzip", "a.ko: corrupt gzip data: incorrect header check"],
    [
      "something after zstd",
      Buffer.concat([ZSTD, TEXT]),
      "zstd",
      "a.ko: offset 0x38: not zstd data (value 1936092261)",
    ],
    ["something after xz", Buffer.concat([XZ, TEXT]), "xz", "a.ko: offset 0x70: not xz data"],
  ])("is named: %s", async (_teaches, bytes, compression, message) => {
    expect(((await outcome(bytes, compression)) as Error).message).toBe(message);
  });

  it("that is none: another filter than LZMA2 is valid but not supported", async () => {
    const x86 =
      "/Td6WFoAAATm1rRGAgEEACEBFgANhjUf4APvAC1dADKbCPemzvtNtNwAOQ5cRNNCkmwX51757ydRqljgAuBJZEfYIzE04XIehRUAAAAAAADVwm8MWj2j7wABSfAHAAAAnefhPrHEZ/sCAAAAAARZWg==";
    await expect(unpack(Buffer.from(x86, "base64"))).rejects.toThrow(UnsupportedError);
  });
});

describe("what would be too large is refused before it is unpacked", () => {
  it.each(all)("%s", async (_name, bytes) => {
    await expect(unpack(bytes, TEXT.length - 1)).rejects.toThrow(`contents are larger than ${TEXT.length - 1} bytes`);
  });

  it("what --max-memory allows decides", async () => {
    const before = process.env["ELFSPLICE_MAX_MEMORY"];
    try {
      setMaxMemory("1G");
      expect([mostUnpacked(), mostHeld()]).toEqual([2 ** 28, 2 ** 29]);
      setMaxMemory("1048576");
      await expect(unpack(gzipSync(Buffer.alloc((1 << 18) + 1)))).rejects.toThrow("larger than 262144 bytes");
      expect((await unpack(gzipSync(Buffer.alloc(1 << 18)))).length).toBe(1 << 18);
    } finally {
      if (before === undefined) delete process.env["ELFSPLICE_MAX_MEMORY"];
      else process.env["ELFSPLICE_MAX_MEMORY"] = before;
    }
    for (const wrong of ["", "1", "-1", "4X", "0x1000000", "1e9"])
      expect(() => setMaxMemory(wrong)).toThrow(UsageError);
  });

  it("a zstd frame that states a terabyte", async () => {
    const frame = Buffer.from("28b52ffde00000000000010000010000", "hex");
    await expect(unpack(frame)).rejects.toThrow("zstd frame states a size that its blocks cannot have");
  });

  it("an xz file of many small chunks that state two megabytes each", async () => {
    const header = XZ.subarray(0, 24);
    const chunk = Buffer.from("ffffff00005d00", "hex");
    const bomb = Buffer.concat([header, ...Array(300).fill(chunk), Buffer.alloc(4)]);
    await expect(unpack(bomb)).rejects.toThrow(`decompressed contents are larger than ${mostUnpacked()} bytes`);
  });
});

const TOOLS = [
  ["xz", "-9e"],
  ["xz", "-0", "--check=sha256"],
  ["xz", "--check=crc32", "--lzma2=dict=1MiB"],
  ["xz", "--lzma2=lc=1,lp=3,pb=0"],
  ["xz", "--block-size=4096"],
  ["zstd", "-19"],
  ["zstd", "-1", "--no-check"],
  ["gzip", "-9"],
];

const object = readFileSync(join(FIXTURES, "loop-driver/ioctl/pre.o"));
const noise = createHash("sha512").update(object).digest();
const CONTENTS: readonly (readonly [what: string, contents: () => Buffer])[] = [
  ["an object", () => object],
  [
    "more than the decoder hands out at once, and not even",
    () => Buffer.concat([Buffer.alloc((1 << 22) + 77, object), noise]),
  ],
  ["much of one byte", () => Buffer.alloc((1 << 23) + 1, 7)],
  [
    "many objects",
    () => Buffer.concat(Array.from({ length: 100 }, (_, at) => Buffer.concat([object, noise.subarray(at % 60)]))),
  ],
  ["zeros", () => Buffer.alloc(3_000_000)],
  ["what cannot be packed", () => noise],
  ["one byte", () => Buffer.from("x")],
  ["nothing", () => Buffer.alloc(0)],
];
const PACKINGS = TOOLS.flatMap((command) => CONTENTS.map(([what, contents]) => ({ command, what, contents })));

describe("what a packer made (skipped where it is not installed)", () => {
  it.for(sampled(PACKINGS, 3))("$command: $what comes out as it went in", async ({ command, contents }, { skip }) => {
    const [tool = "", ...args] = command;
    needPrograms(skip, tool);
    const bytes = execFileSync(tool, [...args, "-c"], { input: contents(), maxBuffer: 1 << 28 });
    expect(Buffer.compare(await unpack(bytes), contents())).toBe(0);
  });
});
