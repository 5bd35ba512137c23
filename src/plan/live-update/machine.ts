/*
 * The state machine of the Live Update Orchestrator, run without a kernel.
 *
 *   undefined ─boot→ normal ─prepare→ prepared ─freeze→ frozen ─reboot→ updated ─finish→ normal
 *                      ↑─────cancel─────┘
 *
 * A participant that fails to prepare or to freeze cancels everything: what was done is undone in reverse order, and the old
 * kernel is back to normal. After the reboot there is no way back: where a state is not taken up, the new kernel must not run
 * on, because it does not know which memory it has lost. The old kernel's callbacks are those of pre, the new kernel's those
 * of post.
 */

import type { LiveUpdateSimulation, ParticipantDescription, SimulationStep } from "../../contract/live-update.ts";
import type { LiveUpdateEvent, LiveUpdateState } from "../../contract/names/live-update.ts";
import { UsageError } from "../../errors.ts";

/** What happens in one run: which callbacks fail, and whether the update is cancelled after everything is prepared. */
export interface Scenario {
  readonly name: string;
  readonly cancel: boolean;
  readonly failures: readonly { readonly participant: ParticipantDescription; readonly event: LiveUpdateEvent }[];
}

/** Names of an event in both interfaces. */
const ALIASES: Readonly<Record<string, LiveUpdateEvent>> = {
  prepare: "prepare",
  preserve: "prepare",
  freeze: "freeze",
  retrieve: "retrieve",
  finish: "finish",
};

const CANNOT_FAIL: ReadonlySet<string> = new Set(["cancel", "unpreserve", "unfreeze", "boot"]);

/**
 * Reads what --simulate asks for: `ok`, `cancel`, `all` (each fault by itself), or `fail=PARTICIPANT:EVENT`, several separated by
 * commas. A participant goes by its name or its compatible string. Throws UsageError.
 */
export function readScenarios(text: string, participants: readonly ParticipantDescription[]): Scenario[] {
  if (text === "ok") return [{ name: "ok", cancel: false, failures: [] }];
  if (text === "cancel") return [{ name: "cancel", cancel: true, failures: [] }];
  if (text === "all")
    return [
      ...readScenarios("ok", participants),
      ...readScenarios("cancel", participants),
      ...everyFault(participants),
    ];
  const failures = text.split(/,(?=fail=)/).map((part) => {
    const match = /^fail=(.+):([a-z_]+)$/.exec(part);
    if (match === null) throw new UsageError(`--simulate ${text}: write ok, cancel, all, or fail=participant:event`);
    return readFailure(match[1] as string, match[2] as string, participants);
  });
  return [{ name: text, cancel: false, failures }];
}

function everyFault(participants: readonly ParticipantDescription[]): Scenario[] {
  return (["prepare", "freeze", "retrieve", "finish"] as const).flatMap((event) =>
    participants
      .filter((participant) => callbackFor(participant, event) !== undefined)
      .map((participant) => ({
        name: `fail=${participant.name}:${event}`,
        cancel: false,
        failures: [{ participant, event }],
      })),
  );
}

function readFailure(
  name: string,
  word: string,
  participants: readonly ParticipantDescription[],
): Scenario["failures"][number] {
  const named = participants.filter(
    ({ name: own, compatible }) => own === name || compatible.pre === name || compatible.post === name,
  );
  const [participant] = named;
  if (participant === undefined) {
    const known = participants.map(({ name: own }) => own).join(", ");
    throw new UsageError(
      `--simulate: there is no participant "${name}"; there ${known === "" ? "is none" : `are: ${known}`}`,
    );
  }
  if (named.length > 1)
    throw new UsageError(`--simulate: "${name}" are ${named.length} participants; give the handler's name`);
  if (CANNOT_FAIL.has(word)) throw new UsageError(`--simulate: ${word} returns nothing, so it cannot fail`);
  const event = Object.hasOwn(ALIASES, word) ? ALIASES[word] : undefined;
  if (event === undefined)
    throw new UsageError(`--simulate: "${word}" is not an event; write prepare, freeze, retrieve or finish`);
  if (callbackFor(participant, event) === undefined) {
    throw new UsageError(`--simulate: ${name} has no callback for ${word}, so it cannot fail`);
  }
  return { participant, event };
}

/** Events after the reboot are the new kernel's. */
const NEW_KERNEL: ReadonlySet<LiveUpdateEvent> = new Set(["boot", "retrieve", "finish"]);

function callbackFor(
  participant: ParticipantDescription,
  event: LiveUpdateEvent,
): { readonly slot: string; readonly function: string } | undefined {
  for (const { event: own, slot, pre, post } of participant.callbacks) {
    const label = NEW_KERNEL.has(event) ? post : pre;
    if (own === event && label !== undefined) return { slot, function: label };
  }
  return undefined;
}

interface Run {
  readonly steps: SimulationStep[];
  readonly leftBehind: { participant: string; why: string }[];
  state: LiveUpdateState;
}

