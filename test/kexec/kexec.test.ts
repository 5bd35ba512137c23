import { readFileSync } from "node:fs";
import Ajv2020 from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import schema from "../../src/contract/kexec.schema.json" with { type: "json" };
import type { KexecPlan } from "../../src/contract/kexec.ts";
import { type ByteSource, readImageHeader } from "../../src/elf/segments.ts";
import { KEXEC_FINDING_CODES, KEXEC_FINDINGS } from "../../src/findings/kexec.ts";
import { type KexecOptions, planKexec } from "../../src/kexec/kexec.ts";
import { parseRange, readMemoryMap } from "../../src/kexec/memory-map.ts";
import { refuseOtherFormats } from "../../src/kexec/other-formats.ts";
import { renderJson } from "../../src/report/json.ts";
import { renderKexecText } from "../../src/report/kexec-text.ts";
import { buildElf, type ElfDescription, type SegmentDescription } from "../support/elf-builder.ts";
import { FIXTURES, join } from "../support/paths.ts";
import { strict } from "../support/schema.ts";

const validate = new Ajv2020.default({ strict: false }).compile(strict(schema) as object);

function sourceOf(bytes: Uint8Array, file = "vmlinux"): ByteSource {
  return { file, size: bytes.length, read: (offset, size) => bytes.subarray(offset, offset + size) };
}

function planOf(bytes: Uint8Array, options: KexecOptions = {}, file = "vmlinux"): KexecPlan {
  const source = sourceOf(bytes, file);
  const plan = planKexec({ file, size: source.size, header: readImageHeader(source, "segments") }, options);
  expect(validate(JSON.parse(renderJson(plan))), JSON.stringify(validate.errors)).toBe(true);
  return plan;
}

type Load = Partial<SegmentDescription> & { readonly size?: number };

/** A kernel of these PT_LOAD segments; what is not said: 0x1000 bytes, executable, virtual as physical. */
function kernel(loads: readonly Load[], extra: Partial<ElfDescription> = {}): Uint8Array {
  const sections = loads.map(({ size = 0x1000 }, index) => ({
    name: `.s${index}`,
    content: new Uint8Array(size),
    flags: "A",
  }));
  const segments = loads.map(({ size: _size, ...load }, index) => ({
    section: `.s${index}`,
    flags: 5,
    vaddr: load.paddr ?? 0,
    ...load,
  }));
  return buildElf({ type: "exec", entry: loads[0]?.paddr ?? 0, sections, segments, ...extra });
}

const codesOf = ({ findings }: KexecPlan): string[] => findings.map(({ code }) => code);
const loud = (plan: KexecPlan): string[] =>
  plan.findings.filter(({ severity }) => severity !== "note").map(({ code }) => code);
const iomem = (text: string) => readMemoryMap(text, "map");
const RAM = iomem("100000-1fffff");

describe("segments", () => {
  it.each([
    ["whole pages stay as they are", [{ paddr: 0x100000 }], ["0x100000 1000 1000"]],
    ["the end is filled with zeros to the page", [{ paddr: 0x100000, memsz: 0x1800 }], ["0x100000 2000 1000"]],
    ["a start inside a page is aligned down", [{ paddr: 0x100080, size: 0x100 }], ["0x100000 1000 180"]],
    ["both ends are aligned outward", [{ paddr: 0x100ff0, size: 0x20 }], ["0x100000 2000 1010"]],
    ["one of zeros only has no bytes from the file", [{ paddr: 0x100000, size: 0, memsz: 0x10 }], ["0x100000 1000 0"]],
    [
      "two that meet in one page are loaded as one",
      [
        { paddr: 0x100000, size: 0x800 },
        { paddr: 0x100800, size: 0x900 },
      ],
      ["0x100000 2000 1100"],
    ],
    [
      "two that only touch stay two, in order of address",
      [{ paddr: 0x101000 }, { paddr: 0x100000 }],
      ["0x100000 1000 1000", "0x101000 1000 1000"],
    ],
  ] as [string, Load[], string[]][])("%s", (_teaches, loads, wanted) => {
    const { segments, copy } = planOf(kernel(loads), { memory: RAM });
    expect(segments.map(({ mem, memsz, bufsz }) => `${mem} ${memsz.toString(16)} ${bufsz.toString(16)}`)).toEqual(
      wanted,
    );
    expect(copy?.pages).toBe(segments.reduce((sum, { memsz }) => sum + memsz / 4096, 0));
  });

  it("parts say which bytes of the file come where", () => {
    const [segment] = planOf(
      kernel([
        { paddr: 0x100010, size: 0x800 },
        { paddr: 0x100820, size: 0x20 },
      ]),
    ).segments;
    expect(segment?.parts.map(({ at, size }) => [at, size])).toEqual([
      [0x10, 0x800],
      [0x820, 0x20],
    ]);
  });

  it("of pages of another size", () => {
    expect(planOf(kernel([{ paddr: 0x110000 }]), { pageSize: 0x10000 }).segments[0]?.memsz).toBe(0x10000);
    expect(planOf(kernel([{ paddr: 0 }], { machine: "ppc64", entry: 0 })).pageSize).toBe(0x10000);
    expect(() => planOf(kernel([{ paddr: 0 }]), { pageSize: 5000 })).toThrow(/--page-size/);
  });
});

