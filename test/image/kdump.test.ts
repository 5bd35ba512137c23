import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import zlib from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { FormatError, UnsupportedError } from "../../src/errors.ts";
import { openImage } from "../../src/image/image.ts";
import { matchUpdate } from "../../src/match/match.ts";
import { buildElf } from "../support/elf-builder.ts";
import { sectionOf, subjectOf } from "../support/match-objects.ts";
import { join } from "../support/paths.ts";
import { sampled } from "../support/sample.ts";
import { buildKallsyms, buildKdump, flatten, type KdumpDescription, PACKINGS } from "../support/vmcore.ts";

const folder = mkdtempSync(join(tmpdir(), "elfsplice-kdump-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const save = (name: string, contents: string | Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, contents);
  return path;
};

const call = (offset: number, symbol: string) => ({ offset, type: 4, symbol, addend: -4 });
/** The static `f` calls `g`, which is another object's. */
const SUBJECT = subjectOf(
  buildElf({
    sections: [{ name: ".text.f", code: "31c0 e800000000 c3", relocations: [call(3, "g")] }],
    symbols: [{ name: "f", section: ".text.f", type: "func", size: 8 }, { name: "g" }],
  }),
  "f.o",
);

const SLIDE = 0x1a00_0000n;
const START = 0xffff_ffff_8100_0000n + SLIDE;
const PHYS_BASE = 0x200_0000n;
/** Physical address of the image's start. */
const PHYSICAL = 0x100_0000n + SLIDE + PHYS_BASE;
const SYMBOLS = [
  ["D", "a_percpu_variable", 0x40n],
  ["T", "_stext", START],
  ["t", "f", START + 0x100n],
  ["T", "g", START + 0x200n],
  ["W", `long_${"e".repeat(200)}`, START + 0x300n],
] as const;

type Form = Parameters<typeof buildKallsyms>[1];

interface Kernel {
  /** 16 pages of 4 KiB. */
  readonly memory: Uint8Array;
  readonly info: string;
}

function kernel(form: Form | "none" = "percpu", code = "31c0e8f9000000c3"): Kernel {
  const memory = Buffer.alloc(16 * 4096, 0xcc);
  Buffer.from(code, "hex").copy(memory, 0x100);
  const lines = [
    "OSRELEASE=6.1.0-test",
    "BUILD-ID=00112233445566778899aabbccddeeff00112233",
    `KERNELOFFSET=${SLIDE.toString(16)}`,
    `NUMBER(phys_base)=${PHYS_BASE}`,
    `SYMBOL(_stext)=${START.toString(16)}`,
    `SYMBOL(swapper_pg_dir)=${(START + 0xc000n).toString(16)}`,
  ];
  let at = 0x1ff0;
  for (const [name, bytes] of Object.entries(form === "none" ? {} : buildKallsyms(SYMBOLS, form))) {
    Buffer.from(bytes).copy(memory, at);
    lines.push(`SYMBOL(kallsyms_${name})=${(START + BigInt(at)).toString(16)}`);
    at += Math.ceil(bytes.length / 8) * 8;
  }
  return { memory, info: `${lines.join("\n")}\n` };
}

function pagesOf({ memory }: Kernel, pageSize: number): Map<number, Uint8Array> {
  const pages = new Map<number, Uint8Array>();
  for (let at = 0; at < memory.length; at += pageSize) {
    pages.set(Number((PHYSICAL + BigInt(at)) / BigInt(pageSize)), memory.subarray(at, at + pageSize));
  }
  return pages;
}

function dumpOf(wanted: Kernel, options: Partial<KdumpDescription> = {}): Uint8Array {
  return buildKdump({ pages: pagesOf(wanted, options.pageSize ?? 4096), info: wanted.info, ...options });
}

const names = ["none", "zlib", "lzo", "snappy"] as const;

describe("a compressed kdump", () => {
  it.each(names.flatMap((packing) => [4096, 65536].map((pageSize) => ({ packing, pageSize }))))(
    "is matched with the kernel's own symbols: $packing, pages of $pageSize bytes",
    ({ packing, pageSize }) => {
      const run = save("dump", dumpOf(kernel(), { packing: PACKINGS[packing], pageSize }));
      const result = matchUpdate([SUBJECT], { run });
      expect(result).toMatchObject({
        outcome: "matched",
        run: {
          kind: "core",
          slide: "0x1a000000",
          release: "6.1.0-test",
          buildId: "00112233445566778899aabbccddeeff00112233",
        },
      });
      expect(sectionOf(result, "f<f.o>").runAddress).toBe(`0x${(START + 0x100n).toString(16)}`);
      expect(result.symbols.find(({ name }) => name === "g")?.value).toBe(`0x${(START + 0x200n).toString(16)}`);
    },
  );

  it("of another kernel does not match", () => {
    const run = save("other", dumpOf(kernel("percpu", "31c0e8f8000000c3")));
    expect(matchUpdate([SUBJECT], { run }).abort).toMatchObject({ cause: "no_match", at: "f<f.o>" });
  });

  it("takes a system map instead of the kernel's own symbols", () => {
    const run = save("bare", dumpOf(kernel("none")));
    const map = SYMBOLS.map(
      ([letter, name, address]) => `${address.toString(16).padStart(16, "0")} ${letter} ${name}\n`,
    );
    expect(matchUpdate([SUBJECT], { run }).findings.map(({ code }) => code)).toContain("run-without-symbols");
    expect(matchUpdate([SUBJECT], { run, systemMap: save("map", map.join("")) }).outcome).toBe("matched");
  });

  it("whose machine has the other byte order is read", () => {
    const object = buildElf({
      machine: "s390x",
      sections: [{ name: ".text.f", code: "a7290001 07fe" }],
      symbols: [{ name: "f", section: ".text.f", type: "func", bind: "global", size: 6 }],
    });
    const memory = Buffer.alloc(4096);
    memory.write("a729000107fe", 0x10, "hex");
    const run = save("s390x", buildKdump({ pages: new Map([[1, memory]]), machine: "s390x", bigEndian: true }));
    const systemMap = save("s390x.map", "0000000000001000 T _stext\n0000000000001010 T f\n");
    expect(matchUpdate([subjectOf(object, "f.o")], { run, systemMap }).outcome).toBe("matched");
  });

  it("without a page does not match there, unless it says that only zeros were left out", () => {
    const wanted = kernel("none");
    const frame = Number(PHYSICAL / 4096n);
    const pages = pagesOf(wanted, 4096);
    pages.delete(frame + 5);
    const existing = [...pages.keys(), frame + 5];
    const place = START + 0x5000n;
    const read = (dumpLevel: number): number | undefined => {
      const image = openImage(save("holes", buildKdump({ pages, existing, info: wanted.info, dumpLevel })));
      const bytes = image.memory.read(place, 4096);
      image.close();
      return bytes?.reduce((sum, byte) => sum + byte, bytes.length);
    };
    expect(read(1)).toBe(4096);
    expect(read(31)).toBeUndefined();
  });

  it("refuses zstd only when such a page is needed, and says so", () => {
    const run = save("zstd", dumpOf(kernel("none"), { packing: PACKINGS.zstd }));
    openImage(run).close();
    const match = (): unknown =>
      matchUpdate([SUBJECT], { run, systemMap: save("map2", `${(START + 0x100n).toString(16)} t f\n`) });
    if ("zstdDecompressSync" in zlib) expect(match).not.toThrow();
    else expect(match).toThrow(UnsupportedError);
  });

  it("finds modules through the kernel's page tables", () => {
    const wanted = kernel("none");
    const memory = Buffer.from(wanted.memory);
    const table = (at: number, index: number, value: bigint): void => {
      memory.writeBigUInt64LE(value, at + 8 * index);
    };
    const at = (offset: number): bigint => PHYSICAL + BigInt(offset);
    // 0xffffffffc0400000: indexes 511, 511, 2, 0. One page of the module lies at 0x9000 of the image, the next one at 0x8000.
    for (let offset = 0xc000; offset < 0x10000; offset++) memory[offset] = 0;
    table(0xc000, 511, at(0xd000) | 0x63n);
    table(0xd000, 511, at(0xe000) | 0x63n);
    table(0xe000, 2, at(0xf000) | 0x63n);
    table(0xf000, 0, at(0x9000) | 0x63n);
    table(0xf000, 1, at(0x8000) | 0x63n);
    memory.write("31c0e8", 0x9ffd, "hex");
    memory.writeInt32LE(Number(BigInt.asIntN(64, START + 0x200n - 0xffff_ffff_c040_1004n)), 0x8000);
    memory.write("c3", 0x8004, "hex");
    const run = save("modules", dumpOf({ ...wanted, memory }));
    const systemMap = save("modules.map", `${(START + 0x200n).toString(16)} T g\nffffffffc0400ffd t f\t[probe]\n`);
    const result = matchUpdate([SUBJECT], { run, systemMap, target: "probe" });
    expect(result.outcome).toBe("matched");
    expect(sectionOf(result, "f<f.o>").runAddress).toBe("0xffffffffc0400ffd");
  });

  it.each<[string, Uint8Array, RegExp]>([
    ["one part of a split dump", dumpOf(kernel(), { split: 1 }), /--reassemble/],
    ["an unknown machine", dumpOf(kernel(), { machine: "vax" }), /a machine called "vax"/],
    ["the older format", Buffer.concat([Buffer.from("DISKDUMP"), dumpOf(kernel()).subarray(8)]), /diskdump driver/],
    ["a header that is cut off", dumpOf(kernel()).subarray(0, 6000), /ends past the end of the file|end past the end/],
  ])("refuses %s", (_teaches, contents, problem) => {
    expect(() => openImage(save("bad", contents))).toThrow(problem);
  });

  it("with any byte of its headers changed is matched, or refused in words", () => {
    const dump = dumpOf(kernel());
    const strange: string[] = [];
    const interesting = [
      ...Array(16).keys(),
      ...[272, 428, 432, 436, 440],
      ...Array.from({ length: 230 }, (_, i) => 4096 + i),
    ];
    // The descriptors of all pages lie behind the bitmaps of two blocks each.
    const half = new DataView(dump.buffer, dump.byteOffset).getUint32(436, true) * 4096;
    interesting.push(...Array.from({ length: 200 }, (_, i) => 8192 + half + i));
    for (const at of sampled(interesting, 4)) {
      for (const value of [0x00, 0x01, 0x7f, 0xff]) {
        const changed = Uint8Array.from(dump);
        changed[at] = value;
        try {
          matchUpdate([SUBJECT], { run: save("changed", changed) });
        } catch (error) {
          const isForeseen = error instanceof FormatError || error instanceof UnsupportedError;
          if (!isForeseen) strange.push(`${at}: ${(error as Error).stack}`);
        }
      }
    }
    expect(strange).toEqual([]);
  }, 30_000);
});

describe("a flattened dump", () => {
  const dump = dumpOf(kernel());

  it("is put together, whatever the order of its pieces", () => {
    const cuts = [0, 100, 5000, 9000, dump.length];
    const pieces = cuts.slice(1).map((end, i) => [cuts[i] as number, dump.subarray(cuts[i], end)] as const);
    for (const order of [pieces, [...pieces].reverse()]) {
      expect(matchUpdate([SUBJECT], { run: save("flat", flatten(order)) }).outcome).toBe("matched");
    }
  });

  it("has of every place what was written last", () => {
    const wrong = new Uint8Array(dump.length).fill(0x5a);
    const run = save(
      "flat",
      flatten([
        [0, wrong],
        [4096, dump.subarray(4096)],
        [0, wrong.subarray(0, 50)],
        [0, dump.subarray(0, 4096)],
      ]),
    );
    expect(matchUpdate([SUBJECT], { run }).outcome).toBe("matched");
  });

  it("without its end is refused", () => {
    const flat = flatten([[0, dump]]);
    expect(() => openImage(save("flat", flat.subarray(0, flat.length - 16)))).toThrow(/has no end/);
    expect(() => openImage(save("flat", flat.subarray(0, flat.length - 40)))).toThrow(/is not in the file/);
  });
});

describe("the kernel's own symbols", () => {
  it.each(["base", "percpu", "absolute"] as const)("are read in the form: %s", (form) => {
    const image = openImage(save("kallsyms", dumpOf(kernel(form))));
    expect(image.symbols.origin).toBe("kallsyms");
    expect([...image.symbols.all()].map(({ name, address, weak }) => [name, address, weak])).toEqual(
      SYMBOLS.map(([letter, name, address]) => [
        name,
        form === "base" && address < START ? expect.anything() : address,
        letter === "W",
      ]),
    );
    image.close();
  });

  it("that contradict the core are not used, and that is said", () => {
    const wanted = kernel();
    const info = wanted.info.replace(/^SYMBOL\(_stext\)=.*$/m, `SYMBOL(_stext)=${(START + 16n).toString(16)}`);
    const result = matchUpdate([SUBJECT], { run: save("contradiction", dumpOf({ ...wanted, info })) });
    expect(result.findings).toContainEqual(
      expect.objectContaining({ code: "kallsyms-unreadable", message: expect.stringContaining("where _stext is") }),
    );
  });

  it("come out of an ELF core, too: with virtual addresses, and with physical ones alone as QEMU writes them", () => {
    const wanted = kernel();
    const note = Buffer.alloc(24 + Math.ceil(wanted.info.length / 4) * 4);
    note.writeUInt32LE(11, 0);
    note.writeUInt32LE(wanted.info.length, 4);
    note.write("VMCOREINFO\0", 12);
    note.write(wanted.info, 24);
    for (const vaddr of [START, 0n]) {
      const core = buildElf({
        type: "core",
        sections: [
          { name: "memory", content: wanted.memory },
          { name: "notes", content: note },
        ],
        segments: [
          { section: "memory", vaddr, paddr: PHYSICAL, flags: 7 },
          { section: "notes", type: 4, flags: 4 },
        ],
      });
      const result = matchUpdate([SUBJECT], { run: save("core", core) });
      expect(result.outcome).toBe("matched");
      expect(result.run.release).toBe("6.1.0-test");
    }
  });
});

describe("a vmlinux beside a dump", () => {
  const vmlinux = (buildId: string): Uint8Array =>
    buildElf({
      type: "exec",
      sections: [
        { name: ".text", code: "cc".repeat(0x400), addr: START - SLIDE },
        { name: ".notes", content: `04000000 14000000 03000000 474e5500 ${buildId}`, type: "note", flags: "A" },
      ],
      segments: [
        { section: ".text", vaddr: START - SLIDE },
        { section: ".notes", type: 4 },
      ],
      symbols: SYMBOLS.slice(1, 4).map(([, name, address]) => ({
        name,
        section: ".text",
        value: address - SLIDE,
        type: "func" as const,
      })),
    });

  it("gives its symbols, moved as VMCOREINFO says", () => {
    const symbolFiles = [save("vmlinux", vmlinux("00112233445566778899aabbccddeeff00112233"))];
    const result = matchUpdate([SUBJECT], { run: save("dump", dumpOf(kernel("none"))), symbolFiles });
    expect(result).toMatchObject({ outcome: "matched", run: { slide: "0x1a000000" } });
  });

  it("with another build ID is refused", () => {
    const symbolFiles = [save("vmlinux", vmlinux("ff".repeat(20)))];
    expect(() => matchUpdate([SUBJECT], { run: save("dump", dumpOf(kernel("none"))), symbolFiles })).toThrow(
      /build ID/,
    );
  });
});
