import { describe, expect, it } from "vitest";
import type { KernelModel } from "../../src/arch/kernel.ts";
import { archFor } from "../../src/arch/registry.ts";
import type { Section } from "../../src/elf/object.ts";
import { entryLayout, entryRanges, type RelocatedField, specialTableOf } from "../../src/spans/special.ts";
import { MACHINES, type MachineName } from "../support/elf-description.ts";

/** Relocated fields `0:4 4:4`, repeated `count` times with the given stride. */
function fields(each: string, stride: number, count: number): RelocatedField[] {
  const one = each.split(" ").map((pair) => pair.split(":").map(Number) as [number, number]);
  return Array.from({ length: count }, (_, i) =>
    one.map(([offset, width]) => ({ offset: i * stride + offset, width, rank: 0 })),
  ).flat();
}

interface Case {
  readonly teaches: string;
  readonly table: string;
  /** Fields of each entry. */
  readonly each: string;
  readonly stride: number;
  readonly count: number;
  readonly arch?: MachineName;
  readonly entsize?: number;
  /** Bytes that the last entry lacks. */
  readonly short?: number;
  /** Default: the stride. */
  readonly size?: number | undefined;
}

function kernelOf(name: MachineName): KernelModel {
  const { machine, class: elfClass, data } = MACHINES[name];
  return archFor({ machine, class: elfClass, data, flags: 0 }).kernel;
}

function found({ table, each, stride, count, arch = "x86_64", entsize = 0, short = 0 }: Case): number | undefined {
  const row = specialTableOf(table);
  if (row === undefined) throw new Error(`${table} is not a special section`);
  const section = { name: table, size: stride * count - short, entsize } as Section;
  return entryLayout(row, section, fields(each, stride, count), kernelOf(arch))?.size;
}

