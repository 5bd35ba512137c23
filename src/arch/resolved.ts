import type { Arch } from "./arch.ts";
import { codeFor, type ResolvedReference } from "./code.ts";

/** Pc-relative references in code[from, to), whether or not a relocation still belongs to them; Arm functions say whether they are Thumb. */
export function resolvedReferences(
  arch: Arch,
  code: Uint8Array,
  from: number,
  to: number,
  isThumb = false,
): ResolvedReference[] {
  return codeFor(arch, isThumb).branches(code, from, to);
}
