import { describe, expect, it } from "vitest";
import type { LiveUpdateSimulation, ParticipantDescription } from "../../../src/contract/live-update.ts";
import { eventOf } from "../../../src/contract/names/live-update.ts";
import { readScenarios, simulateLiveUpdate } from "../../../src/plan/live-update/machine.ts";

interface Extra {
  readonly status?: ParticipantDescription["status"];
  readonly pre?: string;
  readonly post?: string;
  readonly names?: ParticipantDescription["names"];
}

/** A participant with these slots; each leads to a function of the same name. */
function takes(
  name: string,
  slots: string,
  { status = "unchanged", pre = name, post = name, names = "series" }: Extra = {},
) {
  return {
    name,
    object: 0,
    interface: "file-handler",
    names,
    status,
    compatible: { ...(status === "added" ? {} : { pre }), ...(status === "removed" ? {} : { post }) },
    table: {},
    registeredBy: "start",
    callbacks: slots.split(" ").map((slot, index) => ({
      slot,
      event: eventOf(slot) ?? null,
      offset: index * 8,
      status: "unchanged",
      ...(status === "added" ? {} : { pre: slot }),
      ...(status === "removed" ? {} : { post: slot }),
    })),
  } as ParticipantDescription;
}

const SERIES = "prepare freeze cancel finish";
const MAINLINE = "can_preserve preserve unpreserve freeze unfreeze retrieve can_finish finish";

/** `a.prepare`, `a.freeze!` for one that fails, `prepare:prepared` for a state that is entered. */
function words({ steps }: LiveUpdateSimulation): string {
  return steps
    .map((step) => {
      if (step.kind === "state") return `${step.event}:${step.to}`;
      if (step.kind === "unclaimed") return `${step.participant}.unclaimed`;
      return `${step.participant}.${step.slot}${step.result === "failed" ? "!" : ""}`;
    })
    .join(" ");
}

function run(scenario: string, ...participants: ParticipantDescription[]): LiveUpdateSimulation {
  const [first] = readScenarios(scenario, participants);
  if (first === undefined) throw new Error("no scenario");
  return simulateLiveUpdate(participants, first);
}

