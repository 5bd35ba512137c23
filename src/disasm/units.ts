import type { Arch } from "../arch/arch.ts";
import { decodeX86, type X86Mode } from "../arch/x86-decode.ts";
import type { Span } from "../spans/span.ts";

/** Size in bytes of the instruction at an offset, as far as its first bytes tell. */
type Measure = (code: Uint8Array, at: number) => number;

/** Width of addresses in the code: x32 has 64-bit code with 32-bit pointers. */
export const X86_MODES: Readonly<Record<string, X86Mode>> = { x86_64: 64, x32: 64, i386: 32 };

function x86(mode: X86Mode): Measure {
  return (code, at) => decodeX86(code, at, mode)?.length ?? 1;
}

/** The first two bits tell the length. Principles of Operation, chapter 5, "Instruction Formats". */
const s390: Measure = (code, at) => {
  const first = code[at] as number;
  return first < 0x40 ? 2 : first < 0xc0 ? 4 : 6;
};

/** Instructions of 16 bits end in anything but 11. RISC-V unprivileged ISA, 1.5. */
const riscv: Measure = (code, at) => (((code[at] as number) & 3) === 3 ? 4 : 2);

/** A halfword from e800 up has a second one. Arm ARM, A6.1. */
function thumb(arch: Arch): Measure {
  const high = arch.instructionData === "lsb" ? 1 : 0;
  return (code, at) => ((code[at + high] ?? 0) >= 0xe8 ? 4 : 2);
}

/** Where not all instructions have four bytes. */
const MEASURES: Readonly<Record<string, Measure>> = {
  x86_64: x86(64),
  x32: x86(64),
  i386: x86(32),
  s390x: s390,
  s390: s390,
  riscv64: riscv,
  riscv32: riscv,
};

/** Whether the instructions are those that iced-x86 knows. */
export function isX86({ name }: Arch): boolean {
  return name in X86_MODES;
}

const word: Measure = () => 4;

/** Whether the function's symbol has the low bit set, which tells Thumb code. AAELF32, "Symbol Values". */
export function isThumb({ functionTagBit }: Arch, { symbol }: Span): boolean {
  return functionTagBit === true && symbol !== undefined && (symbol.value & 1n) === 1n;
}

/** Sizes of the instructions of a span, in order; what is left at its end counts as one. */
export function unitSizes(span: Span, arch: Arch): number[] {
  const measure = isThumb(arch, span) ? thumb(arch) : (MEASURES[arch.name] ?? word);
  const { bytes } = span;
  const sizes: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = Math.min(measure(bytes, at), bytes.length - at);
    sizes.push(size);
    at += size;
  }
  return sizes;
}

/** Bytes of one instruction in hexadecimal, in the order in which the architecture's manual writes them. */
export function hexWord(bytes: Uint8Array, span: Span, arch: Arch): string {
  if (isThumb(arch, span) && bytes.length === 4) {
    return `${ordered(bytes.subarray(0, 2), arch)} ${ordered(bytes.subarray(2), arch)}`;
  }
  return ordered(bytes, arch);
}

function ordered(bytes: Uint8Array, arch: Arch): string {
  const isBytewise = arch.name in MEASURES && !arch.name.startsWith("riscv");
  return Buffer.from(arch.instructionData === "msb" || isBytewise ? bytes : bytes.slice().reverse()).toString("hex");
}
