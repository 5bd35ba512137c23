import { beforeAll, describe, expect, it } from "vitest";
import { FINDING_CODES, FINDINGS, type FindingCode } from "../../src/findings/findings.ts";
import { assembleUpdate, type PairList, reportLeftOut, unreadableFragment } from "../../src/index.ts";
import { diffOf, updateOf } from "../support/built-pair.ts";
import { describePair, findingCodes } from "../support/describe-pair.ts";
import { buildElf } from "../support/elf-builder.ts";
import { data, type ElfExtra, type Part, rodata, section, strings, symbol, text } from "../support/elf-parts.ts";
import { btfObject, describeLayoutPair, describeTypedPair } from "../support/layouts.ts";
import { builtFragments, treeFragments, updateOfMany } from "../support/many-pairs.ts";
import { FIXTURES, fixtureCases, join } from "../support/paths.ts";
import { fragmentOf } from "../support/plan-diff.ts";

type Parts = readonly Part[];
const f = text("f", "b801000000c3");
const g = text("f", "b802000000c3");

const loadAnchor = "{ADR_PREL_PG_HI21 .data|02000090}{ADD_ABS_LO12_NC .data|42000091}";
const anchored = (between: string): Part[] => [
  section(".data", `01000000${between}02000000`, {}, [
    { name: "a", type: "object", size: 4 },
    ...(between === "" ? [] : [{ name: "new", type: "object", size: 4, value: 4 } as const]),
    { name: "b", type: "object", size: 4, value: 4 + between.length / 2 },
  ]),
];

/** A subsystem that takes part in live updates, with this table of callbacks. */
const registersWith = (table: string): Parts => [
  f,
  rodata("ops", table),
  strings("timer"),
  data("timer", "{64 ops}{64 .rodata.str1.1}"),
  text("start", "48c7c7{32S timer}e9{PLT32 liveupdate_register_subsystem-4}"),
];

const percpu = { in: ".data..percpu" };
const tls = { in: ".tdata", type: "tls", extra: { flags: "WAT" } } as const;
const comment = (words: string): Part => section(".comment", Buffer.from(`\0${words}\0`).toString("hex"));
const commands = (words: string): Part => section(".GCC.command.line", Buffer.from(`\0${words}\0`).toString("hex"));
/** A function behind its kCFI hash. */
const hashed = (hash: string, bind: "global" | "local"): Part =>
  section(".text.f", `b8${hash}000000${"90".repeat(11)}b801000000c3`, {}, [
    { name: "__cfi_f", value: 0, size: 5, type: "func", bind },
    { name: "f", value: 16, size: 6, type: "func", bind },
  ]);
/** Code between two functions that no symbol covers. */
const between = (x: string): Part =>
  section(".text", `b801000000c3b8${x}000000c3b801000000c3`, {}, [
    { name: "f", value: 0, size: 6, type: "func", bind: "global" },
    { name: "g", value: 12, size: 6, type: "func", bind: "global" },
  ]);
/** A function with two names, one of them a version. */
const versioned = (...names: readonly string[]): Part =>
  section(
    ".text.f",
    "b801000000c3",
    {},
    names.map((name) => ({ name, size: 6, type: "func" as const, bind: "global" as const })),
  );
const counter = (name: string, at: string): Part =>
  section(`.bss.${at}`, "", { size: 4 }, [{ name, type: "object", size: 4 }]);
const counts = (name: string, of: string): Part => text(name, `8b05{PC32 ${of}-4}c3`);

/** The frame of `f`, and the data that its exceptions need. */
const frame = section(".eh_frame", "{PC32 .text.f:f} 00000000 {PC32 .gcc_except_table}", { flags: "A" });
const unwinding = section(".gcc_except_table", "ff9b1501 0c000000 00000000 00000000", { flags: "A" });

