import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, describe, expect, it } from "vitest";
import { runInspect } from "../../src/cli/commands/inspect.ts";
import { readObject } from "../../src/elf/object.ts";
import { UsageError } from "../../src/errors.ts";
import { inspectFunction } from "../../src/inspect/function.ts";
import { inspectObject } from "../../src/inspect/inspect.ts";
import type { Inspection } from "../../src/inspect/rows.ts";
import { renderFunctions, renderInspection } from "../../src/report/inspect-text.ts";
import { buildElf, type ElfDescription } from "../support/elf-builder.ts";
import { FIXTURES, join, objectsBelow, relative } from "../support/paths.ts";
import { sampled } from "../support/sample.ts";

function fixture(path: string) {
  return readObject(readFileSync(join(FIXTURES, `${path}.o`)), `${path}.o`);
}

function built(description: ElfDescription, file = "drivers/door.o") {
  return readObject(buildElf(description), file);
}

/** The object that most of these tests look at: two functions, a bug table, an alias, a second entry, a string. */
const DOOR: ElfDescription = {
  sections: [
    {
      name: ".text.open",
      code: "e8 00000000 e8 00000000 48 8d 3d 00000000 31 c0 0f 0b c3",
      relocations: [
        { offset: 1, type: 4, symbol: "__fentry__", addend: -4 },
        { offset: 6, type: 4, symbol: "latch", addend: -4 },
        { offset: 13, type: 2, symbol: ".rodata.str1.1", addend: -4 },
      ],
    },
    { name: ".text.latch", code: "90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 31 c0 c3" },
    { name: ".rodata.str1.1", strings: ["open\n"] },
    {
      name: "__bug_table",
      flags: "WA",
      content: "00000000 00000000 2a00 0000",
      relocations: [
        { offset: 0, type: 2, symbol: ".text.open", addend: 19 },
        { offset: 4, type: 2, symbol: ".rodata.str1.1", addend: 4 },
      ],
    },
  ],
  symbols: [
    { name: "door.c", section: "*ABS*", type: "file", bind: "local" },
    { name: "latch", section: ".text.latch", type: "func", size: 19 },
    { name: "open", section: ".text.open", type: "func", bind: "global", size: 22 },
    { name: "unlock", section: ".text.open", type: "func", bind: "weak", size: 22 },
    { name: "open_fast", section: ".text.open", type: "func", bind: "global", value: 5, size: 17 },
    { name: "__fentry__" },
  ],
};

/** Rows of one list, reduced to what a test is about. */
function pick<Row, Key extends keyof Row>(rows: readonly Row[], ...keys: Key[]): Pick<Row, Key>[] {
  return rows.map((row) => Object.fromEntries(keys.map((key) => [key, row[key]])) as Pick<Row, Key>);
}

describe("header", () => {
  it.each([
    ["text/body/pre", { name: "x86_64", machine: 62, class: 64, data: "lsb" }],
    ["aarch64/body/pre", { name: "aarch64", machine: 183, class: 64, data: "lsb" }],
    ["s390x/body/pre", { name: "s390x", machine: 22, class: 64, data: "msb" }],
    ["i386/body/pre", { name: "i386", machine: 3, class: 32, data: "lsb" }],
  ] as const)("%s: architecture, class and byte order", (path, arch) => {
    const { file, arch: found, source, compiler } = inspectObject(fixture(path));
    expect({ file, arch: found, source }).toEqual({ file: `${path}.o`, arch, source: "led.c" });
    expect(compiler).toMatch(/^GCC: /);
  });

  it("an object without sections has nothing in it, and says so without headings", () => {
    const inspection = inspectObject(built({ symbolTable: "none" }, "empty.o"));
    expect(pick(inspection.sections, "name", "kind")).toEqual([{ name: ".shstrtab", kind: "metadata" }]);
    expect(renderInspection(inspection)).toBe("empty.o: x86_64, 64-bit, little-endian\n");
  });

  it("an archive's member is named, and it is the member that locals are labelled with", () => {
    const inspection = inspectObject(readObject(buildElf(DOOR), "lib.a", "door.o"));
    expect(inspection.member).toBe("door.o");
    expect(inspection.functions.map(({ label }) => label)).toContain("latch<door.o>");
    expect(renderInspection(inspection)).toMatch(/^lib\.a\(door\.o\): /);
  });
});

