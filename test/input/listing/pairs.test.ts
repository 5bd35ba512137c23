import { execFileSync } from "node:child_process";
import { readFileSync, symlinkSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { FormatError, UsageError } from "../../../src/errors.ts";
import { readInput, sameBytes } from "../../../src/input/listing/file.ts";
import { listPairs, type PairList, type PairOptions, type PairTask } from "../../../src/input/listing/pairs.ts";
import { buildAr } from "../../support/ar-builder.ts";
import { buildElf } from "../../support/elf-builder.ts";
import { elf, text } from "../../support/elf-parts.ts";
import { FIXTURES, join } from "../../support/paths.ts";
import { needPrograms } from "../../support/tools.ts";
import { type Files, useTrees } from "../../support/trees.ts";

const tree = useTrees();
const PRE = readFileSync(join(FIXTURES, "loop-driver/ioctl/pre.o"));
const POST = readFileSync(join(FIXTURES, "loop-driver/ioctl/post.o"));
const IMAGE = buildElf({ machine: "x86_64", type: "exec", sections: [] });
const ZSTD_RAW = Buffer.concat([
  Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x60]),
  Buffer.from([(PRE.length - 256) & 0xff, (PRE.length - 256) >> 8]),
  Buffer.from([((PRE.length << 3) | 1) & 0xff, (PRE.length >> 5) & 0xff, PRE.length >> 13]),
  PRE,
]);
let count = 0;

function list(pre: Files, post: Files, options?: PairOptions): PairList {
  count++;
  return listPairs(tree(`${count}/pre`, pre), tree(`${count}/post`, post), options);
}

/** What a list says of its pairs: `=` same, `!` different, `+` added, `-` removed, `?` not compared. */
function marks({ tasks }: PairList): string[] {
  return tasks.map(({ key, pre, post, same }) => {
    const mark = pre === undefined ? "+" : post === undefined ? "-" : same === undefined ? "?" : same ? "=" : "!";
    return `${mark}${key}`;
  });
}

const reasons = ({ skipped }: PairList) => skipped.map(({ path, why }) => `${path}: ${why}`);

