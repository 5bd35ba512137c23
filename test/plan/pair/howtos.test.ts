import { describe, expect, it } from "vitest";
import type { Arch, Howto } from "../../../src/arch/arch.ts";
import { fieldOrder, writeField } from "../../../src/arch/field.ts";
import { archFor } from "../../../src/arch/registry.ts";
import type { HowtoDescription } from "../../../src/contract/code.ts";
import { readObject } from "../../../src/elf/object.ts";
import { describeHowtos } from "../../../src/plan/pair/howtos.ts";
import { buildElf, type MachineName } from "../../support/elf-builder.ts";

const MACHINES: readonly MachineName[] = [
  ...(["x86_64", "i386", "aarch64", "arm", "armeb", "ppc64", "ppc64le", "s390x"] as const),
  ...(["riscv64", "loongarch64", "mips", "mips64", "mips64le"] as const),
];
const archOf = (machine: MachineName): Arch => archFor(readObject(buildElf({ machine }), "x.o"));

const runsOf = ({
  bits,
  dstMask,
  size,
}: HowtoDescription): readonly { readonly low: number; readonly width: number }[] => {
  if (bits !== undefined) return bits;
  const mask = BigInt(dstMask);
  const found: { low: number; width: number }[] = [];
  for (let low = 0; low < 8 * size; low++) if ((mask >> BigInt(low)) & 1n) found.push({ low, width: 1 });
  return found;
};

const ENCODE: Readonly<Record<string, (value: bigint, shift: bigint, width: bigint) => bigint>> = {
  paired(value, shift, width) {
    const low = width === 32n ? 12n : 16n;
    const stored = value >> shift;
    return stored + (((stored >> (low - 1n)) & 1n) << low);
  },
  "thumb-branch": (value, shift) => {
    const stored = value >> shift;
    return (stored >> 23n) & 1n ? stored : stored ^ 0x600000n;
  },
  "up-down": (value, shift, width) => (value < 0n ? -value >> shift : (value >> shift) | (1n << (width - 1n))),
  "arm-immediate": (value) => {
    const magnitude = BigInt.asUintN(32, value < 0n ? -value : value);
    let below = 0n;
    while (magnitude >> below > 0xffn) below += 2n;
    return (value < 0n ? 0x1000n : 0x2000n) | ((((32n - below) / 2n) & 15n) << 8n) | (magnitude >> below);
  },
  "movz-movn": (value, shift) => {
    const part = BigInt.asUintN(16, (value < 0n ? ~value : value) >> shift);
    return value < 0n ? part : part | 0x10000n;
  },
};

/** Stores a value by the description alone. */
function store(howto: HowtoDescription, bytes: Uint8Array, value: bigint): void {
  const runs = runsOf(howto);
  const width = BigInt(runs.reduce((sum, run) => sum + run.width, 0));
  const shift = BigInt(howto.rightshift);
  const rounded = value + BigInt(howto.rounding ?? "0x0");
  const encode = ENCODE[howto.encoding ?? ""];
  let rest = encode === undefined ? rounded >> shift : encode(rounded, shift, width);
  let field = 0n;
  for (const run of runs) {
    field |= BigInt.asUintN(run.width, rest) << BigInt(run.low);
    rest >>= BigInt(run.width);
  }
  const written = runs.reduce((mask, run) => mask | (((1n << BigInt(run.width)) - 1n) << BigInt(run.low)), 0n);
  const unit = howto.unit ?? howto.size;
  for (let i = 0; i < howto.size; i++) {
    // Place of the byte in the field: units from low to high bits, each in its own byte order.
    const inUnit = i % unit;
    const at = i - inUnit + (howto.order === "msb" ? unit - 1 - inUnit : inUnit);
    const mask = Number((written >> BigInt(8 * i)) & 0xffn);
    const byte = Number((field >> BigInt(8 * i)) & 0xffn);
    bytes[at] = ((bytes[at] as number) & ~mask) | byte;
  }
}

const VALUES = [0n, 1n, 8n, 0x7ffn, 0x800n, 0xfffn, 0x12345678n, -4n, -0x800n, -0x12345678n, 0x7fff_ffffn];

describe("a description of a relocation type", () => {
  it.each(MACHINES)("says all that a loader writes by: %s", (machine) => {
    const arch = archOf(machine);
    const wrong = new Set<string>();
    const howtos = new Map(
      [...arch.howtos.values()].filter(({ size }) => size > 0).map((howto) => [howto.name, howto]),
    );
    const described = JSON.parse(JSON.stringify(describeHowtos(arch, howtos))) as Record<string, HowtoDescription>;
    for (const [name, howto] of howtos) {
      for (const value of VALUES) {
        if (!agrees(arch, howto, described[name] as HowtoDescription, value)) wrong.add(name);
      }
    }
    expect([...wrong]).toEqual([]);
  });

  it.each<[MachineName, string, Partial<HowtoDescription>]>([
    ["x86_64", "R_X86_64_GOTPCRELX", { role: "got", value: "slot", from: "place" }],
    ["x86_64", "R_X86_64_TPOFF32", { role: "tls", value: "thread-pointer", from: "zero" }],
    ["x86_64", "R_X86_64_TLSGD", { role: "tls", value: "thread-pair", from: "place" }],
    ["x86_64", "R_X86_64_PLT32", { role: "branch", value: "symbol", from: "place" }],
    ["i386", "R_386_GOTOFF", { value: "symbol", from: "got" }],
    ["ppc64le", "R_PPC64_TOC16_HA", { value: "symbol", from: "toc", rounding: "0x8000" }],
    ["riscv64", "R_RISCV_SUB32", { role: "difference", value: "symbol", change: "subtract" }],
    ["riscv64", "R_RISCV_PCREL_LO12_I", { value: "upper-half", instruction: true }],
    ["armeb", "R_ARM_ABS32", { value: "symbol", from: "zero", order: "msb" }],
    ["s390x", "R_390_PC32DBL", { order: "msb", rightshift: 1 }],
  ])("of %s, %s tells what goes in", (machine, type, expected) => {
    const arch = archOf(machine);
    const howto = [...arch.howtos.values()].find((candidate) => candidate.name === type) as Howto;
    expect(describeHowtos(arch, new Map([[type, howto]]))[type]).toMatchObject(expected);
  });
});

function agrees(arch: Arch, howto: Howto, described: HowtoDescription, value: bigint): boolean {
  const [own, read] = [new Uint8Array(howto.size).fill(0x5a), new Uint8Array(howto.size).fill(0x5a)];
  writeField(own, 0, howto, fieldOrder(arch, howto), value);
  store(described, read, value);
  return Buffer.compare(own, read) === 0;
}