describe("sections", () => {
  it("every header but the null one: kind, flags as letters and as bits, spans and relocations", () => {
    const keys = ["index", "name", "kind", "size", "align", "flags", "flagBits", "spans", "relocations"] as const;
    expect(
      pick(inspectObject(built(DOOR)).sections, ...keys)
        .slice(0, 5)
        .map((row) => Object.values(row)),
    ).toEqual([
      [1, ".text.open", "text", 22, 16, "AX", "0x6", 1, 3],
      [2, ".text.latch", "text", 19, 16, "AX", "0x6", 1, 0],
      [3, ".rodata.str1.1", "string", 6, 8, "AMS", "0x32", 1, 0],
      [4, "__bug_table", "table", 12, 1, "WA", "0x3", 0, 2],
      [5, ".rela.text.open", "metadata", 72, 8, "I", "0x40", 0, 0],
    ]);
  });

  it("a flag that has no letter is `x`, and the bits still tell which; a type without name is its number", () => {
    const object = built({ sections: [{ name: ".odd", type: 0x6fff_4700, flags: 0x10_8000_0082n, content: "00" }] });
    expect(inspectObject(object).sections[0]).toMatchObject({
      type: "SHT_0x6fff4700",
      flags: "ALEx",
      flagBits: "0x1080000082",
    });
  });

  it("relocations of debug sections are counted though they are not read", () => {
    const relocations = [0, 8].map((offset) => ({ offset, type: 1, symbol: ".debug_info", addend: 0 }));
    const object = built({ sections: [{ name: ".debug_info", content: "00".repeat(16), relocations }] });
    expect(inspectObject(object).sections[0]).toMatchObject({ name: ".debug_info", spans: 0, relocations: 2 });
  });
});

