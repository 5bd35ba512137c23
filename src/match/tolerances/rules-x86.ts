import type { Rule } from "./rules.ts";
import { alternatives, lockPrefix, paravirt } from "./rules-alternatives.ts";
import { ftraceSite, retpoline, returnThunk, staticCall, staticKey } from "./rules-kernel.ts";
import { branchLength, nopPadding, trapPadding } from "./rules-layout.ts";
import { gotRelaxation, plainCall, tlsRelaxation } from "./rules-linker.ts";

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
