import { describe, expect, it } from "vitest";
import type { ParticipantDescription } from "../../../src/contract/live-update.ts";
import { checkParticipants, describeParticipants } from "../../../src/plan/live-update/live-update.ts";
import { findParticipants } from "../../../src/plan/live-update/participants.ts";
import { updateOf } from "../../support/built-pair.ts";
import { describePair } from "../../support/describe-pair.ts";
import { data, type ElfExtra, type Part, rodata, spansOf, strings, text } from "../../support/elf-parts.ts";
import { FIXTURES, fixtureCases, join, readText } from "../../support/paths.ts";

type Parts = readonly Part[];

interface Truth {
  readonly [name: string]: {
    readonly status: string;
    readonly compatible: readonly [string, string];
    readonly callbacks: Readonly<Record<string, string>>;
  };
}

describe("fixtures: what became of each participant, as truth.json tells it", () => {
  const cases = fixtureCases().filter((name) => name.includes("live-update"));

  it.each(cases)("%s", async (name) => {
    const folder = join(FIXTURES, name);
    const truth = (JSON.parse(readText(join(folder, "truth.json"))) as { liveUpdate: Truth }).liveUpdate;
    const { liveUpdate } = await describePair(join(folder, "pre.o"), join(folder, "post.o"));
    const told = (liveUpdate.participants ?? []).map(({ name: own, status, compatible, callbacks }) => [
      own,
      {
        status,
        compatible: [compatible.pre, compatible.post],
        callbacks: Object.fromEntries(
          callbacks.map(({ slot, status: change, reaches = [] }) => [
            slot,
            [change, ...reaches.map((label) => `reaches ${label.replace(/<.*/, "")}`)].join(", "),
          ]),
        ),
      },
    ]);
    expect(Object.fromEntries(told)).toEqual(truth);
  });

  it("are there", () => expect(cases.length).toBe(6));

  it("objects without participants say nothing of live updates", async () => {
    const folder = join(FIXTURES, "text/body");
    expect((await describePair(join(folder, "pre.o"), join(folder, "post.o"))).liveUpdate).toEqual({});
  });
});

const call = (name: string): string => `e8{PLT32 liveupdate_register_${name}-4}`;
const load = (name: string): string => `48c7c7{32S ${name}}`;
const f = text("f", "31c0c3");
const g = text("g", "31d2c3");
const ops = (name: string, ...slots: string[]): Part =>
  rodata(name, slots.map((slot) => (slot === "-" ? "00".repeat(8) : `{64 ${slot}}`)).join(""));
const subsystem = (name: string, table: string): Part => data(name, `{64 ${table}}{64 .rodata.str1.1}`);

function found(parts: Parts, extra: ElfExtra = {}, names?: readonly string[]) {
  return findParticipants(spansOf(parts, extra), names === undefined ? undefined : () => names);
}