describe("the entry", () => {
  const virtual = { paddr: 0x100000, vaddr: 0xffffffff80100000n };
  it.each([
    ["is physical where it lies in a physical range", [virtual], 0x100010n, "physical", "0x100010"],
    ["is virtual where it lies in a virtual one", [virtual], 0xffffffff80100010n, "virtual", "0x100010"],
    ["is both where they are the same", [{ paddr: 0x100000 }], 0x100010n, "both", "0x100010"],
  ] as [string, Load[], bigint, string, string][])("%s", (_teaches, loads, entry, as, physical) => {
    expect(planOf(kernel(loads, { entry })).entry).toMatchObject({ as, physical });
  });

  it("moves with the kernel", () => {
    const plan = planOf(kernel([{ paddr: 0x100000 }]), { loadAddress: 0x4000000n });
    expect(plan.entry?.physical).toBe("0x4000000");
    expect(plan.segments[0]?.mem).toBe("0x4000000");
    expect(codesOf(plan)).toContain("moved-by-request");
  });
});

/** For each finding a case that has it, and whether the plan stands. */
const found: Record<string, [Uint8Array, KexecOptions?]> = {
  "segments-overlap": [kernel([{ paddr: 0x100000 }, { paddr: 0x100800 }])],
  "segment-wraps": [kernel([{ paddr: 0x100000 }, { paddr: 0xffffffffffffff00n, memsz: 0x2000 }])],
  "segment-outside-memory": [kernel([{ paddr: 0x1ff000, memsz: 0x2000 }], { entry: 0x1ff000 }), { memory: RAM }],
  "segment-outside-crash-range": [kernel([{ paddr: 0x100000 }]), { crashKernel: parseRange("1M@16M", "") }],
  "address-not-physical": [
    kernel([{ paddr: 0xffff800008000000n }], { machine: "aarch64", entry: 0xffff800008000000n }),
  ],
  "entry-outside": [kernel([{ paddr: 0x100000 }], { entry: 0x300000 })],
  "entry-not-executable": [kernel([{ paddr: 0x100000, flags: 6 }])],
  "image-too-large": [kernel([{ paddr: 0x100000, memsz: 2 ** 35 }])],
  "initrd-no-room": [kernel([{ paddr: 0x100000 }]), { memory: RAM, initrd: { file: "initrd", size: 0x200000 } }],
  "source-pages-short": [
    kernel([{ paddr: 0x100000 }]),
    { sourcePages: { kind: "list", file: "pages", text: "# none\n" } },
  ],
  "source-page-outside-memory": [
    kernel([{ paddr: 0x100000 }]),
    { memory: RAM, sourcePages: { kind: "list", file: "pages", text: "0x900000\n" } },
  ],
  "no-control-page": [
    kernel([{ paddr: 0x100000 }]),
    { memory: iomem("100000-101fff"), sourcePages: { kind: "list", file: "pages", text: "101000\n" } },
  ],
  "segment-alignment": [kernel([{ paddr: 0x100000 }, { paddr: 0x102000, align: 0x3000 }])],
  "segments-out-of-order": [kernel([{ paddr: 0x102000 }, { paddr: 0x100000 }])],
  "segments-share-page": [
    kernel([
      { paddr: 0x100000, size: 0x10 },
      { paddr: 0x100010, size: 0x10 },
    ]),
  ],
  "segment-empty": [kernel([{ paddr: 0x100000 }, { paddr: 0, size: 0 }])],
  "position-independent": [kernel([{ paddr: 0x100000 }], { type: "dyn" })],
  "moved-by-request": [kernel([{ paddr: 0x100000 }]), { loadAddress: 0x200000n }],
  "memory-unknown": [kernel([{ paddr: 0x100000 }])],
  "source-pages-assumed": [kernel([{ paddr: 0x100000 }])],
};

