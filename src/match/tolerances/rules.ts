import { alternatives, lockPrefix, paravirt } from "./rules-alternatives.ts";
import { ftraceSite, retpoline, returnThunk, staticCall, staticKey } from "./rules-kernel.ts";
import { branchLength, nopPadding, trapPadding } from "./rules-layout.ts";
import { gotRelaxation, plainCall, tlsRelaxation } from "./rules-linker.ts";
import type { Site, Step } from "./site.ts";

/** One way in which code of the run system may differ from the object it was built from. */
export interface Rule {
  readonly name: string;
  /** Who makes the difference, and why it means nothing. */
  readonly why: string;
  /** Where that is written. */
  readonly source: string;
  /** How far both sides get by this rule; undefined where it does not apply. */
  readonly apply: (site: Site) => Step | undefined;
}

/** Every tolerance on x86, in the order in which they are tried; the first that applies is taken. */
export const X86_RULES: readonly Rule[] = [
  ftraceSite,
  alternatives,
  lockPrefix,
  paravirt,
  staticKey,
  staticCall,
  returnThunk,
  retpoline,
  plainCall,
  branchLength,
  gotRelaxation,
  tlsRelaxation,
  nopPadding,
  trapPadding,
];

/** Made by the walk itself, not by a step: code that goes on elsewhere behind a jump. */
export const MOVED_BLOCK = {
  name: "moved-block",
  why: "the linker or compiler put the code behind an unconditional jump somewhere else; all jumps to it lead there",
  source: "Ksplice, kmodsrc/ksplice.c: run-pre matching follows jumps",
} as const;
