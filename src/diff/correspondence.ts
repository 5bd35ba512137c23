import type { Arch } from "../arch/arch.ts";
import { decodeX86, type X86Instruction, type X86Mode } from "../arch/x86-decode.ts";
import type { Span, SpanRelocation } from "../spans/span.ts";
import { markRelocated } from "./mask.ts";

/**
 * Two functions that consist of the same instructions at other offsets. Why: in a section of many functions the assembler
 * picks the short or the long form of each branch by its distance, so a function that nobody touched becomes longer when
 * a neighbour grows, and everything behind the branch moves.
 */
export interface Correspondence {
  /** Offset in post of each instruction's offset in pre. */
  readonly offsets: ReadonlyMap<number, number>;
  /** Relocations of corresponding instructions. */
  readonly relocations: readonly (readonly [SpanRelocation, SpanRelocation])[];
}

interface Step {
  readonly offset: number;
  readonly instruction: X86Instruction;
}

/** Modes by architecture; elsewhere branches have one length, so equal instructions have equal offsets. */
const MODES: Readonly<Record<string, X86Mode>> = { x86_64: 64, i386: 32 };

/** Whether both sides are the same instructions but for the lengths of branches and of filler between them; undefined when not. */
export function correspond(pre: Span, post: Span, arch: Arch): Correspondence | undefined {
  const mode = MODES[arch.name];
  if (mode === undefined) return undefined;
  const a = stepsOf(pre, arch, mode);
  const b = stepsOf(post, arch, mode);
  if (a === undefined || b === undefined || a.length !== b.length) return undefined;
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
    const before = ofPre(x);
    const after = ofPost(y);
    if (before.length !== after.length) return undefined;
    for (const [k, relocation] of before.entries()) relocations.push([relocation, after[k] as SpanRelocation]);
    const isSame =
      x.instruction.branch && y.instruction.branch
        ? isSameBranch(pre, post, x, y, before.length > 0, offsets)
        : isSameInstruction(pre, post, x, y, preMask, postMask);
    if (!isSame) return undefined;
  }
  return { offsets, relocations };
}

/** The instructions of a span without filler; undefined when its bytes are not all instructions. */
function stepsOf(span: Span, arch: Arch, mode: X86Mode): Step[] | undefined {
  const steps: Step[] = [];
  for (let offset = 0; offset < span.bytes.length; ) {
    const instruction = decodeX86(span.bytes, offset, mode);
    if (instruction === undefined) return undefined;
    const end = offset + instruction.length;
    if (!arch.isPadding(span.bytes, offset, end)) steps.push({ offset, instruction });
    offset = end;
  }
  return steps;
}

/** Gives the relocations of one instruction after the other; calls must come in offset order. */
function relocationWalker(span: Span): (step: Step) => SpanRelocation[] {
  let next = 0;
  return ({ offset, instruction }) => {
    const found: SpanRelocation[] = [];
    for (; next < span.relocations.length; next++) {
      const relocation = span.relocations[next] as SpanRelocation;
      if (relocation.offset >= offset + instruction.length) break;
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
  if (x.instruction.length !== y.instruction.length) return false;
  for (let i = 0; i < x.instruction.length; i++) {
    const bits = (pre.bytes[x.offset + i] as number) ^ (post.bytes[y.offset + i] as number);
    if ((bits & ~((preMask[x.offset + i] as number) & (postMask[y.offset + i] as number))) !== 0) return false;
  }
  return true;
}

/** The same kind of branch, to a place that corresponds; one that leaves the function has a relocation, which is compared elsewhere. */
function isSameBranch(
  pre: Span,
  post: Span,
  x: Step,
  y: Step,
  isRelocated: boolean,
  offsets: ReadonlyMap<number, number>,
): boolean {
  if (branchKind(pre.bytes, x) !== branchKind(post.bytes, y)) return false;
  if (isRelocated) return true;
  return offsets.get(branchTarget(pre.bytes, x)) === branchTarget(post.bytes, y);
}

/** The operation, whatever its length: `jmp` is eb or e9, `jcc` 7x or 0f 8x. Intel SDM volume 2, "Jcc", "JMP". */
function branchKind(bytes: Uint8Array, { offset, instruction }: Step): string {
  const opcode = Buffer.from(bytes.subarray(offset, offset + instruction.length - instruction.immediateSize)).toString(
    "hex",
  );
  return opcode.replace(/eb$/, "e9").replace(/^((?:2e|3e|66|f2|f3)*)7([0-9a-f])$/, "$10f8$2");
}

function branchTarget(bytes: Uint8Array, { offset, instruction }: Step): number {
  const end = offset + instruction.length;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const field = end - instruction.immediateSize;
  return (
    end +
    (instruction.immediateSize === 1
      ? view.getInt8(field)
      : instruction.immediateSize === 2
        ? view.getInt16(field, true)
        : view.getInt32(field, true))
  );
}
