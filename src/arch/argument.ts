import type { Arch } from "./arch.ts";
import { codeFor } from "./code.ts";

/** Which argument of a call the instruction around a field prepares, from 0; undefined when its register holds no argument. */
export function argumentAt(arch: Arch, code: Uint8Array, field: number, isThumb: boolean): number | undefined {
  const model = codeFor(arch, isThumb);
  const register = model.destination(code, field);
  const index = register === undefined ? -1 : model.argumentRegisters.indexOf(register);
  return index === -1 ? undefined : index;
}
