import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { archFor, howtoOf } from "../../src/arch/registry.ts";
import { type ElfObject, readObject } from "../../src/elf/object.ts";
import { buildElf, type MachineName } from "../support/elf-builder.ts";
import { runs, sampled } from "../support/sample.ts";
import { needPrograms } from "../support/tools.ts";
import { compile, corpusObjects, inTemporaryFolder, needCorpus, outputOf } from "./toolchain.ts";

/** What readelf prints of one table: its file offset, and per record the name of each type it packs. */
interface Printed {
  readonly offset: number;
  readonly names: string[];
}

/** Parses `readelf -rW`; the second and third type of a MIPS64 record follow on lines of their own. */
function printedTables(output: string): Printed[] {
  const tables: Printed[] = [];
  for (const line of output.split("\n")) {
    const head = /^Relocation section .* at offset 0x([0-9a-f]+) contains/.exec(line);
    if (head) tables.push({ offset: Number.parseInt(head[1] as string, 16), names: [] });
    const names = tables.at(-1)?.names;
    const record = /^[0-9a-f]{8,16} +[0-9a-f]{8,16} (R_\S+|unrecognized: \S+)/.exec(line);
    if (record) names?.push(record[1] as string);
    const further = /^ +Type[23]: (R_\S+)/.exec(line);
    if (further && further[1] !== "R_MIPS_NONE") names?.push(`${names.pop()}/${further[1]}`);
  }
  return tables;
}

/** The same tables, named by us. */
function namedTables(object: ElfObject): Printed[] {
  const arch = archFor(object);
  return object.sections.flatMap(({ index }) => {
    const records = object.relocationsOf(index);
    let start = 0;
    return object.relocationSectionsOf(index).map((table) => {
      const { offset, size, entsize } = object.sections[table] as (typeof object.sections)[number];
      const count = size / entsize;
      const own = records.slice(start, start + count);
      start += count;
      return { offset, names: own.map(({ type }) => howtoOf(arch, type).name) };
    });
  });
}

const byOffset = (a: Printed, b: Printed) => a.offset - b.offset;

/** Types newer than the installed readelf have no name there. */
function withoutUnknown(theirs: Printed, ours: Printed | undefined): Printed {
  const names = theirs.names.map((name, index) =>
    name.startsWith("unrecognized") ? (ours?.names[index] ?? name) : name,
  );
  return { offset: theirs.offset, names };
}

/** Compares all names of one file and returns how many there were. */
function agreeOn(path: string, contents: Uint8Array): number {
  const object = readObject(contents, path);
  const ours = namedTables(object).sort(byOffset);
  const theirs = printedTables(outputOf("readelf", ["-rW", path]));
  const known = new Map(ours.map((table) => [table.offset, table]));
  const comparable = theirs.filter(({ offset }) => known.has(offset)).sort(byOffset);
  expect(ours).toEqual(comparable.map((table) => withoutUnknown(table, known.get(table.offset))));
  return ours.reduce((sum, { names }) => sum + names.length, 0);
}

/** Fails when a table lacks a type that readelf knows, or names it otherwise. */
function compareAllTypes(machine: MachineName, count: number): void {
  const relocations = Array.from({ length: count }, (_, type) => ({ offset: 0, type, symbol: "x" }));
  const contents = buildElf({
    machine,
    sections: [{ name: ".text", code: "00".repeat(16), relocations }],
    symbols: [{ name: "x" }],
  });
  const arch = archFor(readObject(contents, "all.o"));
  const printed = inTemporaryFolder((folder) => {
    const path = join(folder, "all.o");
    writeFileSync(path, contents);
    return printedTables(outputOf("readelf", ["-rW", path]))[0]?.names as string[];
  });
  expect(printed).toHaveLength(count);
  const wrong = printed.filter((name, type) => !name.startsWith("unrecognized") && howtoOf(arch, type).name !== name);
  expect(wrong).toEqual([]);
}

