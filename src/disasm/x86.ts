/*
 * x86 instructions in the syntax of `objdump -d`, by iced-x86. Relocated fields hold zeros or addends, which mean nothing to a
 * reader; so each gets a number of its own first, and in the printed instruction that number is replaced by what the
 * relocation points to:
 *
 *     48 8b 05 00 00 00 00   R_X86_64_PC32 jiffies-4
 *     48 8b 05 01 2c 1b 5a   mov    0x5a1b2c01(%rip),%rax
 *                            mov    jiffies(%rip),%rax
 */

import { createRequire } from "node:module";
import type { Decoder, Formatter, Instruction as IcedInstruction } from "iced-x86";
import type { Arch } from "../arch/arch.ts";
import { hex } from "../hex.ts";
import type { Span, SpanRelocation } from "../spans/span.ts";
import { type Disassembler, type Instruction, relocationsInTurn, startOf } from "./instruction.ts";
import { isInner, placeText, type TargetKey, targetWords } from "./targets.ts";
import { x86Mode } from "./units.ts";
import { FILLER, innerTarget, siteTest } from "./words.ts";

type Iced = typeof import("iced-x86");

/** Loads iced-x86 and gives a disassembler for an x86 architecture; throws where the package is not installed. */
export function loadX86Disassembler(arch: Arch): Disassembler {
  // Not `import`: that would first scan a megabyte of CommonJS for its exports, which takes longer than to load it.
  const iced = createRequire(import.meta.url)("iced-x86") as Iced;
  const formatter = makeFormatter(iced);
  return (span, keyOf) => new Reading(iced, formatter, arch, startOf(span), keyOf).instructions();
}

/** The formatter with the habits of binutils' objdump. */
function makeFormatter(iced: Iced): Formatter {
  const formatter = new iced.Formatter(iced.FormatterSyntax.Gas);
  formatter.firstOperandCharIndex = 7;
  formatter.uppercaseHex = false;
  formatter.smallHexNumbersInDecimal = false;
  formatter.addLeadingZeroToHexNumbers = false;
  formatter.branchLeadingZeros = false;
  formatter.showZeroDisplacements = true;
  formatter.ripRelativeAddresses = true;
  formatter.preferSt0 = true;
  formatter.usePseudoOps = false;
  return formatter;
}

/** Address at which spans are decoded: branches may lead to places before them. */
const BASE = 0x1000_0000n;

/** Numbers that stand for relocated fields, by field size; what a small one counts up cannot reach the sign. */
const MARKS: Readonly<Record<number, bigint>> = { 1: 0x51n, 2: 0x5a17n, 4: 0x5a1b2c01n, 8: 0x5a1b2c3d4e5f6001n };
const MOST_MARKS = 16;

/** A relocated field, and the number that stands in it. */
interface Mark {
  readonly relocation: SpanRelocation;
  readonly printed: string;
}

/** One reading of one span. */
class Reading {
  readonly #iced: Iced;
  readonly #formatter: Formatter;
  readonly #span: Span;
  readonly #keyOf: TargetKey;
  readonly #arch: Arch;
  readonly #mode: number;
  readonly #isSite: (offset: number) => boolean;

  constructor(iced: Iced, formatter: Formatter, arch: Arch, span: Span, keyOf: TargetKey) {
    this.#iced = iced;
    this.#formatter = formatter;
    this.#span = span;
    this.#keyOf = keyOf;
    this.#arch = arch;
    this.#mode = x86Mode(arch) ?? 64;
    this.#isSite = siteTest(span);
  }

