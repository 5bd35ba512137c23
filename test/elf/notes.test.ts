import { describe, expect, it } from "vitest";
import { readCompiler, sourceFileOf } from "../../src/elf/notes.ts";
import { readObject } from "../../src/elf/object.ts";
import { buildElf, type SectionDescription } from "../support/elf-builder.ts";

describe("readCompiler", () => {
  it.each([
    [
      "one compiler, as GCC writes it",
      [{ name: ".comment", content: Buffer.from("\0GCC: (Debian 12.2.0-14) 12.2.0\0") }],
      "GCC: (Debian 12.2.0-14) 12.2.0",
    ],
    [
      "one compiler, as clang writes it",
      [{ name: ".comment", strings: ["clang version 14.0.6"] }],
      "clang version 14.0.6",
    ],
    [
      "after `ld -r`, each compiler once",
      [{ name: ".comment", strings: ["GCC 12", "clang 14", "GCC 12"] }],
      "GCC 12; clang 14",
    ],
    ["a string that is not terminated", [{ name: ".comment", content: Buffer.from("GCC 12") }], "GCC 12"],
    ["no section", [], undefined],
    ["an empty section", [{ name: ".comment", content: "" }], undefined],
    ["nothing but terminators", [{ name: ".comment", content: "0000" }], undefined],
    [
      "a compressed section is not guessed at",
      [{ name: ".comment", flags: "C", content: Buffer.from("GCC\0") }],
      undefined,
    ],
  ] as [string, SectionDescription[], string | undefined][])("%s", (_teaches, sections, expected) => {
    expect(readCompiler(readObject(buildElf({ sections }), "x.o"))).toBe(expected);
  });
});

describe("sourceFileOf", () => {
  it.each([
    ["one file", ["readdir.c"], "readdir.c"],
    ["several files: `ld -r` put them together", ["readdir.c", "stat.c"], undefined],
    ["two files of one name are two files", ["main.c", "main.c"], undefined],
    ["the nameless file of GNU ld does not count", ["readdir.c", ""], "readdir.c"],
    ["none", [], undefined],
  ])("%s", (_teaches, files, expected) => {
    const symbols = files.map(
      (name, index) => ({ name, id: `${index}`, type: "file", section: "*ABS*", bind: "local" }) as const,
    );
    expect(sourceFileOf(readObject(buildElf({ symbols }), "x.o"))).toBe(expected);
  });
});