/** Built pairs for the codes that no compiled fixture has. */
const built: Partial<Record<FindingCode, readonly [Parts, Parts, ElfExtra?]>> = {
  "tls-data-changed": [[section(".tdata", "01", { flags: "WAT" })], [section(".tdata", "02", { flags: "WAT" })]],
  "special-section-opaque": [
    [f, section("__bug_table", "00".repeat(24))],
    [f, section("__bug_table", "01".repeat(24))],
  ],
  "special-section-unknown": [
    [f, section(".sites", "{64 f+1}{64 f+2}")],
    [f, section(".sites", "{64 f+1}{64 f+3}")],
  ],
  "section-unknown": [
    [section(".v", "01", { flags: "A", type: 0x60000009 })],
    [section(".v", "02", { flags: "A", type: 0x60000009 })],
  ],
  "absolute-symbol-changed": [
    [symbol("v", { section: "*ABS*", value: 1, bind: "global" })],
    [symbol("v", { section: "*ABS*", value: 2, bind: "global" })],
  ],
  "unnamed-data-changed": [[section(".data", "")], [section(".data", "01")]],
  "note-changed": [
    [section(".note.vendor", "01", { type: "note" })],
    [section(".note.vendor", "02", { type: "note" })],
  ],
  "no-entry-hook": [
    [text("g", "e8{PLT32 __fentry__-4}c3"), f],
    [text("g", "e8{PLT32 __fentry__-4}c3"), g],
  ],
  "relocation-unknown": [
    [section(".data.v", "00".repeat(8), { relocations: [{ offset: 0, type: 200 }] } as object)],
    [],
  ],
  "entry-without-owner": [[f, section("__bug_table", "{PC32 elsewhere}{PC32 a}0100 0000")], [f]],
  "registry-changed": [[section("__param", "{64 a}")], [section("__param", "{64 b}")]],
  "machine-without-table": [[section(".data.v", "01")], [section(".data.v", "02")], { machine: "sparc64" }],
  "ignored-on-request": [[f], [g, section(".kpatch.ignore.functions", "{64 f}")]],
  "sibling-call": [
    [text("f", "{REL24 a|00000048}2000804e")],
    [text("f", "{REL24 b|00000048}2000804e")],
    { machine: "ppc64le" },
  ],
  "short-branch": [
    [text("f", "eb{PC8 g-1}b801000000c3"), text("g", "b801000000c3")],
    [text("f", "eb{PC8 g-1}b802000000c3"), text("g", "b801000000c3")],
  ],
  // ldr w3,[x2,#4] reads the variable behind the one whose address was loaded; with a new one between, b lies at #8.
  "section-anchors": [
    [...anchored(""), text("f", `${loadAnchor}430440b9c0035fd6`)],
    [...anchored("07000000"), text("f", `${loadAnchor}430840b9000080d2c0035fd6`)],
    { machine: "aarch64" },
  ],
  "static-key-elsewhere": [[f], [g, section("__jump_table", "{PC32 f}{PC32 f+5}{PC64 key}")]],
  "ksplice-option": [[f], [g, section(".ksplice_options", "00000000{64 f}")]],
  "module-info-changed": [[section(".modinfo", "613d6200")], [section(".modinfo", "613d6300")]],
  "live-update-slots-unknown": [registersWith("{64 f}"), registersWith("{64 f}")],
  "live-update-participant-added": [[f], registersWith("{64 f}{64 f}{64 f}{64 f}")],
  "live-update-participant-removed": [registersWith("{64 f}{64 f}{64 f}{64 f}"), [f]],
  "percpu-data-new": [[f], [f, data("v", "01", percpu)]],
  "tls-data-new": [[f], [f, data("v", "01", tls)]],
  "static-ambiguous": [
    [counts("f", "n.1"), counts("g", "n.1"), counter("n.1", "n")],
    [counts("f", "n.1"), counts("g", "n.2"), counter("n.1", "first"), counter("n.2", "second")],
  ],
  "default-version-changed": [[versioned("impl", "f@@V1")], [versioned("impl", "f@V1")]],
  "nameless-code-changed": [[between("01")], [between("02")]],
  "type-hash-changed": [[hashed("01", "global")], [hashed("02", "global")]],
  "type-hash-unused": [[hashed("01", "local")], [hashed("02", "local")]],
  "compiler-differs": [
    [f, comment("GCC: 12.2.0")],
    [g, comment("GCC: 13.1.0")],
  ],
  "options-differ": [
    [f, commands("a.c\0-O2")],
    [g, commands("a.c\0-O1")],
  ],
  "symbol-changed": [
    [text("f", "b801000000c3", { bind: "global" })],
    [text("f", "b801000000c3", { bind: "global", type: "gnu_ifunc" })],
  ],
  "code-has-run": [
    [f, section(".init_array", "{64 f}", { flags: "AW" })],
    [g, section(".init_array", "{64 f}", { flags: "AW" })],
  ],
  "address-of-replaced": [
    [f, text("start", "b801000000488d3d{PC32 f-4}c3")],
    [g, text("start", "b802000000488d3d{PC32 f-4}c3")],
  ],
  "unwind-not-registered": [
    [f, frame, unwinding],
    [g, frame, unwinding],
  ],
  // The module's information is neither code nor data: new code cannot say where it lies.
  "reference-unresolved": [
    [text("f", "488d05{PC32 .modinfo-4} c3"), section(".modinfo", "613d3100")],
    [text("f", "488d05{PC32 .modinfo-4} c3"), section(".modinfo", "613d3200")],
  ],
  "common-symbol-changed": [
    [symbol("v", { section: "*COM*", size: 4, value: 4 })],
    [symbol("v", { section: "*COM*", size: 8, value: 4 })],
  ],
};