describe("functions", () => {
  it("aliases and second entry points are told with their places; a global's label is its name", () => {
    const [open, latch] = inspectObject(built(DOOR)).functions;
    expect(open).toEqual({
      label: "open",
      name: "open",
      kind: "text",
      section: ".text.open",
      offset: 0,
      size: 22,
      bind: "global",
      aliases: [
        { name: "unlock", offset: 0, bind: "weak" },
        { name: "open_fast", offset: 5, bind: "global" },
      ],
      relocations: 3,
      tables: { __bug_table: 1 },
      entry: { kind: "fentry", offset: 1 },
      fragments: 0,
    });
    expect(latch).toMatchObject({ label: "latch<door.o>", bind: "local", aliases: [], entry: { kind: "none" } });
  });

  it.each([
    ["bug-table/two-in-one-function/pre", "queue_move", { __bug_table: 2 }],
    ["aarch64/bug-line/pre", "queue_push", { __bug_table: 1 }],
    ["i386/extable/pre", "peek", { __ex_table: 1 }],
    ["special/jump-label-key/pre", "reg_write", { __jump_table: 1 }],
    ["special/jump-label-key/pre", "reg_reset", {}],
  ])("%s: entries of kernel tables belong to the function they point into: %s", (path, name, tables) => {
    expect(inspectObject(fixture(path)).functions.find((row) => row.name === name)?.tables).toEqual(tables);
  });

  it.each([
    ["entry-points/fentry/pre", "ring_size", { kind: "fentry", offset: 1 }],
    ["entry-points/patchable/pre", "ring_size", { kind: "patchable", offset: -16 }],
    ["aarch64/patchable/pre", "ring_size", { kind: "patchable", offset: 4 }],
    ["text/body/pre", "led_set", { kind: "none", offset: 0 }],
  ])("%s: where livepatch can redirect %s", (path, name, entry) => {
    expect(inspectObject(fixture(path)).functions.find((row) => row.name === name)?.entry).toEqual(entry);
  });

  it("Power: where callers of the same module enter stands apart from the symbol", () => {
    const [one] = inspectObject(fixture("ppc64le/local-entry/pre")).functions;
    expect(one?.localEntry).toBe(8);
    expect(inspectObject(fixture("text/body/pre")).functions[0]).not.toHaveProperty("localEntry");
  });

  it("a cold part names the function it was cut from", () => {
    const { functions } = inspectObject(fixture("clones/cold/pre"));
    expect(functions.find(({ name }) => name === "flash_write.cold")).toMatchObject({
      label: "flash_write.cold<pre.o>",
      partOf: "flash_write",
    });
    expect(functions.find(({ name }) => name === "flash_write")).not.toHaveProperty("partOf");
  });

  it("a prefix belongs to its function, in front of the symbol that offset and size count from", () => {
    const object = built({
      sections: [{ name: ".text", code: `${"90".repeat(16)} 31c0 c3` }],
      symbols: [
        { name: "__pfx_f", section: ".text", type: "func", size: 16 },
        { name: "f", section: ".text", type: "func", bind: "global", value: 16, size: 3 },
      ],
    });
    expect(inspectObject(object).functions).toHaveLength(1);
    expect(inspectObject(object).functions[0]).toMatchObject({
      name: "f",
      offset: 16,
      size: 3,
      aliases: [{ name: "__pfx_f", offset: -16, bind: "local" }],
    });
  });

  it("replacement code is not a function: it is a fragment of the one whose table entry names it", () => {
    const { functions, fragments } = inspectObject(fixture("special/alternative-replacement/pre"));
    expect(pick(functions, "name", "fragments")).toEqual([
      { name: "crc_step", fragments: 1 },
      { name: "crc_fence", fragments: 1 },
      { name: "crc_end", fragments: 0 },
    ]);
    expect(pick(fragments, "section", "offset", "size", "owner")).toEqual([
      { section: ".altinstr_replacement", offset: 0, size: 3, owner: "crc_step" },
      { section: ".altinstr_replacement", offset: 3, size: 3, owner: "crc_fence" },
    ]);
  });

  it("what the author asked to leave alone is marked", () => {
    const object = built({
      sections: [
        { name: ".text.f", code: "c3" },
        {
          name: ".kpatch.ignore.functions",
          flags: "WA",
          content: "0000000000000000",
          relocations: [{ offset: 0, type: 1, symbol: "f", addend: 0 }],
        },
      ],
      symbols: [{ name: "f", section: ".text.f", type: "func", bind: "global", size: 1 }],
    });
    expect(inspectObject(object).functions[0]).toMatchObject({ name: "f", exempt: true });
    expect(renderInspection(inspectObject(object))).toContain("(left alone on request)");
  });
});

describe("data", () => {
  it.each([
    ["statics/once-flag/pre", ["__already_done<door_open><pre.o>"]],
    ["statics/two-in-one-function/pre", ["uses<door_open><pre.o>~0", "uses<door_open><pre.o>~1"]],
    [
      "statics/renumbered/post",
      ["total<meter_power><post.o>", "total<meter_water><post.o>", "total<meter_gas><post.o>"],
    ],
  ])("%s: a static local is labelled by the function that uses it, not by the compiler's number", (path, labels) => {
    const variables = inspectObject(fixture(path)).data.filter(({ kind }) => kind !== "string");
    expect(variables.map(({ label }) => label)).toEqual(labels);
  });

  it("strings come with their text, escapes and all; an anonymous one has no binding", () => {
    const [text] = inspectObject(built(DOOR)).data;
    expect(text).toMatchObject({ kind: "string", label: ".rodata.str1.1<door.o>", text: "open\n" });
    expect(text).not.toHaveProperty("bind");
  });

  it("common symbols have no section but are data all the same", () => {
    expect(inspectObject(fixture("data/common-grown-refused/pre")).commons).toEqual([
      { name: "rx_errors", size: 4, align: 4 },
      { name: "tx_errors", size: 4, align: 4 },
    ]);
  });
});

