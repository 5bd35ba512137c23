import { type Finding, severityOf } from "../findings.ts";
import { RUNGS, type Rung } from "./contract.ts";
import type { Verdict } from "./description.ts";

type RungStatus = Verdict["rungs"][number];

/** What the rungs are judged by. */
export interface Situation {
  /** Sorted as in the description: the verdict refers to them by index. */
  readonly findings: readonly Finding[];
  /** Whether code or data of the running system would have to change for the patch to have its effect. */
  readonly hasChanges: boolean;
}

/** Judges each rung of the ladder from the least to the most disruptive. */
export function planStrategy(situation: Situation): Verdict {
  const rungs = RUNGS.map((rung) => judge(rung, situation));
  const recommended = rungs.find((rung) => rung.status === "applicable")?.rung ?? null;
  return { recommended, rungs };
}

function judge(rung: Rung, { findings, hasChanges }: Situation): RungStatus {
  const errors = findings.flatMap((finding, index) =>
    severityOf(finding) === "error" && finding.suppressed === undefined ? [index] : [],
  );
  if (rung === "none")
    return { rung, status: hasChanges || errors.length > 0 ? "not-applicable" : "applicable", because: errors };
  if (rung === "splice") return { rung, status: errors.length > 0 ? "needs-work" : "applicable", because: errors };
  return { rung, status: "not-applicable", because: [] };
}
