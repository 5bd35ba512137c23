import type { Arch, Howto } from "./arch.ts";

/** Whether a relocated field in code belongs to a call or jump; otherwise the code takes the address, or reads what is there. */
export function isBranchField(arch: Arch, howto: Howto, code: Uint8Array, offset: number): boolean {
  const { code: model } = arch;
  if (howto.role === "branch") return !isLoadedAddress(arch, code, offset);
  return howto.pcrel && model.branchKind(code, offset, howto.size) !== undefined;
}

/** Whether a relocated field in code belongs to a call; a type that only branches have is taken for one. */
export function isCallField({ code: model }: Arch, howto: Howto, code: Uint8Array, offset: number): boolean {
  if (howto.role === "branch") return true;
  return howto.pcrel && model.branchKind(code, offset, howto.size) === "call";
}

/** `larl %r,f@PLT` has the relocation type of a call, and is not one. z/Architecture Principles of Operation, "LOAD ADDRESS RELATIVE LONG". */
function isLoadedAddress({ family }: Arch, code: Uint8Array, offset: number): boolean {
  return family === "s390" && code[offset - 2] === 0xc0 && ((code[offset - 1] ?? 0) & 0xf) === 0;
}