describe("tables, exports, hooks, groups", () => {
  it.each([
    ["bug-table/two-in-one-function/pre", "__bug_table", [2, 12, 2, 1, "bug-line"]],
    ["aarch64/bug-line/pre", "__bug_table", [2, 12, 2, 2, "bug-line"]],
    ["special/alternative-14/pre", ".altinstructions", [2, 14, 2, 2, "patch-owner"]],
    ["entry-points/fentry/pre", "__mcount_loc", [2, 8, 2, 2, "derived"]],
  ])("%s: entries of %s, their size, and how many spans own them", (path, section, expected) => {
    const row = inspectObject(fixture(path)).tables.find((table) => table.section === section);
    expect([row?.entries, row?.entrySize, row?.owned, row?.owners, row?.policy]).toEqual(expected);
  });

  it("exports tell licence and namespace, and by label what they export", () => {
    const rows = pick(
      inspectObject(fixture("exports/namespace/post")).exports,
      "name",
      "licence",
      "namespace",
      "target",
    );
    expect(rows).toEqual([
      { name: "beep_play", licence: "any", target: "beep_play" },
      { name: "beep_stop", licence: "any", namespace: "SOUND", target: "beep_stop" },
    ]);
  });

  it("a checksum is a hexadecimal text, and an export of something defined elsewhere has no target", () => {
    const object = built({
      sections: [
        {
          name: "___ksymtab_gpl+far",
          flags: "A",
          content: "00".repeat(12),
          relocations: [{ offset: 0, type: 2, symbol: "far", addend: 0 }],
        },
      ],
      symbols: [
        { name: "__ksymtab_far", section: "___ksymtab_gpl+far" },
        { name: "__crc_far", section: "*ABS*", value: 0xfeed_f00dn },
        { name: "far" },
      ],
    });
    const inspection = inspectObject(object);
    expect(inspection.exports).toEqual([
      { name: "far", licence: "gpl", crc: "0xfeedf00d", section: "___ksymtab_gpl+far", offset: 0 },
    ]);
    expect(renderInspection(inspection)).toContain("  gpl      0xfeedf00d  far  (defined elsewhere)\n");
  });

  it.each([
    ["hooks/pre-apply/post", "pre_apply", ".ksplice_call_pre_apply", "gate_veto<post.o>"],
    ["hooks/apply/post", "apply", ".ksplice_call_apply", "gate_recalibrate<post.o>"],
  ])("%s: stage and function of a hook", (path, stage, section, name) => {
    expect(inspectObject(fixture(path)).hooks).toEqual([{ stage, section, offset: 0, function: name }]);
  });

  it("COMDAT groups tell their members by name", () => {
    expect(inspectObject(fixture("comdat/thunk-shared/pre")).groups).toMatchObject([
      { comdat: true, signature: "__x86_indirect_thunk_rax", members: [".text.__x86_indirect_thunk_rax"] },
    ]);
  });
});

