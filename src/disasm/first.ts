import type { Arch } from "../arch/arch.ts";
import { targetText } from "../diff/difference.ts";
import type { Pairing } from "../diff/pairing.ts";
import type { Span, SpanRelocation } from "../spans/span.ts";
import { differingInstructions } from "./differing.ts";
import type { Instruction } from "./instruction.ts";
import { placeText, targetKeys } from "./targets.ts";
import { hexWord } from "./units.ts";
import { decodeWords } from "./words.ts";

/** The first instruction in which two functions differ, on both sides; an empty text where the instruction is only on the other side. */
export interface FirstInstruction {
  /** From the function's symbol. */
  readonly offset: { readonly pre: number; readonly post: number };
  readonly pre: string;
  readonly post: string;
}

/**
 * Finds the first instruction in which two paired functions differ, and says it in hexadecimal with its relocations in words;
 * undefined when they differ in kernel tables or in other functions only. Needs no disassembler.
 */
export function firstInstruction(pre: Span, post: Span, pairing: Pairing, arch: Arch): FirstInstruction | undefined {
  const before = decodeWords(pre, arch, targetKeys(pairing, "pre"));
  const after = decodeWords(post, arch, targetKeys(pairing, "post"));
  const [edit] = differingInstructions(before, after);
  if (edit === undefined) return undefined;
  return {
    offset: { pre: placeOf(before, edit.pre, pre), post: placeOf(after, edit.post, post) },
    pre: edit.pre === edit.preEnd ? "" : instructionText(before[edit.pre], pre, arch),
    post: edit.post === edit.postEnd ? "" : instructionText(after[edit.post], post, arch),
  };
}

function placeOf(listing: readonly Instruction[], index: number, span: Span): number {
  return (listing[index]?.offset ?? span.size) - span.entry;
}

/** `e800000000 R_X86_64_PLT32 kfree+0`, `7415 +0x2c`. */
function instructionText(instruction: Instruction | undefined, span: Span, arch: Arch): string {
  if (instruction === undefined) return "";
  const { bytes, relocations, inner } = instruction;
  const words = relocations.map(relocationText).filter((text) => text !== "");
  if (inner !== undefined && words.length === 0) words.push(placeText(inner - span.entry));
  return [hexWord(bytes, span, arch), ...words].join(" ");
}

function relocationText(relocation: SpanRelocation): string {
  const { howto, symbol } = relocation;
  const isMark = symbol === undefined && (howto.role === "hint" || howto.role === "none");
  return isMark ? "" : `${howto.name} ${targetText(relocation)}`;
}
