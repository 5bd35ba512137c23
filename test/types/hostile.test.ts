/* Whatever happens to debug information on its way, reading it ends in types or in an error of ours, soon and in little memory. */
import { readFileSync } from "node:fs";
import { deflateSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readObject } from "../../src/elf/object.ts";
import { FormatError, UnsupportedError } from "../../src/errors.ts";
import { diffLayouts } from "../../src/types/diff.ts";
import { readLayouts } from "../../src/types/types.ts";
import { usageOf } from "../../src/types/usage.ts";
import { buildElf } from "../support/elf-builder.ts";
import { btfObject as btf, layoutFixture, u32 } from "../support/layouts.ts";

const SECTIONS = /^\.(z?debug_(info|abbrev|str|types|str_offsets|addr|line_str)|BTF)$/;

/** Reads everything there is to read; any error but ours fails the test. */
async function readWhole(bytes: Uint8Array): Promise<"read" | "refused"> {
  try {
    const layouts = await readLayouts(readObject(bytes, "fuzz.o"));
    if (layouts === undefined) return "read";
    usageOf(layouts, new Set(layouts.byKey.keys()), () => true);
    diffLayouts(layouts, layouts);
    return "read";
  } catch (error) {
    if (error instanceof FormatError || error instanceof UnsupportedError) return "refused";
    throw error;
  }
}

describe("damaged debug information", () => {
  it.each([
    "sta-lock/dwarf5",
    "sta-lock/dwarf2",
    "sta-lock/clang4-types",
    "sta-lock/clang5-types",
    "sta-lock/compressed",
    "sta-lock/btf",
    "sta-lock/s390x",
    "sta-lock/riscv64",
    "bit-fields/s390x-dwarf2",
  ])("%s with some bytes changed", async (name) => {
    const whole = readFileSync(layoutFixture(name, "post"));
    const places = readObject(whole, name).sections.filter(
      (section) => SECTIONS.test(section.name) && section.bytes.length > 0,
    );
    const change = fc.record({
      section: fc.nat({ max: places.length - 1 }),
      at: fc.nat(),
      byte: fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(0, 0x7f, 0x80, 0xff)),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 6 }), async (changes) => {
        const bytes = Uint8Array.from(whole);
        for (const { section, at, byte } of changes) {
          const { offset, size } = places[section]!;
          bytes[offset + (at % size)] = byte;
        }
        expect(["read", "refused"]).toContain(await readWhole(bytes));
      }),
      { numRuns: 150, seed: 7 },
    );
  });
});

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const u64 = (value: number): string => `${u32(value % 2 ** 32)}${u32(Math.floor(value / 2 ** 32))}`;

/** An object with debug sections of these contents, in hexadecimal. */
function objectWith(sections: Readonly<Record<string, string>>, flags = ""): Uint8Array {
  return buildElf({ sections: Object.entries(sections).map(([name, content]) => ({ name, content, flags })) });
}

const reading = (bytes: Uint8Array) => readLayouts(readObject(bytes, "odd.o"));

describe("refused in one line with the place", () => {
  const unit = (abbreviations: string, entries: string): Uint8Array => {
    const body = `0500 01 08 ${u32(0)} ${entries}`.replaceAll(" ", "");
    return objectWith({
      ".debug_info": `${u32(body.length / 2)}${body}`,
      ".debug_abbrev": abbreviations.replaceAll(" ", ""),
    });
  };
  it.each([
    [
      "a unit longer than its section",
      objectWith({ ".debug_info": u32(99) }),
      "section .debug_info: offset 0x4: needs 99 bytes of 4",
    ],
    ["a reserved length", objectWith({ ".debug_info": u32(0xfffffff4) }), "unit has a reserved length"],
    [
      "an abbreviation that does not exist",
      unit("00", "05"),
      "entry has an abbreviation that does not exist (value 5)",
    ],
    ["no abbreviations at all", unit("", "01"), "section .debug_abbrev: offset 0x0: needs 1 bytes of 0"],
    ["a form that is not defined", unit("01 11 00 03 7f 00 00 00", "01"), "attribute has an unknown form (value 127)"],
    [
      "an indirect form that leads to itself",
      unit("01 11 00 03 16 00 00 00", "01 16"),
      "indirect form leads to itself",
    ],
    [
      "a string outside its table",
      unit("01 11 00 03 0e 00 00 00", `01 ${u32(77)}`),
      "section .debug_str: offset 0x4d: name lies outside the string table",
    ],
    ["BTF without its magic number", objectWith({ ".BTF": "00".repeat(24) }), "has not the magic number of BTF"],
    [
      "BTF whose types lie outside",
      objectWith({ ".BTF": `9feb0100${u32(24)}${u32(0)}${u32(96)}${u32(0)}${u32(0)}` }),
      "types lie outside the section",
    ],
    ["BTF of a later version", objectWith({ ".BTF": `9feb0200${u32(24)}${"00".repeat(16)}` }), "version 2 of BTF"],
    [
      "split BTF",
      objectWith({ ".BTF": `9feb0100${u32(24)}${u32(0)}${u32(0)}${u32(0)}${u32(2)}6100` }),
      "split BTF, which builds upon the types of another file",
    ],
    [
      "a kind of BTF that is not defined",
      objectWith({
        ".BTF": `9feb0100${u32(24)}${u32(0)}${u32(12)}${u32(12)}${u32(1)}${u32(0)}${u32(0x1f000000)}${u32(0)}00`,
      }),
      "type has an unknown kind (value 31)",
    ],
  ])("%s", async (_what, bytes, problem) => {
    await expect(reading(bytes)).rejects.toThrow(problem);
  });
});

