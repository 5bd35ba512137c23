import { describe, expect, it } from "vitest";
import type { UpdateDescription } from "../../../src/index.ts";
import { planPair } from "../../../src/plan/pair/pair.ts";
import type { TableNames } from "../../../src/plan/switch-over/ops-tables.ts";
import { planSwitchOver } from "../../../src/plan/switch-over/switch-over.ts";
import { diffOf, updateOf } from "../../support/built-pair.ts";
import { describePair, rungStatus } from "../../support/describe-pair.ts";
import { bss, data, type ElfExtra, type Part, rodata, section, strings, text } from "../../support/elf-parts.ts";
import { updateOfMany } from "../../support/many-pairs.ts";
import { FIXTURES, fixtureCases, join, readText } from "../../support/paths.ts";

type Parts = readonly Part[];
const plain = (label: string): string => label.replace(/<.*$/, "");
const global = { bind: "global" } as const;

interface Truth {
  readonly switchOver?: {
    readonly status: string;
    readonly recommended: string;
    readonly reach: Readonly<Record<string, string>>;
    readonly state: readonly string[];
  };
  readonly opsTables?: Readonly<Record<string, { slot: string; offset: number; function: string; state: string[] }>>;
}

const truths = fixtureCases().map((name): [string, Truth] => [
  name,
  JSON.parse(readText(join(FIXTURES, name, "truth.json"))) as Truth,
]);
const described = (name: string): Promise<UpdateDescription> =>
  describePair(join(FIXTURES, name, "pre.o"), join(FIXTURES, name, "post.o"));

describe("fixtures whose truth speaks of tables", () => {
  const cases = truths.filter(([, truth]) => truth.switchOver !== undefined);
  it("are there for more than one architecture", () => expect(cases.length).toBeGreaterThanOrEqual(7));

  it.each(cases)("%s", async (name, { switchOver }) => {
    const update = await described(name);
    const { reach = [], state = [] } = update.switchOver;
    expect({
      status: rungStatus(update, "switch-over"),
      recommended: update.verdict.recommended,
      reach: Object.fromEntries(reach.map(({ label, through }) => [plain(label), through])),
      state: state.map(({ label }) => plain(label)),
    }).toEqual(switchOver);
  });

  it.each(truths.filter(([, truth]) => truth.opsTables !== undefined))(
    "%s: slots and state",
    async (name, { opsTables }) => {
      const { switchOver } = await described(name);
      for (const [table, { offset, function: reached, state }] of Object.entries(opsTables ?? {})) {
        const found = switchOver.reach?.find(({ label }) => plain(label) === reached);
        expect(found?.slots.map((slot) => [plain(slot.table), slot.offset])).toEqual([[table, offset]]);
        expect(switchOver.state?.map(({ label }) => plain(label))).toEqual(state);
      }
    },
  );
});

const OPEN = text("open", "b801000000c3");
const OPEN2 = text("open", "b802000000c3");
const CLOSE = text("close", "b803000000c3");

function tableOf(pre: Parts, post: Parts, extra: ElfExtra = {}): unknown {
  const [table] = updateOf(pre, post, extra, { target: "m" }).switchOver.tables ?? [];
  if (table === undefined) return undefined;
  const slots = table.slots.map(
    ({ offset, status, movedTo }) => `+${offset} ${status}${movedTo === undefined ? "" : ` +${movedTo}`}`,
  );
  return [table.access, table.compatibility, ...slots, ...table.fields.map(({ offset }) => `field +${offset}`)];
}

