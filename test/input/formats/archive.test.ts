import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { FormatError } from "../../../src/errors.ts";
import { type Archive, nameOf, readArchive } from "../../../src/input/formats/archive.ts";
import { openFile } from "../../../src/input/listing/file.ts";
import { type ArPart, buildAr, headerOffset } from "../../support/ar-builder.ts";
import { FIXTURES, join } from "../../support/paths.ts";
import { isInstalled } from "../../support/tools.ts";
import { useTrees } from "../../support/trees.ts";

const tree = useTrees();
const THIN = "!<thin>\n";

function read(bytes: Uint8Array): Archive {
  return readArchive({ file: "lib.a", size: bytes.length, read: (at, size) => bytes.subarray(at, at + size) });
}

/** Name and contents of every member. */
function contentsOf(bytes: Buffer): [string, string][] {
  return read(bytes).members.map(({ name, offset, size }) => [name, bytes.toString("latin1", offset, offset + size)]);
}

describe("the name field of a header", () => {
  it.each([
    ["GNU: the slash ends it, so blanks may be in it", "a b.o/", false, { kind: "short", name: "a b.o" }],
    ["old ar: blanks end it", "a.o", false, { kind: "short", name: "a.o" }],
    ["GNU: an offset of the table of long names", "/25", false, { kind: "in-table", offset: 25 }],
    [
      "thin: and of the header in the archive it came from",
      "/25:68",
      true,
      { kind: "in-table", offset: 25, origin: 68 },
    ],
    ["binutils: a byte that an earlier name left behind", "/25            /", false, { kind: "in-table", offset: 25 }],
    ["BSD: the length of what stands before the contents", "#1/20", false, { kind: "before-contents", length: 20 }],
    ["thin: nothing stands before contents that are elsewhere", "#1/20", true, { kind: "short", name: "#1/20" }],
    ["blanks only", "", false, { kind: "none" }],
    ["a slash that is not followed by a number", "/x", false, { kind: "none" }],
  ])("%s", (_teaches, stored, thin, name) => expect(nameOf(stored, thin)).toEqual(name));
});

describe("members of", () => {
  const names = { name: "//", contents: "a-name-longer-than-15.o/\nanother/name.o/\n" };
  it.each<[string, ArPart[], [string, string][]]>([
    ["an empty archive: none", [], []],
    ["GNU: a short name ends with a slash", [{ name: "a b.o/", contents: "12" }], [["a b.o", "12"]]],
    ["old ar: a short name ends with blanks", [{ name: "a.o", contents: "12" }], [["a.o", "12"]]],
    [
      "GNU: long names are in a table, tables are no members",
      [
        { name: "/", contents: "1234" },
        { name: "/SYM64/", contents: "12" },
        names,
        { name: "/0", contents: "x!" },
        { name: "/25", contents: "" },
      ],
      [
        ["a-name-longer-than-15.o", "x!"],
        ["another/name.o", ""],
      ],
    ],
    [
      "COFF: long names end with a zero",
      [
        { name: "//", contents: "x.o\0y.o\0" },
        { name: "/4", contents: "y" },
      ],
      [["y.o", "y"]],
    ],
    [
      "BSD: the name comes before the contents, padded with zeros",
      [
        { name: "#1/20", contents: "__.SYMDEF SORTED\0\0\0\0abcd" },
        { name: "#1/8", contents: "a b.o\0\0\0code" },
      ],
      [["a b.o", "code"]],
    ],
    [
      "one name several times: told apart by their order, whatever they are called",
      [
        { name: "a.o/", contents: "1" },
        { name: "a.o~2/" },
        { name: "a.o/", contents: "3" },
        { name: "a.o/", contents: "4" },
      ],
      [
        ["a.o", "1"],
        ["a.o~2", ""],
        ["a.o~3", "3"],
        ["a.o~4", "4"],
      ],
    ],
    [
      "odd sizes: padding is not part of them",
      [
        { name: "a/", contents: "123" },
        { name: "b/", contents: "4" },
      ],
      [
        ["a", "123"],
        ["b", "4"],
      ],
    ],
    ["an odd last member without padding", [{ name: "a/", contents: "123", padding: "" }], [["a", "123"]]],
    [
      "names that are no UTF-8: bytes are kept apart",
      [{ name: "\xff.o/" }, { name: "\xfe.o/" }],
      [
        ["\\xff.o", ""],
        ["\\xfe.o", ""],
      ],
    ],
  ])("%s", (_teaches, parts, expected) => {
    expect(contentsOf(buildAr(parts))).toEqual(expected);
  });

  it("an archive that is filled up with line ends", () => {
    expect(contentsOf(Buffer.concat([buildAr([{ name: "a/", contents: "12" }]), Buffer.from("\n\n")]))).toEqual([
      ["a", "12"],
    ]);
  });

  it("a thin archive: files, which the archive does not hold", () => {
    const parts = [
      { name: "/", contents: "1234" },
      { name: "//", contents: "../x/a.o/\nfat.a/\n" },
      { name: "/0", size: 4000 },
      { name: "/10:68", size: 12 },
      { name: "b.o/", size: 7 },
    ];
    const { thin, members } = read(buildAr(parts, THIN));
    expect(thin).toBe(true);
    expect(members.map(({ name, file, size, origin }) => [name, file, size, origin])).toEqual([
      ["../x/a.o", "../x/a.o", 4000, undefined],
      ["fat.a", "fat.a", 12, 68],
      ["b.o", "b.o", 7, undefined],
    ]);
  });

  it("a thin archive of binutils: behind the number is a byte of the name that stood there", () => {
    const parts = [
      { name: "//", contents: "earlycpio.o/\n" },
      { name: "/0             /", size: 4000 },
    ];
    expect(read(buildAr(parts, THIN)).members.map(({ name, file }) => [name, file])).toEqual([
      ["earlycpio.o", "earlycpio.o"],
    ]);
  });

  it.skipIf(!isInstalled("ar"))("a thin archive by ar, of paths of every length up to 40 (skipped without it)", () => {
    const names = Array.from({ length: 40 }, (_, index) => `${"d/".repeat((index % 5) + 1)}${"x".repeat(index)}y.o`);
    const folder = tree("thin-names", Object.fromEntries(names.map((name) => [`lib/${name}`, Buffer.from("12")])));
    execFileSync("ar", ["rcsT", "lib/all.a", ...names.map((name) => `lib/${name}`)], { cwd: folder });
    const { members } = read(readFileSync(join(folder, "lib/all.a")));
    expect(members.map(({ file }) => file)).toEqual(names);
  });
});

