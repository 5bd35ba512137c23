import type { Arch, Howto } from "./arch.ts";

/** Whether a relocated field in code belongs to a call or jump; otherwise the code takes the address, or reads what is there. */
export function isBranchField({ code: model }: Arch, howto: Howto, code: Uint8Array, offset: number): boolean {
  if (howto.role === "branch") return true;
  return howto.pcrel && model.branchKind(code, offset, howto.size) !== undefined;
}

/** Whether a relocated field in code belongs to a call; a type that only branches have is taken for one. */
export function isCallField({ code: model }: Arch, howto: Howto, code: Uint8Array, offset: number): boolean {
  if (howto.role === "branch") return true;
  return howto.pcrel && model.branchKind(code, offset, howto.size) === "call";
}