const h = text("h", "31c0c3");
const v = data("v", "01", { bind: "global" });
const user = text("u", "e8{PLT32 f-4}c3", { bind: "global" });
const changed = [text("f", "b801000000c3", { bind: "global" })];
const after = [text("f", "b802000000c3", { bind: "global" })];
const ksymtab = [
  section("__ksymtab_strings", "6600"),
  section("___ksymtab+f", "{PC32 f}{PC32 __ksymtab_strings}", {}, [{ name: "__ksymtab_f" }]),
];

/** Built updates of several pairs for the codes that are about more than one object. */
/** An update of a build of which something was left out. */
function withLeftOut(list: Partial<PairList>) {
  const findings = reportLeftOut({ skipped: [], excluded: 0, untargeted: 0, orders: [], ...list });
  return assembleUpdate(builtFragments(["a.o", [f], [g]]), { findings });
}

const many: Partial<Record<FindingCode, () => ReturnType<typeof updateOf>>> = {
  // A comparison that calls a change equal: the account finds it.
  "difference-unexplained": () => {
    const diff = diffOf([f], [g]);
    const outcomes = diff.result.outcomes.map(() => "unchanged" as const);
    return assembleUpdate([
      fragmentOf({ ...diff, result: { ...diff.result, outcomes, reasons: [] } }, { name: "a.o" }),
    ]);
  },
  "archive-order-changed": () =>
    withLeftOut({ orders: [{ path: "lib.a", names: [{ name: "f", pre: "a.o", post: "b.o" }] }] }),
  "data-moved": () =>
    updateOfMany([
      ["a.o", [h, v], [h]],
      ["b.o", [h], [h, v]],
    ]),
  "export-moved": () =>
    updateOfMany([
      ["a.o", [h, ...changed, ...ksymtab], [h]],
      ["b.o", [h], [h, ...changed, ...ksymtab]],
    ]),
  "deleted-symbol-needed": () =>
    updateOfMany([
      ["a.o", [h, ...changed], [h]],
      ["b.o", [h], [h, user]],
    ]),
  "object-foreign": () =>
    updateOfMany([
      ["a.o", changed, after],
      ["b.o", changed, after],
      ["c.o", [data("v", "01")], [data("v", "02")], "vmlinux", { machine: "s390x" }],
    ]),
  "object-unreadable": () =>
    assembleUpdate([
      ...builtFragments(["a.o", changed, after]),
      unreadableFragment({ name: "b.o", post: { path: "b.o", size: 4 } }, new Error("b.o: not an ELF file")),
    ]),
  "object-in-several": () => assembleUpdate([fragmentOf(diffOf(changed, after), { name: "a.o", alsoIn: ["loop"] })]),
  "file-skipped": () => withLeftOut({ skipped: [{ path: "a.o", kind: "no-object", why: "an empty file" }] }),
  "files-covered": () => withLeftOut({ skipped: [{ path: "a.ko", kind: "covered", why: "linked from a.o" }] }),
  "file-not-analysed": () => withLeftOut({ skipped: [{ path: "a.o", kind: "differs", why: "LLVM bitcode" }] }),
  "files-not-objects": () => withLeftOut({ skipped: [{ path: "a.c", kind: "other", why: "not an ELF file" }] }),
  "files-of-others": () =>
    withLeftOut({ skipped: [{ path: "scripts/a.o", kind: "not-in-kernel", why: "of another program" }] }),
  "files-not-followed": () => withLeftOut({ skipped: [{ path: "x", kind: "unreadable", why: "a link to a folder" }] }),
  "files-left-out": () => withLeftOut({ excluded: 2, untargeted: 1 }),
  "suppressed-code-used": () =>
    updateOfMany([["a.o", changed, [...after, user]]], "function f: it is only about a message"),
  "suppressed-code-needed": () => updateOfMany([["a.o", [h], [h, ...after, user]]], "function f: later"),
  "called-directly": () => {
    const parts = [rodata("t", "{64 f}"), text("g", "e8{PLT32 f-4}c3", { bind: "global" })];
    return updateOf([text("f", "31c0c3"), ...parts], [text("f", "9090c3"), ...parts], {}, { target: "m" });
  },
  "suppression-unused": () => updateOfMany([["a.o", changed, after]], "function g: gone"),
};

