import { describe, expect, it } from "vitest";
import { diffOf, summaryOf, updateOf } from "../support/built-pair.ts";
import { bss, data, type ElfExtra, type Part, section, strings, symbol, text } from "../support/elf-parts.ts";

type Parts = readonly Part[];

const call = (name: string): string => `e8{PLT32 ${name}-4}`;
const load = (name: string): string => `8b05{PC32 ${name}-4}`;
const add = (name: string): string => `0105{PC32 ${name}-4}`;
const file = (name: string): Part => symbol(name, { section: "*ABS*", type: "file", bind: "local" });
const global = { bind: "global" } as const;

/** Pairs of variables by their places: `.bss.a → .bss.b`; variables without a twin have `nothing` there. */
function placesOf(pre: Parts, post: Parts, extra: ElfExtra = {}): string[] {
  const { pre: a, post: b, pairing } = diffOf(pre, post, extra);
  const isVariable = (kind: string): boolean => kind === "data" || kind === "bss" || kind === "registry";
  const paired = a.table.spans
    .filter(({ kind }) => isVariable(kind))
    .map((span) => `${span.section.name} → ${pairing.postOf[span.id]?.section.name ?? "nothing"}`);
  const fresh = b.table.spans
    .filter(({ kind, id }) => isVariable(kind) && pairing.preOf[id] === undefined)
    .map((span) => `nothing → ${span.section.name}`);
  return [...paired, ...fresh].sort();
}

/** What an update comes to; that these functions are too short for a jump is beside the point. */
function cameTo(pre: Parts, post: Parts, extra: ElfExtra = {}): Record<string, readonly unknown[]> {
  const summary = summaryOf(updateOf(pre, post, extra));
  const findings = (summary.findings ?? []).filter((code) => !String(code).startsWith("trampoline"));
  const { findings: _all, ...rest } = summary;
  return findings.length === 0 ? rest : { ...rest, findings };
}

/** A source file of ld -r: its name, a static variable, a global function that uses it. */
const unit = (id: string, of: string, variable = true, code = load(`${of}${id}`)): Parts => [
  file("util.c"),
  ...(variable
    ? [
        section(`.bss.${id}`, "", { id: `.bss.${id}`, size: 4 }, [
          { name: of, id: `${of}${id}`, type: "object", size: 4 },
        ]),
      ]
    : []),
  text(`run_${id}`, `${variable ? code : "31c0"}c3`, global),
];

describe("files of one name in one object: each has statics of its own", () => {
  const cases: [string, Parts, Parts, string[]][] = [
    [
      "the first file loses its variable: the second keeps its own",
      [...unit("a", "state"), ...unit("b", "state")],
      [...unit("a", "state", false), ...unit("b", "state")],
      [".bss.a → nothing", ".bss.b → .bss.b"],
    ],
    [
      "the second of three files loses its variable",
      [...unit("a", "state"), ...unit("b", "state"), ...unit("c", "state")],
      [...unit("a", "state"), ...unit("b", "state", false), ...unit("c", "state")],
      [".bss.a → .bss.a", ".bss.b → nothing", ".bss.c → .bss.c"],
    ],
    [
      "a file is added in the middle",
      [...unit("a", "state"), ...unit("b", "state")],
      [...unit("a", "state"), ...unit("n", "state"), ...unit("b", "state")],
      [".bss.a → .bss.a", ".bss.b → .bss.b", "nothing → .bss.n"],
    ],
    [
      "the files are linked in another order",
      [...unit("a", "state"), ...unit("b", "state")],
      [...unit("b", "state"), ...unit("a", "state")],
      [".bss.a → .bss.a", ".bss.b → .bss.b"],
    ],
    [
      "one loses its variable and another one gets one of that name",
      [...unit("a", "state"), ...unit("b", "state", false)],
      [...unit("a", "state", false), ...unit("b", "state")],
      [".bss.a → nothing", "nothing → .bss.b"],
    ],
  ];
  it.each(cases)("%s", (_what, pre, post, expected) => expect(placesOf(pre, post)).toEqual(expected));

  it("the same words for files of other names", () => {
    const named = (parts: Parts, name: string): Parts => parts.map((part, i) => (i === 0 ? file(name) : part));
    const pre = [...named(unit("a", "state"), "a.c"), ...named(unit("b", "state", false), "b.c")];
    const post = [...named(unit("a", "state", false), "a.c"), ...named(unit("b", "state"), "b.c")];
    expect(placesOf(pre, post)).toEqual([".bss.a → nothing", "nothing → .bss.b"]);
  });

  it("local functions of one name go with their file, so an unchanged user stays unchanged", () => {
    const unitOf = (id: string, helper: string): Parts => [
      file("util.c"),
      section(`.text.helper.${id}`, helper, { id: `.text.helper.${id}` }, [
        { name: "helper", id: `helper${id}`, type: "func", size: 3 },
      ]),
      text(`run_${id}`, `${call(`helper${id}`)}c3`, global),
    ];
    const gone: Parts = [file("util.c"), text("run_a", "31c0c3", global)];
    const pre = [...unitOf("a", "31c0c3"), ...unitOf("b", "31c0c3")];
    expect(cameTo(pre, [...gone, ...unitOf("b", "31c0c3")])).toEqual({ changed: ["run_a"], deleted: ["helper"] });
  });
});

