import type { Family } from "../../arch/arch.ts";
import type { Span, SpanRelocation } from "../../spans/span.ts";
import type { Context } from "../context.ts";
import type { Trial } from "../values.ts";
import { aarch64Rewrites } from "./rewrites-aarch64.ts";
import { mipsRewrites } from "./rewrites-mips.ts";
import { powerRewrites } from "./rewrites-power.ts";
import { s390Rewrites } from "./rewrites-s390.ts";

/** A place of the object's code where the instruction in the run system is another one, of the same length. */
export interface RewriteSite {
  readonly context: Context;
  readonly trial: Trial;
  readonly span: Span;
  /** Offset of the instruction in the span. */
  readonly at: number;
  /** Address of the run system's instruction. */
  readonly place: bigint;
  /** An instruction of either side, counted in words from the place; NaN past the end. */
  pre(index: number): number;
  run(index: number): number;
  /** The relocations of an instruction, counted in words from the place. */
  fields(index: number): readonly SpanRelocation[];
}

/** What a rewrite found out. */
export interface Rewritten {
  /** Bytes that are done. */
  readonly size: number;
  /** What relocations turn out to stand for. */
  readonly meant?: readonly (readonly [relocation: SpanRelocation, address: bigint])[];
  /** One word of the object's form that means what the run code means: its fields are read as ever. */
  readonly instead?: number;
}

/** One way in which a linker, or the kernel, writes an instruction anew in its place. */
export interface Rewrite {
  readonly name: string;
  readonly why: string;
  readonly source: string;
  readonly apply: (site: RewriteSite) => Rewritten | undefined;
}

/** The linker writes no instruction of this architecture anew without changing its length. */
const NO_REWRITES: readonly Rewrite[] = [];

/** By instruction set, in the order in which they are tried. */
export const REWRITES: Readonly<Record<Family, readonly Rewrite[]>> = {
  aarch64: aarch64Rewrites,
  power: powerRewrites,
  mips: mipsRewrites,
  s390: s390Rewrites,
  arm: NO_REWRITES,
  loongarch: NO_REWRITES,
  // Their code is walked: instructions change their lengths.
  x86: NO_REWRITES,
  riscv: NO_REWRITES,
  unknown: NO_REWRITES,
};
