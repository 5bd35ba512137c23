import type { Arch } from "../arch/arch.ts";
import { codeFor } from "../arch/code.ts";
import type { X86Mode } from "../arch/x86/decode.ts";
import type { Span } from "../spans/span.ts";
import { isThumb } from "../spans/thumb.ts";

/** Width of the code where the instructions are those that iced-x86 knows; undefined elsewhere. */
export function x86Mode({ code }: Arch): X86Mode | undefined {
  return code.instructions.kind === "x86" ? code.instructions.mode : undefined;
}

/** Sizes of the instructions of a span, in order; what is left at its end counts as one. */
export function unitSizes(span: Span, arch: Arch): number[] {
  const { unitSize } = codeFor(arch, isThumb(arch, span));
  const { bytes } = span;
  const sizes: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = Math.min(unitSize(bytes, at), bytes.length - at);
    sizes.push(size);
    at += size;
  }
  return sizes;
}

/** Bytes of one instruction in hexadecimal, in the order in which the architecture's manual writes them. */
export function hexWord(bytes: Uint8Array, span: Span, arch: Arch): string {
  if (isThumb(arch, span) && bytes.length === 4) {
    return `${ordered(bytes.subarray(0, 2), arch)} ${ordered(bytes.subarray(2), arch)}`;
  }
  return ordered(bytes, arch);
}

function ordered(bytes: Uint8Array, arch: Arch): string {
  const isBytewise = arch.instructionData === "msb" || x86Mode(arch) !== undefined;
  return Buffer.from(isBytewise ? bytes : bytes.slice().reverse()).toString("hex");
}