describe("two trees", () => {
  it("are paired by path: same, different, added, removed, in the order of code points", () => {
    const both = { "b/x.o": PRE, "a.o": PRE, "\u{1f600}.o": PRE, "\uffee.o": PRE, "B.o": PRE };
    const pairs = list({ ...both, "gone.o": PRE }, { ...both, "a.o": POST, "b.o": PRE });
    expect(marks(pairs)).toEqual(["=B.o", "!a.o", "+b.o", "=b/x.o", "-gone.o", "=\uffee.o", "=\u{1f600}.o"]);
    expect(pairs.tasks[1]?.pre).toMatchObject({ path: expect.stringMatching(/\/pre\/a\.o$/), size: PRE.length });
  });

  it("hold objects by content, whatever they are called; the rest is counted", () => {
    const files = {
      object: PRE,
      "a.c": "int x;",
      "b.o": "#!/bin/sh",
      "c.o": "",
      "d.o": Buffer.from("4243c0de", "hex"),
      "e.txt": "",
    };
    const pairs = list(files, files);
    expect(marks(pairs)).toEqual(["=object"]);
    expect(pairs.others).toBe(2);
    expect(reasons(pairs)).toEqual([
      "b.o: not an ELF file",
      "c.o: an empty file",
      "d.o: LLVM bitcode, not machine code",
    ]);
  });

  it("tell what differs and is not an object: an error where code may be in it, else one note", () => {
    const bitcode = (end: string) => Buffer.from(`4243c0de${end}`, "hex");
    const wrapped = (end: string) => Buffer.from(`dec0170b${end}`, "hex");
    const inner = (code: Buffer) =>
      buildAr([{ name: "deep.a/", contents: buildAr([{ name: "z.o/", contents: code }]) }]);
    const archive = (text: string, name = "x.o/") =>
      buildAr([
        { name: "z.o/", contents: PRE },
        { name, contents: text },
      ]);
    const macho = (end: string) => Buffer.from(`cffaedfe07000001${end}`, "hex");
    const both = { "z.o": PRE, "same.o": bitcode("00") };
    const pre = {
      "b.o": bitcode("00"),
      "w.x": wrapped("00"),
      "n.a": inner(PRE),
      "f.a": archive("go object linux amd64 1"),
    };
    const post = {
      "b.o": bitcode("01"),
      "w.x": wrapped("01"),
      "n.a": inner(POST),
      "f.a": archive("go object linux amd64 2"),
    };
    const more = { "m.o": macho("00"), "t.a": archive("a", "note.txt/"), "a.c": "int x;", "gone.bc": bitcode("00") };
    const fewer = { "m.o": macho("01"), "t.a": archive("b", "note.txt/"), "a.c": "int y;", "new.o": "" };
    const pairs = list({ ...both, ...pre, ...more }, { ...both, ...post, ...fewer });
    expect(pairs.skipped.map(({ path, kind, why }) => `${kind} ${path}: ${why}`)).toEqual([
      "other a.c: not an ELF file",
      "differs b.o: LLVM bitcode, not machine code",
      "covered f.a: 1 of its members are files of the tree",
      "differs f.a(x.o): not an ELF file",
      "differs gone.bc: LLVM bitcode, not machine code, and gone",
      "differs m.o: not an ELF file",
      "differs n.a(deep.a): an archive in an archive",
      "differs new.o: an empty file, and new",
      "no-object same.o: LLVM bitcode, not machine code",
      "covered t.a: 1 of its members are files of the tree",
      "differs t.a(note.txt): not an ELF file",
      "differs w.x: LLVM bitcode, not machine code",
    ]);
  });

  it("tell the same of what differs, whichever pairs are asked for", () => {
    const [pre, post] = [
      { "a.o": PRE, "b.o": "int x;", "c.c": "x" },
      { "a.o": PRE, "b.o": "int y;", "c.c": "y" },
    ];
    expect(list(pre, post, { compareBytes: false }).skipped).toEqual(list(pre, post).skipped);
  });

  it("keep what is an object on one side only, and say so", () => {
    const pairs = list({ "a.o": PRE }, { "a.o": "int x;" });
    expect(marks(pairs)).toEqual(["-a.o"]);
    expect(pairs.skipped).toEqual([{ path: "a.o", kind: "differs", why: "not an ELF file, on one side only" }]);
  });

  it("are the same for one size and different bytes, past the first chunk too", () => {
    const long = Buffer.concat([PRE, Buffer.alloc(600_000)]);
    const other = Buffer.from(long);
    other[599_999] = 1;
    const chunks = Buffer.concat([PRE, Buffer.alloc(2 * (1 << 18) - PRE.length)]);
    const files = { "a.o": long, "b.o": long, "c.o": chunks, "d.o": long };
    expect(marks(list(files, { ...files, "b.o": other, "d.o": Buffer.concat([long, PRE]) }))).toEqual([
      "=a.o",
      "!b.o",
      "=c.o",
      "!d.o",
    ]);
  });

  it("follow links to files, never to folders", () => {
    const folder = tree("links", { "x/a.o": PRE });
    symlinkSync("x/a.o", join(folder, "l.o"));
    symlinkSync("..", join(folder, "x/loop"));
    symlinkSync("nowhere", join(folder, "dangling"));
    const pairs = listPairs(folder, folder);
    expect(marks(pairs)).toEqual(["=l.o", "=x/a.o"]);
    expect(reasons(pairs)).toEqual(["dangling: a link that leads nowhere", "x/loop: a link to a folder"]);
  });

  it.runIf(process.platform === "linux")("never open a pipe", ({ skip }) => {
    needPrograms(skip, "mkfifo");
    const folder = tree("pipe", { "a.o": PRE });
    execFileSync("mkfifo", [join(folder, "p.o")]);
    expect(reasons(listPairs(folder, folder))).toEqual(["p.o: not a regular file"]);
  });

  it("compare what is asked for only, and the rest can be compared later", async () => {
    const pre = { "a.o": PRE, "b.o": PRE, "c.o": PRE };
    const pairs = list(pre, { ...pre, "c.o": POST }, { compareBytes: (key) => key === "b.o" });
    expect(marks(pairs)).toEqual(["?a.o", "=b.o", "?c.o"]);
    const tasks: readonly PairTask[] = structuredClone(pairs.tasks);
    const later = tasks.map(({ pre: a, post: b }) => a !== undefined && b !== undefined && sameBytes(a, b));
    expect(await Promise.all(later)).toEqual([true, true, false]);
  });

  it("give every path with / and as given", () => {
    const folder = tree("given", { "x/a.o": PRE });
    expect(listPairs(`${folder}/`, folder).tasks[0]?.pre?.path).toBe(`${folder}/x/a.o`);
  });
});

