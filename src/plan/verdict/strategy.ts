import type { Verdict } from "../../contract/description.ts";
import { RUNGS, type Rung } from "../../contract/names/rungs.ts";
import { severityOf } from "../../findings/findings.ts";
import type { Judged, RungStatus, Situation } from "./situation.ts";
import { judgeSwitchOver } from "./switch-over.ts";
import { workFor } from "./work.ts";

/** One row for each rung. */
const JUDGES: Readonly<Record<Rung, (situation: Judged) => Omit<RungStatus, "rung">>> = {
  none: judgeNone,
  splice: judgeSplice,
  "splice-with-shadow": judgeShadow,
  "switch-over": judgeSwitchOver,
  kexec: judgeKexec,
};

/** Judges each rung of the ladder from the least to the most disruptive; the first that is applicable is recommended. */
export function planStrategy(situation: Situation): Verdict {
  const errors = situation.findings.flatMap((finding, index) =>
    severityOf(finding) === "error" && finding.suppressed === undefined ? [index] : [],
  );
  const judged = { ...situation, errors, isNeeded: situation.hasChanges || errors.length > 0 };
  const rungs = RUNGS.map((rung): RungStatus => ({ rung, ...JUDGES[rung](judged) }));
  const recommended = rungs.find(({ status }) => status === "applicable")?.rung ?? null;
  return { recommended, rungs };
}

function judgeNone({ errors, isNeeded }: Judged): Omit<RungStatus, "rung"> {
  return isNeeded
    ? {
        status: "not-applicable",
        because: [...errors],
        why: "the running system does not yet act as the new source says",
      }
    : { status: "applicable", because: [], why: "the running system acts as the new source says already" };
}

function judgeSplice({ findings, errors, isNeeded, shadow }: Judged): Omit<RungStatus, "rung"> {
  const unexplained = errors.filter((index) => findings[index]?.code === "difference-unexplained");
  if (unexplained.length > 0)
    return {
      status: "not-applicable",
      because: unexplained,
      why: "the files differ in what the description does not tell",
    };
  if (errors.length === 0 && shadow !== undefined && shadow.usedBy.length > 0)
    return {
      status: "not-applicable",
      because: [],
      why: `the new code keeps state in shadow variables (${listed(shadow.usedBy)})`,
    };
  if (errors.length === 0)
    return {
      status: "applicable",
      because: [],
      why: isNeeded ? "every change can be made by jumps and writes in place" : "there is nothing to replace",
    };
  const why = "jumps from old code to new cannot bring all of it to the running system";
  return { status: "needs-work", because: [...errors], why, work: workFor(findings, errors) };
}

function judgeShadow({ findings, errors, shadow }: Judged): Omit<RungStatus, "rung"> {
  if (shadow === undefined)
    return { status: "not-applicable", because: [], why: "no struct is known to change whose objects are alive" };
  const { layoutChanges, plans, problems, remarks, usedBy } = shadow;
  const covered = new Set(plans.flatMap(({ covers }) => covers));
  if (layoutChanges.some((index) => !covered.has(index))) {
    const why = "no shadow variable can stand for what changes in the structs";
    return { status: "not-applicable", because: [...layoutChanges], why };
  }
  const open = errors.filter((index) => !covered.has(index) && !problems.includes(index));
  const because = [...new Set([...layoutChanges, ...open, ...problems, ...remarks])].sort((a, b) => a - b);
  const work = [
    ...plans.map(({ text }) => `attach a shadow variable for ${text}, instead of the new member`),
    ...workFor(findings, [...problems, ...open]),
  ];
  if (work.length > 0) {
    const why =
      plans.length > 0
        ? "shadow variables could stand for members that live objects lack"
        : "the new code uses shadow variables, and something has to be done first";
    return { status: "needs-work", because, why, work };
  }
  const why = `the new code keeps what live objects have no room for in shadow variables (${listed(usedBy)})`;
  return { status: "applicable", because, why };
}

function listed(labels: readonly string[]): string {
  const rest = labels.length - MOST_LISTED;
  return `${labels.slice(0, MOST_LISTED).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}

const MOST_LISTED = 3;

function judgeKexec({ isNeeded, findings, liveUpdate }: Judged): Omit<RungStatus, "rung"> {
  if (!isNeeded) return { status: "not-applicable", because: [], why: "there is nothing to boot a new kernel for" };
  const unknown = "memory for it, and what devices and programs lose, cannot be told from objects";
  const lost = liveUpdate?.losesState ?? [];
  if (lost.length > 0) {
    const why = `a new kernel can be booted, but not every participant of a live update keeps its state; ${unknown}`;
    return { status: "needs-work", because: [...lost], why, work: workFor(findings, lost) };
  }
  return { status: "applicable", because: [], why: `a new kernel can always be booted; ${unknown}` };
}
