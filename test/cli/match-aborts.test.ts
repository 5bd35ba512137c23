import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { MatchResult } from "../../src/contract/match.ts";
import { CAUSES, LIFECYCLE } from "../../src/match/outcome/causes.ts";
import { buildElf, type RelocationDescription, type SectionDescription } from "../support/elf-builder.ts";
import { join } from "../support/paths.ts";
import { useProgram } from "./program.ts";

const { run, folder } = useProgram();

const call = (offset: number, symbol: string): RelocationDescription => ({ offset, type: 4, symbol, addend: -4 });

interface Side {
  readonly code: string;
  readonly relocations?: readonly RelocationDescription[];
  /** Global names inside `f`, by offset. */
  readonly entries?: Readonly<Record<string, number>>;
  readonly exported?: boolean;
}

/** An object with the global function `f`. */
function objectOf({ code, relocations = [], entries = {}, exported }: Side): Uint8Array {
  const size = code.replaceAll(" ", "").length / 2;
  const table: SectionDescription[] = exported
    ? [
        {
          name: "___ksymtab+f",
          content: "00".repeat(12),
          flags: "A",
          relocations: [
            { offset: 0, type: 2, symbol: "f", addend: 0 },
            { offset: 4, type: 2, symbol: "__ksymtab_strings", addend: 0 },
          ],
        },
        { name: "__ksymtab_strings", strings: ["f"] },
      ]
    : [];
  const outer = [...new Set(relocations.map(({ symbol }) => symbol as string))];
  return buildElf({
    sections: [{ name: ".text.f", code, relocations }, ...table],
    symbols: [
      { name: "f", section: ".text.f", type: "func", bind: "global", size },
      ...Object.entries(entries).map(([name, value]) => ({
        name,
        section: ".text.f",
        value,
        type: "func" as const,
        bind: "global" as const,
        size: size - value,
      })),
      ...(exported ? [{ name: "__ksymtab_f", section: "___ksymtab+f", type: "object" as const, size: 12 }] : []),
      ...outer.map((name) => ({ name })),
    ],
  });
}

interface Case {
  readonly what: string;
  readonly pre: Side;
  readonly post: Side;
  /** Code of the run image at 0x1000. */
  readonly run: string;
  readonly symbols?: Readonly<Record<string, number | bigint>>;
  readonly map?: string;
  readonly options?: readonly string[];
  readonly abort: { readonly cause: keyof typeof CAUSES; readonly errno: string | null; readonly at?: string };
  readonly why: RegExp;
  readonly finding?: string;
}

const SAME: Side = { code: "b801000000 c3" };
const OTHER: Side = { code: "b802000000 c3" };