describe("a build by Kbuild", () => {
  const files = {
    vmlinux: IMAGE,
    "vmlinux.o": PRE,
    "arch/vdso.so": IMAGE,
    "fs/built-in.a": "!<thin>\n",
    "fs/inode.o": PRE,
    "d/foo.mod": "d/a.o\nd/b.o\n",
    "d/foo.o": PRE,
    "d/foo.ko": PRE,
    "d/foo.mod.o": PRE,
    "d/a.o": PRE,
    "d/b.o": PRE,
  };
  it("is analysed by its smallest parts, each with its target", () => {
    const pairs = list(files, { ...files, "d/a.o": POST });
    expect(marks(pairs)).toEqual(["!d/a.o", "=d/b.o", "=d/foo.mod.o", "=fs/inode.o"]);
    expect(pairs.tasks.map(({ target, targetFrom }) => `${target} ${targetFrom}`)).toEqual([
      "foo kbuild",
      "foo kbuild",
      "foo name",
      "vmlinux default",
    ]);
    expect(pairs.skipped.map(({ path, kind }) => `${path} ${kind}`)).toEqual([
      "arch/vdso.so covered",
      "d/foo.ko covered",
      "d/foo.o covered",
      "fs/built-in.a covered",
      "vmlinux covered",
      "vmlinux.o covered",
    ]);
  });

  it("whose parts are on one side only is compared as a whole too, so that nothing is lost", () => {
    const { "d/a.o": _, ...post } = files;
    expect(marks(list(files, post))).toContain("=d/foo.o");
  });

  it("is analysed by what --include leaves, also modules", () => {
    const pairs = list(files, files, { include: ["*.ko", "vmlinux"] });
    expect(marks(pairs)).toEqual(["=d/foo.ko", "=vmlinux"]);
  });

  it("does not fall back to the module when its parts are excluded", () => {
    const pairs = list(files, files, { exclude: ["d/[ab].o", "fs/"] });
    expect(marks(pairs)).toEqual(["=d/foo.mod.o"]);
    expect(pairs.excluded).toBe(4);
  });

  it("takes --target before all else, and --only-targets", () => {
    const options = { targets: ["d/b.o=other"], onlyTargets: ["foo", "other"] };
    const pairs = list(files, files, options);
    expect(pairs.tasks.map(({ key, target }) => [key, target])).toEqual([
      ["d/a.o", "foo"],
      ["d/b.o", "other"],
      ["d/foo.mod.o", "foo"],
    ]);
    expect(pairs.untargeted).toBe(1);
  });

  it("of shipped modules is the modules", () => {
    const pairs = list({ "a-b.ko": PRE, vmlinux: IMAGE }, { "a-b.ko": PRE, vmlinux: IMAGE });
    expect(pairs.tasks.map(({ key, target }) => [key, target])).toEqual([
      ["a-b.ko", "a_b"],
      ["vmlinux", "vmlinux"],
    ]);
  });
});

describe("compressed modules", () => {
  it("are paired with their twins, however packed, and equal when their contents are", async () => {
    const pre = { "a.ko.gz": gzipSync(PRE), "b.ko.zst": ZSTD_RAW, "c.ko": PRE, "d.ko.xz": gzipSync(PRE) };
    const pairs = list(pre, {
      "a.ko": PRE,
      "b.ko.gz": gzipSync(PRE),
      "c.ko.gz": gzipSync(POST),
      "d.ko.xz": gzipSync(PRE),
    });
    expect(marks(pairs)).toEqual(["?a.ko", "?b.ko", "?c.ko", "=d.ko"]);
    const same = await Promise.all(pairs.tasks.map(({ pre, post }) => pre && post && sameBytes(pre, post)));
    expect(same).toEqual([true, true, false, true]);
    const [first, second] = pairs.tasks;
    expect(first?.pre).toMatchObject({ compression: "gzip", path: expect.stringMatching(/a\.ko\.gz$/) });
    expect(Buffer.from(await readInput(second?.pre as never))).toEqual(PRE);
  });

  it("are no other compressed files, and not read twice", () => {
    const files = { "config.gz": gzipSync("x"), "a.ko": PRE, "a.ko.gz": gzipSync(PRE), "odd(1).o": PRE };
    const pairs = list(files, files);
    expect(marks(pairs)).toEqual(["=a.ko", "=odd(1).o"]);
    expect(reasons(pairs)).toEqual(["a.ko.gz: a.ko is there too"]);
    expect(pairs.others).toBe(1);
  });
});