/** Runs a live update of these participants, in the order of their registration, and tells every callback and state. */
export function simulateLiveUpdate(
  participants: readonly ParticipantDescription[],
  scenario: Scenario,
): LiveUpdateSimulation {
  const run: Run = { steps: [], leftBehind: [], state: "undefined" };
  const before = participants.filter(({ status }) => status !== "added");
  enter(run, "boot", "normal");
  const prepared = callEach(run, scenario, before, "prepare");
  if (prepared.failed) return undo(run, scenario, prepared.done, []);
  enter(run, "prepare", "prepared");
  if (scenario.cancel) return undo(run, scenario, before, []);
  const frozen = callEach(run, scenario, before, "freeze");
  if (frozen.failed) return undo(run, scenario, before, frozen.done);
  enter(run, "freeze", "frozen");
  enter(run, "reboot", "updated");
  // From here on it is the new kernel that runs.
  const claimers = claimAll(run, before, participants);
  if (claimers === undefined) return result(run, scenario, "stopped");
  const after = participants.filter(
    (participant) => participant.status !== "removed" && (participant.status !== "added" || claimers.has(participant)),
  );
  for (const event of ["boot", "retrieve", "finish"] as const) {
    if (callEach(run, scenario, after, event).failed) return result(run, scenario, "stopped");
  }
  enter(run, "finish", "normal");
  return result(run, scenario, "completed");
}

function enter(run: Run, event: Extract<SimulationStep, { kind: "state" }>["event"], to: LiveUpdateState): void {
  run.steps.push({ kind: "state", event, from: run.state, to });
  run.state = to;
}

function callEach(
  run: Run,
  { failures }: Scenario,
  participants: readonly ParticipantDescription[],
  event: LiveUpdateEvent,
): { readonly failed: boolean; readonly done: readonly ParticipantDescription[] } {
  for (const [index, participant] of participants.entries()) {
    const fails = failures.some((failure) => failure.participant === participant && failure.event === event);
    if (call(run, participant, event, fails ? "failed" : "ok") && fails) {
      return { failed: true, done: participants.slice(0, index) };
    }
  }
  return { failed: false, done: participants };
}

/** Whether there is a callback to call. */
function call(
  run: Run,
  participant: ParticipantDescription,
  event: LiveUpdateEvent,
  outcome: "ok" | "failed",
): boolean {
  const callback = callbackFor(participant, event);
  if (callback === undefined) return false;
  run.steps.push({ kind: "callback", participant: participant.name, event, ...callback, result: outcome });
  return true;
}

/** Undoes in reverse order: first what was frozen, then what was prepared. */
function undo(
  run: Run,
  scenario: Scenario,
  prepared: readonly ParticipantDescription[],
  frozen: readonly ParticipantDescription[],
): LiveUpdateSimulation {
  for (const participant of frozen.toReversed()) {
    if (call(run, participant, "unfreeze", "ok") || participant.names !== "mainline") continue;
    const freeze = callbackFor(participant, "freeze");
    if (freeze !== undefined) leave(run, participant, `nothing undoes ${freeze.function}: it has no unfreeze`);
  }
  for (const participant of prepared.toReversed()) {
    if (call(run, participant, "cancel", "ok")) continue;
    const wasFrozen = frozen.includes(participant) && participant.names !== "mainline";
    const done = callbackFor(participant, "prepare") ?? (wasFrozen ? callbackFor(participant, "freeze") : undefined);
    const missing = participant.names === "mainline" ? "unpreserve" : "cancel";
    if (done !== undefined) leave(run, participant, `nothing undoes ${done.function}: it has no ${missing}`);
  }
  if (run.state !== "normal") enter(run, "cancel", "normal");
  return result(run, scenario, "cancelled");
}

function leave({ leftBehind }: Run, { name }: ParticipantDescription, why: string): void {
  leftBehind.push({ participant: name, why });
}

/** Post participants that restore each saved state, by the string it was saved under; undefined if any state has none. */
function claimAll(
  run: Run,
  before: readonly ParticipantDescription[],
  participants: readonly ParticipantDescription[],
): ReadonlySet<ParticipantDescription> | undefined {
  const claimers = new Set<ParticipantDescription>();
  let isWhole = true;
  for (const old of before) {
    if (callbackFor(old, "prepare") === undefined && callbackFor(old, "freeze") === undefined) continue;
    const key = old.compatible.pre;
    const claimer = participants.find(
      (own) =>
        own.status !== "removed" &&
        own.interface === old.interface &&
        (key === undefined ? own === old : own.compatible.post === key),
    );
    if (claimer !== undefined) {
      claimers.add(claimer);
      continue;
    }
    isWhole = false;
    const why = key === undefined ? "it is not registered there" : `no participant there is compatible with "${key}"`;
    run.steps.push({ kind: "unclaimed", participant: old.name, why });
  }
  return isWhole ? claimers : undefined;
}

function result(
  { steps, state, leftBehind }: Run,
  { name }: Scenario,
  outcome: LiveUpdateSimulation["outcome"],
): LiveUpdateSimulation {
  return { scenario: name, steps, finalState: state, outcome, leftBehind };
}
