import type { Arch } from "../arch/arch.ts";
import { fieldMaskBytes, fieldOrder } from "../arch/field.ts";
import { howtoOf } from "../arch/registry.ts";
import { resolvedReferences } from "../arch/resolved.ts";
import { decodeX86, type X86Instruction, type X86Mode } from "../arch/x86/decode.ts";
import type { Span, SpanRelocation } from "../spans/span.ts";
import { markRelocated } from "./mask.ts";

/**
 * Two functions that consist of the same instructions at other offsets. Why: in a section of many functions the assembler
 * picks the short or the long form of each branch by its distance, and fills up to the alignment of loops by the function's
 * place, so a function whose source is the same becomes longer when a neighbour grows, and everything behind moves.
 */
export interface Correspondence {
  /** Offset in post of each instruction's offset in pre. */
  readonly offsets: ReadonlyMap<number, number>;
  /** Relocations of corresponding instructions. */
  readonly relocations: readonly (readonly [SpanRelocation, SpanRelocation])[];
}

/** One instruction. */
interface Step {
  readonly offset: number;
  readonly length: number;
  /** For a branch or another reference from its own place: the operation, whatever its length, and where it leads. */
  readonly leap: { readonly kind: string; readonly target: number } | undefined;
}

/** Whether both sides are the same instructions but for the lengths of branches and of filler between them; undefined when not. */
export function correspond(pre: Span, post: Span, arch: Arch): Correspondence | undefined {
  const a = stepsOf(pre, arch);
  const b = stepsOf(post, arch);
  if (a === undefined || b === undefined || a.length !== b.length || a.length === 0) return undefined;
  const offsets = new Map<number, number>();
  for (let i = 0; i < a.length; i++) offsets.set((a[i] as Step).offset, (b[i] as Step).offset);
  offsets.set(pre.size, post.size);
  const relocations: (readonly [SpanRelocation, SpanRelocation])[] = [];
  const ofPre = relocationWalker(pre);
  const ofPost = relocationWalker(post);
  const preMask = maskOf(pre, arch);
  const postMask = maskOf(post, arch);
  for (let i = 0; i < a.length; i++) {
    const x = a[i] as Step;
    const y = b[i] as Step;
    if (Math.abs(fillerBefore(a, i) - fillerBefore(b, i)) > MOST_FILLER) return undefined;
    const before = ofPre(x);
    const after = ofPost(y);
    if (before.length !== after.length) return undefined;
    for (const [k, relocation] of before.entries()) relocations.push([relocation, after[k] as SpanRelocation]);
    const isSame =
      x.leap !== undefined && y.leap !== undefined
        ? x.leap.kind === y.leap.kind && (before.length > 0 || offsets.get(x.leap.target) === y.leap.target)
        : isSameInstruction(pre, post, x, y, preMask, postMask);
    if (!isSame) return undefined;
  }
  return { offsets, relocations };
}

/** No alignment inside a function needs more bytes. */
const MOST_FILLER = 63;

function fillerBefore(steps: readonly Step[], index: number): number {
  const last = steps[index - 1];
  return (steps[index] as Step).offset - (last === undefined ? 0 : last.offset + last.length);
}

/** The instructions of a span without filler; undefined when its bytes are not all instructions, or their lengths are not known. */
function stepsOf(span: Span, arch: Arch): Step[] | undefined {
  const { instructions } = arch.code;
  if (instructions.kind === "x86") return x86Steps(span, arch, instructions.mode);
  // Where all instructions have four bytes, only filler between them can differ in length.
  const isFixed = instructions.kind === "words" && !instructions.hasPools;
  // A linker shortens the jumps of RISC-V to what they reach.
  return isFixed || arch.family === "riscv" ? wordSteps(span, arch) : undefined;
}

function x86Steps(span: Span, arch: Arch, mode: X86Mode): Step[] | undefined {
  const steps: Step[] = [];
  for (let offset = 0; offset < span.bytes.length; ) {
    const instruction = decodeX86(span.bytes, offset, mode);
    if (instruction === undefined) return undefined;
    const { length } = instruction;
    const leap = instruction.branch ? x86Leap(span.bytes, offset, instruction) : undefined;
    if (!arch.isPadding(span.bytes, offset, offset + length)) steps.push({ offset, length, leap });
    offset += length;
  }
  return steps;
}

/** `jmp` is eb or e9, `jcc` 7x or 0f 8x. Intel SDM volume 2, "Jcc", "JMP". */
function x86Leap(bytes: Uint8Array, offset: number, { length, immediateSize }: X86Instruction): Step["leap"] {
  const end = offset + length;
  const field = end - immediateSize;
  const opcode = Buffer.from(bytes.subarray(offset, field)).toString("hex");
  const kind = opcode.replace(/eb$/, "e9").replace(/^((?:2e|3e|66|f2|f3)*)7([0-9a-f])$/, "$10f8$2");
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const distance =
    immediateSize === 1
      ? view.getInt8(field)
      : immediateSize === 2
        ? view.getInt16(field, true)
        : view.getInt32(field, true);
  return { kind, target: end + distance };
}

function wordSteps(span: Span, arch: Arch): Step[] {
  const steps: Step[] = [];
  const leaps = new Map(
    resolvedReferences(arch, span.bytes, 0, span.bytes.length).map((reference) => [reference.offset, reference]),
  );
  for (let offset = 0, length = 0; offset < span.bytes.length; offset += length) {
    length = Math.min(arch.code.unitSize(span.bytes, offset), span.bytes.length - offset);
    if (arch.isPadding(span.bytes, offset, offset + length)) continue;
    const reference = leaps.get(offset);
    const leap =
      reference === undefined
        ? undefined
        : { kind: withoutField(span, arch, reference.type, offset), target: reference.target };
    steps.push({ offset, length, leap });
  }
  return steps;
}

/** The instruction with the bits of its distance left out. */
function withoutField(span: Span, arch: Arch, type: number, offset: number): string {
  const howto = howtoOf(arch, type);
  // `c.j` is the short form of a jump that saves no return address.
  if (howto.name === "R_RISCV_RVC_JUMP") return "6f000000";
  const masks = fieldMaskBytes(howto, fieldOrder(arch, howto));
  const bytes = span.bytes.slice(offset, offset + 4);
  for (const [i, mask] of masks.entries()) bytes[i] = (bytes[i] as number) & ~mask;
  return Buffer.from(bytes).toString("hex");
}

/** Gives the relocations of one instruction after the other; calls must come in offset order. */
function relocationWalker(span: Span): (step: Step) => SpanRelocation[] {
  let next = 0;
  return ({ offset, length }) => {
    const found: SpanRelocation[] = [];
    for (; next < span.relocations.length; next++) {
      const relocation = span.relocations[next] as SpanRelocation;
      if (relocation.offset >= offset + length) break;
      if (relocation.offset >= offset) found.push(relocation);
    }
    return found;
  };
}

function maskOf(span: Span, arch: Arch): Uint8Array {
  const mask = new Uint8Array(span.bytes.length);
  markRelocated(mask, span.relocations, arch);
  return mask;
}

function isSameInstruction(
  pre: Span,
  post: Span,
  x: Step,
  y: Step,
  preMask: Uint8Array,
  postMask: Uint8Array,
): boolean {
  if (x.length !== y.length) return false;
  for (let i = 0; i < x.length; i++) {
    const bits = (pre.bytes[x.offset + i] as number) ^ (post.bytes[y.offset + i] as number);
    if ((bits & ~((preMask[x.offset + i] as number) & (postMask[y.offset + i] as number))) !== 0) return false;
  }
  return true;
}