describe("archives", () => {
  const archive = (...contents: Uint8Array[]) =>
    buildAr(contents.map((bytes, at) => ({ name: `m${at}.o/`, contents: bytes })));

  it("are paired member by member", async () => {
    const folder = tree("archives", { "pre/lib.a": archive(PRE, PRE, PRE), "post/lib.a": archive(PRE, POST) });
    const pairs = listPairs(`${folder}/pre/lib.a`, `${folder}/post/lib.a`);
    expect(marks(pairs)).toEqual(["=lib.a(m0.o)", "!lib.a(m1.o)", "-lib.a(m2.o)"]);
    const post = pairs.tasks[1]?.post;
    expect(post).toMatchObject({ path: `${folder}/post/lib.a`, member: "m1.o", size: POST.length });
    expect(Buffer.from(await readInput(post as never))).toEqual(POST);
  });

  it("members of one name: equal contents first, then what they define, then their order", () => {
    const object = (name: string, code: string): Buffer =>
      Buffer.from(buildElf(elf([text(name, code, { bind: "global" })])));
    const namesakes = (...contents: Uint8Array[]) =>
      buildAr(contents.map((bytes) => ({ name: "util.o/", contents: bytes })));
    const [f, g, h] = [object("f", "c3"), object("g", "90c3"), object("h", "6690c3")];
    const changed = object("g", "31c0c3");
    const cases: [string, Uint8Array[], Uint8Array[], string[]][] = [
      ["one more in front", [f, g], [h, f, g], ["+util.o", "=util.o util.o~2", "=util.o~2 util.o~3"]],
      [
        "one more in the middle, and one changed",
        [f, g],
        [f, h, changed],
        ["!util.o~2 util.o~3", "+util.o~2", "=util.o"],
      ],
      ["the first is gone", [f, g, h], [g, h], ["-util.o", "=util.o~2 util.o", "=util.o~3 util.o~2"]],
      ["another order", [f, g], [changed, f], ["!util.o~2 util.o", "=util.o util.o~2"]],
    ];
    for (const [what, pre, post, expected] of cases) {
      const folder = tree(`namesakes ${what}`, { "pre/lib.a": namesakes(...pre), "post/lib.a": namesakes(...post) });
      const { tasks } = listPairs(`${folder}/pre/lib.a`, `${folder}/post/lib.a`);
      const names = tasks.map(({ pre: a, post: b, same }) => {
        const both = [...new Set([a?.member, b?.member])].filter((name) => name !== undefined).join(" ");
        return `${a === undefined ? "+" : b === undefined ? "-" : same ? "=" : "!"}${both}`;
      });
      expect([what, names.sort()]).toEqual([what, expected.sort()]);
      expect([what, new Set(tasks.map(({ key }) => key)).size]).toEqual([what, tasks.length]);
    }
  });

  it("in trees too; files in them that are not objects are counted", () => {
    const lib = buildAr([
      { name: "a.o/", contents: PRE },
      { name: "b.txt/", contents: "x" },
    ]);
    const pairs = list({ "x/lib.a": lib }, { "x/lib.a": lib });
    expect([marks(pairs), pairs.others]).toEqual([["=x/lib.a(a.o)"], 1]);
  });

  it("whose members are files of the tree are skipped, thin or not", () => {
    const thin = buildAr(
      [
        { name: "//", contents: "../y/b.o/\n" },
        { name: "a.o/", size: 1 },
        { name: "/0", size: 1 },
      ],
      "!<thin>\n",
    );
    const fat = buildAr([
      { name: "a.o/", contents: PRE },
      { name: "c.o/", contents: PRE },
    ]);
    const files = { "x/thin.a": thin, "x/lib.a": fat, "x/a.o": PRE, "x/c.o": POST, "y/b.o": PRE };
    const pairs = list(files, files);
    expect(marks(pairs)).toEqual(["=x/a.o", "=x/c.o", "=x/lib.a(c.o)", "=y/b.o"]);
    expect(reasons(pairs)).toEqual([
      "x/lib.a: 1 of its members are files of the tree",
      "x/thin.a: 2 of its members are files of the tree",
    ]);
  });

  it("that are thin lead to files, and to archives in archives", async () => {
    const parts = [
      { name: "x.o/", contents: "" },
      { name: "m.o/", contents: POST },
    ];
    const nested = buildAr(
      [
        { name: "//", contents: "s/fat.a/\ns/thin.a/\n" },
        { name: "/0:68", size: 1 },
        { name: "/9", size: 1 },
        { name: "a.o/", size: 1 },
      ],
      "!<thin>\n",
    );
    const folder = tree("thin", {
      "top.a": nested,
      "a.o": PRE,
      "s/fat.a": buildAr(parts),
      "s/thin.a": buildAr([{ name: "b.o/", size: 1 }], "!<thin>\n"),
      "s/b.o": PRE,
    });
    const { tasks } = listPairs(`${folder}/top.a`, `${folder}/top.a`);
    expect(tasks.map(({ key }) => key.replace(/^.*top\.a/, "top.a"))).toEqual([
      "top.a(a.o)",
      "top.a(s/fat.a(m.o))",
      "top.a(s/thin.a(b.o))",
    ]);
    const read = await Promise.all(tasks.map(({ pre }) => readInput(pre as never)));
    expect(read.map((bytes) => bytes.length)).toEqual([PRE.length, POST.length, PRE.length]);
  });

  it.each([
    [
      "holds itself",
      { "a.a": buildAr([{ name: "a.a/", size: 1 }], "!<thin>\n") },
      /a\.a\(a\.a\): thin archive holds itself$/,
    ],
    [
      "leads nowhere",
      { "a.a": buildAr([{ name: "x.o/", size: 1 }], "!<thin>\n") },
      /a\.a\(x\.o\): cannot be read: no such file/,
    ],
    [
      "leads into the middle of another",
      {
        "a.a": buildAr(
          [
            { name: "//", contents: "b.a/\n" },
            { name: "/0:9", size: 1 },
          ],
          "!<thin>\n",
        ),
        "b.a": archive(PRE),
      },
      /a\.a\(b\.a\): no member of that archive begins there \(value 9\)$/,
    ],
  ])("that are thin are refused where one %s", (name, files, message) => {
    const folder = tree(`bad-${name}`, files);
    expect(() => listPairs(`${folder}/a.a`, `${folder}/a.a`)).toThrow(FormatError);
    expect(() => listPairs(`${folder}/a.a`, `${folder}/a.a`)).toThrow(message);
  });
});

