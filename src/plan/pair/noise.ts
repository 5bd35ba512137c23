import type { Noise } from "../../contract/description.ts";
import type { LineEvidence } from "../../diff/difference.ts";
import type { PairedBy } from "../../diff/pairing.ts";
import { byText } from "../../order.ts";
import { numberedBase } from "../../spans/names.ts";
import { isCode, isComparedByContents } from "../../spans/section-kind.ts";
import type { Span } from "../../spans/span.ts";
import type { PlannedPair } from "./pair.ts";

/** What told a correlation pass that two names mean one thing. */
const EVIDENCE: Readonly<Record<PairedBy, string>> = {
  "global-name": "the same global name",
  contents: "the same contents",
  "local-name": "the same local name",
  "compiler-suffix": "the same name but for the compiler's suffix",
  "static-local": "the same base name, and the same functions use it",
  reference: "the same places refer to it",
  rename: "the same code or contents",
  order: "the same base name and order",
};

/** Differences between the two sides that mean nothing: renumbered names and shifted line numbers, each with what shows it; `others` with them. */
export function listNoise(pair: PlannedPair, others: readonly Noise[] = []): Noise[] {
  const { pre, pairing, result } = pair.diff;
  const noise: Noise[] = [...others, ...initCode(pair, "pre"), ...initCode(pair, "post")];
  for (const span of result.instrumented) {
    const label = pair.preLabels.get(span) as string;
    const sizes = { pre: `${span.size} bytes`, post: `${pairing.postOf[span.id]?.size} bytes` };
    const evidence = "the compiler's own: only its runtime and its constructors use it";
    noise.push({ class: "instrumentation", label, object: pair.index, ...sizes, evidence });
  }
  for (const span of pre.table.spans) {
    const twin = pairing.postOf[span.id];
    if (twin === undefined || isComparedByContents(span.kind)) continue;
    const label = pair.preLabels.get(span) as string;
    const by = pairing.by[span.id];
    if (span.name !== twin.name && by !== undefined && by !== "rename") {
      const kind = classOf(span);
      if (kind !== undefined)
        noise.push({ class: kind, label, object: pair.index, pre: span.name, post: twin.name, evidence: EVIDENCE[by] });
    }
    for (const line of result.lines[span.id] ?? []) {
      if (line.kind === "bug-flags" || result.outcomes[span.id] !== "unchanged") continue;
      if (line.kind === "encoding-only") {
        const evidence = "the same instructions, branches to neighbours in their long or short form";
        const sizes = { pre: `${line.pre} bytes`, post: `${line.post} bytes` };
        noise.push({ class: "encoding-only", label, object: pair.index, ...sizes, evidence });
        continue;
      }
      const evidence = line.line === undefined ? "" : lineEvidence(line.line);
      noise.push({ class: "line-number", label, object: pair.index, pre: line.pre, post: line.post, evidence });
    }
  }
  return noise.sort((a, b) => byText(a.label, b.label) || byText(a.class, b.class) || byText(a.pre, b.pre));
}

/** Init code that only one side has. What runs at start and is freed has run; an initcall that leads to it is told as init data. */
function initCode(pair: PlannedPair, side: "pre" | "post"): Noise[] {
  const { diff, index } = pair;
  const twins = side === "pre" ? diff.pairing.postOf : diff.pairing.preOf;
  const labels = side === "pre" ? pair.preLabels : pair.postLabels;
  const alone = diff[side].table.spans.filter(({ id, kind }) => kind === "init-text" && twins[id] === undefined);
  return alone.map((span) => {
    const size = `${span.size} bytes`;
    const sides = side === "pre" ? { pre: size, post: "nothing" } : { pre: "nothing", post: size };
    const evidence = "code that runs once at start and is freed";
    return { class: "init-code", label: labels.get(span) as string, object: index, ...sides, evidence };
  });
}

/** What shows that a difference is one of lines, in words. */
function lineEvidence({ by, callee, place }: LineEvidence): string {
  switch (by) {
    case "bug-table":
      return "the line field of a bug table entry";
    case "callee":
      return `the argument of ${callee} that is its caller's line, with ${place}`;
    case "format":
      return `the line that ${callee} prints behind ${place}`;
    case "message":
      return `the line field of a message, with ${place}`;
    case "sanitizer":
      return `line and column of a sanitizer's report, with ${place}`;
    case "panic-location":
      return `line and column of a panic, with ${place}`;
  }
}

/** Which of the compiler's habits made the names differ. */
function classOf(span: Span): Noise["class"] | undefined {
  if (isCode(span.kind)) return "renumbered-clone";
  const base = numberedBase(span.name);
  if (span.symbol === undefined) return "anonymous-data";
  if (base === undefined) return undefined;
  if (/^__(func|FUNCTION|PRETTY_FUNCTION)__$/.test(base)) return "function-name";
  return base.includes("*") ? "unique-id" : "renumbered-static";
}