describe("static locals: the running value stays with its variable, or a finding says that it cannot", () => {
  const f = (...of: string[]): Part => text("f", `${of.map(load).join("")}c3`);
  const g = (...of: string[]): Part => text("g", `90${of.map(load).join("")}c3`);
  const place = (name: string, at: string): Part =>
    section(`.bss.${at}`, "", { size: 4 }, [{ name, type: "object", size: 4 }]);
  const cases: [string, Parts, Parts, string[], string[]][] = [
    [
      "one user went: the other tells",
      [f("n.1"), g("n.1"), place("n.1", "n")],
      [f(), g("n.2"), place("n.2", "n")],
      [".bss.n → .bss.n"],
      [],
    ],
    [
      "one user went, and the other has a second variable of that name",
      [f("n.1"), g("n.1", "n.2"), place("n.1", "shared"), place("n.2", "own")],
      [f("n.3"), g("n.4"), place("n.3", "shared"), place("n.4", "own")],
      [".bss.own → .bss.own", ".bss.shared → .bss.shared"],
      [],
    ],
    [
      "the users now have one each: which one has the value cannot be told",
      [f("n.1"), g("n.1"), place("n.1", "n")],
      [f("n.1"), g("n.2"), place("n.1", "first"), place("n.2", "second")],
      [".bss.n → nothing", "nothing → .bss.first", "nothing → .bss.second"],
      ["new-writable-data", "static-ambiguous"],
    ],
    [
      "one function has it no longer, another one that was there gets one of that name",
      [f("n.1"), g(), place("n.1", "old")],
      [f(), g("n.1"), place("n.1", "new")],
      [".bss.old → nothing", "nothing → .bss.new"],
      ["new-writable-data", "static-ambiguous"],
    ],
    [
      "of a flag that only limits messages a second copy harms nothing",
      [f("__already_done.1"), g(), place("__already_done.1", "old")],
      [f(), g("__already_done.1"), place("__already_done.1", "new")],
      [".bss.old → nothing", "nothing → .bss.new"],
      ["data-deleted", "new-writable-data"],
    ],
    [
      "its function was inlined into the only caller",
      [text("f", `${load("n.1")}31c0c3`), text("g", `90${call("f")}c3`), place("n.1", "n")],
      [text("g", `90${load("n.4")}c3`), place("n.4", "n")],
      [".bss.n → .bss.n"],
      [],
    ],
    [
      "its function is no longer inlined",
      [text("g", `90${load("n.4")}c3`), place("n.4", "n")],
      [text("f", `${load("n.1")}31c0c3`), text("g", `90${call("f")}c3`), place("n.1", "n")],
      [".bss.n → .bss.n"],
      [],
    ],
    [
      "the first of two is removed: the operation on it tells which one stays",
      [text("f", `${load("n.1")}${add("n.2")}c3`), place("n.1", "loaded"), place("n.2", "added")],
      [text("f", `31c0${add("n.1")}c3`), place("n.1", "added")],
      [".bss.added → .bss.added", ".bss.loaded → nothing"],
      ["data-deleted"],
    ],
    [
      "two statements change places: the operations tell",
      [text("f", `${load("n.1")}${add("n.2")}c3`), place("n.1", "loaded"), place("n.2", "added")],
      [text("f", `${add("n.1")}${load("n.2")}90c3`), place("n.1", "added"), place("n.2", "loaded")],
      [".bss.added → .bss.added", ".bss.loaded → .bss.loaded"],
      [],
    ],
    [
      "the first of three warnings is removed: what each says tells",
      [
        strings("one", "two", "three"),
        text("f", ["a.1", "a.2", "a.3"].map((of, i) => `${load(of)}48c7c7{32S .rodata.str1.1+${i * 4}}`).join("")),
        ...["a.1", "a.2", "a.3"].map((name, i) => place(name, String(i + 1))),
      ],
      [
        strings("two", "three"),
        text("f", ["a.8", "a.9"].map((of, i) => `${load(of)}48c7c7{32S .rodata.str1.1+${i * 4}}`).join("")),
        place("a.8", "2"),
        place("a.9", "3"),
      ],
      [".bss.1 → nothing", ".bss.2 → .bss.2", ".bss.3 → .bss.3"],
      ["data-deleted"],
    ],
    [
      "clang numbers from the second one on: the first is removed",
      [text("f", `${load("f.n")}${add("f.n.1")}c3`), place("f.n", "first"), place("f.n.1", "second")],
      [text("f", `31c0${add("f.n")}c3`), place("f.n", "second")],
      [".bss.first → nothing", ".bss.second → .bss.second"],
      ["data-deleted"],
    ],
    [
      "C++ counts statics of one name in one function: the first is removed",
      [text("f", `${load("_ZZ1fvE1n")}${add("_ZZ1fvE1n_0")}c3`), place("_ZZ1fvE1n", "1"), place("_ZZ1fvE1n_0", "2")],
      [text("f", `31c0${add("_ZZ1fvE1n")}c3`), place("_ZZ1fvE1n", "2")],
      [".bss.1 → nothing", ".bss.2 → .bss.2"],
      ["data-deleted"],
    ],
  ];
  it.each(cases)("%s", (_what, pre, post, places, findings) => {
    expect({ places: placesOf(pre, post), findings: cameTo(pre, post).findings ?? [] }).toEqual({
      places,
      findings,
    });
  });

  it("where it cannot be told, splice is not applicable", () => {
    const pre = [f("n.1"), g("n.1"), place("n.1", "n")];
    const post = [f("n.1"), g("n.2"), place("n.1", "first"), place("n.2", "second")];
    const { rungs } = updateOf(pre, post).verdict;
    expect(rungs.find(({ rung }) => rung === "splice")?.status).toBe("needs-work");
  });
});