describe("two files", () => {
  const folder = tree("two", {
    "pre/a.o": PRE,
    "post/a.o": POST,
    text: "x",
    "x.a": buildAr([]),
    "a.ko.gz": gzipSync(PRE),
  });
  it("are one pair, called by the end of their paths that they share", () => {
    expect(marks(listPairs(`${folder}/pre/a.o`, `${folder}/post/a.o`))).toEqual(["!a.o"]);
    expect(marks(listPairs(`${folder}/a.ko.gz`, `${folder}/pre/a.o`))).toEqual(["?a.ko"]);
  });

  it("that are no objects stay a pair: who reads them says what they are", () => {
    expect(marks(listPairs(`${folder}/text`, `${folder}/text`))).toEqual([`=${folder.slice(1)}/text`]);
  });

  it.each([
    ["pre", "pre/a.o", UsageError, "is a folder"],
    ["x.a", "pre/a.o", UsageError, "is an archive"],
    ["pre/a.o", "missing", FormatError, "missing: cannot be read: no such file or directory"],
  ])("of different kinds or not there are refused: %s %s", (pre, post, kind, message) => {
    const run = () => listPairs(`${folder}/${pre}`, `${folder}/${post}`);
    expect(run).toThrow(kind);
    expect(run).toThrow(message);
  });
});
