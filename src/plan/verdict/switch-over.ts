import { type FindingCode, severityOf } from "../../findings/findings.ts";
import type { Judged, RungStatus } from "./situation.ts";
import { workFor } from "./work.ts";

/**
 * What becomes of the errors that forbid a splice when the whole new object is loaded beside the old one. `gone`: it was
 * about jumps in old code, or about data of which the new version has its own. Otherwise, what is to be done.
 */
const WITH_NEW_OBJECT: Partial<Record<FindingCode, "gone" | string>> = {
  "writable-data-changed": "gone",
  "writable-data-resized": "gone",
  "percpu-data-changed": "gone",
  "tls-data-changed": "gone",
  "static-ambiguous": "gone",
  "percpu-data-new": "gone",
  "tls-data-new": "gone",
  "common-symbol-changed": "gone",
  "trampoline-no-room": "gone",
  "trampolines-overlap": "gone",
  "entry-point-moved": "gone",
  "symbol-changed": "gone",
  "hook-reaches-patched-code": "gone",
  "sibling-call": "gone",
  "short-branch": "gone",
  "section-anchors": "gone",
  "init-text-changed": "do in the code that takes over what changed in init code",
  "init-data-changed": "do in the code that takes over what changed for init code",
  "global-rodata-resized": "see to it that other objects use the new constant",
};

/** Notes that only a switch-over has to heed. */
const OWN: ReadonlySet<FindingCode> = new Set([
  "ops-table-incompatible",
  "ops-table-differs",
  "called-directly",
  "shared-module-state",
  "names-clash",
]);

/** Whether the new object can be loaded beside the old one, and the tables be made to lead to it. */
export function judgeSwitchOver(situation: Judged): Omit<RungStatus, "rung"> {
  const { findings, errors, isNeeded, functions = [], targets = [], switchOver = {} } = situation;
  if (!isNeeded) return { status: "not-applicable", because: [], why: "there is nothing to switch over to" };
  const { tables = [], reach = [], obstacles = [], plan = [] } = switchOver;
  if (tables.length === 0)
    return { status: "not-applicable", because: [], why: "no table of functions leads to what changes" };
  const own = findings.flatMap(({ code }, index) => (OWN.has(code) ? [index] : []));
  const direct = reach.filter(({ through }) => through === "direct");
  const known = new Set(reach.map(({ object, label }) => `${object} ${label}`));
  const unknown = functions.filter(
    ({ object, label, status, partOf }) =>
      status === "changed" && partOf === undefined && !known.has(`${object} ${label}`),
  );
  const isCore = targets.every((target) => target === "vmlinux");
  if (isCore && direct.length + unknown.length > 0) {
    const why = `vmlinux is not a module that could be exchanged (code of a module: name it with --target), and not only tables lead to ${namesOf([...direct, ...unknown])}`;
    return { status: "not-applicable", because: own, why };
  }
  const open = errors.filter((index) => WITH_NEW_OBJECT[findings[index]?.code as FindingCode] !== "gone");
  const because = [...new Set([...own, ...open])].sort((a, b) => a - b);
  if (because.length + unknown.length + direct.length + obstacles.length === 0)
    return { status: "applicable", because, why: `only tables lead to what changes: ${namesOf(tables)}` };
  const work = [
    ...obstacles.map(
      ({ object, text, solvedBy }) =>
        plan.find((step) => step.object === object && step.step === solvedBy)?.text ?? text,
    ),
    ...unknown.map(({ label }) => `find out what calls ${label}: its object has no table that leads there`),
    ...new Set(open.flatMap((index) => openWork(situation, index))),
  ];
  return {
    status: "needs-work",
    because,
    why: `tables lead to what changes (${namesOf(tables)}), but others cannot take their place as it is`,
    work,
  };
}

function openWork({ findings }: Judged, index: number): string[] {
  const finding = findings[index];
  if (finding === undefined || severityOf(finding) !== "error") return [];
  const known = WITH_NEW_OBJECT[finding.code];
  const name = finding.where.name ?? finding.where.section ?? "the object";
  return known === undefined ? workFor(findings, [index]) : [`${known}: ${name}`];
}

const SHOWN = 4;

function namesOf(named: readonly { readonly label: string }[]): string {
  const rest = named.length - SHOWN;
  const shown = named.slice(0, SHOWN).map(({ label }) => label);
  return `${shown.join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}
