import type { Arch } from "../arch/arch.ts";
import type { Disassembler } from "./instruction.ts";
import { isX86 } from "./units.ts";
import { wordDisassembler } from "./words.ts";

/**
 * The best disassembler there is for an architecture: mnemonics on x86, words elsewhere. iced-x86 is loaded here and nowhere
 * else; where it is not installed (the bundle was copied by itself), words do.
 */
export async function disassemblerFor(arch: Arch): Promise<Disassembler> {
  if (!isX86(arch)) return wordDisassembler(arch);
  try {
    const { loadX86Disassembler } = await import("./x86.ts");
    return await loadX86Disassembler(arch);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND") return wordDisassembler(arch);
    throw error;
  }
}