describe("compressed sections", () => {
  const header = (type: number, size: number): string => `${u32(type)}${u32(0)}${u64(size)}${u64(1)}`;
  const compressed = (type: number, size: number, contents: Uint8Array): Uint8Array =>
    objectWith({ ".debug_info": `${header(type, size)}${hex(contents)}` }, "C");
  const zeros = deflateSync(new Uint8Array(4096));
  it.each([
    [
      "that say they are larger than deflate can make them",
      compressed(1, 2 ** 40, zeros),
      "claims to expand further than deflate can",
    ],
    ["that are larger than they say", compressed(1, 100, zeros), "cannot be expanded"],
    ["that are smaller than they say", compressed(1, 5000, zeros), "expands to 4096 bytes, not to as many as it says"],
    ["of no known kind", compressed(9, 10, zeros), "compressed in an unknown way: ELFCOMPRESS_0x9"],
    ["that are damaged", compressed(1, 4096, zeros.subarray(0, 8)), "cannot be expanded"],
  ])("%s", async (_what, bytes, problem) => {
    await expect(reading(bytes)).rejects.toThrow(problem);
  });

  it("many that are within bounds one by one may not fill the memory together", async () => {
    const bomb = deflateSync(new Uint8Array(1 << 26));
    const contents = `${header(1, 1 << 26)}${hex(bomb)}`;
    const bytes = buildElf({
      sections: [".debug_info", ".debug_str", ".debug_abbrev"].map((name) => ({ name, content: contents, flags: "C" })),
    });
    await expect(reading(bytes)).rejects.toThrow("compressed sections expand too far");
  });
});

describe("types that lead in circles or double with each step", () => {
  it("a typedef of itself", async () => {
    const layouts = await reading(btf([[1, 8 << 24, 1]], "\0t\0"));
    expect(layouts?.byKey.get("typedef t")?.[0]?.size).toBeUndefined();
  });

  it("a struct that holds itself", async () => {
    const layouts = await reading(btf([[1, (4 << 24) | 1, 8, 1, 1, 0]], "\0s\0"));
    expect(layouts?.byKey.get("struct s")?.[0]?.members).toHaveLength(1);
  });

  it("anonymous structs that hold the next one twice", async () => {
    const depth = 40;
    const types = Array.from({ length: depth }, (_, i) => [
      i === 0 ? 1 : 0,
      (4 << 24) | 2,
      8,
      1,
      Math.min(i + 2, depth),
      0,
      1,
      Math.min(i + 2, depth),
      0,
    ]);
    // Without a limit, as many members as no time limit of a test allows: 2 to the power of 40.
    const layouts = await reading(btf(types, "\0s\0"));
    expect(layouts?.byKey.get("struct s")).toHaveLength(1);
  });

  it("functions whose two parameters are the next function", async () => {
    const depth = 60;
    const types = Array.from({ length: depth }, (_, i) => [
      0,
      (13 << 24) | 2,
      0,
      0,
      Math.min(i + 2, depth),
      0,
      Math.min(i + 2, depth),
    ]);
    const layouts = await reading(btf([...types, [1, 8 << 24, 1]], "\0t\0"));
    expect(layouts?.byKey.get("typedef t")?.[0]?.target?.length).toBeLessThan(5000);
  });
});
