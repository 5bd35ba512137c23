/*
 * RISC-V linkers delete bytes: the object has room for the farthest target, the image what the distance needs.
 *
 *     object                                  run system
 *     auipc ra,…   R_RISCV_CALL_PLT g         jal ra,g
 *     jalr  ra     (one record for both)
 *     lui   a4,…   R_RISCV_HI20 v             (nothing)
 *     lw    a5,…(a4)  R_RISCV_LO12_I v        lw a5,…(gp)
 *
 * Both sides are walked instruction by instruction; what is not equal needs a rule (rules-riscv.ts). Where each offset went is
 * remembered, and at the end every branch must land where its target went, and the halves of every address must make one.
 */

import { readField } from "../../arch/field.ts";
import { signedHex } from "../../hex.ts";
import type { Span, SpanRelocation } from "../../spans/span.ts";
import { bindAddress, type Context, meantAddress, mismatchAt, wrap } from "../context.ts";
import { type RelaxSite, type RelaxStep, RISCV_RULES, wordAt } from "../tolerances/rules-riscv.ts";
import type { Trial } from "../values.ts";
import type { ComparisonResult, Mismatch, OffsetMap } from "./mismatch.ts";
import { Halves } from "./relaxed-halves.ts";
import { SpanWalk } from "./span-walk.ts";

/** Where each instruction went: the linker moves nothing but by deleting in front of it. */
class MovedOffsets implements OffsetMap {
  readonly #moved = new Map<number, number>();

  add(offset: number, runOffset: number): void {
    this.#moved.set(offset, runOffset);
  }

  startOf(offset: number): number | undefined {
    return this.#moved.get(offset);
  }

  has(offset: number, runOffset: number): boolean {
    return this.#moved.get(offset) === runOffset;
  }
}

/** Relocation types by the instruction that has such a field: opcode of 32-bit ones, quadrant and function of 16-bit ones. RISC-V ISA manual, "Instruction Listings", RVC. */
function branchType(word: number): number | undefined {
  if ((word & 3) === 3) return { 99: 16, 111: 17 }[word & 0x7f];
  if ((word & 3) !== 1) return undefined;
  return { 5: 45, 6: 44, 7: 44 }[(word >>> 13) & 7];
}

class Walk extends SpanWalk {
  readonly #run: Uint8Array;
  readonly #offsets = new MovedOffsets();
  readonly #branches: { at: number; runAt: number; distance: number }[] = [];
  readonly #halves: Halves;

  constructor(context: Context, trial: Trial, span: Span, address: bigint, run: Uint8Array) {
    super(context, trial, span, address);
    this.#run = run;
    this.#halves = new Halves(context, trial, span);
  }

  walk(): ComparisonResult {
    const { size } = this.span;
    while (this.at < size) {
      this.#offsets.add(this.at, this.runAt);
      const mismatch = this.#step();
      if (mismatch !== undefined) return { mismatch };
    }
    this.#offsets.add(size, this.runAt);
    const mismatch = this.#checkBranches() ?? this.#checkHalves();
    if (mismatch !== undefined) return { mismatch };
    return {
      mismatch: undefined,
      rules: this.rules,
      blocks: [{ start: 0, size: this.runAt }],
      map: this.#offsets,
    };
  }

