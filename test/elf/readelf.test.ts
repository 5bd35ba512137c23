/*
 * GNU readelf as oracle: sections, symbols, relocations and groups of real objects, and of built ones for machines that no
 * compiler here serves, must be what readelf prints.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readObject } from "../../src/elf/object.ts";
import { buildElf, type ElfDescription, type MachineName } from "../support/elf-builder.ts";
import { hasReadelf, listingOf, readelf } from "../support/readelf.ts";
import { sampled } from "../support/sample.ts";

const root = path.resolve(import.meta.dirname, "../..");

function objectsUnder(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return names
    .filter((name) => name.endsWith(".o"))
    .sort()
    .map((name) => path.join(folder, name));
}

function expectAgreement(files: readonly string[]): void {
  const theirs = readelf(files);
  expect(theirs).toHaveLength(files.length);
  for (const [index, file] of files.entries()) {
    const ours = listingOf(readObject(readFileSync(file), file));
    expect({ file, ...ours }).toEqual({ file, ...theirs[index] });
  }
}

describe.skipIf(!hasReadelf)("GNU readelf agrees (skipped where it is not installed)", () => {
  const folders = [
    "../shared/corpus/kernel-pairs",
    "../shared/corpus/kpatch-objs",
    "../shared/corpus/ksplice-pairs",
    "fixtures",
  ];
  describe.each(folders)("on %s", (folder) => {
    const files = sampled(objectsUnder(path.resolve(root, folder)), 4);
    it.skipIf(files.length === 0)(`${files.length} objects (skipped where there are none)`, { timeout: 60_000 }, () => {
      expectAgreement(files);
    });
  });

  describe("on built objects", () => {
    const folder = mkdtempSync(path.join(tmpdir(), "elfsplice-readelf-"));
    afterAll(() => rmSync(folder, { recursive: true }));

    const machines: readonly MachineName[] = [
      "x86_64",
      "i386",
      "aarch64",
      "arm",
      "armeb",
      "ppc",
      "ppc64",
      "ppc64le",
      "s390x",
      "riscv32",
      "riscv64",
      "loongarch64",
      "mips",
      "mips64",
      "mips64le",
      "sparc64",
    ];
    const relAddend = (machine: MachineName, addend: number): { addend?: number } =>
      ["i386", "arm", "armeb", "mips"].includes(machine) ? {} : { addend };
    const describeFor = (machine: MachineName): ElfDescription => ({
      machine,
      sections: [
        {
          name: ".text.f",
          code: "00".repeat(16),
          flags: "AXG",
          relocations: [
            { offset: 0, type: 1, symbol: "ext", ...relAddend(machine, -4) },
            { offset: 8, type: 2, symbol: ".data", ...relAddend(machine, 0x7fff_fff0) },
            { offset: 12, type: 3, ...relAddend(machine, 5) },
          ],
        },
        { name: ".data", content: "0102030405060708", addralign: 64 },
        { name: ".bss", size: 0x12345 },
        { name: ".rodata.str1.1", strings: ["one", "two"] },
      ],
      symbols: [
        { name: "x.c", type: "file", section: "*ABS*" },
        { name: "f", section: ".text.f", type: "func", bind: "weak", size: 6, visibility: "hidden" },
        { name: "ext" },
        { name: "common", section: "*COM*", type: "object", value: 8, size: 200_000 },
        { name: "high", section: "*ABS*", bind: "global", value: 0xffff_fff0 },
      ],
      groups: [{ signature: "f", members: [".text.f"] }],
    });

    it.each(machines)("for %s", (machine) => {
      const file = path.join(folder, `${machine}.o`);
      writeFileSync(file, buildElf(describeFor(machine)));
      const extendedFile = path.join(folder, `${machine}-extended.o`);
      writeFileSync(extendedFile, buildElf({ ...describeFor(machine), numbering: "extended" }));
      expectAgreement([file, extendedFile]);
    });
  });
});
