import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, describe, expect, it } from "vitest";
import type { MatchResult, SectionResult } from "../../../src/contract/match.ts";
import { matchUpdate } from "../../../src/match/match.ts";
import { MOVED_BLOCK } from "../../../src/match/tolerances/rules.ts";
import { X86_RULES } from "../../../src/match/tolerances/rules-x86.ts";
import { buildElf, type RelocationDescription, type SectionDescription } from "../../support/elf-builder.ts";
import { sectionOf, subjectOf } from "../../support/match-objects.ts";
import { join } from "../../support/paths.ts";

const folder = mkdtempSync(join(tmpdir(), "elfsplice-rules-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PC32 = 2;
const PLT32 = 4;
const GOTPCRELX = 41;
const REX_GOTPCRELX = 42;
const TLSGD = 19;
const GOTTPOFF = 22;
const JMP_SLOT_ADDRESS = 0x1100;

interface RuleCase {
  readonly rule: string;
  readonly what: string;
  /** Code of `f` in the object. */
  readonly pre: string;
  readonly relocations?: readonly RelocationDescription[];
  readonly tables?: readonly SectionDescription[];
  /** Code in the run image at 0x1000. */
  readonly run: string;
  /** Further symbols of the run image. */
  readonly symbols?: Readonly<Record<string, number>>;
  /** Its thread-locals, by their offsets in 32 bytes. */
  readonly threads?: Readonly<Record<string, number>>;
  /** The same with something that must not be taken for it. */
  readonly wrong?: readonly string[];
}

const call = (offset: number, symbol: string): RelocationDescription => ({ offset, type: PLT32, symbol, addend: -4 });
const table = (
  name: string,
  content: string,
  ...targets: readonly (readonly [offset: number, symbol: string, addend: number])[]
): SectionDescription => ({
  name,
  content,
  flags: "A",
  relocations: targets.map(([offset, symbol, addend]) => ({ offset, type: PC32, symbol, addend })),
});

/** One indirect call of 7 bytes at the start of f. */
const PARAVIRT_SITE: SectionDescription = {
  name: ".parainstructions",
  content: "0000000000000000 00 07 0000 00000000",
  flags: "A",
  relocations: [{ offset: 0, type: 1, symbol: ".text.f", addend: 0 }],
};
const STATIC_CALL_SITE = table(".static_call_sites", "0000000000000000", [0, ".text.f", 0], [4, "key", 0]);
const DIRECT_CALL: readonly SectionDescription[] = [
  table(".altinstructions", "0000000000000000 0100 0200 07 05", [0, ".text.f", 0], [4, ".altinstr_replacement", 0]),
  { name: ".altinstr_replacement", code: "e800000000", relocations: [call(1, "BUG_func")] },
];

/** f: `call __fentry__`, then whatever. The run code lies at 0x1000, `g` at 0x1100. */
const CASES: readonly RuleCase[] = [
  {
    rule: "nop-padding",
    what: "a loop is aligned by other no-ops; the jump back lands behind them",
    pre: "31c0 0f1f4000 ffc0 75fc c3",
    run: "31c0 90 ffc0 75fc c3",
  },
  { rule: "trap-padding", what: "a trap behind a return", pre: "85ff 7401 c3 31c0 c3", run: "85ff 7402 c3 cc 31c0 c3" },
  {
    rule: "branch-length",
    what: "a tail call that is short where both functions are in one section",
    pre: "85ff 7405 e900000000 c3",
    relocations: [call(5, "g")],
    run: "85ff 7402 eb7a c3",
    symbols: { g: 0x1080 },
  },
  {
    rule: "ftrace-site",
    what: "a no-op instead of the call of the tracer",
    pre: "e800000000 31c0 c3",
    relocations: [call(1, "__fentry__")],
    run: "0f1f440000 31c0 c3",
  },
  {
    rule: "ftrace-site",
    what: "a call of a tracer that was attached",
    pre: "e800000000 31c0 c3",
    relocations: [call(1, "__fentry__")],
    run: "e8fb000000 31c0 c3",
    symbols: { ftrace_caller: JMP_SLOT_ADDRESS, __fentry__: 0x1200 },
  },
  {
    rule: "alternatives",
    what: "the replacement and no-ops behind it",
    pre: "0faef0 9090 c3",
    tables: [
      table(".altinstructions", "0000000000000000 0100 05 03", [0, ".text.f", 0], [4, ".altinstr_replacement", 0]),
      { name: ".altinstr_replacement", code: "0faee8" },
    ],
    run: "0faee8 0f1f00 c3".replace("0f1f00", "6690"),
  },
  {
    rule: "lock-prefix",
    what: "a ds prefix on one processor",
    pre: "f0ff07 c3",
    tables: [table(".smp_locks", "00000000", [0, ".text.f", 0])],
    run: "3eff07 c3",
  },
  {
    rule: "paravirt",
    what: "the native instruction instead of an indirect call",
    pre: "ff1425 00000000 c3",
    tables: [
      {
        name: ".parainstructions",
        content: "0000000000000000 00 07 0000 00000000",
        flags: "A",
        relocations: [{ offset: 0, type: 1, symbol: ".text.f", addend: 0 }],
      },
    ],
    run: "fa 660f1f440000 c3",
  },
  {
    rule: "paravirt",
    what: "a direct call of the operation",
    pre: "ff1425 00000000 c3",
    tables: [PARAVIRT_SITE],
    run: "e8fb000000 6690 c3",
    symbols: { native_irq_disable: 0x1100 },
  },
  {
    rule: "paravirt",
    what: "nothing where the operation does nothing",
    pre: "ff1425 00000000 c3",
    tables: [PARAVIRT_SITE],
    run: "0f1f8000000000 c3",
  },
  {
    rule: "alternatives",
    what: "a direct call instead of one through a pointer, by the flag of the entry",
    pre: "ff1425 00000000 c3",
    tables: DIRECT_CALL,
    run: "e8fb000000 6690 c3",
    symbols: { native_irq_disable: 0x1100 },
  },
  {
    rule: "ftrace-site",
    what: "a call of a trampoline that was made for one tracer",
    pre: "e800000000 31c0 c3",
    relocations: [call(1, "__fentry__")],
    run: "e8fbff0000 31c0 c3",
    symbols: { __fentry__: 0x1200 },
  },
  {
    rule: "static-call",
    what: "nothing",
    pre: "e800000000 c3",
    relocations: [call(1, "__SCT__might_resched")],
    tables: [STATIC_CALL_SITE],
    run: "0f1f440000 c3",
    symbols: { __SCT__might_resched: 0x1200 },
  },
  {
    rule: "static-call",
    what: "the result 0",
    pre: "e800000000 c3",
    relocations: [call(1, "__SCT__might_resched")],
    tables: [STATIC_CALL_SITE],
    run: "2e2e2e31c0 c3",
    symbols: { __SCT__might_resched: 0x1200 },
  },
  {
    rule: "static-call",
    what: "a return instead of a jump",
    pre: "31c0 e900000000",
    relocations: [call(3, "__SCT__might_resched")],
    tables: [table(".static_call_sites", "0000000000000000", [0, ".text.f", 2], [4, "key", 0])],
    run: "31c0 c3cccccccc",
    symbols: { __SCT__might_resched: 0x1200 },
  },
  {
    rule: "static-key",
    what: "a jump instead of the no-op",
    pre: "0f1f440000 31c0 c3 ffc0 c3",
    tables: [
      {
        name: "__jump_table",
        content: "00000000 00000000 0000000000000000",
        flags: "AW",
        relocations: [
          { offset: 0, type: PC32, symbol: ".text.f", addend: 0 },
          { offset: 4, type: PC32, symbol: ".text.f", addend: 8 },
          { offset: 8, type: 24, symbol: "key", addend: 0 },
        ],
      },
    ],
    run: "e903000000 31c0 c3 ffc0 c3",
  },
  {
    rule: "static-call",
    what: "a direct call of the present function",
    pre: "e800000000 c3",
    relocations: [call(1, "__SCT__might_resched")],
    tables: [table(".static_call_sites", "0000000000000000", [0, ".text.f", 0], [4, "key", 0])],
    run: "e8fb000000 c3",
    symbols: { now: JMP_SLOT_ADDRESS, __SCT__might_resched: 0x1200 },
  },
  {
    rule: "return-thunk",
    what: "a plain return",
    pre: "31c0 e900000000",
    relocations: [call(3, "__x86_return_thunk")],
    run: "31c0 c3cccccccc",
  },
  {
    rule: "retpoline",
    what: "an indirect call",
    pre: "e800000000 c3",
    relocations: [call(1, "__x86_indirect_thunk_r11")],
    run: "41ffd3 6690 c3",
  },
  {
    rule: "got-relaxation",
    what: "lea instead of a load from the GOT",
    pre: "488b0500000000 c3",
    relocations: [{ offset: 3, type: REX_GOTPCRELX, symbol: "v", addend: -4 }],
    run: "488d05f9000000 c3",
    symbols: { v: 0x1100 },
  },
  {
    rule: "got-relaxation",
    what: "a direct call instead of one through the GOT",
    pre: "ff1500000000 c3",
    relocations: [{ offset: 2, type: GOTPCRELX, symbol: "g", addend: -4 }],
    run: "67e8fa000000 c3",
    symbols: { g: 0x1100 },
  },
  {
    rule: "addr32-call",
    what: "a call with a prefix",
    pre: "e800000000 c3",
    relocations: [call(1, "g")],
    run: "67e8fa000000 c3",
    symbols: { g: 0x1100 },
  },
  {
    rule: "tls-relaxation",
    what: "general dynamic to local executable",
    pre: "66488d3d00000000 666648e800000000 8b00 c3",
    relocations: [{ offset: 4, type: TLSGD, symbol: "t", addend: -4 }, call(12, "__tls_get_addr")],
    run: "64488b042500000000 488d80fcffffff 8b00 c3",
    threads: { t: 28, u: 24 },
    wrong: ["64488b042500000000 488d80f8ffffff 8b00 c3"],
  },
  {
    rule: "tls-relaxation",
    what: "initial executable to local executable",
    pre: "488b0500000000 c3",
    relocations: [{ offset: 3, type: GOTTPOFF, symbol: "t", addend: -4 }],
    run: "48c7c0fcffffff c3",
    threads: { t: 28, u: 24 },
    wrong: ["48c7c0f8ffffff c3", "48c7c1fcffffff c3", "4881c0fcffffff c3"],
  },
  {
    rule: MOVED_BLOCK.name,
    what: "the code behind a return lies elsewhere",
    pre: "85ff 7403 31c0 c3 b801000000 c3",
    run: `85ff 747c 31c0 c3 ${"cc".repeat(0x80 - 7)} b801000000 c3`,
  },
];

function matchCode(wanted: Omit<RuleCase, "rule" | "what" | "wrong">): MatchResult {
  const names = new Set((wanted.relocations ?? []).map(({ symbol }) => String(symbol)));
  for (const { relocations = [] } of wanted.tables ?? []) {
    for (const { symbol } of relocations) if (!String(symbol).startsWith(".")) names.add(String(symbol));
  }
  const code = wanted.pre.replaceAll(" ", "");
  const object = buildElf({
    sections: [
      { name: ".text.f", code, ...(wanted.relocations === undefined ? {} : { relocations: wanted.relocations }) },
      ...(wanted.tables ?? []),
    ],
    symbols: [
      { name: "f", section: ".text.f", type: "func", bind: "global", size: code.length / 2 },
      ...[...names].map((name) => ({ name })),
    ],
  });
  const image = join(folder, "image");
  writeFileSync(image, imageOf(wanted.run, { f: 0x1000, ...wanted.symbols }, wanted.threads));
  return matchUpdate([subjectOf(object, "f.o")], { run: image });
}

const THREADS: SectionDescription = {
  name: ".tbss",
  type: "nobits",
  flags: "WAT",
  addr: 0x8000,
  addralign: 8,
  size: 32,
};

/** An executable whose code lies at 0x1000. */
function imageOf(
  code: string,
  symbols: Readonly<Record<string, number>>,
  threads: Readonly<Record<string, number>> = {},
): Uint8Array {
  const size = Math.max(0x200, code.replaceAll(" ", "").length / 2);
  const content = new Uint8Array(size + 16).fill(0xcc);
  content.set(Buffer.from(code.replaceAll(" ", ""), "hex"));
  return buildElf({
    type: "exec",
    sections: [{ name: ".text", code: content, addr: 0x1000 }, THREADS],
    segments: [{ section: ".text", vaddr: 0x1000, flags: 5 }],
    symbols: [
      ...Object.entries(symbols).map(([name, value]) => ({
        name,
        section: ".text",
        value,
        type: "func" as const,
        bind: "global" as const,
      })),
      ...Object.entries(threads).map(([name, value]) => ({
        name,
        section: ".tbss",
        value,
        type: "tls" as const,
        bind: "global" as const,
      })),
    ],
  });
}

const functionOf = (result: MatchResult): SectionResult => sectionOf(result, "f");

describe("each tolerance", () => {
  it.each(CASES)("$rule: $what", ({ rule, wrong = [], ...wanted }) => {
    const found = functionOf(matchCode(wanted));
    expect(found.mismatch).toBeUndefined();
    expect(found).toMatchObject({ status: "matched", runAddress: "0x1000" });
    expect(found.rules).toContain(rule);
    for (const run of wrong) expect(functionOf(matchCode({ ...wanted, run })).mismatch).toBeDefined();
  });

  it("has a case here, a reason and a source", () => {
    const tested = new Set(CASES.map(({ rule }) => rule));
    const rules = [...X86_RULES, MOVED_BLOCK];
    expect(rules.filter(({ name }) => !tested.has(name)).map(({ name }) => name)).toEqual([]);
    expect(rules.every(({ why, source }) => why.length > 20 && source.length > 5)).toBe(true);
  });
});

describe("what looks like a tolerance and is none", () => {
  it.each<Omit<RuleCase, "rule"> & { readonly at: number }>([
    { what: "a jump to the wrong side of the no-ops", pre: "31c0 90 ffc0 75fc c3", run: "31c0 90 ffc0 75fa c3", at: 5 },
    { what: "another condition", pre: "85ff 7401 c3 31c0 c3", run: "85ff 7501 c3 31c0 c3", at: 2 },
    { what: "a lock prefix that no table lists", pre: "f0ff07 c3", run: "3eff07 c3", at: 0 },
    {
      what: "a call of another function",
      pre: "e800000000 c3",
      relocations: [call(1, "g")],
      run: "e8fb000000 c3",
      symbols: { g: 0x1180, h: 0x1100 },
      at: 0,
    },
    {
      what: "a return where another function was to be jumped to",
      pre: "31c0 e900000000",
      relocations: [call(3, "g")],
      run: "31c0 c3cccccccc",
      at: 2,
    },
    {
      what: "an indirect call through another register",
      pre: "e800000000 c3",
      relocations: [call(1, "__x86_indirect_thunk_r11")],
      run: "41ffd2 6690 c3",
      at: 0,
    },
    {
      what: "a static key that jumps elsewhere",
      pre: "0f1f440000 31c0 c3 ffc0 c3",
      tables: CASES.find(({ rule }) => rule === "static-key")?.tables ?? [],
      run: "e900000000 31c0 c3 ffc0 c3",
      at: 8,
    },
    ...[
      ["a return", "c3 660f1f440000 c3"],
      ["another instruction", "31db 660f1f4400 00 c3"],
      ["a call into the middle of a function", "e8fc000000 6690 c3"],
      ["traps behind the instruction", "fa cccccccccccc c3"],
    ].map(([what, run]) => ({
      what: `${what} for a paravirtualised operation`,
      pre: "ff1425 00000000 c3",
      tables: [PARAVIRT_SITE],
      run: run as string,
      symbols: { native_irq_disable: 0x1100 },
      at: 0,
    })),
    {
      what: "a call into the middle of a function, where an alternative calls directly",
      pre: "ff1425 00000000 c3",
      tables: DIRECT_CALL,
      run: "e8fc000000 6690 c3",
      symbols: { native_irq_disable: 0x1100 },
      at: 0,
    },
    ...[
      ["a call of an ordinary function", "e8fb000000 31c0 c3"],
      ["a call into the middle of one", "e8fc000000 31c0 c3"],
      ["five traps", "cccccccccc 31c0 c3"],
      ["a jump to the tracer's entry", "e9fb010000 31c0 c3"],
    ].map(([what, run]) => ({
      what: `${what} instead of the tracer's`,
      pre: "e800000000 31c0 c3",
      relocations: [call(1, "__fentry__")],
      run: run as string,
      symbols: { g: 0x1100, __fentry__: 0x1180, ftrace_caller: 0x1200 },
      at: 0,
    })),
    ...[
      ["a call into the middle of a function", "e8fc000000 c3"],
      ["a jump", "e9fb000000 c3"],
      ["a return", "c3cccccccc c3"],
      ["five zeros", "0000000000 c3"],
    ].map(([what, run]) => ({
      what: `${what} instead of a static call`,
      pre: "e800000000 c3",
      relocations: [call(1, "__SCT__might_resched")],
      tables: [STATIC_CALL_SITE],
      run: run as string,
      symbols: { now: 0x1100, __SCT__might_resched: 0x1200 },
      at: 0,
    })),
    { what: "a trap where control comes", pre: "31c0 c3", run: "cc 31c0 c3", at: 0 },
    { what: "an instruction more", pre: "31c0 c3", run: "31c0 ffc0 c3", at: 2 },
  ])("$what", ({ at, ...wanted }) => {
    const result = matchCode(wanted);
    expect(functionOf(result)).toMatchObject({ status: "unmatched", mismatch: { offset: at } });
    expect(result.abort).toMatchObject({ cause: "no_match", errno: "ENOENT", at: "f" });
  });
});
