import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assembleUpdate, renderJson, type UpdateDescription, UsageError } from "../../../src/index.ts";
import { bss, data, group, type Part, section, strings, text } from "../../support/elf-parts.ts";
import { integrityErrors } from "../../support/integrity.ts";
import { type BuiltPair, builtFragments, findingLines, treeFragments, updateOfMany } from "../../support/many-pairs.ts";
import { schemaErrors } from "../../support/schema.ts";

type Parts = readonly Part[];
const call = (name: string): string => `e8{PLT32 ${name}-4}`;
const global = { bind: "global" } as const;
const f = (x: string, more = ""): Part => text("f", `b8${x}000000${more}c3`, global);
const g = (x: string, more = ""): Part => text("g", `ba${x}000000${more}c3`, global);
const ksymtab = [
  section("__ksymtab_strings", "6600"),
  section("___ksymtab+f", "{PC32 f}{PC32 __ksymtab_strings}", {}, [{ name: "__ksymtab_f" }]),
];
const codes = (update: UpdateDescription): string[] => update.findings.map(({ code }) => code);

/** A description that a consumer can rely on. */
function sound(update: UpdateDescription): UpdateDescription {
  expect(schemaErrors(update)).toEqual([]);
  expect(integrityErrors(update)).toEqual([]);
  return update;
}

describe("a function that is deleted is a change, whether or not a trap fits over it", () => {
  it.each<[string, string, Part]>([
    ["one byte, in which no trap has room", "h", text("h", "c3", global)],
    ["room for a trap", "g", g("02")],
    ["static and one byte", "h", text("h", "c3")],
  ])("%s", (_words, name, gone) => {
    const update = sound(updateOfMany([["a.o", [f("01"), gone], [f("01")]]]));
    expect(update.objects[0]?.status).toBe("changed");
    expect(update.verdict.recommended).not.toBe("none");
    expect(update.changes[0]?.oldCode.symbols.map((symbol) => symbol.name)).toContain(name);
  });
});

describe("a build: one change per target", () => {
  const update = sound(assembleUpdate(treeFragments("moved")));

  it("objects are sorted by name, and every list refers to them", () => {
    expect(update.objects.map(({ pre, post, status }) => [(post ?? pre)?.path, status])).toEqual([
      ["post/drivers/tape.o", "changed"],
      ["post/fs/clock.o", "identical"],
      ["post/fs/flush.o", "added"],
      ["post/fs/limit.o", "changed"],
      ["post/fs/queue.o", "changed"],
      ["pre/fs/spare.o", "removed"],
    ]);
    expect(update.functions.map(({ name, object, status }) => `${name} ${object} ${status}`)).toEqual([
      "flush_all 2 new",
      "limit_write 3 new",
      "queue_limit 4 deleted",
      "queue_limit 3 new",
      "queue_open 4 changed",
      "spare_count 5 deleted",
      "tape_seek 0 changed",
    ]);
  });

  it("changes are named by update and target", () => {
    expect(update.changes.map(({ name, target }) => [name, target])).toEqual([
      [`${update.name}_tape`, "tape"],
      [`${update.name}_vmlinux`, "vmlinux"],
    ]);
    expect(update.changes[1]?.newCode.name).toBe(`${update.name}_vmlinux_new`);
  });

  it("a function that another object defines now has moved: its old entry leads there", () => {
    const [gone, come] = update.functions.filter(({ name }) => name === "queue_limit");
    expect([gone?.movedTo, come?.movedFrom]).toEqual([3, 4]);
    expect(findingLines(update, "function-moved")).toEqual([
      "function-moved: queue_limit moved from fs/queue.o to fs/limit.o, with the same code",
    ]);
    expect(update.changes[1]?.patches.filter(({ oldLabel }) => oldLabel === "queue_limit")).toEqual([
      {
        type: "text",
        oldLabel: "queue_limit",
        oldOffset: 0,
        replacement: "queue_limit",
        replacementOffset: 0,
        size: 5,
      },
    ]);
  });

  it("what one object needs and another brings is one symbol", () => {
    const symbol = update.changes[1]?.newCode.symbols.find(({ label }) => label === "queue_limit");
    expect([symbol?.section, symbol?.type, symbol?.bind]).toEqual(["queue_limit", "function", "global"]);
  });

  it("a new export that a module needs is known; the order of loading is said", () => {
    expect(findingLines(update, "export-needed")).toEqual([
      "export-needed: tape_seek needs limit_write, which the change of vmlinux exports: load that change before this one, or both together",
    ]);
  });

  it("an added object is loaded, a removed one traps", () => {
    expect(update.changes[1]?.newCode.sections.map(({ label }) => label)).toContain("flush_all");
    expect(update.changes[1]?.patches.find(({ oldLabel }) => oldLabel === "spare_count")?.replacement).toBeNull();
    expect(codes(update)).toEqual(expect.arrayContaining(["object-added", "object-removed"]));
    expect(update.verdict.recommended).toBe("splice");
  });
});