const cases: readonly Case[] = [
  { teaches: "exception with a handler (4.6 to 5.15)", table: "__ex_table", each: "0:4 4:4 8:4", stride: 12, count: 5 },
  {
    teaches: "exception with a type (5.16): the third word has no relocation",
    table: "__ex_table",
    each: "0:4 4:4",
    stride: 12,
    count: 5,
  },
  { teaches: "the same, one entry only", table: "__ex_table", each: "0:4 4:4", stride: 12, count: 1 },
  { teaches: "exception of two words", table: "__ex_table", each: "0:4 4:4", stride: 8, count: 5, arch: "ppc64le" },
  {
    teaches: "two words where the total fits twelve too: the architecture decides",
    table: "__ex_table",
    each: "0:4 4:4",
    stride: 8,
    count: 3,
    arch: "ppc64le",
  },
  { teaches: "the same on MIPS", table: "__ex_table", each: "0:4 4:4", stride: 8, count: 3, arch: "mipsel" },
  {
    teaches: "sh_entsize decides where the relocations leave it open",
    table: "__ex_table",
    each: "0:4 4:4",
    stride: 8,
    count: 3,
    entsize: 8,
  },
  { teaches: "addresses of 8 bytes", table: "__ex_table", each: "0:8 8:8", stride: 16, count: 3 },
  { teaches: "three words on i386 (5.16)", table: "__ex_table", each: "0:4 4:4", stride: 12, count: 2, arch: "i386" },
  { teaches: "alternatives of 14 bytes", table: ".altinstructions", each: "0:4 4:4", stride: 14, count: 3 },
  { teaches: "of 13, with a pad length", table: ".altinstructions", each: "0:4 4:4", stride: 13, count: 3 },
  { teaches: "of 12", table: ".altinstructions", each: "0:4 4:4", stride: 12, count: 3 },
  { teaches: "one of 14", table: ".altinstructions", each: "0:4 4:4", stride: 14, count: 1 },
  { teaches: "one of 13", table: ".altinstructions", each: "0:4 4:4", stride: 13, count: 1 },
  { teaches: "one of 12", table: ".altinstructions", each: "0:4 4:4", stride: 12, count: 1 },
  {
    teaches: "14 of 12: the total fits both, the relocations do not",
    table: ".altinstructions",
    each: "0:4 4:4",
    stride: 12,
    count: 14,
  },
  {
    teaches: "s390x 5.19: 11 bytes, no replacement length",
    table: ".altinstructions",
    each: "0:4 4:4",
    stride: 11,
    count: 3,
    arch: "s390x",
  },
  { teaches: "one of 11", table: ".altinstructions", each: "0:4 4:4", stride: 11, count: 1, arch: "s390x" },
  { teaches: "jump label, relative", table: "__jump_table", each: "0:4 4:4 8:8", stride: 16, count: 3 },
  { teaches: "jump label, absolute", table: "__jump_table", each: "0:8 8:8 16:8", stride: 24, count: 2 },
  { teaches: "jump label, 32 bits", table: "__jump_table", each: "0:4 4:4 8:4", stride: 12, count: 4, arch: "i386" },
  { teaches: "static calls", table: ".static_call_sites", each: "0:4 4:4", stride: 8, count: 3, entsize: 8 },
  { teaches: "bug with file and line", table: "__bug_table", each: "0:4 4:4", stride: 12, count: 3 },
  { teaches: "bug with format (6.19)", table: "__bug_table", each: "0:4 4:4 8:4", stride: 16, count: 3 },
  { teaches: "bug without file", table: "__bug_table", each: "0:4", stride: 8, count: 3 },
  {
    teaches: "bug with addresses of 8 bytes",
    table: "__bug_table",
    each: "0:8 8:8",
    stride: 24,
    count: 3,
    arch: "ppc64le",
  },
  {
    teaches: "s390x says the size",
    table: "__bug_table",
    each: "0:4 4:4",
    stride: 12,
    count: 1,
    arch: "s390x",
    entsize: 12,
  },
  { teaches: "paravirt", table: ".parainstructions", each: "0:8", stride: 16, count: 3 },
  {
    teaches: "the last paravirt entry lacks its padding",
    table: ".parainstructions",
    each: "0:8",
    stride: 16,
    count: 3,
    short: 4,
  },
  {
    teaches: "a single one without padding",
    table: ".parainstructions",
    each: "0:8",
    stride: 16,
    count: 1,
    short: 4,
    size: 12,
  },
  { teaches: "sites of 4 bytes", table: ".smp_locks", each: "0:4", stride: 4, count: 7 },
  { teaches: "tracer sites of 64 bits", table: "__mcount_loc", each: "0:8", stride: 8, count: 3 },
  { teaches: "tracer sites of 32 bits", table: "__mcount_loc", each: "0:4", stride: 4, count: 3, arch: "i386" },
  {
    teaches: "features: the owner is the third word",
    table: "__ftr_fixup",
    each: "16:8 24:8 32:8 40:8",
    stride: 48,
    count: 2,
    arch: "ppc64le",
  },
  {
    teaches: "features of 32 bits",
    table: "__ftr_fixup",
    each: "8:4 12:4 16:4 20:4",
    stride: 24,
    count: 2,
    arch: "ppc",
  },
  {
    teaches: "an unknown size: the smallest stride at which all entries begin with an address",
    table: "__jump_table",
    each: "0:4 4:4 8:8",
    stride: 20,
    count: 3,
  },
  {
    teaches: "an unknown size that the object tells",
    table: "__bug_table",
    each: "0:4 4:4 8:4 12:4",
    stride: 32,
    count: 3,
    entsize: 32,
  },
  {
    teaches: "one entry of unknown size with one address is one entry",
    table: "__bug_table",
    each: "0:4",
    stride: 20,
    count: 1,
  },
  {
    teaches: "without any address nothing can be said",
    table: "__bug_table",
    each: "0:0",
    stride: 12,
    count: 2,
    size: undefined,
  },
  {
    teaches: "entries that do not begin with an address cannot be told apart",
    table: "__bug_table",
    each: "4:4",
    stride: 16,
    count: 2,
    size: undefined,
  },
];

describe("entryLayout", () => {
  it.each(cases.map((one) => [`${one.table}: ${one.teaches}`, one] as const))("%s", (_what, one) =>
    expect(found(one)).toBe("size" in one ? one.size : one.stride),
  );
});

describe("where the length of a replacement stands", () => {
  it.each([
    [14, 13],
    [13, 11],
    [12, 11],
  ])("in an entry of %i bytes: byte %i", (stride, byte) => {
    const row = specialTableOf(".altinstructions") as NonNullable<ReturnType<typeof specialTableOf>>;
    const section = { name: row.name.source, size: stride * 2, entsize: 0 } as Section;
    expect(entryLayout(row, section, fields("0:4 4:4", stride, 2), kernelOf("x86_64"))?.replacementLength).toBe(byte);
  });
});

describe("entryRanges", () => {
  it.each<[string, number, number, string[]]>([
    ["whole entries", 12, 24, ["0+12", "12+12"]],
    ["a short last one", 16, 28, ["0+16", "16+12"]],
    ["nothing", 16, 0, []],
  ])("%s", (_what, stride, total, expected) =>
    expect(entryRanges(stride, total).map(({ offset, size }) => `${offset}+${size}`)).toEqual(expected),
  );
});
