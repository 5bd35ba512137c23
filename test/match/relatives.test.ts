import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, describe, expect, it } from "vitest";
import { readObject } from "../../src/elf/object.ts";
import { matchUpdate } from "../../src/match/match.ts";
import { matchSubject } from "../../src/match/subject.ts";
import { FIXTURES, join } from "../support/paths.ts";
import { needPrograms } from "../support/tools.ts";

/** The fixture of an architecture, and how its object is linked: a symbol from elsewhere lies in reach. */
const LINKED: readonly [what: string, fixture: string, linker: string, ...flags: string[]][] = [
  ["x86-64", "x86_64", "ld"],
  ["x32", "x32", "ld", "-m", "elf32_x86_64"],
  ["AArch64", "aarch64", "aarch64-linux-gnu-ld"],
  ["big-endian AArch64", "aarch64_be", "aarch64-linux-gnu-ld", "-EB"],
  ["Arm", "arm", "arm-linux-gnueabihf-ld"],
  ["Thumb", "thumb", "arm-linux-gnueabihf-ld"],
  ["big-endian Arm, instructions as in the object", "armeb", "arm-linux-gnueabihf-ld", "-EB"],
  ["big-endian Arm, whose instructions the linker turns round", "armeb", "arm-linux-gnueabihf-ld", "-EB", "--be8"],
  ["big-endian Power", "ppc64", "powerpc64-linux-gnu-ld"],
  ["31-bit s390", "s390", "s390x-linux-gnu-ld", "-m", "elf_s390"],
  ["RISC-V with 32 bits", "riscv32", "riscv64-linux-gnu-ld", "-m", "elf32lriscv"],
  ["MIPS with 64 bits", "mips64", "mips64-linux-gnuabi64-ld", "-Ttext-segment=0x400000"],
  ["little-endian MIPS with 64 bits", "mips64el", "mips64el-linux-gnuabi64-ld", "-Ttext-segment=0x400000"],
];

const folder = mkdtempSync(join(tmpdir(), "relatives-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("objects of every relative match the image that a linker made of them", () => {
  it.for(LINKED)("%s", ([, fixture, linker, ...flags], { skip }) => {
    needPrograms(skip, linker);
    const object = join(FIXTURES, "neighbours", fixture, "pre.o");
    const run = join(folder, "image.elf");
    writeFileSync(join(folder, "link.lds"), "warn_slowpath_fmt = m;");
    execFileSync(linker, [...flags, "-e", "k", object, join(folder, "link.lds"), "-o", run], { stdio: "pipe" });
    const matchedOf = (side: string): string[] => {
      const path = join(FIXTURES, "neighbours", fixture, side);
      const { sections } = matchUpdate([matchSubject(readObject(readFileSync(path), path), "gauge.o")], { run });
      return sections
        .filter(({ kind, status }) => kind === "text" && status === "matched")
        .map(({ label }) => label)
        .sort();
    };
    expect(matchedOf("pre.o")).toEqual(["h", "k", "leaf<gauge.o>", "m"]);
    expect(matchedOf("post.o")).not.toContain("h");
  });
});
