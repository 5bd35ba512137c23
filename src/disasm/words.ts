import type { Arch } from "../arch/arch.ts";
import { fieldMaskBytes, fieldOrder } from "../arch/field.ts";
import { howtoOf } from "../arch/registry.ts";
import { resolvedReferences } from "../arch/resolved.ts";
import { markRelocated } from "../diff/mask.ts";
import type { Span, SpanRelocation } from "../spans/span.ts";
import { type Disassembler, type Instruction, relocationsInTurn } from "./instruction.ts";
import { isInner, placeText, type TargetKey, targetWords } from "./targets.ts";
import { hexWord, isThumb, isX86, unitSizes } from "./units.ts";

/** A disassembler that needs no knowledge of opcodes: each instruction as its bits in hexadecimal, then what they refer to. */
export function wordDisassembler(arch: Arch): Disassembler {
  return (span, keyOf) => decodeWords(span, arch, keyOf);
}

/** Instructions as hexadecimal words; in `normalised` the bits that relocations or a branch's distance fill are zero. */
export function decodeWords(span: Span, arch: Arch, keyOf: TargetKey): Instruction[] {
  const mask = new Uint8Array(span.bytes.length);
  markRelocated(mask, span.relocations, arch);
  const branches = markBranches(mask, span, arch);
  const relocationsUntil = relocationsInTurn(span.relocations);
  const isSite = siteTest(span);
  const hasLongForms = isX86(arch);
  const instructions: Instruction[] = [];
  let offset = 0;
  for (const size of unitSizes(span, arch)) {
    const end = offset + size;
    const bytes = span.bytes.subarray(offset, end);
    const relocations = relocationsUntil(end);
    const branch = branchIn(branches, offset, end);
    const inner = branch ?? innerTarget(relocations, span);
    const words = wordsOf(relocations, branch, span);
    const keys = relocations.map((relocation) => fieldKey(relocation, offset, span, keyOf));
    const isFiller = !isSite(offset) && relocations.length === 0 && arch.isPadding(span.bytes, offset, end);
    instructions.push({
      offset,
      size,
      bytes,
      text: [hexWord(bytes, span, arch), ...words].join(" "),
      relocations,
      normalised: isFiller ? FILLER : [maskedBits(bytes, mask, offset, hasLongForms), ...keys].join(" "),
      inner,
    });
    offset = end;
  }
  return instructions;
}

/** What filler between instructions compares as, whatever its length. */
export const FILLER = "filler";

/** Tells places that kernel tables point to: a no-op there is no filler, it waits to be rewritten. */
export function siteTest(span: Span): (offset: number) => boolean {
  const sites = new Set(span.entries.map((entry) => entry.ownerOffset));
  return (offset) => sites.has(offset);
}

/** The place in its own span that the first such relocation of an instruction means. */
export function innerTarget(relocations: readonly SpanRelocation[], span: Span): number | undefined {
  return relocations.find((relocation) => isInner(relocation, span))?.targetOffset;
}

/** Masks the distances of branches that stay in the span; gives each branch's target by the offset of its field. */
function markBranches(mask: Uint8Array, span: Span, arch: Arch): ReadonlyMap<number, number> {
  const relocated = new Set(span.relocations.map((relocation) => relocation.offset));
  const targets = new Map<number, number>();
  if (isThumb(arch, span)) return targets;
  for (const { offset, type, target } of resolvedReferences(arch, span.bytes, 0, span.bytes.length)) {
    if (relocated.has(offset) || target < 0 || target >= span.size) continue;
    targets.set(offset, target);
    const howto = howtoOf(arch, type);
    const bits = fieldMaskBytes(howto, fieldOrder(arch, howto));
    for (let i = 0; i < bits.length; i++) mask[offset + i] = (mask[offset + i] as number) | (bits[i] as number);
  }
  return targets;
}

function branchIn(branches: ReadonlyMap<number, number>, from: number, to: number): number | undefined {
  for (let at = from; at < to; at++) {
    const target = branches.get(at);
    if (target !== undefined) return target;
  }
  return undefined;
}

function wordsOf(relocations: readonly SpanRelocation[], branch: number | undefined, span: Span): string[] {
  const words = relocations.flatMap((relocation) => {
    const target = targetWords(relocation, span);
    return target === "" ? [] : [`${shortName(relocation.howto.name)} ${target}`];
  });
  return branch === undefined ? words : [...words, placeText(branch - span.entry)];
}

/** `R_AARCH64_CALL26` is plain enough as `CALL26` where everything is of one architecture. */
function shortName(howto: string): string {
  return howto.replace(/^R_[A-Z0-9]+_(64_)?/, "");
}

/** What a relocation of an instruction means: which field, how it is filled, and with what. */
function fieldKey(relocation: SpanRelocation, start: number, span: Span, keyOf: TargetKey): string {
  const { howto, offset } = relocation;
  return `${offset - start} ${howto.family} ${isInner(relocation, span) ? "inner" : keyOf(relocation)}`;
}

function maskedBits(bytes: Uint8Array, mask: Uint8Array, start: number, hasLongForms: boolean): string {
  const kept = Buffer.from(bytes.map((byte, i) => byte & ~(mask[start + i] as number))).toString("hex");
  return hasLongForms ? longForm(kept) : kept;
}

/** An x86 jump within reach of one byte has another opcode than a far one: eb for e9, 7x for 0f 8x. Other bits stay as they are. */
function longForm(kept: string): string {
  const short = /^((?:2e|3e|66|f2|f3)*)(eb|7([0-9a-f]))00$/.exec(kept);
  if (short === null) return kept;
  return `${short[1]}${short[2] === "eb" ? "e9" : `0f8${short[3]}`}00000000`;
}