describe("findings", () => {
  it.each(KEXEC_FINDING_CODES)("%s", (code) => {
    const [bytes, options] = found[code] as [Uint8Array, KexecOptions?];
    const plan = planOf(bytes, options);
    expect(codesOf(plan)).toContain(code);
    const { severity } = KEXEC_FINDINGS[code];
    if (severity === "error") expect([plan.status, plan.copy]).toEqual(["not-applicable", null]);
    else expect(plan.copy).not.toBeNull();
    if (severity === "warning") expect(plan.status).toBe("needs-work");
    for (const { message } of plan.findings) expect(message).not.toMatch(/undefined|NaN|\(\)|: $/);
  });

  it("of a kernel that is well: none but notes", () => {
    const plan = planOf(kernel([{ paddr: 0x100000 }]), { memory: RAM });
    expect([plan.status, loud(plan)]).toEqual(["applicable", []]);
  });
});

describe("the initrd", () => {
  const initrd = { file: "initrd", size: 0x1800 };
  const RAM_32G = iomem("100000-7ffffffff");
  it.each([
    ["x86_64: below 2 GiB", "x86_64", "0x7fffe000"],
    ["i386: below 0x38000000", "i386", "0x37ffe000"],
    ["aarch64: in one window with the kernel", "aarch64", "0x7ffffe000"],
    ["s390x: at the top", "s390x", "0x7ffffe000"],
    ["mips: where KSEG0 reaches", "mips", "0x1fffe000"],
  ] as const)("%s", (_teaches, machine, address) => {
    const plan = planOf(kernel([{ paddr: 0x100000 }], { machine }), { memory: RAM_32G, initrd });
    expect(plan.initrd?.address).toBe(address);
    expect(plan.segments.at(-1)).toMatchObject({ name: "the initrd", memsz: 0x2000, bufsz: 0x1800 });
  });

  it("goes below what is taken, and into the highest piece that is large enough", () => {
    const memory = iomem("100000-104fff\n200000-200fff");
    expect(planOf(kernel([{ paddr: 0x103000 }], { entry: 0x103000 }), { memory, initrd }).initrd?.address).toBe(
      "0x101000",
    );
  });

  it("goes where it is told, and overlaps are found", () => {
    const plan = planOf(kernel([{ paddr: 0x100000 }]), { memory: RAM, initrd, initrdAddress: 0x100800n });
    expect(loud(plan)).toEqual(["segments-overlap"]);
  });

  it("of no bytes takes no memory", () => {
    const plan = planOf(kernel([{ paddr: 0x100000 }]), { memory: RAM, initrd: { file: "initrd", size: 0 } });
    expect([plan.status, plan.segments.length]).toEqual(["applicable", 1]);
  });
});

describe("the panic case", () => {
  it("has everything in place, nothing to move, and a control page inside the range", () => {
    const plan = planOf(kernel([{ paddr: 0x100000 }]), {
      crashKernel: parseRange("100000-1fffff", ""),
      initrd: { file: "initrd", size: 0x1000 },
    });
    expect(plan).toMatchObject({
      mode: "panic",
      status: "applicable",
      initrd: { address: "0x1ff000" },
      copy: { moves: [], moved: 0, pages: 2, identity: 2, spare: "0x101000" },
    });
  });

  it("needs room for the control page", () => {
    const plan = planOf(kernel([{ paddr: 0x100000 }]), { crashKernel: parseRange("100000-100fff", "") });
    expect(loud(plan)).toEqual(["no-control-page"]);
  });

  it("a range outside memory is found", () => {
    const options = { crashKernel: parseRange("1M@1M", ""), memory: iomem("0-fff") };
    expect(loud(planOf(kernel([{ paddr: 0x100000 }]), options))).toContain("segment-outside-memory");
  });
});

