import type { Arch } from "../arch/arch.ts";
import { fieldMaskBytes, fieldOrder } from "../arch/field.ts";
import { howtoOf } from "../arch/registry.ts";
import { resolvedReferences } from "../arch/resolved.ts";
import { markRelocated } from "../diff/mask.ts";
import type { Span, SpanRelocation } from "../spans/span.ts";
import { isThumb } from "../spans/thumb.ts";
import { type Disassembler, type Instruction, relocationsInTurn, startOf } from "./instruction.ts";
import { isInner, placeText, type TargetKey, targetWords } from "./targets.ts";
import { hexWord, unitSizes, x86Mode } from "./units.ts";

/** A disassembler that needs no knowledge of opcodes: each instruction as its bits in hexadecimal, then what they refer to. */
export function wordDisassembler(arch: Arch): Disassembler {
  return (span, keyOf) => decodeWords(span, arch, keyOf);
}

/** Instructions as hexadecimal words; in `normalised` the bits that relocations or a branch's distance fill are zero. */
export function decodeWords(whole: Span, arch: Arch, keyOf: TargetKey): Instruction[] {
  const span = startOf(whole);
  const mask = new Uint8Array(span.bytes.length);
  markRelocated(mask, span.relocations, arch);
  const branches = markBranches(mask, span, arch);
  const kept = Buffer.from(span.bytes.map((byte, i) => byte & ~(mask[i] as number)));
  const relocationsUntil = relocationsInTurn(span.relocations);
  const isSite = siteTest(span);
  const hasLongForms = x86Mode(arch) !== undefined;
  let next = 0;
  return unitSizes(span, arch).map((size) => {
    const offset = next;
    next += size;
    const relocations = relocationsUntil(next);
    const branch = branches === NO_BRANCHES ? undefined : branchIn(branches, offset, next);
    const keys = relocations.map((relocation) => ` ${fieldKey(relocation, offset, span, keyOf)}`).join("");
    const isFiller = relocations.length === 0 && !isSite(offset) && arch.isPadding(span.bytes, offset, next);
    const masked = kept.toString("latin1", offset, next);
    const bits = branch !== undefined && hasLongForms ? longForm(masked) : masked;
    return new Word(span, arch, offset, size, relocations, isFiller ? FILLER : bits + keys, branch);
  });
}

/** One instruction of which only the bits are known. */
class Word implements Instruction {
  readonly offset: number;
  readonly size: number;
  readonly relocations: readonly SpanRelocation[];
  readonly normalised: string;
  readonly inner: number | undefined;
  readonly #span: Span;
  readonly #arch: Arch;
  readonly #branch: number | undefined;

  constructor(
    span: Span,
    arch: Arch,
    offset: number,
    size: number,
    relocations: readonly SpanRelocation[],
    normalised: string,
    branch: number | undefined,
  ) {
    this.offset = offset;
    this.size = size;
    this.relocations = relocations;
    this.normalised = normalised;
    this.inner = branch ?? innerTarget(relocations, span);
    this.#span = span;
    this.#arch = arch;
    this.#branch = branch;
  }

  get bytes(): Uint8Array {
    return this.#span.bytes.subarray(this.offset, this.offset + this.size);
  }

  /** Made when it is asked for: most instructions are only compared. */
  get text(): string {
    const words = wordsOf(this.relocations, this.#branch, this.#span);
    return [hexWord(this.bytes, this.#span, this.#arch), ...words].join(" ");
  }
}

/** What filler between instructions compares as, whatever its length. */
export const FILLER = "filler";

/** Tells places that kernel tables point to: a no-op there is not filler, it waits to be rewritten. */
export function siteTest(span: Span): (offset: number) => boolean {
  const sites = new Set(span.entries.map((entry) => entry.ownerOffset));
  return (offset) => sites.has(offset);
}

/** The place in its own span that the first such relocation of an instruction means. */
export function innerTarget(relocations: readonly SpanRelocation[], span: Span): number | undefined {
  return relocations.find((relocation) => isInner(relocation, span))?.targetOffset;
}

const NO_BRANCHES: ReadonlyMap<number, number> = new Map();

/** Masks the distances of branches that stay in the span; gives each branch's target by the offset of its field. */
function markBranches(mask: Uint8Array, span: Span, arch: Arch): ReadonlyMap<number, number> {
  const relocated = new Set(span.relocations.map((relocation) => relocation.offset));
  if (isThumb(arch, span)) return NO_BRANCHES;
  const targets = new Map<number, number>();
  for (const { offset, type, target } of resolvedReferences(arch, span.bytes, 0, span.bytes.length)) {
    if (relocated.has(offset) || target < 0 || target >= span.size) continue;
    targets.set(offset, target);
    const howto = howtoOf(arch, type);
    const bits = fieldMaskBytes(howto, fieldOrder(arch, howto));
    for (let i = 0; i < bits.length; i++) mask[offset + i] = (mask[offset + i] as number) | (bits[i] as number);
  }
  return targets.size === 0 ? NO_BRANCHES : targets;
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

/** The masked bits of an x86 branch. One within reach of a byte has another opcode than a far one: eb for e9, 7x for 0f 8x. */
function longForm(bits: string): string {
  const short = /^([\x2e\x3e\x66\xf2\xf3]*)(\xeb|[\x70-\x7f])\0$/.exec(bits);
  if (short === null) return bits;
  const [, prefixes = "", opcode = ""] = short;
  const far = opcode === "\xeb" ? "\xe9" : `\x0f${String.fromCharCode(opcode.charCodeAt(0) + 0x10)}`;
  return `${prefixes}${far}\0\0\0\0`;
}