describe("oddities", () => {
  it("a table whose entries cannot be told apart is a finding, and its row has no entry size", () => {
    const object = built({
      sections: [
        { name: ".text.f", code: "c3" },
        {
          name: "__bug_table",
          flags: "WA",
          content: "00".repeat(15),
          relocations: [{ offset: 3, type: 2, symbol: ".text.f", addend: 0 }],
        },
      ],
    });
    const { tables, findings } = inspectObject(object);
    expect(tables).toEqual([{ section: "__bug_table", index: 2, size: 15, policy: "bug-line", owned: 0, owners: 0 }]);
    expect(findings).toEqual([
      {
        code: "special-section-opaque",
        severity: "warning",
        section: "__bug_table",
        offset: 0,
        message: expect.stringContaining("__bug_table"),
      },
    ]);
  });

  it("an entry for code elsewhere has no owner here, and is counted as such", () => {
    const object = built({
      sections: [
        { name: ".smp_locks", flags: "A", content: "00000000", relocations: [{ offset: 0, type: 2, symbol: "far" }] },
      ],
      symbols: [{ name: "far" }],
    });
    const inspection = inspectObject(object);
    expect(inspection.tables).toMatchObject([{ entries: 1, entrySize: 4, owned: 0, owners: 0 }]);
    expect(inspection.findings).toMatchObject([
      { code: "entry-without-owner", severity: "note", section: ".smp_locks" },
    ]);
    expect(renderInspection(inspection)).toContain(".smp_locks  (1 without an owner here)");
  });

  it("a machine without a relocation table is named, and its relocations keep their numbers", () => {
    const object = built({
      machine: "sparc64",
      sections: [{ name: ".text.f", code: "00000000", relocations: [{ offset: 0, type: 7, symbol: "g" }] }],
      symbols: [{ name: "f", section: ".text.f", type: "func", bind: "global", size: 4 }, { name: "g" }],
    });
    const codes = inspectObject(object).findings.map(({ code }) => code);
    expect(codes).toEqual(["machine-without-table", "relocation-unknown"]);
    expect(renderFunctions(inspectFunction(object, "f"))).toMatch(/0x0000 {2}R_SPARCV9_0x7 {2}g\+0$/m);
  });
});

describe("text", () => {
  it("a small object, whole", () => {
    expect(renderInspection(inspectObject(built(DOOR)))).toBe(`drivers/door.o: x86_64, 64-bit, little-endian
  from door.c

sections with contents (4)
  #  kind    size  align  flags  bits  spans  relocs  name
  1  text      22     16  AX      0x6      1       3  .text.open
  2  text      19     16  AX      0x6      1       0  .text.latch
  3  string     6      8  AMS    0x32      1       0  .rodata.str1.1
  4  table     12      1  WA      0x3      0       2  __bug_table

functions (2)
  size  bind    entry       relocs  entries  label          place
    22  global  fentry+0x1       3        1  open           .text.*
      (= unlock, = open_fast at 0x5, __bug_table 1)
    19  local                    0        0  latch<door.o>  .text.*

strings and constants (1)
  spans  size  kind
      1     6  string

tables (1)
  entries  each  size  owners  policy    section
        1    12    12       1  bug-line  __bug_table
`);
  });

  it("sections of one family are one row with their sums; fewer than four stay apart", () => {
    const functions = (count: number): ElfDescription => ({
      sections: Array.from({ length: count }, (_, i) => ({ name: `.text.f${i}`, code: "90 c3" })),
    });
    const row = (count: number): string[] =>
      renderInspection(inspectObject(built(functions(count)))).match(/^.*\.text\..*$/gm) ?? [];
    expect(row(3).filter((line) => line.includes(" AX "))).toHaveLength(3);
    expect(row(5).filter((line) => line.includes(" AX "))).toEqual([
      "  5×  text    10     16  AX      0x6      5       0  .text.*",
    ]);
  });

  it("sections stay in file order, whatever family they are of", () => {
    const names = [".text.a", ".data.a", ".text.b", ".data.b"];
    const object = built({ sections: names.map((name) => ({ name, content: "c3" })) });
    const lines = renderInspection(inspectObject(object)).split("\n");
    expect(lines.slice(4, 8).map((line) => line.split(" ").at(-1))).toEqual(names);
  });

  it("a place names its section once, and not a second time after the function that it was made for", () => {
    const text = renderInspection(inspectObject(fixture("clones/cold/pre")));
    expect(text).toMatch(/ flash_write\.cold<pre\.o> +\.text\.unlikely\.\* {2}\(part of flash_write\)$/m);
    expect(text).toMatch(/ flash_write +\.text\.\*$/m);
  });

  it("tables that only repeat where instructions are count as entries, but are not told beside every function", () => {
    const text = renderInspection(inspectObject(fixture("entry-points/fentry/pre")));
    expect(text).toMatch(/^ +22 {2}global {2}fentry\+0x1 +2 +1 {2}ring_size +\.text\.\*$/m);
  });

  it("names from the file cannot steer the terminal", () => {
    const object = built({
      sections: [{ name: ".text.f", code: "c3" }],
      symbols: [{ name: "f\x1b[31m\n", section: ".text.f", type: "func", bind: "global", size: 1 }],
    });
    expect(renderInspection(inspectObject(object))).toContain("f\\x1b[31m\\x0a");
  });

  it("a long list of notes is broken between them", () => {
    const aliases = Array.from({ length: 12 }, (_, i) => `another_name_of_it_${i}`);
    const object = built({
      sections: [{ name: ".text.f", code: "c3" }],
      symbols: ["f", ...aliases].map((name) => ({ name, section: ".text.f", type: "func", bind: "global", size: 1 })),
    });
    const lines = renderInspection(inspectObject(object)).split("\n");
    expect(lines.filter((line) => line.length > 100)).toEqual([]);
    expect(lines.filter((line) => line.includes("another_name_of_it_")).length).toBeGreaterThan(1);
    for (const alias of aliases) expect(lines.join("\n")).toContain(`= ${alias}`);
  });
});

