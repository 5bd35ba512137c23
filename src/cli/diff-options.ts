import type { EmitOptions } from "./emit.ts";

/** What `elfsplice diff` was told on its command line. */
export interface DiffOptions extends EmitOptions {
  readonly id?: string;
  readonly target?: string[];
  readonly onlyTargets?: string[];
  readonly include?: string[];
  readonly exclude?: string[];
  readonly suppress?: string;
  readonly contents?: boolean;
  readonly sourceRoot?: string[];
  /** Objects that are the same on both sides get their SHA-256, too. */
  readonly hashes?: boolean;
  readonly oldCode: "needed" | "all";
  readonly jobs?: string;
  readonly cache?: string;
  readonly shard?: string;
  readonly progress?: boolean;
}