describe("a damaged archive is refused with file, member, offset and value:", () => {
  const first = { name: "ok.o/", contents: "1234" };
  const at = `0x${headerOffset([first], 1).toString(16)}`;
  const sizeAt = `0x${(headerOffset([first], 1) + 48).toString(16)}`;
  it.each<[string, Buffer, string]>([
    ["no magic", Buffer.from("!<arch> "), "lib.a: offset 0x0: not an archive: it does not start with !<arch>"],
    ["a short file", Buffer.from("!<a"), "lib.a: offset 0x0: not an archive: it does not start with !<arch>"],
    [
      "a header that ends early",
      buildAr([first, { name: "b.o/" }]).subarray(0, -10),
      `lib.a: offset ${at}: archive header is truncated: the file has only 122 bytes`,
    ],
    [
      "no end mark",
      buildAr([first, { name: "b.o/", end: "xx" }]),
      `lib.a: offset ${at}: archive header does not end with 60 0a (value "b.o/")`,
    ],
    [
      "a size that is not a number",
      buildAr([first, { name: "b.o/", size: "0x12" }]),
      `lib.a(b.o/): offset ${sizeAt}: size of an archive member is not a number (value "0x12")`,
    ],
    [
      "a negative size, which would go back",
      buildAr([first, { name: "b.o/", size: "-60" }]),
      `lib.a(b.o/): offset ${sizeAt}: size of an archive member is not a number (value "-60")`,
    ],
    [
      "a size that leads out of the file",
      buildAr([first, { name: "b.o/", contents: "12", size: 9_999_999_999 }]),
      `lib.a(b.o/): offset ${sizeAt}: archive member ends past the end of the file (134 bytes) (value 9999999999)`,
    ],
    [
      "a long name without a table",
      buildAr([first, { name: "/12" }]),
      `lib.a: offset ${at}: archive has no table of long names before this member (value "/12")`,
    ],
    [
      "a long name outside the table",
      buildAr([{ name: "//", contents: "a.o/\n" }, { name: "/99" }]),
      'lib.a: offset 0x4a: name is not terminated in the table of long names (value "/99")',
    ],
    [
      "two tables of long names",
      buildAr([{ name: "//" }, { name: "//" }]),
      "lib.a: offset 0x44: second table of long names",
    ],
    [
      "a BSD name longer than its member",
      buildAr([{ name: "#1/20", contents: "short" }]),
      "lib.a(#1/20): offset 0x8: name is longer than its archive member (value 20)",
    ],
    ["a member without a name", buildAr([{ name: "" }]), 'lib.a: offset 0x8: archive member has no name (value "")'],
  ])("%s", (_teaches, bytes, message) => {
    expect(() => read(bytes)).toThrow(FormatError);
    expect(() => read(bytes)).toThrow(new RegExp(`^${message.replace(/[()[\]?.*+!<]/g, "\\$&")}$`));
  });

  it("long names that begin inside each other do not use up the memory", () => {
    const table = { name: "//", contents: `${"a".repeat(100_000)}/\n` };
    const parts = Array.from({ length: 20 }, (_, index) => ({ name: `/${index}` }));
    expect(() => read(buildAr([table, ...parts]))).toThrow("names overlap so much");
  });
});

describe.skipIf(!isInstalled("ar") || !isInstalled("llvm-ar"))(
  "archives by ar and llvm-ar (skipped without them)",
  () => {
    const objects = {
      "a.o": readFileSync(join(FIXTURES, "loop-driver/ioctl/pre.o")),
      "a-member-with-a-long-name.o": readFileSync(join(FIXTURES, "loop-driver/ioctl/post.o")),
    };
    const names = Object.keys(objects);
    const tools = [
      ["ar", "rcs"],
      ["llvm-ar", "--format=gnu", "rcs"],
      ["llvm-ar", "--format=bsd", "rcs"],
      ["llvm-ar", "--format=darwin", "rcs"],
    ];
    it.each(tools)("%s %s %s", (tool, ...args) => {
      const folder = tree(`tool-${args.join("")}`, objects);
      execFileSync(tool, [...args, "lib.a", ...names], { cwd: folder });
      const file = openFile(join(folder, "lib.a"));
      const { members } = readArchive(file);
      expect(members.map(({ name, offset, size }) => [name, Buffer.from(file.read(offset, size))])).toEqual(
        Object.entries(objects).map(([name, contents]) => [name, contents]),
      );
      file.close();
    });
  },
);