describe("one function", () => {
  it("header, rows of bytes with the relocations under them, then its table entries", () => {
    expect(renderFunctions(inspectFunction(built(DOOR), "open"))).toBe(`drivers/door.o: x86_64, 64-bit, little-endian
  from door.c

open
  .text.open+0x0, 22 bytes, global, fentry at 0x1, 3 relocations, = unlock, = open_fast at 0x5,
    __bug_table 1

    0x0000  e8 00 00 00 00
            0x0001  R_X86_64_PLT32  __fentry__+0  (insn -4)
    open_fast:
    0x0005  e8 00 00 00 00 48 8d 3d  00 00 00 00 31 c0 0f 0b
            0x0006  R_X86_64_PLT32  latch+0  (insn -4)
            0x000d  R_X86_64_PC32   "open\\n"  (insn -4)
    0x0015  c3

  __bug_table+0x0, 12 bytes, points to 0x13
    0x0000  00 00 00 00 00 00 00 00  2a 00 00 00
            0x0000  R_X86_64_PC32  open+0x13
            0x0004  R_X86_64_PC32  "open\\n"
`);
  });

  it("JSON has each relocation with the label and both parts of the addend", () => {
    const [detail] = inspectFunction(built(DOOR), "open").functions;
    expect(detail?.code.bytes).toBe("e800000000e800000000488d3d0000000031c00f0bc3");
    expect(detail?.code.relocations[1]).toEqual({
      offset: 6,
      howto: "R_X86_64_PLT32",
      symbol: "latch<door.o>",
      insnAddend: "-0x4",
      targetAddend: "0x0",
      target: "latch+0",
    });
    expect(detail?.entries).toMatchObject([{ table: "__bug_table", offset: 0, size: 12, ownerOffset: 0x13 }]);
  });

  it.each([
    ["its name", "latch"],
    ["its label", "latch<door.o>"],
    ["the label that diff shows, with more of the path", "latch<drivers/door.o>"],
  ])("is found by %s", (_, name) => {
    expect(inspectFunction(built(DOOR), name).functions.map(({ function: row }) => row.label)).toEqual([
      "latch<door.o>",
    ]);
  });

  it("is found by an alias, and not by a label of another object", () => {
    expect(inspectFunction(built(DOOR), "unlock").functions[0]?.function.label).toBe("open");
    expect(() => inspectFunction(built(DOOR), "latch<window.o>")).toThrow(UsageError);
  });

  it("several of one name are all shown, and a label tells them apart", () => {
    const object = built({
      sections: [
        { name: ".text.a", code: "90" },
        { name: ".text.b", code: "c3" },
      ],
      symbols: [
        { name: "init", id: "a", section: ".text.a", type: "func", size: 1 },
        { name: "init", id: "b", section: ".text.b", type: "func", size: 1 },
      ],
    });
    const labelled = (name: string): string[] =>
      inspectFunction(object, name).functions.map(({ function: row, code }) => `${row.label} ${code.bytes}`);
    expect(labelled("init")).toEqual(["init<door.o>~0 90", "init<door.o>~1 c3"]);
    expect(labelled("init<door.o>~1")).toEqual(["init<door.o>~1 c3"]);
    expect(renderFunctions(inspectFunction(object, "init"))).toMatch(/^init<door\.o>~0\n[\s\S]*\ninit<door\.o>~1\n/m);
  });

  it.each([
    ["a letter too few: the closest names", "queue_mov", 'no function is called "queue_mov"; the closest: queue_move'],
    ["part of a name: those that contain it", "LEN", 'no function is called "LEN"; the closest: queue_len'],
    ["nothing like it: no names", "zzzzzzzz", /no function is called "zzzzzzzz"$/],
  ])("%s", (_, name, message) => {
    const object = fixture("bug-table/two-in-one-function/pre");
    expect(() => inspectFunction(object, name)).toThrow(UsageError);
    expect(() => inspectFunction(object, name)).toThrow(message);
  });

  it("data is not a function, and the message says that it is data", () => {
    const object = fixture("data/static-initialiser-refused/pre");
    const [data] = inspectObject(object).data;
    expect(() => inspectFunction(object, data?.name as string)).toThrow(/: that is data$/);
  });

  it("replacement code is shown with its function", () => {
    const text = renderFunctions(inspectFunction(fixture("special/alternative-replacement/pre"), "crc_step"));
    expect(text).toMatch(/R_X86_64_PC32 {2}\.altinstr_replacement\+0$/m);
    expect(text).toMatch(/^ {2}\.altinstr_replacement<pre\.o>, 3 bytes\n {4}0x0000 {2}c1 c7 07$/m);
  });

  it("AArch64: relocations in words, and the bug entry that belongs to the function", () => {
    const text = renderFunctions(inspectFunction(fixture("aarch64/bug-line/pre"), "queue_push"));
    expect(text).toMatch(/0x0014 {2}R_AARCH64_CALL26 {2}bus_write\+0$/m);
    expect(text).toMatch(
      /__bug_table\+0x0, 12 bytes, points to 0x24\n.*\n.*R_AARCH64_PREL32 {2}queue_push\+0x24\n.*"queue\.c"/,
    );
  });

  it("RISC-V: a hint to the linker points to nothing", () => {
    const text = renderFunctions(inspectFunction(fixture("riscv64/jump-table/pre"), "panel_key"));
    expect(text).toMatch(/R_RISCV_RELAX$/m);
  });

  it("Power: a TOC slot is told from the next, with what it holds", () => {
    const text = renderFunctions(inspectFunction(fixture("ppc64le/toc-order/pre"), "level_blue"));
    expect(text).toMatch(/R_PPC64_TOC16_HA +\.toc\+0x8 \(blue_level\+0\)$/m);
  });

  it("all offsets count from the symbol: a prefix in front of it has rows of its own, with negative offsets", () => {
    const object = built({
      sections: [
        {
          name: ".text.f",
          code: "b8 78563412 90 90 90 e8 00000000 0f 0b c3",
          relocations: [
            { offset: 1, type: 10, symbol: "hash", addend: 0 },
            { offset: 8, type: 4, symbol: "g", addend: -4 },
          ],
        },
        {
          name: "__bug_table",
          flags: "WA",
          content: "00".repeat(12),
          relocations: [
            { offset: 0, type: 2, symbol: ".text.f", addend: 13 },
            { offset: 4, type: 2, symbol: ".text.f", addend: 0 },
          ],
        },
      ],
      symbols: [
        { name: "__cfi_f", section: ".text.f", type: "func", size: 8 },
        { name: "f", section: ".text.f", type: "func", bind: "global", value: 8, size: 8 },
        { name: "g" },
        { name: "hash" },
      ],
    });
    expect(renderFunctions(inspectFunction(object, "f"))).toContain(`
    __cfi_f:
    -0x0008  b8 78 56 34 12 90 90 90
            -0x0007  R_X86_64_32     hash+0
    0x0000  e8 00 00 00 00 0f 0b c3
            0x0000  R_X86_64_PLT32  g+0  (insn -4)

  __bug_table+0x0, 12 bytes, points to 0x5
`);
  });

  it("code without contents in the file says so", () => {
    const object = built({
      sections: [{ name: ".text.g", type: "nobits", flags: "AX", size: 8 }],
      symbols: [{ name: "g", section: ".text.g", type: "func", bind: "global", size: 8 }],
    });
    expect(renderFunctions(inspectFunction(object, "g"))).toContain("(no contents in the file)");
  });
});