describe("tables slot by slot", () => {
  const zero = "0000000000000000";
  const cases: [string, Parts, Parts, unknown][] = [
    ["nothing changed", [OPEN, rodata("t", "{64 open}")], [OPEN, rodata("t", "{64 open}")], undefined],
    [
      "the same table, other code",
      [OPEN, CLOSE, rodata("t", "{64 open}{64 close}")],
      [OPEN2, CLOSE, rodata("t", "{64 open}{64 close}")],
      ["const", "compatible", "+0 changed", "+8 same"],
    ],
    [
      "a writable one",
      [OPEN, data("t", "{64 open}{64 ext}")],
      [OPEN2, data("t", "{64 open}{64 ext}")],
      ["writable", "compatible", "+0 changed", "+8 same"],
    ],
    [
      "one that init code writes last",
      [OPEN, data("t", "{64 open}", { in: ".data..ro_after_init" })],
      [OPEN2, data("t", "{64 open}", { in: ".data..ro_after_init" })],
      ["ro-after-init", "compatible", "+0 changed"],
    ],
    [
      "an empty slot is filled",
      [OPEN, rodata("t", `{64 open}${zero}{64 ext}`)],
      [OPEN, CLOSE, rodata("t", "{64 open}{64 close}{64 ext}")],
      ["const", "compatible", "+0 same", "+8 added", "+16 same"],
    ],
    [
      "a slot is emptied: callers may remember it",
      [OPEN, CLOSE, rodata("t", "{64 open}{64 close}")],
      [OPEN, CLOSE, rodata("t", `{64 open}${zero}`)],
      ["const", "incompatible", "+0 same", "+8 removed"],
    ],
    [
      "a slot moves",
      [OPEN, CLOSE, rodata("t", `{64 open}{64 close}${zero}`)],
      [OPEN, CLOSE, rodata("t", `{64 open}${zero}{64 close}`)],
      ["const", "incompatible", "+0 same", "+8 moved +16", "+16 added"],
    ],
    [
      "a slot leads to another function",
      [OPEN, CLOSE, rodata("t", "{64 open}")],
      [OPEN, CLOSE, rodata("t", "{64 close}")],
      ["const", "compatible", "+0 replaced"],
    ],
    [
      "the table grows",
      [OPEN, CLOSE, rodata("t", "{64 open}")],
      [OPEN, CLOSE, rodata("t", "{64 open}{64 close}")],
      ["const", "needs-work", "+0 same", "+8 added"],
    ],
    [
      "the table shrinks",
      [OPEN, CLOSE, rodata("t", `{64 open}{64 close}`)],
      [OPEN, CLOSE, rodata("t", "{64 open}")],
      ["const", "incompatible", "+0 same", "+8 removed"],
    ],
    [
      "a flag beside the functions differs",
      [OPEN, rodata("t", "{64 open}0100000000000000")],
      [OPEN, rodata("t", "{64 open}0200000000000000")],
      ["const", "needs-work", "+0 same", "field +8"],
    ],
  ];
  it.each(cases)("%s", (_what, pre, post, expected) => expect(tableOf(pre, post)).toEqual(expected));

  it.each([
    ["aarch64", "20008052c0035fd6", "40008052c0035fd6", "{ABS64 open}"],
    ["ppc64le", "010060382000804e", "020060382000804e", "{ADDR64 open}"],
    ["s390x", "a729000107fe", "a729000207fe", "{64 open}"],
    ["arm", "0100a0e31eff2fe1", "0200a0e31eff2fe1", "{ABS32 open}"],
    ["i386", "b801000000c3", "b802000000c3", "{32 open}"],
  ] as const)("on %s", (machine, before, after, slot) => {
    const table = rodata("t", slot);
    expect(tableOf([text("open", before), table], [text("open", after), table], { machine })).toEqual([
      "const",
      "compatible",
      "+0 changed",
    ]);
  });

  it("an array of structs is told by what stands beside the functions", () => {
    const array = (last: string): Part => rodata("t", `{64 .rodata.str1.1}{64 open}{64 .rodata.str1.1}${last}`);
    const { tables = [] } = updateOf(
      [OPEN, CLOSE, strings("a"), array("{64 close}")],
      [OPEN2, CLOSE, strings("a"), array("{64 close}")],
    ).switchOver;
    expect(tables[0]?.elements).toEqual({ size: 16, pre: 2, post: 2 });
    expect(tables[0]?.slots.map(({ offset, element }) => [offset, element])).toEqual([
      [8, 0],
      [24, 1],
    ]);
  });

  it("with names, a member that moves is followed by its name", () => {
    const pair = planPair(
      diffOf(
        [OPEN, CLOSE, rodata("t", "{64 open}{64 close}")],
        [OPEN2, CLOSE, rodata("t", "{64 open}0000000000000000{64 close}")],
      ),
      0,
      "x.o",
      "m",
    );
    const names = (members: [number, string][]): (() => TableNames) => {
      return () => ({ type: "struct ops", members: new Map(members) });
    };
    const { switchOver } = planSwitchOver(pair, {
      pre: names([
        [0, "open"],
        [8, "close"],
      ]),
      post: names([
        [0, "open"],
        [8, "flush"],
        [16, "close"],
      ]),
    });
    expect(switchOver.tables?.[0]?.type).toBe("struct ops");
    expect(switchOver.tables?.[0]?.slots.map(({ member, status, movedTo }) => [member, status, movedTo])).toEqual([
      ["open", "changed", undefined],
      ["close", "moved", 16],
    ]);
    expect(switchOver.reach?.[0]?.slots[0]?.member).toBe("open");
  });
});

