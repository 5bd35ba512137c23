import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, describe, expect, it } from "vitest";
import { archFor } from "../../../src/arch/registry.ts";
import { type TrampolineBytes, trampoline, trapBytes } from "../../../src/match/outcome/trampoline.ts";
import { MACHINES } from "../../support/elf-description.ts";
import { join } from "../../support/paths.ts";
import { needPrograms } from "../../support/tools.ts";

const folder = mkdtempSync(join(tmpdir(), "elfsplice-trampoline-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const archOf = (name: keyof typeof MACHINES) => archFor({ ...MACHINES[name], flags: 0 });
const hexOf = (made: TrampolineBytes): string =>
  "bytes" in made ? Buffer.from(made.bytes).toString("hex") : made.kind;

interface Case {
  readonly arch: keyof typeof MACHINES;
  readonly size: number;
  readonly isThumb?: true;
  readonly from: bigint;
  readonly to: bigint;
  readonly bytes: string;
  /** The nearest place that cannot be reached. */
  readonly far: bigint;
  /** GNU as of the architecture, and what it is to assemble: the same bytes. */
  readonly as: readonly string[];
  readonly source: string;
  readonly traps: string;
}

const CASES: readonly Case[] = [
  {
    arch: "x86_64",
    size: 5,
    from: 0x1000n,
    to: 0x2000n,
    bytes: "e9fb0f0000",
    far: 0x1005n + (1n << 31n),
    as: ["x86_64-linux-gnu-as"],
    source: ".byte 0xe9\n.long 0xffb\n",
    traps: "0f0b0f0b0f",
  },
  {
    arch: "aarch64",
    size: 4,
    from: 0x1000n,
    to: 0x2000n,
    bytes: "00040014",
    far: 0x1000n + (1n << 27n),
    as: ["aarch64-linux-gnu-as"],
    source: "b .+0x1000\n",
    traps: "000021d4",
  },
  {
    arch: "arm",
    size: 4,
    from: 0x1000n,
    to: 0x2000n,
    bytes: "fe0300ea",
    far: 0x1008n + (1n << 25n),
    as: ["arm-linux-gnueabihf-as"],
    source: ".arm\nb .+0x1000\n",
    traps: "f201f0e7",
  },
  {
    arch: "arm",
    size: 4,
    isThumb: true,
    from: 0x1000n,
    to: 0x2000n,
    bytes: "00f0febf",
    far: 0x1004n + (1n << 24n),
    as: ["arm-linux-gnueabihf-as"],
    source: ".syntax unified\n.thumb\nb.w .+0x1000\n",
    traps: "02de02de",
  },
  {
    arch: "ppc64le",
    size: 4,
    from: 0x2000n,
    to: 0x1000n,
    bytes: "00f0ff4b",
    far: 0x2000n + (1n << 25n),
    as: ["powerpc64le-linux-gnu-as"],
    source: "b .-0x1000\n",
    traps: "0800e07f",
  },
  {
    arch: "s390x",
    size: 6,
    from: 0x1000n,
    to: 0x2000n,
    bytes: "c0f400000800",
    far: 0x1000n + (1n << 32n),
    as: ["s390x-linux-gnu-as"],
    source: "brcl 15,.+0x1000\n",
    traps: "af000000af00",
  },
  {
    arch: "riscv64",
    size: 8,
    from: 0x1000n,
    to: 0x2ffcn,
    bytes: "172300006700c3ff",
    far: 0x1000n + (1n << 31n),
    as: ["riscv64-linux-gnu-as"],
    source: "auipc t1,2\njalr x0,-4(t1)\n",
    traps: "7300100073001000",
  },
  {
    arch: "loongarch64",
    size: 8,
    from: 0x1000n,
    to: 0x1000n + 0x40004n,
    bytes: "2c00001e8005004c",
    far: 0x1000n + (1n << 37n),
    as: [],
    source: "",
    traps: "01002a0001002a00",
  },
  {
    arch: "mips",
    size: 16,
    from: 0x1000n,
    to: 0x12348000n,
    bytes: "3c191235273980000320000900000000",
    far: 1n << 40n,
    as: ["mips-linux-gnu-as", "-mips32r2"],
    source: ".set noreorder\nlui $25,0x1235\naddiu $25,$25,-0x8000\njalr $0,$25\nnop\n",
    traps: "0200000d0200000d0200000d0200000d",
  },
];

describe("a trampoline", () => {
  it.each(CASES)(
    "of $arch jumps from the old place to the new one",
    ({ arch, size, isThumb = false, from, to, bytes }) => {
      expect(hexOf(trampoline(archOf(arch), { from, to, size, isThumb }))).toBe(bytes);
    },
  );

  it.each(CASES.filter(({ arch }) => arch !== "mips"))(
    "of $arch is refused one step beyond its reach",
    ({ arch, size, isThumb = false, from, far }) => {
      const step = arch === "x86_64" ? 1n : arch === "s390x" || isThumb ? 2n : 4n;
      expect(trampoline(archOf(arch), { from, to: far, size, isThumb }).kind).toBe("far");
      expect(trampoline(archOf(arch), { from, to: far - step, size, isThumb }).kind).toBe("bytes");
    },
  );

  it("of mips64 reaches what 32 bits with sign can say", () => {
    const jump = (to: bigint) => trampoline(archOf("mips64"), { from: 0n, to, size: 16, isThumb: false }).kind;
    expect(jump(0xffff_ffff_8012_3450n)).toBe("bytes");
    expect(jump(0x9000_0000_8012_3450n)).toBe("far");
  });

  it.each(CASES)("of $arch without an aim tells which field is open", ({ arch, size, isThumb = false, from }) => {
    const made = trampoline(archOf(arch), { from, to: undefined, size, isThumb });
    expect(made.kind).toBe("open");
    const fields = made.kind === "open" ? made.fields : [];
    expect(fields.length).toBe(arch === "mips" ? 2 : 1);
    expect(fields.every((field) => field.offset + field.size <= size)).toBe(true);
  });

  it.each(CASES)("of $arch is a trap where the function is gone", ({ arch, size, isThumb = false, traps }) => {
    expect(Buffer.from(trapBytes(archOf(arch), size, isThumb) ?? []).toString("hex")).toBe(traps);
  });

  it.for(CASES.filter(({ as }) => as.length > 0))(
    "of $arch is what GNU as assembles (skipped where it is absent)",
    ({ as, source, bytes }, { skip }) => {
      const [tool = "", ...options] = as;
      needPrograms(skip, tool);
      const [input, output, raw] = ["t.s", "t.o", "t.bin"].map((name) => join(folder, name)) as [
        string,
        string,
        string,
      ];
      writeFileSync(input, source);
      expect(spawnSync(tool, [...options, "-o", output, input]).status).toBe(0);
      expect(spawnSync(tool.replace(/as$/, "objcopy"), ["-O", "binary", "-j", ".text", output, raw]).status).toBe(0);
      expect(
        readFileSync(raw)
          .subarray(0, bytes.length / 2)
          .toString("hex"),
      ).toBe(bytes);
    },
  );
});
