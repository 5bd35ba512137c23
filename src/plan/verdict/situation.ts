import type { Verdict } from "../../contract/description.ts";
import type { SwitchOver } from "../../contract/switch-over.ts";
import type { Finding } from "../../findings/findings.ts";
import type { ShadowSituation } from "./shadow-situation.ts";

/** What the verdict says of one rung. */
export type RungStatus = Verdict["rungs"][number];

/** A function as the verdict needs to know it. */
interface JudgedFunction {
  readonly label: string;
  readonly object: number;
  readonly status: string;
  readonly partOf?: string | undefined;
}

/** What a boot into a new kernel would break for those who want to keep their state. */
interface LiveUpdateSituation {
  /** Findings that a participant cannot carry its state across. */
  readonly losesState: readonly number[];
}

/** What the rungs are judged by. Numbers are indices into `findings`. */
export interface Situation {
  /** Sorted as in the description: the verdict refers to them by index. */
  readonly findings: readonly Finding[];
  /** Whether code or data of the running system would have to change for the patch to have its effect. */
  readonly hasChanges: boolean;
  readonly functions?: readonly JudgedFunction[] | undefined;
  /** Everything that is patched: vmlinux, modules. */
  readonly targets?: readonly string[] | undefined;
  readonly switchOver?: SwitchOver | undefined;
  readonly shadow?: ShadowSituation | undefined;
  readonly liveUpdate?: LiveUpdateSituation | undefined;
}

/** A situation, and what every rung asks of it first. */
export interface Judged extends Situation {
  /** Indices of the findings that forbid to apply the update as it is. */
  readonly errors: readonly number[];
  /** Whether there is anything to bring to the running system. */
  readonly isNeeded: boolean;
}