describe("two builds of one name", () => {
  const update = sound(assembleUpdate(treeFragments("conflict-refused")));

  it("two objects of a target, two exports of the system: each an error", () => {
    expect(findingLines(update).filter((line) => !line.startsWith("export-added"))).toEqual([
      "duplicate-definition: clamp_byte is newly defined by more than one object of a change: lib/one.o and lib/two.o",
      "export-conflict: seek_checked is newly exported by more than one change: disk, tape",
    ]);
    expect(update.verdict.recommended).toBe("kexec");
  });

  it("a change is a name space of its own: both have their copy", () => {
    const holders = update.changes.filter(({ newCode }) =>
      newCode.sections.some(({ label }) => label === "seek_checked"),
    );
    expect(holders.map(({ target }) => target)).toEqual(["disk", "tape"]);
  });
});

describe("what moved", () => {
  const pair = (a: [Parts, Parts], b: [Parts, Parts]): UpdateDescription =>
    updateOfMany([
      ["a.o", ...a],
      ["b.o", ...b],
    ]);
  const h = text("h", "31c0c3");
  const cases: [string, [Parts, Parts], [Parts, Parts], { moved: string[]; to: string | null | undefined }][] = [
    [
      "a static with the same code",
      [[h, text("s", "b80500000090c3")], [h]],
      [[h], [h, text("s", "b80500000090c3")]],
      { moved: ["s moved from a.o to b.o, with the same code"], to: "s<b.o>" },
    ],
    [
      "statics that share a name only: no reference is led to the wrong one",
      [[h, text("s", "b80500000090c3")], [h]],
      [[h], [h, text("s", "b80600000090c3")]],
      { moved: ["s moved from a.o to b.o, with other code"], to: null },
    ],
    [
      "a global with other code",
      [[h, f("05")], [h]],
      [[h], [h, f("06")]],
      { moved: ["f moved from a.o to b.o, with other code"], to: "f" },
    ],
    [
      "the same bytes that call something else are other code",
      [[h, f("05", call("x"))], [h]],
      [[h], [h, f("05", call("y"))]],
      { moved: ["f moved from a.o to b.o, with other code"], to: "f" },
    ],
    [
      "the same string, in another object",
      [[h, f("05", "48c7c7{32S .rodata.str1.1}"), strings("hello")], [h]],
      [[h], [h, f("05", "48c7c7{32S .rodata.str1.1}"), strings("hello")]],
      { moved: ["f moved from a.o to b.o, with the same code"], to: "f" },
    ],
    ["deleted, and nowhere else", [[h, f("05")], [h]], [[h], [h, g("05")]], { moved: [], to: null }],
  ];
  it.each(cases)("%s", (_what, a, b, { moved, to }) => {
    const update = sound(pair(a, b));
    expect(update.findings.filter(({ code }) => code === "function-moved").map(({ message }) => message)).toEqual(
      moved,
    );
    const [change] = update.changes;
    const patch = change?.patches.find(({ oldLabel }) => /^[sf]/.test(oldLabel));
    expect(patch?.replacement).toBe(to);
    expect(codes(update).includes("global-function-deleted")).toBe(moved.length === 0);
  });

  it("one that is too short for a jump, with other code: callers of the old one would not get the new one", () => {
    const tiny = text("f", "31c0c3", global);
    const update = sound(pair([[h, tiny], [h]], [[h], [h, f("05")]]));
    expect(codes(update)).toEqual(["trampoline-no-room", "function-moved"]);
    expect(codes(sound(pair([[h, tiny], [h]], [[h], [h, tiny]])))).toEqual(["function-moved"]);
  });

  it("to another module: that is a deletion and a new function", () => {
    const update = sound(
      updateOfMany([
        ["a.o", [h, f("05")], [h], "a"],
        ["b.o", [h], [h, f("05")], "b"],
      ]),
    );
    expect(codes(update)).toEqual(["global-function-deleted"]);
  });

  it("a variable: two copies would run beside each other", () => {
    const update = sound(pair([[h, bss("v", 8, global)], [h]], [[h], [h, bss("v", 8, global)]]));
    expect(findingLines(update, "data-moved")[0]).toContain("v moved from a.o to b.o: the running value stays");
    expect(update.verdict.recommended).toBe("kexec");
  });

  it("an export: the kernel's table stays as it is", () => {
    const update = sound(pair([[h, f("05"), ...ksymtab], [h]], [[h], [h, f("05"), ...ksymtab]]));
    expect(update.exports.map(({ status, movedTo, movedFrom }) => [status, movedTo, movedFrom])).toEqual([
      ["deleted", 1, undefined],
      ["new", undefined, 0],
    ]);
    expect(update.changes[0]?.patches.filter(({ type }) => type === "export")).toEqual([]);
    expect(codes(update).sort()).toEqual(["export-moved", "function-moved"]);
  });
});

