import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { UpdateDescription } from "../../src/contract/description.ts";
import { correlate } from "../../src/diff/correlate.ts";
import { diffSpans, type ObjectDiff } from "../../src/diff/diff.ts";
import type { Difference } from "../../src/diff/difference.ts";
import type { PairedBy, Pairing, Side } from "../../src/diff/pairing.ts";
import { propagate } from "../../src/diff/propagate.ts";
import { selectSections } from "../../src/diff/settle/settle.ts";
import { type ElfObject, readObject } from "../../src/elf/object.ts";
import { labelPair } from "../../src/plan/describe-pair.ts";
import { planFragment } from "../../src/plan/pair/fragment.ts";
import { assembleUpdate } from "../../src/plan/update/assemble.ts";
import { isComparedByContents } from "../../src/spans/section-kind.ts";
import type { Selection } from "../../src/spans/selection.ts";
import type { Span } from "../../src/spans/span.ts";
import { buildSpans } from "../../src/spans/spans.ts";
import { isStringSpan } from "../../src/spans/strings.ts";
import { usesIn } from "../../src/spans/uses.ts";
import { syntheticPair } from "../bench/synthetic-pair.ts";
import { findingCodes, rungStatus } from "../support/describe-pair.ts";
import { FIXTURES, fixtureCases, join } from "../support/paths.ts";
import { sampled } from "../support/sample.ts";

/* Faults put into the comparison's outcome: the account takes it as it is, and must not believe it. */

function read(name: string, side: "pre" | "post") {
  return readObject(readFileSync(join(FIXTURES, name, `${side}.o`)), `${side}.o`);
}

/** The same object in other bytes (EI_PAD), since a file and itself are paired by place, without the passes. */
function copyOf(name: string) {
  const bytes = Uint8Array.from(readFileSync(join(FIXTURES, name, "pre.o")));
  bytes[15] = 1;
  return readObject(bytes, "post.o");
}

function describeDiff(diff: ObjectDiff): UpdateDescription {
  const fragment = planFragment(labelPair(diff), { links: false }, { layouts: undefined, absent: undefined });
  return assembleUpdate([fragment]);
}

/** Whether nothing is said to be in the way, or a jump is said to do. */
function passes(update: UpdateDescription): boolean {
  return rungStatus(update, "none") === "applicable" || rungStatus(update, "splice") === "applicable";
}

/** The same outcome, but each span that differs is said to differ in a line number, with evidence that is made up. */
function allLines(diff: ObjectDiff): ObjectDiff {
  const { result } = diff;
  const asLine = (span: Span, difference: Difference): Difference => {
    const at = { section: span.section.index, offset: span.offset + difference.offset };
    const line = { by: "callee", place: "x.c", pre: 7, post: 8, field: { pre: at, post: at, size: 4 } } as const;
    return { ...difference, kind: "line-number", pre: "7", post: "8", line };
  };
  const lines = result.lines.map((known, id) => {
    const reasons = result.reasons[id]?.map((one) => asLine(diff.pre.table.spans[id] as Span, one));
    return reasons ?? known;
  });
  const outcomes = result.outcomes.map((outcome) => outcome && ("unchanged" as const));
  return { ...diff, result: { ...result, outcomes, lines, reasons: [] } };
}

const cases = fixtureCases();

describe("any change called a line number", () => {
  const changed = cases.filter((name) => {
    const { result } = diffSpans(read(name, "pre"), read(name, "post"));
    // A span that has to move with another has no difference of its own.
    return result.reasons.some((list) => list?.some(({ kind }) => kind === "bytes" || kind === "relocation-target"));
  });

  it.each(sampled(changed, 4))("%s", (name) => {
    const update = describeDiff(allLines(diffSpans(read(name, "pre"), read(name, "post"))));
    expect(findingCodes(update)).toContain("difference-unexplained");
    expect(passes(update)).toBe(false);
  });
});

interface Crossed {
  readonly pairing: Pairing;
  /** Both hold the same bytes, so that nothing but their names and users tells them apart. */
  readonly isAlike: boolean;
}

