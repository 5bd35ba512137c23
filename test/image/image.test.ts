import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, describe, expect, it } from "vitest";
import { FormatError, UnsupportedError } from "../../src/errors.ts";
import { openImage } from "../../src/image/image.ts";
import { memoryOf, type Region } from "../../src/image/memory.ts";
import { runSymbols } from "../../src/image/run-symbols.ts";
import { slideBetween } from "../../src/image/slide.ts";
import { symposOf } from "../../src/image/sympos.ts";
import { readSystemMap } from "../../src/image/system-map.ts";
import { matchUpdate } from "../../src/match/match.ts";
import { buildElf } from "../support/elf-builder.ts";
import { sectionOf, subjectOf } from "../support/match-objects.ts";
import { join } from "../support/paths.ts";
import { sampled } from "../support/sample.ts";

const folder = mkdtempSync(join(tmpdir(), "elfsplice-image-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const save = (name: string, contents: string | Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, contents);
  return path;
};

describe("a system map", () => {
  it("is read with its modules", () => {
    const map = readSystemMap(
      save("kallsyms", "ffffffff81000000 T _text\nffffffffc0001000 t helper\t[ext4]\n0000000000001000 A fixed\n"),
    );
    expect(map).toMatchObject({ origin: "system-map", count: 3, hasModules: true });
    expect(map.named("helper")).toEqual([
      { name: "helper", address: 0xffffffffc0001000n, size: 0, weak: false, module: "ext4", index: 1 },
    ]);
  });

  it("whose addresses are hidden is refused in words", () => {
    const path = save("hidden", "0000000000000000 T _text\n0000000000000000 T _stext\n");
    expect(() => readSystemMap(path)).toThrow(/kptr_restrict/);
  });

  it("that is none is refused with the line", () => {
    expect(() => readSystemMap(save("none", "ffffffff81000000 T _text\nhello\n"))).toThrow(/line 2/);
  });
});

describe("the slide", () => {
  const list = (start: bigint, names: readonly string[]) =>
    runSymbols(
      "symbol-table",
      names.map((name, index) => ({
        name,
        address: start + BigInt(index * 16),
        size: 0,
        weak: false,
        module: undefined,
        index,
      })),
    );
  const names = Array.from({ length: 50 }, (_, index) => `f${index}`);

  it("is the distance that most symbols have", () => {
    expect(slideBetween(list(0xffffffff81000000n, names), list(0xffffffff9b000000n, names), "vmlinux")).toBe(
      0x1a000000n,
    );
  });

  it("is 0 where nothing was moved, or nothing can be compared", () => {
    const own = list(0xffffffff81000000n, names);
    expect(slideBetween(own, own, "vmlinux")).toBe(0n);
    expect(slideBetween(own, runSymbols("none", []), "vmlinux")).toBe(0n);
  });

  it("of a map of another kernel is a bad_system_map", () => {
    const own = list(0xffffffff81000000n, names);
    expect(() => slideBetween(own, list(0xffffffff81000000n, ["other"]), "vmlinux")).toThrow(/no symbol in common/);
    const shuffled = list(0xffffffff81000000n, [...names].reverse());
    expect(() => slideBetween(own, shuffled, "vmlinux")).toThrow(/no constant distance/);
  });
});

describe("sympos", () => {
  const symbols = runSymbols("system-map", [
    { name: "show", address: 0x3000n, size: 0, weak: false, module: undefined, index: 0 },
    { name: "show", address: 0x1000n, size: 0, weak: false, module: undefined, index: 1 },
    { name: "only", address: 0x2000n, size: 0, weak: false, module: undefined, index: 2 },
  ]);

  it.each([
    ["counts equal names by address from 1 on", "show", 0x1000n, 1],
    ["counts on", "show", 0x3000n, 2],
    ["is 0 for a name that is unique", "only", 0x2000n, 0],
    ["is unknown where no such symbol is", "only", 0x1000n, null],
  ])("%s", (_teaches, name, address, position) => {
    expect(symposOf(symbols, name, address)).toBe(position);
  });
});

describe("memory", () => {
  const region = (start: bigint, bytes: readonly number[]): Region => ({
    start,
    size: bytes.length,
    held: bytes.length,
    executable: true,
    name: "",
    read: (from, length) => Uint8Array.from(bytes.slice(from, from + length)),
  });
  const memory = memoryOf([region(0x1004n, [5, 6]), region(0x1000n, [1, 2, 3, 4]), region(0x2000n, [9])]);

  it("is read across regions that touch, and ends where they end", () => {
    expect([...(memory.read(0x1002n, 8) ?? [])]).toEqual([3, 4, 5, 6]);
    expect(memory.read(0x1006n, 1)).toBeUndefined();
    expect(memory.regionAt(0xfffn)).toBeUndefined();
  });
});

describe("a module", () => {
  const CODE = "e80000000048c7c000000000c3";
  const relocations = [
    { offset: 1, type: 4, symbol: "printk", addend: -4 },
    { offset: 8, type: 11, symbol: ".rodata.table", addend: 0 },
  ] as const;
  const object = (table: string): Uint8Array =>
    buildElf({
      sections: [
        { name: ".text.f", code: CODE, relocations },
        { name: ".rodata.table", content: table, flags: "A" },
      ],
      symbols: [
        { name: "f", section: ".text.f", type: "func", bind: "global", size: 13 },
        { name: "table", section: ".rodata.table", type: "object", size: 8 },
        { name: "printk" },
      ],
    });

  it("is matched as if it was loaded, with what the kernel's map says of its functions", () => {
    const module = save("probe.ko", object("0102030405060708"));
    const map = save("modules", "ffffffff81234560 T printk\nffffffffc0400000 t f\t[probe]\n");
    const result = matchUpdate([subjectOf(object("0102030405060708"), "f.o")], {
      run: module,
      systemMap: map,
      target: "probe",
    });
    expect(result.outcome).toBe("matched");
    expect(result.run.kind).toBe("rel");
    expect(sectionOf(result, "f").runAddress).toBe("0xffffffffc0400000");
    expect(result.symbols.find(({ label }) => label === "printk")?.value).toBe("0xffffffff81234560");
    expect(sectionOf(result, "table<f.o>").status).toBe("matched");
  });

  it("whose read-only data differs does not match, and says where", () => {
    const module = save("probe.ko", object("0102030405060708"));
    const result = matchUpdate([subjectOf(object("01020304ff060708"), "f.o")], { run: module });
    expect(result.abort).toMatchObject({ cause: "no_match", at: "table<f.o>" });
    expect(sectionOf(result, "table<f.o>").mismatch).toMatchObject({ offset: 4 });
  });

  it("that is not loaded is a target_not_loaded", () => {
    const module = save("probe.ko", object("0102030405060708"));
    const map = save("modules", "ffffffff81234560 T printk\nffffffffc0400000 t g\t[other]\n");
    const result = matchUpdate([subjectOf(object("0102030405060708"), "f.o")], {
      run: module,
      systemMap: map,
      target: "probe",
    });
    expect(result.abort).toMatchObject({ cause: "target_not_loaded", errno: "ENODEV", at: "probe" });
  });
});

describe("a weak function", () => {
  const object = buildElf({
    sections: [{ name: ".text.f", code: "31c0c3" }],
    symbols: [{ name: "f", section: ".text.f", type: "func", bind: "weak", size: 3 }],
  });
  const runWith = (bind: "weak" | "global"): string =>
    save(
      bind,
      buildElf({
        type: "exec",
        sections: [{ name: ".text", code: "31c990c3", addr: 0x1000 }],
        segments: [{ section: ".text", vaddr: 0x1000 }],
        symbols: [{ name: "f", section: ".text", value: 0x1000, type: "func", bind, size: 4 }],
      }),
    );

  it("of which the run system has a strong definition need not be there", () => {
    const result = matchUpdate([subjectOf(object, "f.o")], { run: runWith("global") });
    expect(result).toMatchObject({ outcome: "matched", counts: { overridden: 1, unmatched: 1 } });
    expect(result.findings.map(({ code }) => code)).toEqual(["weak-definition-elsewhere"]);
  });

  it("that the run system has as a weak one too must match", () => {
    const result = matchUpdate([subjectOf(object, "f.o")], { run: runWith("weak") });
    expect(result.abort).toMatchObject({ cause: "no_match", at: "f" });
  });

  describe("that has the same code as the strong one", () => {
    const WEAK = { name: "f", section: ".text", type: "func", bind: "weak", value: 0, size: 3 } as const;
    const ALIAS = { name: "f.localalias", section: ".text", type: "func", bind: "local", value: 0, size: 3 } as const;
    const CALLER = { name: "g", section: ".text", type: "func", bind: "global", value: 16, size: 2 } as const;
    // g leaves by a jump to this object's f, which the assembler resolved; h calls whichever f is linked.
    const withAlias = buildElf({
      sections: [
        {
          name: ".text",
          code: `31c0c3${"90".repeat(13)}ebee${"90".repeat(14)}e800000000c3`,
          relocations: [{ offset: 33, type: 4, symbol: "f", addend: -4 }],
        },
      ],
      symbols: [ALIAS, WEAK, CALLER, { name: "h", section: ".text", type: "func", bind: "global", value: 32, size: 6 }],
    });
    const strong = { name: "f", section: ".text", value: 0x1040, type: "func", bind: "global", size: 3 } as const;
    const run = (alias: boolean): string =>
      save(
        `alias-${alias}`,
        buildElf({
          type: "exec",
          sections: [
            {
              name: ".text",
              code: `31c0c3${"90".repeat(13)}ebee${"90".repeat(14)}e81b000000c3${"90".repeat(26)}31c0c3`,
              addr: 0x1000,
            },
          ],
          segments: [{ section: ".text", vaddr: 0x1000 }],
          symbols: [
            ...(alias ? [{ ...ALIAS, value: 0x1000 }] : []),
            { ...CALLER, value: 0x1010 },
            { name: "h", section: ".text", value: 0x1020, type: "func", bind: "global", size: 6 },
            strong,
          ],
        }),
      );
    const addresses = (result: ReturnType<typeof matchUpdate>): Record<string, string | null> =>
      Object.fromEntries(
        result.sections.filter(({ kind }) => kind === "text").map(({ label, runAddress }) => [label, runAddress]),
      );

    it("is where its local alias is, and its name stands for the strong one", () => {
      const result = matchUpdate([subjectOf(withAlias, "f.o")], { run: run(true) });
      expect(result).toMatchObject({ outcome: "matched", counts: { matched: 3, overridden: 0 }, findings: [] });
      expect(addresses(result)).toEqual({ f: "0x1000", g: "0x1010", h: "0x1020" });
      expect(result.symbols.find(({ name }) => name === "f")).toMatchObject({ value: "0x1040" });
    });

    it("is not taken for it: nothing that changes in this object concerns the strong one", () => {
      const alone = buildElf({
        sections: [{ name: ".text", code: "31c0c3" }],
        symbols: [WEAK],
      });
      const result = matchUpdate([subjectOf(alone, "f.o")], { run: run(true) });
      expect(result).toMatchObject({ outcome: "matched", counts: { matched: 0, overridden: 1 } });
      expect(addresses(result)).toEqual({ f: null });
      expect(result.symbols.find(({ name }) => name === "f")).toMatchObject({ value: "0x1040" });
    });
  });
});

describe("a kernel's core", () => {
  const CODE = "e80000000048c7c000000000c3";
  const object = buildElf({
    sections: [
      { name: ".text.f", code: CODE, relocations: [{ offset: 1, type: 4, symbol: "printk", addend: -4 }] },
      { name: ".data.state", content: "00000000", flags: "AW" },
    ],
    symbols: [
      { name: "f", section: ".text.f", type: "func", bind: "global", size: 13 },
      { name: "state", section: ".data.state", type: "object", size: 4 },
      { name: "printk" },
    ],
  });
  const info = Buffer.from("SYMBOL(_stext)=ffffffff9b000000\nKERNELOFFSET=1a000000\n");
  const note = Buffer.alloc(24 + Math.ceil(info.length / 4) * 4);
  note.writeUInt32LE(11, 0);
  note.writeUInt32LE(info.length, 4);
  note.write("VMCOREINFO\0", 12);
  info.copy(note, 24);
  const core = (code: string): Uint8Array =>
    buildElf({
      type: "core",
      sections: [
        { name: "memory", content: `${code}${"cc".repeat(3)}` },
        { name: "notes", content: note },
      ],
      segments: [
        { section: "memory", vaddr: 0xffffffff9b000000n, flags: 7 },
        { section: "notes", type: 4, flags: 4 },
      ],
    });
  const map = (): string =>
    save("moved", "ffffffff9b000000 T f\nffffffff9b000100 T printk\nffffffff9c000000 d state\n");

  it("is matched with /proc/kallsyms, as far as it goes, and says how far the kernel was moved", () => {
    const run = save("kcore", core("e8fb00000048c7c000000000c3"));
    const result = matchUpdate([subjectOf(object, "f.o")], { run, systemMap: map() });
    expect(result).toMatchObject({ outcome: "matched", run: { kind: "core", slide: "0x1a000000" } });
    expect(sectionOf(result, "f").runAddress).toBe("0xffffffff9b000000");
    expect(sectionOf(result, "state<f.o>")).toMatchObject({ status: "located", runAddress: "0xffffffff9c000000" });
  });

  it("of another kernel does not match", () => {
    const run = save("kcore", core("e8fb00000048c7c001000000c3"));
    const result = matchUpdate([subjectOf(object, "f.o")], { run, systemMap: map() });
    expect(result.abort).toMatchObject({ cause: "no_match", at: "f" });
  });
});

describe("a system map of another kernel", () => {
  it("ends the update with bad_system_map", () => {
    const symbols = Array.from({ length: 20 }, (_, index) => ({
      name: `f${index}`,
      section: ".text",
      value: 0x1000 + index,
      type: "func" as const,
      bind: "global" as const,
    }));
    const code = "c3".repeat(32);
    const image = { type: "exec" as const, sections: [{ name: ".text", code, addr: 0x1000 }], symbols };
    const run = save("image", buildElf({ ...image, segments: [{ section: ".text", vaddr: 0x1000 }] }));
    const systemMap = save("other.map", "ffffffff81000000 T elsewhere\n");
    const object = buildElf({
      sections: [{ name: ".text.f0", code: "c3" }],
      symbols: [{ name: "f0", section: ".text.f0", type: "func", bind: "global", size: 1 }],
    });
    const result = matchUpdate([subjectOf(object, "f.o")], { run, systemMap });
    expect(result.abort).toMatchObject({ cause: "bad_system_map", errno: null });
  });
});

describe("a file that is not an image", () => {
  it.each([
    ["an empty file", "", /only 0 bytes/],
    ["text", "x".repeat(100), /not an ELF file/],
    ["a header that is cut off", buildElf({ type: "exec" }).subarray(0, 60), /truncated/],
  ])("%s is refused", (_teaches, contents, problem) => {
    expect(() => openImage(save("bad", contents))).toThrow(problem);
  });
});

describe("an image with any byte changed", () => {
  const object = buildElf({
    sections: [
      { name: ".text.f", code: "e80000000031c0c3", relocations: [{ offset: 1, type: 4, symbol: "g", addend: -4 }] },
    ],
    symbols: [{ name: "f", section: ".text.f", type: "func", bind: "global", size: 8 }, { name: "g" }],
  });
  const image = buildElf({
    type: "dyn",
    sections: [
      { name: ".text", code: `e8fb00000031c0c3${"cc".repeat(256)}`, addr: 0x1000 },
      { name: ".note", content: "04000000 04000000 03000000 474e5500 01020304", type: "note", flags: "A" },
    ],
    segments: [
      { section: ".text", vaddr: 0x1000 },
      { section: ".note", type: 4, vaddr: 0x3000 },
    ],
    symbols: [
      { name: "f", section: ".text", value: 0x1000, type: "func", bind: "global", size: 8 },
      { name: "g", section: ".text", value: 0x1100, type: "func", bind: "global", size: 8 },
    ],
  });

  it("is matched, or refused in words", () => {
    const subject = subjectOf(object, "f.o");
    const strange: string[] = [];
    for (const at of sampled([...image.keys()], 5)) {
      for (const value of [0x00, 0x01, 0x7f, 0xff]) {
        const changed = Uint8Array.from(image);
        changed[at] = value;
        try {
          matchUpdate([subject], { run: save("changed", changed), search: true });
        } catch (error) {
          const isForeseen = error instanceof FormatError || error instanceof UnsupportedError;
          if (!isForeseen) strange.push(`${at}: ${(error as Error).message}`);
        }
      }
    }
    expect(strange).toEqual([]);
  });
});