/** Fixtures with debug information for the codes about layouts and shadow variables. */
const TYPED = ["embedded", "unused", "retyped", "enum-growth", "shadow-misused"]
  .map((name) => `${name}/dwarf5`)
  .concat("sta-lock/split");

/** An object that defines `struct s` once for each size. */
function defined(sizes: readonly number[]): Uint8Array {
  return btfObject(
    sizes.map((size) => [1, 4 << 24, size]),
    "\0s\0",
  );
}

describe("every finding is found somewhere", () => {
  const seen = new Map<string, string>();
  const messages = new Map<string, string[]>();
  const severities = new Map<string, Set<string>>();
  beforeAll(async () => {
    const note = (update: ReturnType<typeof updateOf>, where: string): void => {
      for (const { code, message, severity } of update.findings) {
        if (!seen.has(code)) seen.set(code, where);
        messages.set(code, [...(messages.get(code) ?? []), message]);
        severities.set(code, (severities.get(code) ?? new Set()).add(severity));
      }
    };
    for (const name of fixtureCases())
      note(await describePair(join(FIXTURES, name, "pre.o"), join(FIXTURES, name, "post.o")), name);
    for (const tree of ["moved", "conflict-refused"]) note(assembleUpdate(treeFragments(tree)), tree);
    for (const [code, update] of Object.entries(many)) note(update(), `built ${code}`);
    for (const name of TYPED) note(await describeLayoutPair(name), name);
    note(await describeTypedPair(defined([8]), defined([8, 16])), "built type-defined-twice");
    note(await describeTypedPair(defined([8]), buildElf({})), "built debug-info-one-sided");
    for (const [code, [pre, post, extra]] of Object.entries(built)) note(updateOf(pre, post, extra), `built ${code}`);
  });

  it.each(FINDING_CODES)("%s", (code) => {
    expect([...seen.keys()]).toContain(code);
    expect([...(severities.get(code) ?? [])]).toEqual([FINDINGS[code].severity]);
    for (const message of messages.get(code) ?? []) {
      expect(message).not.toMatch(/undefined|\[object|NaN/);
      expect(message, "brackets that were left empty").not.toMatch(/\(\)|: $|: ;/);
    }
  });

  it("and there is no other code", () => {
    expect([...seen.keys()].filter((code) => !(FINDING_CODES as readonly string[]).includes(code))).toEqual([]);
  });

  it.each(Object.entries(many))("several objects: %s", (code, update) =>
    expect(findingCodes(update())).toContain(code),
  );

  it.each(Object.entries(built))("built: %s", (code, [pre, post, extra]) => {
    expect(findingCodes(updateOf(pre, post, extra))).toContain(code);
  });
});
