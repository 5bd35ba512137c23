/*
 * Text that was linked together with its neighbours is not the text of the object. Without function sections a jump to the
 * next function is short, with them it is long, and everything behind it has moved:
 *
 *     object                            run system
 *     74 05          je  +5             74 02      je  +2
 *     e9 .. .. .. .. jmp other          eb 30      jmp other
 *     c3             ret                c3         ret
 *
 * So both sides are walked instruction by instruction. What is not equal needs a rule (rules.ts). Jumps inside the function are
 * remembered, and at the end must land at instructions that correspond.
 */

import type { X86Instruction, X86Mode } from "../../arch/x86/decode.ts";
import { signedHex } from "../../hex.ts";
import { RunCode } from "../../image/run-code.ts";
import type { Span, TableEntry } from "../../spans/span.ts";
import { bindAddress, type Context, mismatchAt } from "../context.ts";
import { MOVED_BLOCK } from "../tolerances/rules.ts";
import { X86_RULES } from "../tolerances/rules-x86.ts";
import { branchKind, decodeAt, isNop, preTarget, runTarget, type Site, type Step } from "../tolerances/site.ts";
import { bindThread } from "../tolerances/thread-locals.ts";
import type { Trial } from "../values.ts";
import { bindField } from "./bytewise.ts";
import type { Block, ComparisonResult, Mismatch, OffsetMap } from "./mismatch.ts";
import { SpanWalk } from "./span-walk.ts";

const NO_ENTRIES: readonly TableEntry[] = [];

/** Where the walk has been: for each offset of the span the first and last run offset that stand for it. */
class WalkedOffsets implements OffsetMap {
  readonly #first = new Map<number, number>();
  readonly #last = new Map<number, number>();