describe("an export since Linux 6.4: the object asks for it, modpost makes the entry in another one", () => {
  const h = text("h", "31c0c3");
  const asked = section(".export_symbol", "0000 000000000000 {64 f}", {}, [{ name: "__export_symbol_f" }]);
  const exportsOf = ({ exports, changes }: UpdateDescription): [string[], number] => [
    exports.map(({ name, object, status }) => `${name} ${object} ${status}`),
    changes.flatMap(({ patches }) => patches.filter(({ type }) => type === "export")).length,
  ];

  it.each<[string, readonly [Parts, Parts], readonly [Parts, Parts], [string[], number]]>([
    [
      "new",
      [[h, f("05")], [h]],
      [
        [h, f("05"), asked],
        [h, ...ksymtab],
      ],
      [["f 1 new"], 1],
    ],
    [
      "deleted",
      [
        [h, f("05"), asked],
        [h, ...ksymtab],
      ],
      [[h, f("05")], [h]],
      [["f 1 deleted"], 1],
    ],
    ["of a build that has no table", [[h, f("05")], [h]], [[h, f("05"), asked], [h]], [["f 0 new"], 1]],
  ])("%s: one export, one patch", (_what, pre, post, expected) => {
    const update = sound(
      updateOfMany([
        ["a.o", pre[0], post[0]],
        ["b.o", pre[1], post[1]],
      ]),
    );
    expect(exportsOf(update)).toEqual(expected);
    expect(update.findings).toHaveLength(1);
  });
});

describe("what another change means", () => {
  const h = text("h", "31c0c3");
  it("an export that is gone, and is needed", () => {
    const update = sound(
      updateOfMany([
        ["a.o", [h, f("05"), ...ksymtab], [h]],
        ["b.o", [g("01")], [g("02", call("f"))], "loop"],
      ]),
    );
    expect(findingLines(update, "deleted-symbol-needed")).toEqual([
      "deleted-symbol-needed: the new code of g needs f, whose export the change of vmlinux removes",
    ]);
  });
  it("a function of the same target that is gone, and is needed", () => {
    const update = sound(
      updateOfMany([
        ["a.o", [h, f("05")], [h]],
        ["b.o", [g("01")], [g("02", call("f"))]],
      ]),
    );
    expect(codes(update)).toContain("deleted-symbol-needed");
  });
  it("a static key that another object of the target brings is known", () => {
    const keyed = section("__jump_table", "{PC32 f}{PC32 f+5}{PC64 key}");
    const pairs: BuiltPair[] = [
      ["a.o", [f("01")], [f("02"), keyed]],
      ["b.o", [h], [h, data("key", "00", global)]],
    ];
    expect(codes(updateOfMany(pairs))).not.toContain("static-key-elsewhere");
    expect(codes(updateOfMany(pairs.slice(0, 1)))).toContain("static-key-elsewhere");
  });
});

