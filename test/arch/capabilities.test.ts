import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Arch } from "../../src/arch/arch.ts";
import { argumentAt } from "../../src/arch/argument.ts";
import { isBranchField } from "../../src/arch/branch.ts";
import { callArguments } from "../../src/arch/call-arguments.ts";
import { codeFor } from "../../src/arch/code.ts";
import { endsFlow } from "../../src/arch/flow.ts";
import { loadedConstantAt } from "../../src/arch/loaded-constant.ts";
import { archFor, howtoOf } from "../../src/arch/registry.ts";
import { EM } from "../../src/elf/constants.ts";
import { readObject } from "../../src/elf/object.ts";
import { trampoline, trapBytes } from "../../src/match/outcome/trampoline.ts";
import type { Span, SpanRelocation } from "../../src/spans/span.ts";
import { buildSpans } from "../../src/spans/spans.ts";
import { isThumb } from "../../src/spans/thumb.ts";
import { FIXTURES, join } from "../support/paths.ts";

/** Objects of one source for every architecture, for Thumb and for the older ABI of Power. The line in m() is 33. */
const OBJECTS = [
  "x86_64",
  "x32",
  "i386",
  "aarch64",
  "aarch64_be",
  "arm",
  "armeb",
  "thumb",
  "ppc64",
  "ppc64-elfv1",
  "ppc64le",
  "s390",
  "s390x",
  "riscv32",
  "riscv64",
  "loongarch32",
  "loongarch64",
  "mips",
  "mipsel",
  "mips64",
  "mips64el",
] as const;

interface Subject {
  readonly arch: Arch;
  readonly spans: readonly Span[];
  named(name: string): Span;
}

const subjects = new Map<string, Subject>();

/** The pre object of an architecture, cut into spans. */
function subject(name: string): Subject {
  let known = subjects.get(name);
  if (known === undefined) {
    const path = join(FIXTURES, "neighbours", name, "pre.o");
    const { arch, spans } = buildSpans(readObject(readFileSync(path), path));
    const named = (wanted: string): Span => spans.find((span) => span.name === wanted) as Span;
    known = { arch, spans, named };
    subjects.set(name, known);
  }
  return known;
}

/** The call of warn_slowpath_fmt("drivers/gauge.c", 33, 9, "below") in m(). */
function warning({ named }: Subject): { readonly span: Span; readonly call: SpanRelocation } {
  const span = named("m");
  const call = span.relocations.find(({ symbol }) => symbol?.name === "warn_slowpath_fmt");
  return { span, call: call as SpanRelocation };
}

/** The record of every machine, class and byte order that has a folder. */
function records(): Arch[] {
  const found: Arch[] = [];
  for (const machine of Object.values(EM)) {
    for (const elfClass of [32, 64] as const) {
      for (const data of ["lsb", "msb"] as const) {
        const arch = archFor({ machine, class: elfClass, data, flags: 0 });
        if (arch.family !== "unknown") found.push(arch);
      }
    }
  }
  return found;
}

describe("every architecture", () => {
  it("has a real object here", () => {
    const tested = new Set(OBJECTS.map((name) => subject(name).arch.name));
    expect([...new Set(records().map(({ name }) => name))].sort()).toEqual([...tested].sort());
  });

  it("is named in the list of architectures", () => {
    const text = readFileSync(join(FIXTURES, "../docs/description.md"), "utf8");
    expect(records().filter(({ name }) => !text.includes(`\`${name}\``))).toEqual([]);
  });
});