/** Exchanges the twins of the first two pairs that a pass found of one kind, named and not empty; undefined where it found no such two. */
function crossed({ pre, pairing }: ObjectDiff, pass: PairedBy): Crossed | undefined {
  const own = pre.table.spans.filter((span) => {
    const isMute = span.symbol === undefined || isComparedByContents(span.kind) || isStringSpan(span);
    return pairing.by[span.id] === pass && span.size > 0 && !isMute;
  });
  for (const [i, a] of own.entries()) {
    const b = own.slice(i + 1).find((other) => other.kind === a.kind && other.size === a.size);
    if (b === undefined) continue;
    const [p, q] = [pairing.postOf[a.id] as Span, pairing.postOf[b.id] as Span];
    const postOf = pairing.postOf.slice();
    const preOf = pairing.preOf.slice();
    [postOf[a.id], postOf[b.id], preOf[p.id], preOf[q.id]] = [q, p, b, a];
    return { pairing: { ...pairing, postOf, preOf }, isAlike: Buffer.compare(a.bytes, b.bytes) === 0 };
  }
  return undefined;
}

const PASSES: readonly PairedBy[] = [
  "global-name",
  "local-name",
  "compiler-suffix",
  "static-local",
  "reference",
  "rename",
  "order",
];

describe("one pass pairs wrongly", () => {
  const rows = PASSES.flatMap((pass) =>
    cases.flatMap((name) => {
      const diff = diffSpans(read(name, "pre"), copyOf(name));
      const found = crossed(diff, pass);
      return found === undefined ? [] : [[pass, name, diff, found] as const];
    }),
  );

  it("meets every pass that pairs by names", () => {
    expect([...new Set(rows.map(([pass]) => pass))]).toEqual(expect.arrayContaining(["global-name", "local-name"]));
  });

  it.each(rows)("%s: %s, an object against itself", (_pass, _name, diff, { pairing, isAlike }) => {
    const result = propagate(diff.pre, diff.post, pairing);
    const update = describeDiff({ ...diff, pairing, result });
    expect(rungStatus(update, "none")).not.toBe("applicable");
    // Two static locals of one function that hold other values are told as changed, which is loud enough.
    const isTold = update.functions.length + update.data.length > 0;
    if (isAlike || !isTold) expect(findingCodes(update)).toContain("difference-unexplained");
  });
});

describe("a section that differs taken for one that is the same", () => {
  /** A pair of which one function is different, with no spans made of that function. */
  function overlooked(tamper: (post: Uint8Array) => void): UpdateDescription {
    const pair = syntheticPair(60, { tables: false });
    const after = Uint8Array.from(pair.pre);
    tamper(after);
    const [pre, post] = [readObject(pair.pre, "pre.o"), readObject(after, "post.o")];
    const honest = selectSections(pre, readObject(Uint8Array.from(pair.pre), "post.o"), 0);
    if (honest === undefined) throw new Error("nothing of the pair was settled");
    const sides = { pre: sideOf(pre, honest.pre), post: sideOf(post, honest.post) };
    const pairing = correlate(sides.pre, sides.post);
    return describeDiff({ ...sides, pairing, result: propagate(sides.pre, sides.post, pairing) });
  }

  function sideOf(object: ElfObject, selection: Selection): Side {
    const table = buildSpans(object, selection);
    return { table, uses: usesIn(table) };
  }

  const sectionOf = (bytes: Uint8Array, name: string) => {
    const section = readObject(bytes, "x.o").sections.find((one) => one.name === name);
    if (section === undefined) throw new Error(`no section ${name}`);
    return section;
  };

  it("is nothing where nothing differs", () => {
    expect(findingCodes(overlooked(() => {}))).not.toContain("difference-unexplained");
  });

  it.each([
    ["a byte of code", ".text.driver_operation_7", 20],
    ["the addend of a record", ".rela.text.driver_operation_7", 16],
    ["the symbol of a record", ".rela.text.driver_operation_7", 12],
    ["the type of a record", ".rela.text.driver_operation_7", 8],
  ] as const)("%s", (_what, name, at) => {
    const update = overlooked((post) => {
      const { offset } = sectionOf(post, name);
      post[offset + at] = (post[offset + at] as number) ^ 1;
    });
    expect(findingCodes(update)).toContain("difference-unexplained");
    expect(passes(update)).toBe(false);
  });

  it("the size of a symbol", () => {
    const update = overlooked((post) => {
      const { symbols } = readObject(post, "x.o");
      const { index } = symbols.find(({ name }) => name === "driver_operation_7") as { index: number };
      const { offset } = sectionOf(post, ".symtab");
      post[offset + 24 * index + 16] = (post[offset + 24 * index + 16] as number) ^ 1;
    });
    expect(findingCodes(update)).toContain("difference-unexplained");
    expect(passes(update)).toBe(false);
  });
});