  instructions(): Instruction[] {
    const { code, marks } = markFields(this.#span);
    const decoder = new this.#iced.Decoder(this.#mode, code, this.#iced.DecoderOptions.None);
    const insn = new this.#iced.Instruction();
    try {
      return this.#decodeAll(decoder, insn, marks);
    } finally {
      insn.free();
      decoder.free();
    }
  }

  #decodeAll(decoder: Decoder, insn: IcedInstruction, marks: ReadonlyMap<SpanRelocation, Mark>): Instruction[] {
    const relocationsUntil = relocationsInTurn(this.#span.relocations);
    const found: Instruction[] = [];
    for (let offset = 0; offset < this.#span.bytes.length; ) {
      decoder.position = offset;
      decoder.ip = BASE + BigInt(offset);
      decoder.decodeOut(insn);
      const isInvalid = insn.code === this.#iced.Code.INVALID;
      const end = offset + (isInvalid ? 1 : insn.length);
      const relocations = relocationsUntil(end);
      found.push(this.#instruction(offset, end, isInvalid ? undefined : insn, relocations, marks));
      offset = end;
    }
    return found;
  }

  #instruction(
    offset: number,
    end: number,
    insn: IcedInstruction | undefined,
    relocations: readonly SpanRelocation[],
    marks: ReadonlyMap<SpanRelocation, Mark>,
  ): Instruction {
    const bytes = this.#span.bytes.subarray(offset, end);
    const place = insn && relocations.length === 0 ? this.#placeOf(insn) : undefined;
    const pattern = insn === undefined ? byteText(bytes) : this.#format(insn, place, relocations.length > 0);
    const own = relocations.flatMap((relocation) => marks.get(relocation) ?? []);
    const isFiller =
      relocations.length === 0 && !this.#isSite(offset) && this.#arch.isPadding(this.#span.bytes, offset, end);
    const words = (relocation: SpanRelocation): string => targetWords(relocation, this.#span) + decoration(relocation);
    const keys = (relocation: SpanRelocation): string =>
      (isInner(relocation, this.#span) ? "inner" : this.#keyOf(relocation)) + decoration(relocation);
    return {
      offset,
      size: end - offset,
      bytes,
      text: fill(
        place === undefined ? pattern : pattern.replace(HERE, placeText(place - this.#span.entry)),
        own,
        words,
      ),
      relocations,
      normalised: isFiller ? FILLER : fill(pattern, own, keys),
      inner: place ?? innerTarget(relocations, this.#span),
    };
  }

  /** The offset in the span that a branch without a relocation, or a reference relative to %rip, means; undefined when it lies outside. */
  #placeOf(insn: IcedInstruction): number | undefined {
    const isBranch = isNearBranch(this.#iced, insn);
    if (!isBranch && !insn.isIpRelMemoryOperand) return undefined;
    const place = Number((isBranch ? insn.nearBranchTarget : insn.ipRelMemoryAddress) - BASE);
    return place >= 0 && place <= this.#span.size ? place : undefined;
  }

  /** The instruction printed, with HERE where it names a place in its span; a relocated branch has its mark as the distance. */
  #format(insn: IcedInstruction, place: number | undefined, isRelocated: boolean): string {
    if (isNearBranch(this.#iced, insn)) {
      const from = isRelocated ? insn.nextIP : BASE + BigInt(this.#span.entry);
      const distance = BigInt.asIntN(this.#mode, insn.nearBranchTarget - from);
      const target = place !== undefined ? HERE : isRelocated ? hex(distance) : placeText(Number(distance));
      return `${this.#formatter.formatMnemonic(insn).padEnd(6)} ${target}`;
    }
    const text = asBinutils(this.#formatter.format(insn).trimEnd());
    return place === undefined ? text : text.replace(/-?0x[0-9a-f]+(?=\(%[re]ip\))/, HERE);
  }
}

/** binutils says the scale of an index even when it is 1, and the size of a stack slot or an indirect target only when it is unusual. */
function asBinutils(text: string): string {
  const scaled = text.replace(/\((%\w+)?,(%\w+)\)/, "($1,$2,1)");
  return scaled.replace(
    /^(notrack )?(push|pop|call|jmp)[ql] +/,
    (_, prefix = "", name) => `${prefix}${name.padEnd(6)} `,
  );
}

/** Stands in a pattern for a place in the same span. */
const HERE = "<here>";

function isNearBranch({ OpKind }: Iced, insn: IcedInstruction): boolean {
  const kind = insn.opCount === 0 ? undefined : insn.op0Kind;
  return kind === OpKind.NearBranch16 || kind === OpKind.NearBranch32 || kind === OpKind.NearBranch64;
}

function byteText(bytes: Uint8Array): string {
  return `.byte  ${hex(BigInt(bytes[0] ?? 0))}`;
}

/** A copy of a span's bytes in which each relocated field holds its mark. */
function markFields(span: Span): { code: Uint8Array; marks: Map<SpanRelocation, Mark> } {
  const code = span.bytes.slice();
  const marks = new Map<SpanRelocation, Mark>();
  let last = -1;
  for (const relocation of span.relocations) {
    const { offset, howto } = relocation;
    const mark = MARKS[howto.size];
    if (mark === undefined || offset === last || offset + howto.size > code.length) continue;
    last = offset;
    const value = mark + BigInt(marks.size % MOST_MARKS);
    for (let i = 0; i < howto.size; i++) code[offset + i] = Number((value >> BigInt(8 * i)) & 0xffn);
    marks.set(relocation, { relocation, printed: hex(value) });
  }
  return { code, marks };
}

/** Puts words where marks are printed; what is printed nowhere (a field across two instructions) is named behind. */
function fill(pattern: string, marks: readonly Mark[], words: (relocation: SpanRelocation) => string): string {
  let text = pattern;
  for (const { relocation, printed } of marks) {
    // A function as the replacement: a name may contain `$&`.
    const filled = text.replace(printed, () => words(relocation));
    text = filled === text ? `${text} ; ${words(relocation)}` : filled;
  }
  return text;
}

/** What an assembler appends where not the address itself is meant: `@GOTPCREL`, `@TPOFF`. */
function decoration({ howto }: SpanRelocation): string {
  if (howto.role !== "got" && howto.role !== "tls") return "";
  const kind = /GOTPCREL|GOTTPOFF|GOTNTPOFF|INDNTPOFF|TPOFF|DTPOFF|TLSGD|TLSLD|GOTOFF|GOTPC|GOT|PLT/.exec(
    howto.name,
  )?.[0];
  return kind === undefined ? "" : `@${kind}`;
}
