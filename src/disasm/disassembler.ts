import type { Arch } from "../arch/arch.ts";
import type { Disassembler } from "./instruction.ts";
import { x86Mode } from "./units.ts";
import { wordDisassembler } from "./words.ts";
import { loadX86Disassembler } from "./x86.ts";

/**
 * The best disassembler there is for an architecture: mnemonics on x86, words elsewhere. iced-x86 is loaded here and nowhere
 * else; where it is not installed (the bundle was copied by itself), words do.
 */
export function disassemblerFor(arch: Arch): Disassembler {
  if (x86Mode(arch) === undefined) return wordDisassembler(arch);
  try {
    return loadX86Disassembler(arch);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND") return wordDisassembler(arch);
    throw error;
  }
}
