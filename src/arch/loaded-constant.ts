import type { Arch } from "./arch.ts";
import { codeFor, type LoadedConstant } from "./code.ts";

/** No source file has more lines than this. */
const LARGEST_LINE = 0x40000;

/** The constant that the instruction around a byte loads, where it is small enough to be a line number. */
export function loadedConstantAt(
  arch: Arch,
  code: Uint8Array,
  offset: number,
  isThumb: boolean,
): LoadedConstant | undefined {
  const constant = codeFor(arch, isThumb).loadedConstant(code, offset);
  return constant !== undefined && constant.value < LARGEST_LINE ? constant : undefined;
}