  /** Relocations at the place; hints come behind what they are about. Distances from a loaded address are left out: their bytes are compared. */
  #fields(): readonly SpanRelocation[] {
    return this.fields(this.at, this.at + 1).filter(({ distance }) => distance === undefined);
  }

  #step(): Mismatch | undefined {
    const fields = this.#fields();
    const length = this.#lengthAt(fields);
    const relocation = fields.find(({ howto }) => howto.name !== "R_RISCV_RELAX");
    const isAlign = relocation?.howto.name === "R_RISCV_ALIGN";
    if (!isAlign && this.#isEqual(length)) return this.#keep(relocation, length);
    const site = relocation === undefined ? undefined : this.#site(relocation, fields);
    for (const rule of site === undefined ? [] : RISCV_RULES) {
      const step = rule.apply(site as RelaxSite);
      if (step === undefined || relocation === undefined) continue;
      // Filler that is as long as the object's is not a difference.
      if (step.pre !== step.run || !isAlign) this.rules.add(rule.name);
      return this.#take(relocation, step);
    }
    return this.#mismatch("instructions differ");
  }

  #site(relocation: SpanRelocation, fields: readonly SpanRelocation[]): RelaxSite {
    return {
      context: this.context,
      pre: this.span.bytes.subarray(this.at),
      run: this.#run.subarray(this.runAt),
      place: wrap(this.context.arch, this.address + BigInt(this.runAt)),
      relocation,
      relaxable: fields.some(({ howto }) => howto.name === "R_RISCV_RELAX"),
    };
  }

  /** Bytes of the instruction, or of the pair that one record is for. RISC-V ISA manual, "Expanded Instruction-Length Encoding". */
  #lengthAt(fields: readonly SpanRelocation[]): number {
    const own = (wordAt(this.span.bytes, this.at) & 3) === 3 ? 4 : 2;
    return Math.min(Math.max(own, ...fields.map(({ howto }) => howto.size)), this.span.size - this.at);
  }

  #isEqual(length: number): boolean {
    if (this.runAt + length > this.#run.length) return false;
    for (let i = 0; i < length; i++) {
      const differing = (this.span.bytes[this.at + i] as number) ^ (this.#run[this.runAt + i] as number);
      if ((differing & ~(this.mask[this.at + i] as number)) !== 0) return false;
    }
    return true;
  }

  /** An instruction that is as it was: its field, if it has one, says where the relocation leads. */
  #keep(relocation: SpanRelocation | undefined, length: number): Mismatch | undefined {
    const whole = { pre: length, run: length };
    if (relocation === undefined) {
      const type = branchType(wordAt(this.span.bytes, this.at));
      const howto = type === undefined ? undefined : this.context.arch.howtos.get(type);
      if (howto !== undefined) {
        const distance = Number(readField(this.span.bytes, this.at, howto, "lsb"));
        this.#branches.push({ at: this.at, runAt: this.runAt, distance });
      }
      return this.#take(undefined, whole);
    }
    const { howto } = relocation;
    const place = wrap(this.context.arch, this.address + BigInt(this.runAt));
    const field = readField(this.#run, this.runAt, howto, "lsb");
    if (/HI20$/.test(howto.name))
      return this.#take(relocation, { ...whole, high: howto.pcrel ? place + field : field });
    if (/LO12_[IS]$/.test(howto.name)) return this.#take(relocation, { ...whole, low: { base: "high", value: field } });
    const meant = meantAddress(this.context.image, relocation, this.#run, this.runAt, place);
    return this.#take(relocation, meant === undefined ? whole : { ...whole, meant });
  }

  #take(relocation: SpanRelocation | undefined, step: RelaxStep): Mismatch | undefined {
    if (relocation !== undefined) {
      const { meant, high, low } = step;
      const why = meant === undefined ? undefined : bindAddress(this.context, this.trial, this.span, relocation, meant);
      if (why !== undefined) return this.#mismatch(why);
      const register = wordAt(this.span.bytes, this.at);
      if (high !== undefined) this.#halves.addHigh(relocation, high, (register >>> 7) & 31);
      if (low !== undefined) this.#halves.addLow(relocation, low, (register >>> 15) & 31, this.runAt);
    }
    this.at += step.pre;
    this.runAt += step.run;
    return undefined;
  }

  /** Branches that the assembler resolved itself. */
  #checkBranches(): Mismatch | undefined {
    for (const { at, runAt, distance } of this.#branches) {
      const target = at + distance;
      if (this.#offsets.has(target, runAt + distance) || target < 0 || target > this.span.size) continue;
      const why = `the branch leads to ${signedHex(target)} in the object, where the run code has moved`;
      return this.#mismatch(why, at, runAt);
    }
    return undefined;
  }

  #checkHalves(): Mismatch | undefined {
    const wrong = this.#halves.check();
    if (wrong === undefined) return undefined;
    return { ...this.#mismatch(wrong.why, wrong.at, wrong.runAt), ...(wrong.waits && { waits: true as const }) };
  }

  #mismatch(why: string, at = this.at, runAt = this.runAt): Mismatch {
    const place = wrap(this.context.arch, this.address + BigInt(runAt));
    return mismatchAt(this.span, at, place, this.#run.subarray(runAt), why, 8);
  }
}

/** Compares a RISC-V function with run code that the linker relaxed. */
export function walkRelaxed(context: Context, trial: Trial, span: Span, address: bigint): ComparisonResult {
  // Relaxed code is never longer.
  const run = context.image.memory.read(address, span.size);
  if (run === undefined) {
    return { mismatch: mismatchAt(span, 0, address, new Uint8Array(0), "the image has no memory there") };
  }
  return new Walk(context, trial, span, address, run).walk();
}
