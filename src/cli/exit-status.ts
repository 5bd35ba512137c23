import type { UpdateDescription } from "../contract/description.ts";
import { isWithin, type Rung } from "../contract/names/rungs.ts";

/** 0: done. 1: a gate that was asked for is not met. 2: wrong usage or unreadable input. */
export const EXIT = { done: 0, gate: 1, failed: 2 } as const;

/** Gates a caller may ask for. */
export interface Gates {
  /** Status 1 when anything would have to change in the running system. */
  readonly exitCode?: boolean | undefined;
  /** Status 1 unless this rung, or a less disruptive one, is applicable. */
  readonly require?: Rung | undefined;
}

/** The exit status that a description and the gates give. */
export function exitStatus(description: UpdateDescription, gates: Gates): number {
  const { rungs } = description.verdict;
  if (gates.exitCode && !isWithin(rungs, "none")) return EXIT.gate;
  if (gates.require !== undefined && !isWithin(rungs, gates.require)) return EXIT.gate;
  return EXIT.done;
}