describe("through slots: who uses the slot uses the variable", () => {
  const machine = { machine: "ppc64le" } as const;
  const reader = (name: string, slot: number): Part =>
    text(name, `{TOC16_HA .toc+${slot}|0000} 623c {TOC16_LO_DS .toc+${slot}|0000} 63e8 2000804e`, global);
  const lock = (name: string, at: string): Part =>
    section(`.bss.${at}`, "", { size: 4 }, [{ name, type: "object", size: 4 }]);

  it("ppc64le: slots of the TOC change places, and with them the numbers", () => {
    const slots = (...names: string[]): Part =>
      section(".toc", names.map((name) => `{ADDR64 ${name}}`).join(""), { flags: "WA" });
    const pre = [reader("f", 0), reader("g", 8), slots("lock.1", "lock.2"), lock("lock.1", "f"), lock("lock.2", "g")];
    const post = [reader("g", 0), reader("f", 8), slots("lock.1", "lock.2"), lock("lock.1", "g"), lock("lock.2", "f")];
    expect(placesOf(pre, post, machine)).toEqual([".bss.f → .bss.f", ".bss.g → .bss.g"]);
    expect(cameTo(pre, post, machine)).toEqual({});
  });

  it("a nameless table of addresses", () => {
    const table = (at: string, name: string): Part => section(`.data.rel.ro.${at}`, `{64 ${name}}`, { flags: "WA" });
    const user = (name: string, at: string): Part => text(name, `488b05{PC32 .data.rel.ro.${at}-4}c3`, global);
    const both = (f: string, g: string): Parts => [
      user("f", "x"),
      user("g", "y"),
      table("x", f),
      table("y", g),
      lock(f, "f"),
      lock(g, "g"),
    ];
    expect(placesOf(both("lock.1", "lock.2"), both("lock.2", "lock.1"))).toEqual([
      ".bss.f → .bss.f",
      ".bss.g → .bss.g",
    ]);
  });
});

