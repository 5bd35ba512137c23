import type { KexecMove, KexecPlan } from "../contract/kexec.ts";
import type { LiveUpdateSimulation, ParticipantDescription, SimulationStep } from "../contract/live-update.ts";
import { hex } from "../hex.ts";
import { plural } from "../wording.ts";
import { joinLines } from "./escape.ts";

/** How many moves are shown before the rest is only counted. */
const SHOWN_MOVES = 24;

function block(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", title, ...lines];
}

function segmentLines({ segments }: KexecPlan): string[] {
  return segments.map(({ name, mem, memsz, bufsz, parts }) => {
    const files = parts.map(({ from, offset }) => `${from} at ${hex(offset)}`).join(", ");
    const zeros = memsz - bufsz;
    const rest = zeros === 0 ? "" : `, then ${zeros} zero`;
    return `  ${mem.padEnd(12)} ${String(memsz).padStart(10)} bytes  ${name}: ${files === "" ? "zeros only" : `${bufsz} from ${files}${rest}`}`;
  });
}

function moveLine({ from, to, count, order }: KexecMove): string {
  return `  ${from} → ${to}  ${plural(count, "page")}${order === undefined ? "" : `, ${order}`}`;
}

function copyLines({ mode, copy }: KexecPlan): string[] {
  if (copy === null) return ["  none: see the findings"];
  const { pages, identity, moved, cycles, spare, sources, moves } = copy;
  if (mode === "panic") return [`  ${plural(pages, "page")} loaded in place, nothing to move; control page ${spare}`];
  const rest = moves.length - SHOWN_MOVES;
  return [
    `  ${plural(pages, "page")}: ${identity} in place, ${plural(moved, "copy", "copies")} in ${plural(moves.length, "run")}, ${plural(cycles, "cycle")} by way of ${spare}; sources: ${sources}`,
    ...moves.slice(0, SHOWN_MOVES).map(moveLine),
    ...(rest > 0 ? [`  … ${plural(rest, "more run")}`] : []),
  ];
}

function participantLines({
  name,
  interface: kind,
  names,
  status,
  compatible,
  callbacks,
}: ParticipantDescription): string[] {
  const words =
    compatible.pre === compatible.post
      ? compatible.pre
      : `${compatible.pre ?? "nothing"} → ${compatible.post ?? "nothing"}`;
  return [
    `  ${name}  ${kind} (${names}), ${status}${words === undefined ? "" : `, "${words}"`}`,
    ...callbacks.map(({ slot, pre, post, status: own }) => {
      const leads = pre === post ? (post ?? "") : `${pre ?? "nothing"} → ${post ?? "nothing"}`;
      return `    ${slot.padEnd(12)} ${leads}${own === "unchanged" ? "" : `  ${own}`}`;
    }),
  ];
}

function stepLine(step: SimulationStep): string {
  if (step.kind === "state") return `  ${step.event}: ${step.from} → ${step.to}`;
  if (step.kind === "unclaimed") return `    ${step.participant}: state not taken up: ${step.why}`;
  const failed = step.result === "failed" ? "  FAILS" : "";
  return `    ${step.participant}: ${step.slot} = ${step.function}${failed}`;
}

const OUTCOMES = {
  completed: "completed",
  cancelled: "cancelled: the old kernel runs on",
  stopped: "stopped: the new kernel must not run on",
} as const;

function simulationLines({ scenario, steps, finalState, outcome, leftBehind }: LiveUpdateSimulation): string[] {
  return [
    "",
    `simulation ${scenario}`,
    ...steps.map(stepLine),
    ...leftBehind.map(({ participant, why }) => `  left behind by ${participant}: ${why}`),
    `  final state: ${finalState}, ${OUTCOMES[outcome]}`,
  ];
}

/** The whole plan for a person. */
export function renderKexecText(plan: KexecPlan): string {
  const { kernel, initrd, mode, pageSize, entry, participants = [], simulations = [], findings, status } = plan;
  const lines = [
    `${kernel.path}  ${kernel.arch}, ${kernel.kind}, ${mode} case, pages of ${pageSize} bytes`,
    ...(initrd === undefined
      ? []
      : [`${initrd.path}  initrd, ${initrd.size} bytes at ${initrd.address ?? "no place"} (${initrd.why})`]),
    entry === null
      ? "entry: none"
      : `entry: ${entry.physical}  (e_entry ${entry.value} is ${entry.as === "both" ? "both physical and virtual" : entry.as})`,
    ...block("segments", segmentLines(plan)),
    ...block("page copy", copyLines(plan)),
    ...block("participants", participants.flatMap(participantLines)),
    ...simulations.flatMap(simulationLines),
    ...block(
      "findings",
      findings.map(({ severity, code, message }) => `  ${severity.padEnd(7)} ${code}: ${message}`),
    ),
    "",
    `kexec: ${status}`,
  ];
  return `${joinLines(lines)}\n`;
}

/** A few lines for standard error. */
export function renderKexecSummary({ status, segments, copy, simulations = [], findings }: KexecPlan): string {
  const pages =
    copy === null
      ? "no page copy plan"
      : `${plural(copy.moved, "page copy", "page copies")} in ${plural(copy.moves.length, "run")}`;
  const [first] = findings.filter(({ severity }) => severity !== "note");
  return joinLines([
    `elfsplice: kexec ${status}, ${plural(segments.length, "segment")}, ${pages}`,
    ...(first === undefined ? [] : [`  ${first.severity}: ${first.message}`]),
    ...simulations.map(
      ({ scenario, finalState, outcome }) => `  ${scenario}: ${OUTCOMES[outcome]}, final state ${finalState}`,
    ),
    "",
  ]);
}