describe("every fixture", () => {
  const objects = objectsBelow(FIXTURES).map((path) => relative(FIXTURES, path).replace(/\.o$/, ""));
  const spansOf = ({ functions, fragments, data }: Inspection): number =>
    functions.length + fragments.length + data.length;

  it.each(sampled(objects, 4))("%s", (path) => {
    const object = fixture(path);
    const inspection = inspectObject(object);
    // Plain JSON: nothing is lost on the way to a file, no bigint, no undefined.
    expect(JSON.parse(JSON.stringify(inspection))).toStrictEqual(inspection);
    // Every span of every section is in one of the lists.
    expect(spansOf(inspection)).toBe(inspection.sections.reduce((sum, { spans }) => sum + spans, 0));
    expect(renderInspection(inspection)).not.toMatch(/undefined|NaN|\[object| \n/);
    for (const { label } of inspection.functions) {
      const detail = inspectFunction(object, label);
      expect(JSON.parse(JSON.stringify(detail))).toStrictEqual(detail);
      expect(detail.functions.map(({ function: row }) => row.label)).toContain(label);
      const text = renderFunctions(detail);
      // The text has what the JSON has: every relocation of code, entries and fragments.
      for (const { code, entries, fragments } of detail.functions) {
        const all = [code, ...entries, ...fragments.map((fragment) => fragment.code)];
        for (const { target } of all.flatMap(({ relocations }) => relocations)) expect(text).toContain(target);
      }
    }
  });
});

describe("elfsplice inspect", () => {
  const folder = mkdtempSync(join(tmpdir(), "elfsplice-inspect-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const input = join(FIXTURES, "bug-table/two-in-one-function/pre.o");

  it.each([
    ["text", undefined, /^functions \(2\)$/m],
    ["json", undefined, /^ {2}"functions": \[$/m],
    ["text", "queue_len", /^queue_len$/m],
    ["json", "queue_len", /^ {8}"label": "queue_len",$/m],
  ] as const)("writes %s, of one function or of all: %s", async (format, name, expected) => {
    const output = join(folder, `${format}-${name ?? "all"}`);
    const options = { output, format, ...(name === undefined ? {} : { function: name }) };
    expect(await runInspect(input, options)).toBe(0);
    const text = readFileSync(output, "utf8");
    expect(text).toMatch(expected);
    expect(text.includes("queue_move")).toBe(name === undefined);
    expect(text.endsWith("\n")).toBe(true);
  });

  it("an unknown name leaves no file behind", async () => {
    const output = join(folder, "none");
    await expect(runInspect(input, { output, format: "json", function: "not-there" })).rejects.toThrow(UsageError);
    expect(existsSync(output)).toBe(false);
  });
});
