import type { Arch } from "../arch/arch.ts";
import { STT } from "../elf/constants.ts";
import type { ElfSymbol } from "../elf/object.ts";

/** Where in its section a symbol lies, in bytes; on Arm and MIPS the low bit of a function's value only tells the instruction set. */
export function symbolPlace(arch: Arch, symbol: ElfSymbol): number {
  const value = Number(symbol.value);
  return arch.functionTagBit && symbol.type === STT.FUNC ? value - (value % 2) : value;
}