  add(offset: number, runOffset: number): void {
    if (!this.#first.has(offset)) this.#first.set(offset, runOffset);
    this.#last.set(offset, runOffset);
  }

  startOf(offset: number): number | undefined {
    return this.#last.get(offset);
  }

  has(offset: number, runOffset: number): boolean {
    // A jump may land inside an instruction: behind its lock prefix.
    for (let back = 0; back < 16; back++) {
      const first = this.#first.get(offset - back);
      if (first === undefined) continue;
      return runOffset - back >= first && runOffset - back <= (this.#last.get(offset - back) as number);
    }
    return false;
  }
}

/** One walk over a span and a candidate. */
class Walk extends SpanWalk {
  readonly #mode: X86Mode;
  readonly #code: RunCode;
  readonly #offsets = new WalkedOffsets();
  readonly #branches: { at: number; runAt: number; pre: number; run: number }[] = [];
  readonly #expected = new Map<number, number>();
  readonly #blocks: Block[] = [];
  #blockStart = 0;
  #afterJump = false;

  constructor(context: Context, trial: Trial, span: Span, address: bigint, mode: X86Mode) {
    super(context, trial, span, address);
    this.#mode = mode;
    this.#code = new RunCode(context.image.memory, address);
  }

  walk(): ComparisonResult {
    const { size } = this.span;
    while (this.at < size) {
      this.#followMove();
      this.#offsets.add(this.at, this.runAt);
      const site = this.#site();
      const mismatch = this.#step(site);
      if (mismatch !== undefined) return { mismatch };
    }
    this.#offsets.add(size, this.runAt);
    this.#endBlock();
    const mismatch = this.#checkBranches();
    if (mismatch !== undefined) return { mismatch };
    return { mismatch: undefined, rules: this.rules, blocks: this.#blocks, map: this.#offsets };
  }

  /** Behind an unconditional jump the run code continues where earlier jumps to this place lead. */
  #followMove(): void {
    const expected = this.#expected.get(this.at);
    if (!this.#afterJump || expected === undefined || expected === this.runAt) return;
    if (this.#offsets.startOf(this.at) !== undefined) return;
    const gap = expected - this.runAt;
    // Filler in between is not a move.
    if (gap > 0 && gap < 64) {
      const index = this.#code.indexOf(this.runAt);
      if (this.context.arch.isPadding(this.#code.bytes, index, index + gap)) return;
    }
    this.#endBlock();
    this.runAt = expected;
    this.#blockStart = expected;
    this.rules.add(MOVED_BLOCK.name);
  }

  #endBlock(): void {
    if (this.runAt > this.#blockStart) {
      this.#blocks.push({ start: this.#blockStart, size: this.runAt - this.#blockStart });
    }
  }

  #site(): Site {
    const { bytes: pre } = this.span;
    const index = this.#code.indexOf(this.runAt);
    const run = this.#code.bytes;
    const insn = decodeAt(pre, this.at, this.#mode);
    const at = this.at;
    return {
      context: this.context,
      trial: this.trial,
      mode: this.#mode,
      span: this.span,
      address: this.address,
      pre,
      at,
      insn,
      relocations: this.fields(at, at + (insn?.length ?? 1)),
      run,
      index,
      runAt: this.runAt,
      runInsn: decodeAt(run, index, this.#mode),
      afterJump: this.#afterJump,
      entries: (table) =>
        this.span.entries.length === 0
          ? NO_ENTRIES
          : this.span.entries.filter((entry) => entry.ownerOffset === at && table.test(entry.section.name)),
      fields: (from, to) => this.fields(from, to),
      code: this.#code,
    };
  }

  #step(site: Site): Mismatch | undefined {
    const equal = this.#equalStep(site);
    const implied = equal === undefined ? undefined : this.#bindFields(site, equal.pre);
    if (equal !== undefined && implied === undefined) {
      this.#take(site, equal);
      return undefined;
    }
    // A site that the kernel rewrites may have the same form and lead elsewhere.
    let objection = implied?.why ?? "instructions differ";
    for (const rule of X86_RULES) {
      const step = rule.apply(site);
      if (step === undefined) continue;
      const why = this.#take(site, step);
      if (why === undefined) {
        this.rules.add(rule.name);
        return undefined;
      }
      if (implied === undefined) objection = `${why} (by rule ${rule.name})`;
      break;
    }
    return this.#mismatch(site, objection);
  }

  /** The step over two instructions that are equal but for relocated fields and distances inside the span. */
  #equalStep(site: Site): Step | undefined {
    const { pre, at, insn, run, index, runInsn } = site;
    const length = insn?.length ?? 1;
    if ((runInsn?.length ?? 1) !== length || index + length > run.length) return undefined;
    const isInner = insn !== undefined && site.relocations.length === 0 && (insn.branch || insn.ripRelative);
    const from = isInner ? at + (insn.branch ? length - insn.immediateSize : insn.displacementOffset) : -1;
    const to = isInner ? from + (insn.branch ? insn.immediateSize : insn.displacementSize) : -1;
    for (let i = 0; i < length; i++) {
      if (at + i >= from && at + i < to) continue;
      const differing = ((pre[at + i] as number) ^ (run[index + i] as number)) & ~(this.mask[at + i] as number);
      if (differing !== 0) return undefined;
    }
    if (!isInner) return { pre: length, run: length };
    if (insn.branch) return { pre: length, run: length, branch: { pre: preTarget(site), run: runTarget(site) } };
    return { pre: length, run: length, branch: ripTargets(site, insn) };
  }

  /** Goes on behind a step, unless what it implies cannot be. */
  #take(site: Site, step: Step): string | undefined {
    for (const [relocation, meant] of step.meant ?? []) {
      const why = bindAddress(this.context, this.trial, this.span, relocation, meant);
      if (why !== undefined) return why;
    }
    for (const [relocation, value] of step.thread ?? []) {
      const why = bindThread(this.context, this.trial, this.span, relocation, value);
      if (why !== undefined) return why;
    }
    if (step.branch !== undefined) {
      const { pre, run } = step.branch;
      this.#branches.push({ at: this.at, runAt: this.runAt, pre, run });
      if (!this.#expected.has(pre)) this.#expected.set(pre, run);
    }
    if (step.pre > 0) this.#afterJump = endsControl(site);
    this.at += step.pre;
    this.runAt += step.run;
    return undefined;
  }

  #bindFields(site: Site, length: number): Mismatch | undefined {
    const { span, at, run, index, address, runAt } = site;
    for (const relocation of site.relocations) {
      if (relocation.offset >= at + length) break;
      // The field's index in the chunk, and the chunk's own address.
      const inRun = index + relocation.offset - at;
      const base = address + BigInt(runAt - index);
      const mismatch = bindField(this.context, this.trial, span, relocation, run, inRun, base);
      if (mismatch !== undefined) return mismatch;
    }
    return undefined;
  }

  #checkBranches(): Mismatch | undefined {
    for (const { at, runAt, pre, run } of this.#branches) {
      if (this.#offsets.has(pre, run)) continue;
      // Where the assembler resolved a jump into a neighbour without a relocation, only the distance can be compared.
      if ((pre < 0 || pre > this.span.size) && pre - at === run - runAt) continue;
      const index = this.#code.indexOf(runAt);
      const why = `the jump leads to ${signedHex(pre)} in the object, to ${signedHex(run)} in the run code, which do not correspond`;
      return mismatchAt(this.span, at, this.address + BigInt(runAt), this.#code.bytes.subarray(index), why, 6);
    }
    return undefined;
  }

  #mismatch({ at, insn, run, index, runAt, runInsn }: Site, why: string): Mismatch {
    const pre = this.span.bytes.slice(at, at + (insn?.length ?? 8));
    const runAddress = BigInt.asUintN(64, this.address + BigInt(runAt));
    return { offset: at, runAddress, pre, run: run.slice(index, index + (runInsn?.length ?? 8)), why };
  }
}

function ripTargets(site: Site, insn: X86Instruction): { pre: number; run: number } {
  const read = (code: Uint8Array, at: number): number =>
    new DataView(code.buffer, code.byteOffset + at, 4).getInt32(0, true);
  return {
    pre: site.at + insn.length + read(site.pre, site.at + insn.displacementOffset),
    run: site.runAt + insn.length + read(site.run, site.index + insn.displacementOffset),
  };
}

/** Whether nothing can run on behind the instruction: jmp, ret, ud2, a trap after those. Intel SDM volume 2. */
function endsControl(site: Site): boolean {
  const { pre, at, insn, afterJump } = site;
  if (insn === undefined) return false;
  if (branchKind(pre, at, insn) === "jmp") return true;
  if (afterJump && (pre[at] === 0xcc || isNop(site, pre, at, insn))) return true;
  let opcode = at;
  while ([0x3e, 0xf2, 0xf3, 0x66].includes(pre[opcode] as number) || (pre[opcode] as number) >> 4 === 4) opcode++;
  const byte = pre[opcode] as number;
  if (byte === 0xc3 || byte === 0xc2 || byte === 0xcb) return true;
  if (byte === 0x0f && pre[opcode + 1] === 0x0b) return true;
  return byte === 0xff && ((pre[opcode + 1] as number) & 0x38) === 0x20;
}

/** Compares a function with the run code instruction by instruction. */
export function walkText(context: Context, trial: Trial, span: Span, address: bigint, mode: X86Mode): ComparisonResult {
  return new Walk(context, trial, span, address, mode).walk();
}