const MACHINES: readonly [MachineName, number][] = [
  ["x86_64", 256],
  ["i386", 256],
  ["aarch64", 1100],
  ["arm", 256],
  ["ppc64", 256],
  ["ppc64le", 256],
  ["s390x", 256],
  ["riscv64", 256],
  ["loongarch64", 256],
  ["mips", 256],
];

describe("readelf names every type number as we do", () => {
  test.for(MACHINES)("%s, types 0 to %i", ([machine, count], { skip }) => {
    needPrograms(skip, "readelf");
    compareAllTypes(machine, count);
  });
});

const SOURCE = `
extern int outside, table[]; extern void call(void *); __thread int own; extern __thread int theirs;
  static int kept = 1;
int weak(void) __attribute__((weak)); const char *const words[] = { "one", "two", "three" };
int choose(int n) { switch (n) { case 0: return outside; case 1: return table[3]; case 2: call(&kept); return kept++;
  case 3: return weak ? weak() : 7; case 4: return own + theirs; case 5: call((void *)words[n]); return 1;
  default: return -n; } }
double scale(double d) { return d * 3.25 + outside; }
`;

const COMPILERS: readonly [string, ...string[]][] = [
  ["gcc"],
  ["gcc", "-m32"],
  ["gcc", "-mcmodel=large"],
  ["gcc", "-mcmodel=kernel", "-fno-pic"],
  ["clang"],
  ["clang", "--target=riscv64", "-mno-relax"],
  ["clang", "--target=arm-linux-gnueabi", "-mthumb", "-march=armv7-a"],
  ["clang", "--target=armebv7-linux-gnueabi"],
  ["clang", "--target=riscv32"],
  ["clang", "--target=s390x-linux-gnu"],
  ["clang", "--target=mips64-linux-gnu"],
  ["clang", "--target=powerpc64-linux-gnu"],
  ["clang", "--target=aarch64_be-linux-gnu"],
  ["i686-linux-gnu-gcc"],
  ["aarch64-linux-gnu-gcc"],
  ["aarch64-linux-gnu-gcc", "-mcmodel=large", "-fno-pic"],
  ["arm-linux-gnueabihf-gcc"],
  ["arm-linux-gnueabihf-gcc", "-marm"],
  ["powerpc64le-linux-gnu-gcc"],
  ["powerpc64le-linux-gnu-gcc", "-mcpu=power10"],
  ["s390x-linux-gnu-gcc"],
  ["riscv64-linux-gnu-gcc"],
  ["mips-linux-gnu-gcc"],
  ["mips-linux-gnu-gcc", "-mno-abicalls", "-fno-pic"],
  ["mipsel-linux-gnu-gcc"],
  ["mips64-linux-gnuabi64-gcc"],
  ["mips64el-linux-gnuabi64-gcc"],
];

describe("fresh objects", () => {
  for (const [compiler, ...flags] of COMPILERS) {
    for (const pic of sampled(["-fPIC", "-fno-pic"], 2)) {
      const name = [compiler, ...flags, pic].join(" ");
      test(name, ({ skip }) => {
        needPrograms(skip, compiler, "readelf");
        const contents = compile(compiler, ["-c", "-O2", "-g", "-w", pic, ...flags], SOURCE, ".c");
        inTemporaryFolder((folder) => {
          const path = join(folder, "fresh.o");
          writeFileSync(path, contents);
          expect(agreeOn(path, contents)).toBeGreaterThan(20);
        });
      });
    }
  }
});

describe("objects of the corpus", () => {
  test.for(["kernel-pairs", "kpatch-objs", "ksplice-pairs"])("%s", { timeout: 60_000 }, (folder, { skip }) => {
    needCorpus(skip);
    needPrograms(skip, "readelf");
    const counts = sampled(corpusObjects(folder), 8).map((path) => agreeOn(path, readFileSync(path)));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(runs(500));
  });
});