function reachOf(...more: Parts): string[] {
  const table = rodata("t", "{64 open}");
  const { reach = [] } = updateOf([OPEN, table, ...more], [OPEN2, table, ...more]).switchOver;
  return reach.map(({ label, through, others }) =>
    [plain(label), through, ...others.map(({ by, kind, entered }) => `${plain(by)} ${kind} ${entered}`)].join(", "),
  );
}

describe("how a changed function is reached", () => {
  const cases: [string, Parts, string][] = [
    ["by its slot only", [], "open, slots"],
    [
      "called by what another slot leads to",
      [text("g", "e8{PC32 open-4}c3"), rodata("u", "{64 g}")],
      "open, callers, g call slots",
    ],
    ["called by what others call by name", [text("g", "e8{PC32 open-4}c3", global)], "open, direct, g call directly"],
    [
      "its address is handed out",
      [text("g", "488d05{PC32 open-4}c3"), rodata("u", "{64 g}")],
      "open, direct, g address slots",
    ],
    ["init code calls it and is over", [text("i", "e8{PC32 open-4}c3", { in: ".init.text" })], "open, slots"],
    [
      "init code hands its address out",
      [text("i", "488d05{PC32 open-4}c3", { in: ".init.text" })],
      "open, direct, i address never",
    ],
    ["the exception table is not a use", [section("__ex_table", "{PC32 open+1}{PC32 open+5}00000000")], "open, slots"],
    ["the tracer's list is not a use", [section("__mcount_loc", "{64 open}", { flags: "A" })], "open, slots"],
    [
      "a cold part calls for its function",
      [text("g.cold", "e8{PC32 open-4}c3"), text("g", "e9{PC32 g.cold-4}"), rodata("u", "{64 g}")],
      "open, callers, g call slots",
    ],
  ];
  it.each(cases)("%s", (_what, more, expected) => expect(reachOf(...more)).toEqual([expected]));

  it("an alias for others is a use like the name itself", () => {
    const open = (code: string): Part =>
      section(".text.open", code, {}, [
        { name: "open", type: "func", size: 6 },
        { name: "open_alias", type: "func", size: 6, bind: "global" },
      ]);
    const table = rodata("t", "{64 open}");
    const { reach = [] } = updateOf([open("b801000000c3"), table], [open("b802000000c3"), table]).switchOver;
    expect(reach.map(({ through, others }) => [through, others.map(({ kind }) => kind)])).toEqual([
      ["direct", ["global"]],
    ]);
  });

  it("functions in no table ask for no analysis", () => {
    expect(updateOf([text("f", "b801000000c3")], [text("f", "b802000000c3")]).switchOver).toEqual({});
  });
});

