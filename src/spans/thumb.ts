import type { Arch } from "../arch/arch.ts";
import { STT } from "../elf/constants.ts";
import type { Span } from "./span.ts";

/** Whether a function is Thumb code: the low bit of its symbol is set, as `codeFor` asks. AAELF32, "Symbol Values". */
export function isThumb(arch: Arch, { symbol }: Span): boolean {
  return arch.functionTagBit === true && symbol !== undefined && symbol.type === STT.FUNC && symbol.value % 2n === 1n;
}
