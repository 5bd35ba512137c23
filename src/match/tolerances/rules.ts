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

/** Made by the walk itself, not by a step: code that goes on elsewhere behind a jump. */
export const MOVED_BLOCK = {
  name: "moved-block",
  why: "the linker or compiler put the code behind an unconditional jump somewhere else; all jumps to it lead there",
  source: "Ksplice, kmodsrc/ksplice.c: run-pre matching follows jumps",
} as const;