describe("descriptors of dynamic debug hold a line, which tells nothing", () => {
  const word = (line: number, isBig: boolean): string =>
    isBig
      ? (line * 2 ** 14).toString(16).padStart(8, "0")
      : Buffer.from(Uint32Array.of(line).buffer).toString("hex").padStart(8, "0");
  const descriptor = (name: string, message: number, line: number, at: string, isBig = false): Part =>
    section(
      "__dyndbg",
      `{64 .rodata.str1.1}{64 .rodata.str1.1}{64 .rodata.str1.1}{64 .rodata.str1.1+${message}}${word(line, isBig)}00000000{64 ${at}}`,
      { id: `__dyndbg:${name}`, flags: "WA" },
      [{ name, type: "object", size: 48 }],
    );
  const user = (...names: string[]): Part => text("f", names.map(load).join(""));
  const key = (at: string): Part => bss(at, 16, global);

  it("a shift by the distance of two calls does not cross them", () => {
    const pre = [
      strings("a", "b", "c"),
      user("descriptor.1", "descriptor.2"),
      descriptor("descriptor.1", 2, 10, "k"),
      descriptor("descriptor.2", 4, 12, "k"),
      key("k"),
    ];
    const post = [
      strings("a", "b", "c"),
      user("descriptor.1", "descriptor.2"),
      descriptor("descriptor.1", 2, 12, "k"),
      descriptor("descriptor.2", 4, 14, "k"),
      key("k"),
    ];
    const { pre: a, pairing } = diffOf(pre, post);
    const pairs = a.table.spans
      .filter(({ kind }) => kind === "registry")
      .map((span) => [span, pairing.postOf[span.id]]);
    expect(pairs.map(([x, y]) => `${x?.name} → ${y?.name}`)).toEqual([
      "descriptor.1 → descriptor.1",
      "descriptor.2 → descriptor.2",
    ]);
  });

  it("equal messages: in order of the references, whatever the lines", () => {
    const both = (first: number, second: number, names: readonly [string, string]): Parts => [
      strings("a", "b", "c"),
      user(...names),
      descriptor(names[0], 2, first, "k"),
      descriptor(names[1], 2, second, "k"),
      key("k"),
    ];
    const { pre: a, pairing } = diffOf(
      both(10, 12, ["descriptor.1", "descriptor.2"]),
      both(12, 14, ["descriptor.8", "descriptor.9"]),
    );
    const pairs = a.table.spans
      .filter(({ kind }) => kind === "registry")
      .map((span) => [span, pairing.postOf[span.id]]);
    expect(pairs.map(([x, y]) => `${x?.name} → ${y?.name}`)).toEqual([
      "descriptor.1 → descriptor.8",
      "descriptor.2 → descriptor.9",
    ]);
  });
});

describe("clones: contents before numbers", () => {
  const caller = (name: string, of: string): Part => text(name, `${call(of)}c3`, global);

  it("one vanished and another took its number: its caller did not change", () => {
    const pre = [
      text("f.constprop.0", "31c0c3"),
      text("f.constprop.1", "31d2c3"),
      caller("g", "f.constprop.0"),
      caller("h", "f.constprop.1"),
    ];
    const post = [text("f.constprop.0", "31d2c3"), text("g", "31c0c3", global), caller("h", "f.constprop.0")];
    expect(cameTo(pre, post)).toEqual({ changed: ["g"], deleted: ["f.constprop.0"] });
  });

  it("one vanished and the other was edited: the callers tell", () => {
    const pre = [
      text("f.isra.0", "31c0c3"),
      text("f.isra.1", "31d2c3"),
      caller("g", "f.isra.0"),
      caller("h", "f.isra.1"),
    ];
    const post = [text("f.isra.0", "9031d2c3"), text("g", "31c0c3", global), caller("h", "f.isra.0")];
    expect(cameTo(pre, post)).toEqual({ changed: ["f.isra.1", "g"], deleted: ["f.isra.0"] });
  });

  it("new code imports the name that runs", () => {
    const pre = [text("f.part.0", "31c0c3"), caller("g", "f.part.0")];
    const post = [text("f", "31c0c3"), text("g", `90${call("f")}c3`, global)];
    const { newCode } = updateOf(pre, post).changes[0] ?? {};
    expect(newCode?.symbols.filter(({ section: where }) => where === null).map(({ name }) => name)).toEqual([
      "f.part.0",
    ]);
  });

  it("new code imports a static local under the number that runs", () => {
    const pre = [text("f", `${load("n.1")}c3`), data("n.1", "01")];
    const post = [text("f", `90${load("n.7")}c3`), data("n.7", "01")];
    const { newCode } = updateOf(pre, post).changes[0] ?? {};
    expect(newCode?.symbols.filter(({ section: where }) => where === null).map(({ name }) => name)).toEqual(["n.1"]);
  });
});
