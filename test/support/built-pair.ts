import type { UpdateDescription } from "../../src/contract/description.ts";
import { diffSpans, type ObjectDiff } from "../../src/diff/diff.ts";
import { assembleUpdate } from "../../src/plan/update/assemble.ts";
import type { UpdateOptions } from "../../src/plan/update.ts";
import { dataNames, findingCodes, functionNames } from "./describe-pair.ts";
import { type ElfExtra, objectOf, type Part } from "./elf-parts.ts";
import { fragmentOf } from "./plan-diff.ts";

type Parts = readonly Part[];

export function diffOf(pre: Parts, post: Parts, extra: ElfExtra = {}): ObjectDiff {
  return diffSpans(objectOf(pre, extra, "pre/x.o"), objectOf(post, extra, "post/x.o"));
}

export function updateOf(
  pre: Parts,
  post: Parts,
  extra: ElfExtra = {},
  options: UpdateOptions = {},
): UpdateDescription {
  return assembleUpdate([fragmentOf(diffOf(pre, post, extra), { ...options, links: false })], options);
}

/** Pairs of spans with names: `f → f global-name`; what has no twin: `f → nothing`, `nothing → f`. Strings and constants by section. */
export function pairsOf({ pre, post, pairing }: ObjectDiff): string[] {
  const paired = pre.table.spans.map((span) => {
    const twin = pairing.postOf[span.id];
    return twin === undefined ? `${span.name} → nothing` : `${span.name} → ${twin.name} ${pairing.by[span.id]}`;
  });
  const fresh = post.table.spans.filter((span) => pairing.preOf[span.id] === undefined);
  return [...paired, ...fresh.map((span) => `nothing → ${span.name}`)].sort();
}

/** Outcomes of pairs that are not equal: `f replaced`. */
export function outcomesOf({ pre, result }: ObjectDiff): string[] {
  return pre.table.spans
    .filter((span) => result.outcomes[span.id] !== undefined && result.outcomes[span.id] !== "unchanged")
    .map((span) => `${span.name} ${result.outcomes[span.id]}`)
    .sort();
}

/** Reasons of every pair that differs: `f bytes +0x1 01 → 02`. */
export function reasonsOf({ pre, result }: ObjectDiff): string[] {
  return pre.table.spans.flatMap((span) =>
    (result.reasons[span.id] ?? []).map(
      ({ kind, offset, within, pre: before, post: after }) =>
        `${span.name} ${kind} +${offset}${within === undefined ? "" : ` in ${within}`}: ${before} → ${after}`,
    ),
  );
}

/** Lines of every pair, in the same form. */
export function linesOf({ pre, result }: ObjectDiff): string[] {
  return pre.table.spans.flatMap((span) =>
    (result.lines[span.id] ?? []).map(
      ({ kind, offset, pre: before, post: after }) => `${span.name} ${kind} +${offset}: ${before} → ${after}`,
    ),
  );
}

/** The verdict in names only; empty lists are left out. */
export function summaryOf(update: UpdateDescription): Record<string, readonly unknown[]> {
  const all: Record<string, readonly unknown[]> = {
    changed: functionNames(update, "changed"),
    new: functionNames(update, "new"),
    deleted: functionNames(update, "deleted"),
    renamed: update.functions.filter(({ status }) => status === "renamed").map((f) => `${f.name} → ${f.renamedTo}`),
    lineOnly: functionNames(update, "line-only"),
    dataChanged: dataNames(update, "changed"),
    dataNew: dataNames(update, "new"),
    dataDeleted: dataNames(update, "deleted"),
    dataRenamed: dataNames(update, "renamed"),
    inPlace: dataNames(update, "in-place"),
    dataLineOnly: dataNames(update, "line-only"),
    exports: update.exports.map(({ name, status }) => `${name} ${status}`),
    findings: findingCodes(update),
  };
  return Object.fromEntries(Object.entries(all).filter(([, list]) => list.length > 0));
}