describe("state of both versions", () => {
  const user = (name: string, where?: string): Part =>
    text("u", `8b05{PC32 ${name}-4}c3`, where === undefined ? {} : { in: where });
  const cases: [string, Parts, string[]][] = [
    ["used by code", [bss("v", 4), user("v")], ["v"]],
    ["a number that only init code uses is over with it", [bss("v", 4), user("v", ".init.text")], []],
    ["an array that only init code names may have been handed out", [bss("v", 64), user("v", ".init.text")], ["v"]],
    ["a number that exit code uses is needed to the end", [bss("v", 4), user("v", ".exit.text")], ["v"]],
    ["no code uses it", [bss("v", 4)], []],
    ["per processor", [data("v", "01000000", { in: ".data..percpu" }), user("v")], ["v"]],
    ["a constant is not state", [rodata("v", "01000000"), user("v")], []],
  ];
  it.each(cases)("%s", (_what, more, expected) => {
    const table = rodata("t", "{64 open}");
    const { state = [] } = updateOf([OPEN, table, ...more], [OPEN2, table, ...more]).switchOver;
    expect(state.map(({ label }) => plain(label))).toEqual(expected);
  });

  it("a flag that only remembers that a message was printed does not stand in the way", () => {
    const parts = [
      rodata("t", "{64 open}"),
      data("__already_done.3", "00"),
      text("u", "c605{PC32 __already_done.3-5}01c3"),
    ];
    const update = updateOf([OPEN, ...parts], [OPEN2, ...parts], {}, { target: "m" });
    expect(update.switchOver.state?.[0]?.harmless).toMatch(/printed/);
    expect(rungStatus(update, "switch-over")).toBe("applicable");
  });

  it("names for others clash, but those that every module has do not", () => {
    const parts = [
      rodata("t", "{64 open}"),
      text("f", "90c3", global),
      text("init_module", "c3", { ...global, in: ".init.text" }),
    ];
    const { clashes } = updateOf([OPEN, ...parts], [OPEN2, ...parts], {}, { target: "m" }).switchOver;
    expect(clashes).toEqual([{ name: "f", object: 0, kind: "global" }]);
  });
});

describe("findings keep to their rung", () => {
  const called = [rodata("t", "{64 open}"), text("g", "e8{PC32 open-4}c3", global)];
  it("of a module, a function entered otherwise is work for the switch-over, and none for the splice", () => {
    const update = updateOf([OPEN, ...called], [OPEN2, ...called], {}, { target: "m" });
    expect(update.findings.map(({ code, severity }) => `${severity} ${code}`)).toEqual([
      "note called-directly",
      "note names-clash",
    ]);
    expect([rungStatus(update, "splice"), rungStatus(update, "switch-over")]).toEqual(["applicable", "needs-work"]);
    expect(update.switchOver.plan).toBeUndefined();
  });

  it("of the kernel itself, it is the end of that rung", () => {
    const update = updateOf([OPEN, ...called], [OPEN2, ...called]);
    expect(update.findings).toEqual([]);
    expect(rungStatus(update, "switch-over")).toBe("not-applicable");
    expect(update.switchOver.obstacles?.map(({ code }) => code)).toContain("called-directly");
  });
});

describe("an update of many pairs", () => {
  const table = rodata("t", "{64 open}");
  it("holds what each pair says at its place, and judges them together", () => {
    const update = updateOfMany([
      ["a.o", [OPEN, table], [OPEN2, table], "m"],
      ["b.o", [text("f", "b801000000c3")], [text("f", "b802000000c3")], "m"],
      ["c.o", [OPEN, table], [OPEN2, table], "m"],
    ]);
    expect(update.switchOver.tables?.map(({ label, object }) => [label, object])).toEqual([
      ["t<a.o>", 0],
      ["t<c.o>", 2],
    ]);
    const rung = update.verdict.rungs.find(({ rung: name }) => name === "switch-over");
    expect(rung?.work).toEqual(["find out what calls f<b.o>: its object has no table that leads there"]);
  });

  it("leaves out what is suppressed", () => {
    const update = updateOfMany([["a.o", [OPEN, table], [OPEN2, table], "m"]], "function open: not now");
    expect(update.switchOver.reach).toBeUndefined();
    expect(rungStatus(update, "switch-over")).toBe("not-applicable");
  });
});