describe("participants of an object", () => {
  const slotsOf = (parts: Parts, names?: readonly string[]): string[] =>
    found(parts, {}, names).found.flatMap(({ callbacks }) => callbacks.map(({ slot, name }) => `${slot}=${name}`));
  const registered = (table: Part, kind = "subsystem"): Parts => [
    f,
    g,
    table,
    strings("timer"),
    subsystem("h", "ops"),
    text("start", `${load("h")}${call(kind)}c3`),
  ];

  it.each([
    ["four slots: the series", ["f", "-", "g", "f"], "subsystem", ["prepare=f", "cancel=g", "finish=f"]],
    [
      "six: the series with boot and owner",
      ["f", "-", "g", "f", "g", "__this_module"],
      "subsystem",
      ["prepare=f", "cancel=g", "boot=f", "finish=g"],
    ],
    [
      "a file handler of the series",
      ["f", "g", "-", "f", "g", "f"],
      "file_handler",
      ["prepare=f", "freeze=g", "finish=f", "retrieve=g", "can_preserve=f"],
    ],
    [
      "a file handler of mainline",
      ["f", "g", "-", "-", "f", "g", "-", "f", "__this_module"],
      "file_handler",
      ["can_preserve=f", "preserve=g", "unfreeze=f", "retrieve=g", "finish=f"],
    ],
    ["data bound to files", ["f", "g", "-", "f", "-"], "flb", ["preserve=f", "unpreserve=g", "finish=f"]],
    ["another number of slots is not known", ["f", "g", "f"], "subsystem", ["slot 0=f", "slot 1=g", "slot 2=f"]],
    [
      "a callback of another object goes by its name",
      ["f", "-", "other", "-"],
      "subsystem",
      ["prepare=f", "cancel=other"],
    ],
  ])("%s", (_teaches, slots, kind, wanted) => {
    expect(slotsOf(registered(ops("ops", ...slots), kind))).toEqual(wanted);
  });

  it("names from debug information win over the number of slots", () => {
    expect(slotsOf(registered(ops("ops", "f", "g", "f")), ["finish", "freeze", "prepare"])).toEqual([
      "finish=f",
      "freeze=g",
      "prepare=f",
    ]);
  });

  it("the compatible string is a pointer, or the characters themselves", () => {
    expect(found(registered(ops("ops", "f", "-", "-", "-"))).found[0]?.compatible).toBe("timer");
    const inline = data("h", `{64 ops}${Buffer.from("memfd-v1").toString("hex")}${"00".repeat(40)}${"00".repeat(32)}`);
    const parts = [
      f,
      ops("ops", "f", "f", "f", "-", "-", "f", "-", "f", "-"),
      inline,
      text("start", `${load("h")}${call("file_handler")}c3`),
    ];
    expect(found(parts).found[0]).toMatchObject({ compatible: "memfd-v1", dialect: "mainline" });
  });

  it("two that one function registers are told apart, in their order", () => {
    const parts = [
      f,
      ops("a_ops", "f", "-", "-", "-"),
      ops("b_ops", "f", "-", "-", "-"),
      strings("timer"),
      subsystem("a", "a_ops"),
      subsystem("b", "b_ops"),
      text("start", `${load("b")}${call("subsystem")}${load("a")}${call("subsystem")}c3`),
    ];
    expect(found(parts).found.map(({ handler }) => handler.name)).toEqual(["b", "a"]);
  });

  it("one that is registered twice is one", () => {
    const parts = [...registered(ops("ops", "f", "-", "-", "-")), text("again", `${load("h")}${call("subsystem")}c3`)];
    expect(found(parts).found).toHaveLength(1);
  });

  it("a registration of an unknown object is told as such", () => {
    const { found: none, unknown } = found([text("start", `${call("subsystem")}c3`)]);
    expect([none.length, unknown.map(({ kind, registeredBy }) => `${registeredBy.name}: ${kind}`)]).toEqual([
      0,
      ["start: subsystem"],
    ]);
  });

  it("a table of another object is a finding", () => {
    const parts = [strings("timer"), subsystem("h", "elsewhere"), text("start", `${load("h")}${call("subsystem")}c3`)];
    const { participants } = describeParticipants(spansOf(parts), { index: 0, name: "x.o" });
    expect(checkParticipants(participants).map(({ code }) => code)).toEqual(["live-update-slots-unknown"]);
  });
});