describe.each(OBJECTS)("%s", (name) => {
  const at = subject(name);
  const { arch } = at;

  it("finds branches without a relocation, in every function that calls or loops", () => {
    for (const wanted of ["k", "m"]) {
      const span = at.named(wanted);
      const found = codeFor(arch, isThumb(arch, span)).branches(span.bytes, 0, span.bytes.length);
      expect(found.length).toBeGreaterThan(0);
      for (const { type } of found) expect(howtoOf(arch, type)).toMatchObject({ pcrel: true });
    }
  });

  it("tells the call of a function from an address", () => {
    const { span, call } = warning(at);
    expect(isBranchField(arch, call.howto, span.bytes, call.offset)).toBe(true);
    const others = span.relocations.filter(({ target }) => target?.kind === "string");
    expect(others.length).toBeGreaterThan(0);
    expect(others.filter(({ howto, offset }) => isBranchField(arch, howto, span.bytes, offset))).toEqual([]);
  });

  it("knows the registers of arguments, and the constants that a call gets in them", () => {
    const { span, call } = warning(at);
    const relocated = new Set(span.relocations.map(({ offset }) => offset));
    const found = callArguments(arch, span.bytes, [call.offset], relocated, isThumb(arch, span)).get(call.offset);
    expect(found?.slice(0, 3)).toEqual(["address", 33, 9]);
  });

  it("reads the constant that an instruction loads, and into which argument", () => {
    const { span } = warning(at);
    const tagged = isThumb(arch, span);
    const loads = [...span.bytes.keys()].filter(
      (offset) => loadedConstantAt(arch, span.bytes, offset, tagged)?.value === 33,
    );
    const found = loads.map((offset) => loadedConstantAt(arch, span.bytes, offset, tagged)?.offset as number);
    expect(new Set(found).size).toBe(1);
    expect(argumentAt(arch, span.bytes, found[0] as number, tagged)).toBe(1);
  });

  it("cuts code into instructions of its alignment, and sees where flow ends", () => {
    for (const wanted of ["h", "k", "m"]) {
      const { bytes } = at.named(wanted);
      const tagged = isThumb(arch, at.named(wanted));
      const { unitSize, alignment } = codeFor(arch, tagged);
      let end = 0;
      while (end < bytes.length) {
        const size = unitSize(bytes, end);
        expect(size % alignment).toBe(0);
        end += size;
      }
      expect(end).toBe(bytes.length);
      expect(endsFlow(arch, bytes, 0, bytes.length, tagged)).toBe(true);
      expect(arch.isPadding(bytes, 0, bytes.length)).toBe(false);
    }
    expect(arch.isPadding(new Uint8Array(8), 0, 8)).toBe(true);
  });

  it("has a jump to new code, and a trap", () => {
    const isTagged = isThumb(arch, at.named("h"));
    const { size } = arch.trampoline;
    const made = trampoline(arch, { from: 0x10000n, to: 0x20000n, size, isThumb: isTagged });
    expect(made).toMatchObject({ kind: "bytes" });
    expect(trapBytes(arch, size, isTagged)).toHaveLength(size);
  });

  it("names only relocation types that its table has", () => {
    const names = [...arch.howtos.values()].map((howto) => howto.name);
    const { link, code } = arch;
    const word = howtoOf(arch, link.wordType as number);
    expect(word).toMatchObject({ role: "address", pcrel: false, size: arch.class / 8 });
    for (const { fields } of [link.trampoline, link.taggedTrampoline].flatMap((form) => form ?? []))
      for (const { howto } of fields) expect(names).toContain(howto);
    for (const pattern of [...link.halves.flatMap(({ high, low }) => [high, low]), code.anchors?.bases ?? /./])
      expect(names.filter((howto) => pattern.test(howto))).not.toEqual([]);
    for (const { type } of link.jumpTables) expect(howtoOf(arch, type)).toMatchObject({ role: "address" });
  });
});

describe("what says that there is nothing says so on purpose", () => {
  it("only x86 has no section anchors", () => {
    const without = records().filter(({ code }) => code.anchors === null);
    expect([...new Set(without.map(({ family }) => family))]).toEqual(["x86"]);
  });

  it("dumps are read of 64-bit machines, but of MIPS", () => {
    const read = records().filter(({ kernel }) => kernel.imageMapping !== null);
    expect(read.filter((arch) => arch.class === 32 && arch.family !== "x86" && arch.family !== "aarch64")).toEqual([]);
    expect(records().filter((arch) => arch.class === 64 && !read.includes(arch) && arch.family !== "mips")).toEqual([]);
  });
});
