import type { Arch } from "./arch.ts";
import { codeFor } from "./code.ts";

/**
 * Whether execution certainly does not run past the end of the code in bytes[from, to). False where the architecture's jumps
 * and returns are not known, or the last instruction is not one of them.
 */
export function endsFlow(arch: Arch, bytes: Uint8Array, from: number, to: number, isThumb = false): boolean {
  return codeFor(arch, isThumb).endsFlow(bytes, from, to);
}
