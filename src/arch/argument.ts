import type { Arch } from "./arch.ts";

/** Which argument of a call the instruction around a field prepares, from 0; undefined when its register is no argument's. */
export function argumentAt(arch: Arch, code: Uint8Array, field: number): number | undefined {
  const rule = RULES[arch.name];
  if (rule === undefined) return undefined;
  const register = rule.destination(arch, code, field);
  const index = register === undefined ? -1 : rule.order.indexOf(register);
  return index === -1 ? undefined : index;
}

/** Registers of a call's first arguments, in order; none where the architecture has no rule. */
export function argumentRegisters(arch: Arch): readonly number[] {
  return RULES[arch.name]?.order ?? [];
}

interface Rule {
  /** Registers of the first arguments, in order. */
  readonly order: readonly number[];
  readonly destination: (arch: Arch, code: Uint8Array, field: number) => number | undefined;
}

/** Register that the instruction with this four-byte field loads: `mov $i,%r` (b8+r), `mov $i,%r` (c7 /0), `lea x(%rip),%r` (8d). Intel SDM volume 2. */
function x86Destination(_arch: Arch, code: Uint8Array, field: number): number | undefined {
  const last = code[field - 1] ?? 0;
  const before = code[field - 2] ?? 0;
  const first = code[field - 3] ?? 0;
  const rex = (byte: number): number => ((byte & 0xf0) === 0x40 ? byte : 0);
  if (before === 0x8d && (last & 0xc7) === 0x05)
    return copiedTo(code, field + 4, ((last >> 3) & 7) + (rex(first) & 4 ? 8 : 0));
  if (before === 0xc7 && (last & 0xf8) === 0xc0) return (last & 7) + (rex(first) & 1 ? 8 : 0);
  if (last >= 0xb8 && last <= 0xbf) return (last & 7) + (rex(before) & 1 ? 8 : 0);
  return undefined;
}

/** Unoptimised code loads an address into %rax and copies it: `mov %rax,%rdi`, perhaps after the next argument. */
function copiedTo(code: Uint8Array, after: number, register: number): number {
  for (let at = after, i = 0; i < 3 && at + 3 <= code.length; i++) {
    const [rex, opcode, modrm] = code.subarray(at, at + 3) as unknown as [number, number, number];
    const isCopy = (rex & 0xf8) === 0x48 && opcode === 0x89 && modrm >= 0xc0;
    if (isCopy && ((modrm >> 3) & 7) + (rex & 4 ? 8 : 0) === register) return (modrm & 7) + (rex & 1 ? 8 : 0);
    if (rex < 0xb8 || rex > 0xbf) return register;
    at += 5;
  }
  return register;
}

function word(arch: Arch, code: Uint8Array, field: number): number {
  const at = field & ~3;
  const little = arch.instructionData === "lsb";
  const byte = (i: number): number => code[at + (little ? i : 3 - i)] ?? 0;
  return (byte(0) | (byte(1) << 8) | (byte(2) << 16) | (byte(3) << 24)) >>> 0;
}

/** Fixed-width instructions keep their destination in five (Arm: four) bits at one place. */
function bits(low: number, width = 5): Rule["destination"] {
  return (arch, code, field) => (word(arch, code, field) >>> low) & (2 ** width - 1);
}

/** R1 stands in the upper half of an instruction's second byte: larl (RIL, field at +2) and lghi (RI, field at +2). */
function s390Destination(_arch: Arch, code: Uint8Array, field: number): number | undefined {
  const second = code[field - 1];
  return second === undefined ? undefined : second >> 4;
}

/** rd of RISC-V's 32-bit forms. */
function riscvDestination(_arch: Arch, code: Uint8Array, field: number): number | undefined {
  const low = (code[field] ?? 0) | ((code[field + 1] ?? 0) << 8);
  return (low >> 7) & 31;
}

function range(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}

/** Argument registers by architecture; psABI supplements, "Parameter Passing". i386: the kernel's -mregparm=3. */
const RULES: Readonly<Record<string, Rule>> = {
  x86_64: { order: [7, 6, 2, 1, 8, 9], destination: x86Destination },
  i386: { order: [0, 2, 1], destination: x86Destination },
  aarch64: { order: range(0, 8), destination: bits(0) },
  arm: { order: range(0, 4), destination: bits(12, 4) },
  ppc64le: { order: range(3, 8), destination: bits(21) },
  ppc64: { order: range(3, 8), destination: bits(21) },
  s390x: { order: range(2, 5), destination: s390Destination },
  riscv64: { order: range(10, 8), destination: riscvDestination },
  loongarch64: { order: range(4, 8), destination: bits(0) },
  mips: { order: range(4, 4), destination: bits(16) },
  mipsel: { order: range(4, 4), destination: bits(16) },
  mips64: { order: range(4, 8), destination: bits(16) },
  mips64el: { order: range(4, 8), destination: bits(16) },
};
