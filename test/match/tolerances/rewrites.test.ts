import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, describe, expect, it } from "vitest";
import type { SectionResult } from "../../../src/contract/match.ts";
import { matchUpdate } from "../../../src/match/match.ts";
import { aarch64Rewrites } from "../../../src/match/tolerances/rewrites-aarch64.ts";
import { powerRewrites } from "../../../src/match/tolerances/rewrites-power.ts";
import { s390Rewrites } from "../../../src/match/tolerances/rewrites-s390.ts";
import { RISCV_RULES } from "../../../src/match/tolerances/rules-riscv.ts";
import { VENEER_RULE } from "../../../src/match/tolerances/veneers.ts";
import { buildElf } from "../../support/elf-builder.ts";
import { sectionOf, subjectOf } from "../../support/match-objects.ts";
import { join } from "../../support/paths.ts";

/*
 * Instructions that linkers and the kernel write anew: what each becomes, and what only looks like it. Code of AArch64 is given in words,
 * that of the others in bytes. `f` lies at 0x1000 of the image, `v` and `g` where a case says.
 */

const folder = mkdtempSync(join(tmpdir(), "elfsplice-rewrites-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Machine = "aarch64" | "i386" | "ppc64le" | "riscv64" | "s390x";
type RecordRow = readonly [offset: number, type: number, symbol: string, addend?: number];

interface Case {
  readonly rule: string;
  readonly what: string;
  readonly machine: Machine;
  readonly pre: string;
  readonly records: readonly RecordRow[];
  readonly run: string;
  readonly symbols?: Readonly<Record<string, number>>;
  /** Thread-locals of the image, by their offsets in 32 bytes. */
  readonly threads?: Readonly<Record<string, number>>;
  /** Names that are weak in the object. */
  readonly weak?: readonly string[];
  /** The same with something that must not be taken for it. */
  readonly wrong: readonly (readonly [what: string, run: string, symbols?: Readonly<Record<string, number>>])[];
}

const RELAX: RecordRow[1] = 51;

const CASES: readonly Case[] = [
  {
    rule: "short-call",
    what: "auipc and jalr become jal",
    machine: "riscv64",
    pre: "97000000e7800000 8280",
    records: [
      [0, 19, "g"],
      [0, RELAX, ""],
    ],
    run: "ef000010 8280",
    symbols: { g: 0x1100 },
    wrong: [
      ["jal of another register", "6f000010 8280"],
      ["jal of another function", "ef000011 8280"],
    ],
  },
  {
    rule: "short-call",
    what: "a jump that is near becomes c.j",
    machine: "riscv64",
    pre: "17030000 67000300 8280",
    records: [
      [0, 19, "g"],
      [0, RELAX, ""],
    ],
    run: "01a2 8280",
    symbols: { g: 0x1100 },
    wrong: [["c.beqz", "01c2 8280"]],
  },
  {
    rule: "absolute-call",
    what: "a weak function that nothing defines is at zero",
    machine: "riscv64",
    pre: "97000000e7800000 8280",
    records: [
      [0, 19, "w"],
      [0, RELAX, ""],
    ],
    weak: ["w"],
    run: "97000000e7000000 8280",
    wrong: [["jalr of another register", "97000000e7800100 8280"]],
  },
  {
    rule: "short-lui",
    what: "an upper half of six bits",
    machine: "riscv64",
    pre: "b7070000 03a50700 8280",
    records: [
      [0, 26, "v"],
      [0, RELAX, ""],
      [4, 27, "v"],
      [4, RELAX, ""],
    ],
    run: "8967 03a50710 8280",
    symbols: { v: 0x2100 },
    wrong: [
      ["another upper half", "8d67 03a50710 8280"],
      ["another register", "0967 03a50710 8280"],
      ["a lower half of another register", "8967 03250710 8280"],
    ],
  },
  {
    rule: "high-gone",
    what: "the lower half counts from the global pointer",
    machine: "riscv64",
    pre: "b7070000 03a50700 8280",
    records: [
      [0, 26, "v"],
      [0, RELAX, ""],
      [4, 27, "v"],
      [4, RELAX, ""],
    ],
    run: "03a50110 8280",
    symbols: { v: 0x2100, __global_pointer$: 0x2000 },
    wrong: [
      ["another distance", "03a50111 8280"],
      ["no upper half for a register that holds anything", "03a50710 8280"],
      ["a store", "23a50110 8280"],
    ],
  },
  {
    rule: "global-pointer",
    what: "so it does where auipc was",
    machine: "riscv64",
    pre: "97070000 03a50700 8280",
    records: [
      [0, 23, "v"],
      [0, RELAX, ""],
      [4, 24, "f"],
      [4, RELAX, ""],
    ],
    run: "03a50110 8280",
    symbols: { v: 0x2100, __global_pointer$: 0x2000 },
    wrong: [["another distance", "03a50111 8280"]],
  },
  {
    rule: "absolute-high",
    what: "a weak variable that nothing defines",
    machine: "riscv64",
    pre: "97070000 93870700 8280",
    records: [
      [0, 23, "w"],
      [4, 24, "f"],
    ],
    weak: ["w"],
    run: "b7070000 93870700 8280",
    wrong: [["lui of another register", "37070000 93870700 8280"]],
  },
  {
    rule: "thread-pointer",
    what: "the lower half counts from the thread pointer",
    machine: "riscv64",
    pre: "b7070000 b3874700 03a50700 8280",
    records: [
      [0, 29, "v"],
      [0, RELAX, ""],
      [4, 32, "v"],
      [4, RELAX, ""],
      [8, 30, "v"],
      [8, RELAX, ""],
    ],
    run: "03254200 8280",
    threads: { v: 4 },
    wrong: [
      ["another distance", "03258200 8280"],
      ["the global pointer", "03a54100 8280"],
    ],
  },
  {
    rule: "align-padding",
    what: "as many no-ops as the address needs",
    machine: "riscv64",
    pre: "0100 13000000 0105 8280",
    records: [[0, 43, "", 6]],
    run: "0105 8280",
    wrong: [["more no-ops than the alignment needs", "0100 0105 8280"]],
  },
  {
    rule: "adrp-add-adr",
    what: "something within 1 MiB",
    machine: "aarch64",
    pre: "90000000 91000000 d65f03c0",
    records: [
      [0, 275, "v"],
      [4, 277, "v"],
    ],
    run: "d503201f 10007fe0 d65f03c0",
    symbols: { v: 0x2000 },
    wrong: [
      ["another address", "d503201f 10007fc0 d65f03c0"],
      ["another register", "d503201f 10007fe1 d65f03c0"],
    ],
  },
  {
    rule: "adrp-adr",
    what: "adr of the page",
    machine: "aarch64",
    pre: "90000000 91000000 d65f03c0",
    records: [
      [0, 275, "v"],
      [4, 277, "v"],
    ],
    run: "10008000 91040000 d65f03c0",
    symbols: { v: 0x2100 },
    wrong: [
      ["adr of no page", "10008020 91040000 d65f03c0"],
      ["another lower half", "10008000 91044000 d65f03c0"],
    ],
  },
  {
    rule: "got-adrp-add",
    what: "the address is computed",
    machine: "aarch64",
    pre: "90000000 f9400000 d65f03c0",
    records: [
      [0, 311, "v"],
      [4, 312, "v"],
    ],
    run: "b0000000 91040000 d65f03c0",
    symbols: { v: 0x2100 },
    wrong: [
      ["another address", "b0000000 91044000 d65f03c0"],
      ["another register", "b0000000 91040001 d65f03c0"],
    ],
  },
  {
    rule: "tls-local-exec",
    what: "initial exec becomes movz and movk",
    machine: "aarch64",
    pre: "90000001 f9400021 d65f03c0",
    records: [
      [0, 541, "v"],
      [4, 542, "v"],
    ],
    run: "d2a00001 f2800281 d65f03c0",
    threads: { v: 4 },
    wrong: [
      ["another variable", "d2a00001 f2800301 d65f03c0"],
      ["another register", "d2a00001 f2800282 d65f03c0"],
    ],
  },
  {
    rule: "tls-local-exec",
    what: "a descriptor becomes movz and movk",
    machine: "aarch64",
    pre: "90000000 f9400001 91000000 d63f0020 d65f03c0",
    records: [
      [0, 562, "v"],
      [4, 563, "v"],
      [8, 564, "v"],
      [12, 569, "v"],
    ],
    run: "d2a00000 f2800280 d503201f d503201f d65f03c0",
    threads: { v: 4 },
    wrong: [["the call stays", "d2a00000 f2800280 d503201f d63f0020 d65f03c0"]],
  },
  {
    rule: "weak-call-nop",
    what: "nothing is called",
    machine: "aarch64",
    pre: "94000000 d65f03c0",
    records: [[0, 283, "w"]],
    weak: ["w"],
    run: "d503201f d65f03c0",
    wrong: [["another hint", "d503203f d65f03c0"]],
  },
  {
    rule: "erratum-veneer",
    what: "a load stands elsewhere",
    machine: "aarch64",
    pre: "f9400001 d65f03c0",
    records: [],
    run: "14000004 d65f03c0 d503201f d503201f f9400001 17fffffc",
    wrong: [
      ["another load", "14000004 d65f03c0 d503201f d503201f f9400002 17fffffc"],
      ["no way back", "14000004 d65f03c0 d503201f d503201f f9400001 17fffffd"],
    ],
  },
  {
    rule: VENEER_RULE.name,
    what: "a far function",
    machine: "aarch64",
    pre: "94000000 d65f03c0",
    records: [[0, 283, "g"]],
    run: "94000004 d65f03c0 d503201f d503201f b0000010 91040210 d61f0200",
    symbols: { g: 0x2100 },
    wrong: [
      ["a veneer of another function", "94000004 d65f03c0 d503201f d503201f b0000010 91044210 d61f0200"],
      ["no veneer", "94000004 d65f03c0 d503201f d503201f b0000010 91040210 d61f0220"],
    ],
  },
  {
    rule: "got-relaxation",
    what: "lea counts from the GOT",
    machine: "i386",
    pre: "8b8300000000 c3",
    records: [[2, 43, "v"]],
    run: "8d8300010000 c3",
    symbols: { v: 0x2100, _GLOBAL_OFFSET_TABLE_: 0x2000 },
    wrong: [
      ["another distance", "8d8310010000 c3"],
      ["another register", "8d8b00010000 c3"],
    ],
  },
  {
    rule: "got-relaxation",
    what: "the address is a constant",
    machine: "i386",
    pre: "8b8300000000 c3",
    records: [[2, 43, "v"]],
    run: "c7c000210000 c3",
    symbols: { v: 0x2100, _GLOBAL_OFFSET_TABLE_: 0x2000 },
    wrong: [["another register", "c7c100210000 c3"]],
  },
  {
    rule: "got-relaxation",
    what: "a direct call",
    machine: "i386",
    pre: "ff9300000000 c3",
    records: [[2, 43, "g"]],
    run: "67e8fa000000 c3",
    symbols: { g: 0x1100, _GLOBAL_OFFSET_TABLE_: 0x2000 },
    wrong: [["another function", "67e8fb000000 c3"]],
  },
  {
    rule: "tls-relaxation",
    what: "initial exec becomes a constant",
    machine: "i386",
    pre: "8b1500000000 c3",
    records: [[2, 15, "v"]],
    run: "c7c2ecffffff c3",
    threads: { v: 12 },
    wrong: [
      ["another register", "c7c1ecffffff c3"],
      ["another variable", "c7c2e8ffffff c3"],
    ],
  },
  {
    rule: "tls-relaxation",
    what: "general dynamic becomes a subtraction",
    machine: "i386",
    pre: "8d041d00000000 e800000000 c3",
    records: [
      [3, 18, "v"],
      [8, 4, "___tls_get_addr"],
    ],
    run: "65a100000000 81e814000000 c3",
    threads: { v: 12 },
    wrong: [
      ["an addition", "65a100000000 81c014000000 c3"],
      ["another variable", "65a100000000 81e818000000 c3"],
    ],
  },
  {
    rule: "ftrace-site",
    what: "a no-op instead of the call of the tracer",
    machine: "s390x",
    pre: "c00500000000 07fe",
    records: [[2, 20, "__fentry__", 2]],
    run: "c00400000000 07fe",
    wrong: [
      ["a branch", "c0f400000000 07fe"],
      ["a call of anything", "c00500000080 07fe", { __fentry__: 0x1200, g: 0x1100 }],
    ],
  },
  {
    rule: "expoline",
    what: "the branch that the thunk makes",
    machine: "s390x",
    pre: "c0f400000000",
    records: [[2, 19, "__s390_indirect_jump_r14", 2]],
    run: "07fe47000000",
    wrong: [
      ["another register", "07fd47000000"],
      ["another condition", "078e47000000"],
      ["no filler", "07fe47f00000"],
    ],
  },
  {
    rule: "tls-relaxation",
    what: "the call that asks for a thread-local is left out",
    machine: "s390x",
    pre: "c0e500000000 07fe",
    records: [
      [0, 38, "t"],
      [2, 20, "__tls_get_offset", 2],
    ],
    run: "c00400000000 07fe",
    threads: { t: 8 },
    wrong: [
      ["a branch", "c0f400000000 07fe"],
      ["a call of anything else", "c0e500000080 07fe", { g: 0x1100 }],
    ],
  },
  {
    rule: "tls-relaxation",
    what: "the distance is copied where the slot was loaded",
    machine: "s390x",
    pre: "e313c0000004 07fe",
    records: [[0, 37, "t"]],
    run: "eb130000000d 07fe",
    threads: { t: 8 },
    wrong: [
      ["a copy of another register", "eb140000000d 07fe"],
      ["a shift", "eb130001000d 07fe"],
    ],
  },
  {
    rule: "got-relaxation",
    what: "an address is computed where its slot was loaded",
    machine: "s390x",
    pre: "c41800000000 07fe",
    records: [[2, 26, "g", 2]],
    run: "c01000000080 07fe",
    symbols: { g: 0x1100 },
    wrong: [
      ["into another register", "c02000000080 07fe"],
      ["another address", "c01000000081 07fe"],
    ],
  },
  {
    rule: "got-relaxation",
    what: "the same where the slot's distance from the GOT was in the instruction",
    machine: "s390x",
    pre: "e310c0000004 07fe",
    records: [[2, 58, "g"]],
    run: "c01000000080 07fe",
    symbols: { g: 0x1100 },
    wrong: [["another address", "c01000000081 07fe"]],
  },
  {
    rule: "tls-relaxation",
    what: "a thread-local of the program is at a distance from r13",
    machine: "ppc64le",
    pre: "3d220000 38690000 48000001 60000000 4e800020",
    records: [
      [0, 82, "t"],
      [4, 80, "t"],
      [8, 107, "t"],
      [8, 10, "__tls_get_addr"],
    ],
    // 8 − 0x7000.
    run: "60000000 60000000 386d9008 60000000 4e800020",
    threads: { t: 8, u: 12 },
    wrong: [
      ["another thread-local", "60000000 60000000 386d900c 60000000 4e800020"],
      ["a distance from r3, which nothing was put into", "60000000 60000000 38639008 60000000 4e800020"],
    ],
  },
  {
    rule: "tls-relaxation",
    what: "the start of the program's own thread-locals is at a distance from r13",
    machine: "ppc64le",
    pre: "3d220000 38690000 48000001 60000000 4e800020",
    records: [
      [0, 86, "t"],
      [4, 84, "t"],
      [8, 108, "t"],
      [8, 10, "__tls_get_addr"],
    ],
    run: "60000000 3c6d0000 38631000 60000000 4e800020",
    threads: { t: 0 },
    wrong: [["another distance", "60000000 3c6d0000 38631004 60000000 4e800020"]],
  },
];

/** Code as it lies in memory: words of AArch64 and Power are little-endian. */
function codeOf(machine: Machine, text: string): Uint8Array {
  const words = text.split(" ");
  if (machine !== "aarch64" && machine !== "ppc64le") return Buffer.from(words.join(""), "hex");
  return Buffer.concat(words.map((word) => Buffer.from(word, "hex").reverse()));
}

function match(
  { machine, pre, records, weak = [], threads = {} }: Case,
  run: string,
  symbols: Readonly<Record<string, number>>,
): SectionResult {
  const code = codeOf(machine, pre);
  const names = new Set(records.map(([, , symbol]) => symbol).filter((symbol) => symbol !== "" && symbol !== "f"));
  const object = buildElf({
    machine,
    sections: [
      {
        name: ".text.f",
        code,
        relocations: records.map(([offset, type, symbol, addend = 0]) => ({
          offset,
          type,
          symbol,
          ...(machine !== "i386" && { addend }),
        })),
      },
    ],
    symbols: [
      { name: "f", section: ".text.f", type: "func", bind: "global", size: code.length },
      ...[...names].map((name) => ({ name, bind: weak.includes(name) ? ("weak" as const) : ("global" as const) })),
    ],
  });
  const content = new Uint8Array(0x200);
  content.set(codeOf(machine, run));
  const all = Object.entries({ f: 0x1000, ...symbols });
  const image = buildElf({
    machine,
    type: "exec",
    sections: [
      { name: ".text", code: content, addr: 0x1000 },
      { name: ".tbss", type: "nobits", flags: "WAT", addr: 0x8000, addralign: 8, size: 32 },
    ],
    segments: [{ section: ".text", vaddr: 0x1000, flags: 5 }],
    symbols: [
      ...all.map(([name, value]) => ({ name, section: ".text", value, type: "func", bind: "global" }) as const),
      ...Object.entries(threads).map(
        ([name, value]) => ({ name, section: ".tbss", value, type: "tls", bind: "global" }) as const,
      ),
    ],
  });
  writeFileSync(join(folder, "image"), image);
  return sectionOf(matchUpdate([subjectOf(object, "f.o")], { run: join(folder, "image") }), "f");
}

describe("an instruction written anew", () => {
  it.each(CASES)("$machine, $rule: $what", (wanted) => {
    const found = match(wanted, wanted.run, wanted.symbols ?? {});
    expect(found.mismatch).toBeUndefined();
    expect(found).toMatchObject({ status: "matched", runAddress: "0x1000" });
    expect(found.rules).toContain(wanted.rule);
  });

  it.each(
    CASES.flatMap((wanted) =>
      wanted.wrong.map(([near, run, symbols]) => ({ wanted, rule: wanted.rule, near, run, symbols })),
    ),
  )("$rule is not: $near", ({ wanted, run, symbols }) => {
    expect(match(wanted, run, symbols ?? wanted.symbols ?? {}).status).toBe("unmatched");
  });

  it("has a case for every rule, a reason and a source", () => {
    const rules = [
      ...RISCV_RULES,
      ...aarch64Rewrites,
      ...s390Rewrites,
      ...powerRewrites.filter(({ name }) => name === "tls-relaxation"),
      VENEER_RULE,
    ];
    const tested = new Set(CASES.map(({ rule }) => rule));
    expect(rules.filter(({ name }) => !tested.has(name)).map(({ name }) => name)).toEqual([]);
    expect(rules.every(({ why, source }) => why.length > 20 && source.length > 5)).toBe(true);
  });
});
