import type { Arch } from "./arch.ts";

/** A number that an instruction loads into a register or pushes. */
export interface LoadedConstant {
  /** Offset of the instruction field that holds it. */
  readonly offset: number;
  readonly size: number;
  readonly value: number;
}

type Reader = (code: Uint8Array, offset: number) => LoadedConstant | undefined;

/** x86 `mov $imm32,%reg` (b8+r). Intel SDM volume 2, "MOV". */
const x86: Reader = (code, offset) => {
  for (let start = offset - 1; start >= offset - 4 && start >= 0; start--) {
    const opcode = code[start] as number;
    if (opcode < 0xb8 || opcode > 0xbf || start + 5 > code.length) continue;
    const field = start + 1;
    const value =
      (code[field] as number) + (code[field + 1] as number) * 0x100 + (code[field + 2] as number) * 0x10000 + (code[field + 3] as number) * 0x1000000;
    if (value < LARGEST_LINE) return { offset: field, size: 4, value };
  }
  return undefined;
};

/** AArch64 `movz wN,#imm16`. Arm ARM, C6.2 "MOVZ". */
const aarch64: Reader = (code, offset) => {
  const start = offset & ~3;
  if (start + 4 > code.length) return undefined;
  const word = (code[start] as number) | ((code[start + 1] as number) << 8) | ((code[start + 2] as number) << 16) | ((code[start + 3] as number) << 24);
  if (((word >>> 0) & 0x7fe00000) >>> 0 !== 0x52800000) return undefined;
  return { offset: start, size: 4, value: (word >>> 5) & 0xffff };
};

/** No source file has more lines than this. */
const LARGEST_LINE = 0x40000;

const READERS: Readonly<Record<string, Reader>> = { x86_64: x86, i386: x86, aarch64 };

/** The constant that the instruction around a byte loads, where it is small enough to be a line number. */
export function loadedConstantAt(arch: Arch, code: Uint8Array, offset: number): LoadedConstant | undefined {
  return READERS[arch.name]?.(code, offset);
}