describe("copies of one inline function", () => {
  const inline = (x: string): Part[] => [
    text("k", `b8${x}000000c3`, { bind: "weak", in: ".text.k", extra: { id: ".text.k" } }),
    group("k", ".text.k"),
  ];
  it("one copy is loaded, one patch is written, and it is not a conflict", () => {
    const update = sound(
      updateOfMany([
        ["a.o", inline("01"), inline("02")],
        ["b.o", inline("01"), inline("02")],
      ]),
    );
    expect(update.functions.map(({ label, object }) => [label, object])).toEqual([
      ["k", 0],
      ["k", 1],
    ]);
    expect(update.changes[0]?.patches).toHaveLength(1);
    expect(update.changes[0]?.newCode.sections).toHaveLength(1);
    expect(codes(update)).toEqual(["comdat-changed", "comdat-changed"]);
  });
  it("a strong definition counts before a weak one", () => {
    const update = sound(
      updateOfMany([
        ["a.o", inline("01"), inline("02")],
        ["b.o", [text("k", "b807000000c3", global)], [text("k", "b80800000090c3", global)]],
      ]),
    );
    expect(update.changes[0]?.newCode.sections.map(({ size }) => size)).toEqual([7]);
    expect(update.changes[0]?.newCode.symbols.map(({ bind }) => bind)).toEqual(["global"]);
  });
});

describe("architecture", () => {
  const pre = text("f", "1f2003d5c0035fd6", global);
  const post = text("f", "1f2003d51f2003d5c0035fd6", global);
  const foreign: BuiltPair = ["vdso/a.o", [pre], [post], "vmlinux", { machine: "aarch64" }];
  it("that of most objects that differ; others are named and left out", () => {
    const update = sound(updateOfMany([foreign, ["b.o", [f("01")], [f("02")]], ["c.o", [g("01")], [g("02")]]]));
    expect(update.arch.name).toBe("x86_64");
    expect(findingLines(update, "object-foreign")).toEqual([
      "object-foreign: vdso/a.o differs and is for aarch64, the update for x86_64: it is left out of the changes",
    ]);
    expect(update.changes[0]?.patches.map(({ oldLabel }) => oldLabel)).toEqual(["f", "g"]);
    expect(update.functions.map(({ object }) => object)).toContain(2);
  });
  it("nothing differs: that of the objects there are", () => {
    const [, clock] = treeFragments("moved").sort((a, b) => (a.name < b.name ? -1 : 1));
    const update = sound(assembleUpdate([clock as NonNullable<typeof clock>]));
    expect([update.arch.name, update.objects[0]?.status, update.verdict.recommended]).toEqual([
      "x86_64",
      "identical",
      "none",
    ]);
    expect(update.id).toMatch(/^[0-9a-f]{12}$/);
  });
  it("no objects at all, or two of one name: refused", () => {
    expect(() => assembleUpdate([])).toThrow(UsageError);
    const [one] = builtFragments(["a.o", [f("01")], [f("02")]]);
    expect(() => assembleUpdate([one, one] as never)).toThrow("two pairs of objects are called a.o");
  });
});

describe("the same bytes, whatever the order", () => {
  it.each(["moved", "conflict-refused"])("%s", (tree) => {
    const fragments = treeFragments(tree, { contents: true });
    const expected = renderJson(assembleUpdate(fragments));
    fc.assert(
      fc.property(fc.shuffledSubarray(fragments, { minLength: fragments.length }), (shuffled) => {
        expect(renderJson(assembleUpdate(shuffled))).toBe(expected);
      }),
      { numRuns: 100 },
    );
  });
  it("fragments are not written into", () => {
    const fragments = treeFragments("moved");
    const before = JSON.stringify(fragments);
    assembleUpdate(fragments);
    expect(JSON.stringify(fragments)).toBe(before);
  });
});

describe("functions without an ftrace site", () => {
  const at = (value: string): Part[] => [text("g", `b8${value}000000c3`, { bind: "global" })];
  const traced = (value: string): Part[] => [text("f", `e8{PLT32 __fentry__-4}b8${value}000000c3`, { bind: "global" })];
  const sites = (...pairs: readonly BuiltPair[]): string[] =>
    updateOfMany(pairs).findings.flatMap(({ code, where }) => (code === "no-entry-hook" ? [where.name ?? ""] : []));

  it("are told where any object of the target has one", () => {
    expect(sites(["a.o", at("01"), at("02")], ["b.o", traced("01"), traced("02")])).toEqual(["g"]);
  });
  it("are not where another target has one, or none has", () => {
    expect(sites(["a.o", at("01"), at("02"), "loop"], ["b.o", traced("01"), traced("02")])).toEqual([]);
    expect(sites(["a.o", at("01"), at("02")])).toEqual([]);
  });
});