describe("the state machine", () => {
  const a = takes("a", SERIES);
  const b = takes("b", SERIES);
  const m = takes("m", MAINLINE, { names: "mainline" });
  const n = takes("n", MAINLINE, { names: "mainline" });
  const cases: [string, string, ParticipantDescription[], string, string, string][] = [
    [
      "goes through every state when nothing fails",
      "ok",
      [a, b],
      "boot:normal a.prepare b.prepare prepare:prepared a.freeze b.freeze freeze:frozen reboot:updated a.finish b.finish finish:normal",
      "normal",
      "completed",
    ],
    [
      "understands mainline's names",
      "ok",
      [m],
      "boot:normal m.preserve prepare:prepared m.freeze freeze:frozen reboot:updated m.retrieve m.finish finish:normal",
      "normal",
      "completed",
    ],
    [
      "without participants too",
      "ok",
      [],
      "boot:normal prepare:prepared freeze:frozen reboot:updated finish:normal",
      "normal",
      "completed",
    ],
    [
      "is cancelled in reverse order",
      "cancel",
      [a, b],
      "boot:normal a.prepare b.prepare prepare:prepared b.cancel a.cancel cancel:normal",
      "normal",
      "cancelled",
    ],
    [
      "a failing prepare cancels those that were prepared",
      "fail=b:prepare",
      [a, b],
      "boot:normal a.prepare b.prepare! a.cancel",
      "normal",
      "cancelled",
    ],
    [
      "the first failing prepare has nothing to cancel",
      "fail=a:prepare",
      [a, b],
      "boot:normal a.prepare!",
      "normal",
      "cancelled",
    ],
    [
      "a failing freeze cancels all, the failed one too: it is prepared",
      "fail=a:freeze",
      [a, b],
      "boot:normal a.prepare b.prepare prepare:prepared a.freeze! b.cancel a.cancel cancel:normal",
      "normal",
      "cancelled",
    ],
    [
      "mainline thaws what was frozen before it takes back what was preserved",
      "fail=n:freeze",
      [m, n],
      "boot:normal m.preserve n.preserve prepare:prepared m.freeze n.freeze! m.unfreeze n.unpreserve m.unpreserve cancel:normal",
      "normal",
      "cancelled",
    ],
    [
      "a failing finish stops hard: the next one is not called",
      "fail=a:finish",
      [a, b],
      "boot:normal a.prepare b.prepare prepare:prepared a.freeze b.freeze freeze:frozen reboot:updated a.finish!",
      "updated",
      "stopped",
    ],
    [
      "a state that cannot be retrieved stops hard",
      "fail=m:retrieve",
      [m],
      "boot:normal m.preserve prepare:prepared m.freeze freeze:frozen reboot:updated m.retrieve!",
      "updated",
      "stopped",
    ],
    [
      "callbacks that are missing are not called",
      "ok",
      [takes("c", "freeze finish")],
      "boot:normal prepare:prepared c.freeze freeze:frozen reboot:updated c.finish finish:normal",
      "normal",
      "completed",
    ],
    [
      "boot comes before finish, in the new kernel",
      "ok",
      [takes("c", "prepare cancel boot finish")],
      "boot:normal c.prepare prepare:prepared freeze:frozen reboot:updated c.boot c.finish finish:normal",
      "normal",
      "completed",
    ],
    [
      "what the new kernel does not recognise stops hard",
      "ok",
      [takes("c", SERIES, { status: "changed", pre: "c-1", post: "c-2" })],
      "boot:normal c.prepare prepare:prepared c.freeze freeze:frozen reboot:updated c.unclaimed",
      "updated",
      "stopped",
    ],
    [
      "so does a participant that is gone",
      "ok",
      [takes("c", SERIES, { status: "removed" })],
      "boot:normal c.prepare prepare:prepared c.freeze freeze:frozen reboot:updated c.unclaimed",
      "updated",
      "stopped",
    ],
    [
      "unless another one is compatible",
      "ok",
      [takes("c", SERIES, { status: "removed", pre: "x" }), takes("d", SERIES, { status: "added", post: "x" })],
      "boot:normal c.prepare prepare:prepared c.freeze freeze:frozen reboot:updated d.finish finish:normal",
      "normal",
      "completed",
    ],
    [
      "one that is new has nothing to take up",
      "ok",
      [takes("d", SERIES, { status: "added" })],
      "boot:normal prepare:prepared freeze:frozen reboot:updated finish:normal",
      "normal",
      "completed",
    ],
  ];
  it.each(cases)("%s", (_teaches, scenario, participants, steps, state, outcome) => {
    const simulation = run(scenario, ...participants);
    expect([words(simulation), simulation.finalState, simulation.outcome]).toEqual([steps, state, outcome]);
    expect(simulation.leftBehind).toEqual([]);
  });

  it("starts undefined, and each state follows from the one before", () => {
    for (const scenario of readScenarios("all", [a, m])) {
      let state = "undefined";
      for (const step of simulateLiveUpdate([a, m], scenario).steps) {
        if (step.kind !== "state") continue;
        expect(step.from).toBe(state);
        state = step.to;
      }
    }
  });

  it("tells what cannot be undone", () => {
    const simulation = run("fail=b:freeze", takes("c", "prepare finish"), b);
    expect(simulation.leftBehind).toEqual([{ participant: "c", why: "nothing undoes prepare: it has no cancel" }]);
    const frozen = run("fail=m:freeze", takes("k", "preserve unpreserve freeze finish", { names: "mainline" }), m);
    expect(frozen.leftBehind).toEqual([{ participant: "k", why: "nothing undoes freeze: it has no unfreeze" }]);
  });
});

describe("scenarios", () => {
  const list = [takes("a", SERIES, { pre: "x:y-v1", post: "x:y-v1" }), takes("b", "prepare cancel")];

  it("all is every fault by itself, after a run that goes well and one that is cancelled", () => {
    expect(readScenarios("all", list).map(({ name }) => name)).toEqual([
      "ok",
      "cancel",
      "fail=a:prepare",
      "fail=b:prepare",
      "fail=a:freeze",
      "fail=a:finish",
    ]);
  });

  it.each([
    ["by name", "fail=a:freeze"],
    ["by compatible string, whatever is in it", "fail=x:y-v1:freeze"],
    ["by mainline's word", "fail=b:preserve"],
    ["several", "fail=a:freeze,fail=b:prepare"],
  ])("%s", (_teaches, text) => expect(readScenarios(text, list)).toHaveLength(1));

  it.each([
    ["another word", "break", /write ok, cancel, all, or fail=/],
    ["a participant that is none", "fail=z:freeze", /no participant "z"; there are: a, b/],
    ["an event that is none", "fail=a:reboot", /"reboot" is not an event/],
    ["a callback that returns nothing", "fail=a:cancel", /cancel returns nothing/],
    ["a callback that is missing", "fail=b:freeze", /b has no callback for freeze/],
    ["an inherited name", "fail=a:constructor", /is not an event/],
  ])("%s is refused", (_teaches, text, problem) => expect(() => readScenarios(text, list)).toThrow(problem));
});