describe("source pages", () => {
  const bytes = kernel([{ paddr: 0x100000, memsz: 0x10000 }]);
  it("by chance are the same for the same seed, and never in the running kernel", () => {
    const memory = iomem("100000-1fffff : System RAM\n  180000-1effff : Kernel code");
    const of = (seed: number) => planOf(bytes, { memory, sourcePages: { kind: "random", seed } }).copy;
    expect(of(1)).toEqual(of(1));
    expect(of(1)).not.toEqual(of(2));
    for (const { from } of of(3)?.moves ?? []) expect(Number(from) >= 0x180000 && Number(from) < 0x1f0000).toBe(false);
  });

  it("from a list are taken in the order of the destinations", () => {
    const text = "0x110000+15\n0x100000\n";
    const plan = planOf(bytes, { memory: RAM, sourcePages: { kind: "list", file: "pages", text } });
    expect(plan.copy).toMatchObject({ pages: 16, identity: 0, cycles: 0, sources: "pages" });
    expect(plan.copy?.moves).toEqual([
      { from: "0x111000", to: "0x101000", count: 14, order: "ascending" },
      { from: "0x100000", to: "0x10f000", count: 1 },
      { from: "0x110000", to: "0x100000", count: 1 },
    ]);
  });

  it.each([
    ["no address", "hello", /line 1 is not the address/],
    ["no start of a page", "100", /line 1: not the start/],
    ["a page twice", "1000\n1000", /line 2: page 0x1000 comes twice/],
  ])("%s is refused", (_teaches, text, problem) => {
    expect(() => planOf(bytes, { sourcePages: { kind: "list", file: "pages", text } })).toThrow(problem);
  });
});

describe("a file that is not a kernel", () => {
  it.each([
    ["a relocatable object", buildElf({}), /a relocatable object; a linked kernel/],
    ["a core", kernel([{ paddr: 0 }], { type: "core" }), /a core file/],
    ["no segments", buildElf({ type: "exec" }), /has no segment to load/],
    ["more in the file than in memory", kernel([{ paddr: 0, memsz: 0x10 }]), /larger in the file than in memory/],
    ["a truncated file", kernel([{ paddr: 0, size: 0x1000 }]).subarray(0, 0x400), /past the end of the file/],
    [
      "program headers of another size",
      kernel([{ paddr: 0 }], { patches: [{ at: 54, bytes: "2000" }] }),
      /e_phentsize/,
    ],
  ])("%s", (_teaches, bytes, problem) => expect(() => planOf(bytes)).toThrow(problem));

  it.each([
    ["a bzImage", 0x202, "48647253"],
    ["an arm64 Image", 0x38, "41524d64"],
    ["a file packed with zstd", 0, "28b52ffd"],
    ["a file packed with gzip", 0, "1f8b"],
    ["a PE image", 0, "4d5a"],
  ])("%s is refused by name", (words, at, mark) => {
    const bytes = new Uint8Array(0x300);
    bytes.set(Buffer.from(mark, "hex"), at);
    expect(() => refuseOtherFormats(sourceOf(bytes))).toThrow(`vmlinux: ${words}; the kernel as ELF`);
  });

  it("any bytes are refused or planned, never worse", () => {
    const whole = kernel([{ paddr: 0x100000 }, { paddr: 0x102000 }]);
    let state = 1;
    for (let round = 0; round < 3000; round++) {
      const bytes = Uint8Array.from(whole);
      for (let k = 0; k < 4; k++) {
        state = (Math.imul(state, 1103515245) + 12345) >>> 0;
        bytes[(state >>> 8) % 176] = state & 0xff;
      }
      try {
        planOf(bytes);
      } catch (error) {
        expect((error as Error).name).toMatch(/^(FormatError|UnsupportedError)$/);
      }
    }
  });
});

describe("kernels of the fixtures", () => {
  it.each(["kexec/odd-segments", "kexec/mips"])("%s", async (name) => {
    const bytes = readFileSync(join(FIXTURES, name, "vmlinux"));
    const plan = planOf(bytes, { memory: iomem("0-1fffffff"), initrd: { file: "initrd.img", size: 5000 } });
    await expect(renderJson(plan)).toMatchFileSnapshot(join(FIXTURES, name, "plan.json"));
    expect(renderKexecText(plan)).toMatch(/\nkexec: applicable\n$/);
  });
});