describe("pre and post", () => {
  const one = (table: string[], word = "timer", extra: Parts = []): Parts => [
    f,
    g,
    ops("ops", ...table),
    strings(word),
    subsystem("h", "ops"),
    text("start", `${load("h")}${call("subsystem")}c3`),
    ...extra,
  ];
  const statusOf = (pre: Parts, post: Parts): string[] =>
    (updateOf(pre, post).liveUpdate.participants ?? []).flatMap(({ name, status, callbacks }) => [
      `${name} ${status}`,
      ...callbacks.map(({ slot, status: own }) => `${slot} ${own}`),
    ]);

  it.each([
    [
      "a slot that leads elsewhere",
      one(["f", "-", "-", "-"]),
      one(["g", "-", "-", "-"]),
      ["h changed", "prepare retargeted"],
    ],
    [
      "a slot that is filled",
      one(["f", "-", "-", "-"]),
      one(["f", "-", "g", "-"]),
      ["h changed", "prepare unchanged", "cancel added"],
    ],
    [
      "a slot that is emptied",
      one(["f", "-", "g", "-"]),
      one(["f", "-", "-", "-"]),
      ["h changed", "prepare unchanged", "cancel removed"],
    ],
    ["nothing", one(["f", "-", "-", "-"]), one(["f", "-", "-", "-"]), ["h unchanged", "prepare unchanged"]],
    ["a participant that came", [f], one(["f", "-", "-", "-"]), ["h added", "prepare added"]],
    ["a participant that went", one(["f", "-", "-", "-"]), [f], ["h removed", "prepare removed"]],
  ])("%s", (_teaches, pre, post, wanted) => expect(statusOf(pre, post)).toEqual(wanted));

  it("another string is found whichever section holds it", () => {
    const update = updateOf(one(["f", "-", "g", "-"]), one(["f", "-", "g", "-"], "timer-2"));
    expect(update.findings.map(({ code }) => code)).toContain("live-update-compatible-changed");
    expect(update.liveUpdate.participants?.[0]?.compatible).toEqual({ pre: "timer", post: "timer-2" });
  });
});

describe("what is doubtful", () => {
  const participant = (
    name: string,
    names: "series" | "mainline",
    ...slots: [slot: string, event: string][]
  ): ParticipantDescription =>
    ({
      name,
      object: 0,
      interface: "subsystem",
      names,
      status: "unchanged",
      compatible: {},
      table: {},
      registeredBy: "start",
      callbacks: slots.map(([slot, event], index) => ({
        slot,
        event,
        offset: index * 8,
        status: "unchanged",
        pre: slot,
        post: slot,
      })),
    }) as ParticipantDescription;
  const series = (name: string, ...slots: string[]) =>
    participant(name, "series", ...slots.map((slot) => [slot, slot] as [string, string]));
  const codes = (...list: ParticipantDescription[]): string[] =>
    checkParticipants(list).map(({ code, where }) => `${where.name} ${code.replace("live-update-", "")}`);

  it.each([
    ["all four callbacks", [series("a", "prepare", "freeze", "cancel", "finish")], []],
    ["no cancel, alone and last", [series("a", "prepare", "finish")], ["a no-cancel"]],
    [
      "no cancel, and another may fail later",
      [series("a", "prepare", "finish"), series("b", "prepare", "cancel", "finish")],
      ["a no-cancel", "a order"],
    ],
    [
      "no cancel, but no participant after it",
      [series("b", "prepare", "cancel", "finish"), series("a", "prepare", "finish")],
      ["a no-cancel"],
    ],
    ["freeze without finish", [series("a", "freeze", "cancel")], ["a freeze-without-finish"]],
    ["nothing but finish", [series("a", "finish")], []],
  ] as [string, ParticipantDescription[], string[]][])("%s", (_teaches, list, wanted) =>
    expect(codes(...list)).toEqual(wanted),
  );

  it("mainline's freeze is undone by unfreeze, not by unpreserve", () => {
    const slots: [string, string][] = [
      ["preserve", "prepare"],
      ["unpreserve", "cancel"],
      ["freeze", "freeze"],
      ["finish", "finish"],
    ];
    const stuck = participant("a", "mainline", ...slots);
    const other = participant("b", "mainline", ...slots, ["unfreeze", "unfreeze"]);
    expect(codes(stuck, other)).toEqual(["a order"]);
    expect(codes(other, stuck)).toEqual([]);
  });
});
