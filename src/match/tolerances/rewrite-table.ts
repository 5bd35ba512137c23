import type { Family } from "../../arch/arch.ts";
import type { Rewrite } from "./rewrites.ts";
import { aarch64Rewrites } from "./rewrites-aarch64.ts";
import { armRewrites } from "./rewrites-arm.ts";
import { mipsRewrites } from "./rewrites-mips.ts";
import { powerRewrites } from "./rewrites-power.ts";
import { s390Rewrites } from "./rewrites-s390.ts";

/** The linker writes no instruction of this architecture anew without changing its length. */
const NO_REWRITES: readonly Rewrite[] = [];

/** By instruction set, in the order in which they are tried. */
export const REWRITES: Readonly<Record<Family, readonly Rewrite[]>> = {
  aarch64: aarch64Rewrites,
  power: powerRewrites,
  mips: mipsRewrites,
  s390: s390Rewrites,
  arm: armRewrites,
  loongarch: NO_REWRITES,
  // Their code is walked: instructions change their lengths.
  x86: NO_REWRITES,
  riscv: NO_REWRITES,
  unknown: NO_REWRITES,
};
