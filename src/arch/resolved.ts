import type { Arch } from "./arch.ts";
import { type AddressReference, codeFor, type ResolvedReference } from "./code.ts";

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

/** Addresses that instructions hold whole (x86 immediates and displacements) or in two halves (adrp with add, ldr or str). */
export function addressReferences(
  { code: model }: Arch,
  code: Uint8Array,
  base: number,
  isAddress: (value: number) => boolean,
): AddressReference[] {
  return model.addresses(code, base, isAddress);
}