const CASES: readonly Case[] = [
  {
    what: "code that was built from something else",
    pre: SAME,
    post: OTHER,
    run: "b803000000c3",
    abort: { cause: "no_match", errno: "ENOENT", at: "f" },
    why: /instructions differ/,
    finding: "text-unmatched",
  },
  {
    what: "new code that needs what the run system does not have",
    pre: SAME,
    post: { code: "e800000000 c3", relocations: [call(1, "absent")] },
    run: "b801000000c3",
    abort: { cause: "failed_to_find", errno: "ENOENT", at: "absent" },
    why: /no symbol of that name/,
    finding: "symbol-without-value",
  },
  {
    what: "an export that is taken away and is not in the run system's table",
    pre: { ...SAME, exported: true },
    post: SAME,
    run: "b801000000c3",
    symbols: { f: 0x1000, __ksymtab_other: 0x1040 },
    abort: { cause: "missing_export", errno: "ENOEXEC" },
    why: /does not export/,
    finding: "export-missing",
  },
  {
    what: "a module that is not loaded",
    pre: SAME,
    post: OTHER,
    run: "b801000000c3",
    map: "0000000000001000 T f\t[other]\n",
    options: ["--target", "probe"],
    abort: { cause: "target_not_loaded", errno: "ENODEV", at: "probe" },
    why: /no symbol of this module/,
  },
  {
    what: "a map of another system",
    pre: SAME,
    post: OTHER,
    run: "b801000000c3",
    map: "ffffffff81000000 T elsewhere\n",
    abort: { cause: "bad_system_map", errno: null },
    why: /no symbol in common/,
  },
  {
    what: "two entry points too close for two jumps",
    pre: { code: "ffc0 ffc0 b801000000 90 c3", entries: { inner: 2 } },
    post: { code: "ffc0 ffc0 b802000000 90 c3", entries: { inner: 2 } },
    run: "ffc0ffc0b80100000090c3",
    symbols: { f: 0x1000, inner: 0x1002 },
    abort: { cause: "unexpected", errno: null, at: "f" },
    why: /0x1000 and f at 0x1002/,
    finding: "patches-overlap",
  },
  {
    what: "a function that is shorter than the jump",
    pre: { code: "31c0 c3" },
    post: { code: "31c9 c3" },
    run: "31c0c3",
    abort: { cause: "unexpected", errno: null, at: "f" },
    why: /5 bytes at \+0x0, 3 are left/,
    finding: "patch-too-long",
  },
  {
    what: "new code that is too far away",
    pre: SAME,
    post: OTHER,
    run: "b801000000c3",
    options: ["--load-address", "0x7fff00000000"],
    abort: { cause: "unexpected", errno: null, at: "f" },
    why: /farther than 0x80000000 bytes/,
    finding: "patch-out-of-reach",
  },
  {
    what: "a call in new code of what is too far away",
    pre: SAME,
    post: { code: "e800000000 c3", relocations: [call(1, "far")] },
    run: "b801000000c3",
    symbols: { f: 0x1000, far: 0x7fff00000000n },
    options: ["--load-address", "0x2000"],
    abort: { cause: "unexpected", errno: null, at: "f" },
    why: /R_X86_64_PLT32 at \+0x1 to far at 0x7fff00000000/,
    finding: "relocation-overflow",
  },
];

describe("match ends an update with the cause", () => {
  it.each(CASES)("$abort.cause: $what", (wanted) => {
    const place = folder();
    const file = (name: string): string => join(place, name);
    writeFileSync(file("pre.o"), objectOf(wanted.pre));
    writeFileSync(file("post.o"), objectOf(wanted.post));
    const image = buildElf({
      type: "exec",
      sections: [{ name: ".text", code: `${wanted.run}${"cc".repeat(64)}`, addr: 0x1000 }],
      segments: [{ section: ".text", vaddr: 0x1000, flags: 5 }],
      symbols: Object.entries(wanted.symbols ?? { f: 0x1000 }).map(([name, value]) => ({
        name,
        section: ".text",
        value,
        type: "func" as const,
        bind: "global" as const,
      })),
    });
    writeFileSync(file("image"), image);
    expect(run(["diff", file("pre.o"), file("post.o"), "-o", file("update.json"), "-q"]).status).toBe(0);
    const options = [...(wanted.options ?? [])];
    if (wanted.map !== undefined) {
      writeFileSync(file("map"), wanted.map);
      options.push("--system-map", file("map"));
    }
    const { status, stdout, stderr } = run(["match", file("update.json"), "--run", file("image"), ...options]);
    expect(status).toBe(1);
    const result = JSON.parse(stdout) as MatchResult;
    expect(result.outcome).toBe("aborted");
    expect(result.abort).toMatchObject(wanted.abort);
    expect(result.abort?.why).toMatch(wanted.why);
    expect(stderr).toContain(`aborted, ${wanted.abort.cause}`);
    if (wanted.finding !== undefined) expect(result.findings.map(({ code }) => code)).toContain(wanted.finding);
  });

  it("of every check that it says it has done, and leaves the others to the running system", () => {
    const checks = LIFECYCLE.flatMap((stage) => stage.checks);
    const done = new Set(checks.filter((check) => check.done).map(({ cause }) => cause));
    expect([...new Set(CASES.map(({ abort }) => abort.cause))].sort()).toEqual([...done].sort());
    expect([...new Set(checks.map(({ cause }) => cause))].sort()).toEqual(Object.keys(CAUSES).sort());
  });
});
